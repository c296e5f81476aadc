# SPDX-License-Identifier: MIT
"""Scripts that MicroPython runs: never imported here."""
