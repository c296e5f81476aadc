# SPDX-License-Identifier: MIT
"""Quell: a privacy agent for cellular modules. The portable core; ports are beside it."""

__version__ = "0.2.0"
