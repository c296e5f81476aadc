# SPDX-License-Identifier: MIT
"""A board at a port: put the agent on it, provision it, look at it."""
