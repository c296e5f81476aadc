# SPDX-License-Identifier: MIT
"""Outcome codes of a receipt (SPEC §9, key 5): what the agent did about a command."""

from quell.codec.builtin import const

DONE = const(0)
ALREADY = const(1)
REFUSED_BASIS = const(2)
REFUSED_ROLE = const(3)
REFUSED_STALE = const(4)
REFUSED_EXPIRED = const(5)
REFUSED_ROLLBACK = const(6)
REFUSED_SCHEMA = const(7)
REFUSED_UNKNOWN_PURPOSE = const(8)
REFUSED_POLICY = const(9)
RESTRICTED = const(10)
REFUSED_SPACE = const(11)
