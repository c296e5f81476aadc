# SPDX-License-Identifier: MIT
"""Runs on MicroPython, not here: the simulated module."""
