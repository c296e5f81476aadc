# SPDX-License-Identifier: MIT
"""The segment files of one Flash, shared by the rings of all purposes (SPEC §10)."""

from quell.store.budget import Budget
from quell.store.file_slots import MAX_SLOTS, FileSlots, name_of
from quell.store.geometry import shares
from quell.store.inline import InlineSlots


class FileStore:
    """The rings of all purposes on one Flash. `segments`: how many files of `segment_bytes` all may take together."""

    def __init__(self, flash, segments, segment_bytes):
        self.flash = flash
        self.level = flash.level
        self.segment_bytes = segment_bytes
        self.flush_after_ms = flash.flush_after_ms
        self.budget = Budget(flash.flushes_per_day)
        self.inline = InlineSlots(flash)
        self._segments = segments
        # without atomic replacement a segment that is written again needs a slot beside the one that holds it
        self._least = 2 if flash.atomic else 3
        self._shares = {}

    def mount(self, counters):
        """Nothing to do: each ring reads its own files."""

    def plan(self, weights):
        """Share out the segments: [(purpose, weight)…] -> False, and nothing changes, when they do not fit."""
        planned = shares(weights, self._segments, self._least)
        if planned is not None:
            self._shares = planned
        return planned is not None

    def share(self, purpose):
        """How many segments the purpose may hold."""
        return min(self._shares.get(purpose, self._least), MAX_SLOTS)

    def open(self, purpose, generation, key, random, reserve, counters):
        """The ring of a purpose and generation; mount it before use."""
        return FileSlots(self, purpose, generation, key, random, reserve, counters)

    def shred(self, purpose):
        """Erase every segment and inline record of the purpose, any generation. Raises FlashError."""
        for i in range(MAX_SLOTS):
            self.flash.erase(name_of(purpose, i))
        self.inline.shred(purpose)
