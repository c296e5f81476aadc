# SPDX-License-Identifier: MIT
"""Counts by reason (SPEC §11). They leave the device only in receipts or as a declared field.

Their names, for people, are in ports/reasons.py: a module needs none.
"""

from quell.codec.builtin import const

NO_POLICY = const(1)
POLICY_EXPIRED = const(2)
NO_CONSENT = const(3)
UNKNOWN_FIELD = const(4)
MISSING_REQUIRED = const(5)
NO_TEMPLATE = const(6)
LINE_TOO_LONG = const(7)
RATE_LIMITED = const(8)
SOURCE_FAILED = const(9)
SOURCE_ABSENT = const(10)
BAD_VALUE = const(11)
RECORD_TOO_BIG = const(12)
EVICTED = const(13)
UNREADABLE = const(14)
FLASH_FAILED = const(15)
DROPPED_BY_ACTION = const(16)
ACK_BAD = const(17)
ACK_STALE = const(18)
GATE_FAILED = const(19)
COMMAND_MALFORMED = const(20)
COMMAND_BAD_SIGNATURE = const(21)
COMMAND_UNKNOWN_SIGNER = const(22)
COMMAND_REFUSED = const(23)
BATCH_REFUSED = const(24)
WIRE_MALFORMED = const(25)
LINK_FAILED = const(26)
RETENTION = const(27)
PURGED = const(28)
SLOT_ROTTEN = const(29)
MESSAGE_DROPPED = const(30)
NO_MEMORY = const(31)
BUFFER_LOST = const(32)
NO_INSTANCE = const(33)
FLUSH_REFUSED = const(34)
SECTOR_RETIRED = const(35)

_REASONS = const(36)  # one more than the last


class Counters:
    """One count per reason since boot; saturates at 2^30 - 1, a small integer on 32-bit boards."""

    def __init__(self):
        self._counts = [0] * _REASONS

    def add(self, reason, n=1):
        """Add `n` to the count of `reason`."""
        self._counts[reason] = min(self._counts[reason] + n, 0x3FFFFFFF)

    def get(self, reason):
        """The count of `reason` since boot."""
        return self._counts[reason]

    def as_map(self):
        """{reason: count} of the reasons that occurred, as in a receipt."""
        return {reason: n for reason, n in enumerate(self._counts) if n}

    def dropped(self):
        """All that was collected and will not leave, in one number: the source `agent.dropped`."""
        return sum(self._counts[NO_POLICY : RECORD_TOO_BIG + 1])
