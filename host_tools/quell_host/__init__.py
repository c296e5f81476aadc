# SPDX-License-Identifier: MIT
"""The host tool of Quell."""

__version__ = "0.2.0"
