# SPDX-License-Identifier: MIT
# asyncio only, as stock boards have it; the agent is loaded from its source files.
include("$(MPY_DIR)/extmod/asyncio")
