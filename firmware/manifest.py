# SPDX-License-Identifier: MIT
# What a board freezes of the agent: include("$(QUELL)/manifest.py") in the board's own manifest.
metadata(description="Quell: a privacy agent for cellular modules", version="0.2.0", license="MIT")
package("quell", base_path=".")
