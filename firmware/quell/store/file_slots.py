# SPDX-License-Identifier: MIT
"""File slots: one purpose's ring in a few whole files of fixed names (design §6, SPEC §10).

Never appended to, renamed or listed. The open segment is kept in RAM until it is full and is written
each time to a slot that holds nothing needed, so that a torn write costs no record that was durable.
"""

from quell.counters import BUFFER_LOST, EVICTED, FLASH_FAILED, UNREADABLE
from quell.errors import FlashError
from quell.limits import SEGMENT_BYTES, SEGMENTS_PER_PURPOSE
from quell.store.segment import HEADER_BYTES, RECORD_OVERHEAD_BYTES, Segment, build


class _Slot:
    """What is known of a slot: number, first and next sequence of its segment; number 0 means free.

    `bad`: records of it that did not open, already counted.
    """

    def __init__(self):
        self.free()

    def free(self):
        self.number = self.first = self.next = self.policy_version = self.bad = 0


class FileSlots:
    """The ring of one purpose and generation. `random(n)` gives salts, `reserve(seq)` guards sequences."""

    def __init__(self, flash, purpose, generation, key, random, reserve, counters):
        self._flash = flash
        self._purpose = purpose
        self._generation = generation
        self._key = key
        self._random = random
        self._reserve = reserve
        self._counters = counters
        self._slots = [_Slot() for _ in range(SEGMENTS_PER_PURPOSE)]
        self._number = 0  # of the newest segment written
        self._open = []  # [(sequence, bytes)] of the open segment
        self._open_bytes = HEADER_BYTES
        self._open_slot = -1  # slot that holds the open segment's last flushed state
        self._durable = 0  # how many of `_open` are in flash
        self._policy_version = 0
        self._cache = None  # (slot, number, records) of the segment read last
        self.next = 0  # next sequence to give out
        self.acked = 0  # all below have left the ring
        self.lost = 0  # evicted or unreadable before they were acknowledged

    def _name(self, slot):
        return "r%02x%d" % (self._purpose, slot)

    def mount(self, reserved):
        """Read all slots; any bytes there will do. `reserved`: first sequence that no boot can have used."""
        damaged = False
        newest = None
        present = 0
        for i in range(len(self._slots)):
            data = self._flash.read(self._name(i))
            if data is None:
                continue
            present += 1
            try:
                segment = Segment(data)
            except ValueError:
                damaged = True
                self._counters.add(UNREADABLE)  # how many it held is not known
                continue
            if segment.purpose != self._purpose or segment.generation != self._generation:
                continue
            if self._take(i, segment) or not segment.intact:
                damaged = True
            if newest is None or segment.number > newest[1].number:
                newest = (i, segment)
        # all slots are there from the first flush on: one that is missing may have held sequences
        if reserved and present < len(self._slots):
            damaged = True
        self._drop_superseded()
        if newest is None or damaged:
            self.next = max(self.next, reserved)
        else:
            self._reopen(newest[0], newest[1])
        self.acked = min(self.acked, self.next)
        if newest is None:
            self.acked = self.next

    def _take(self, i, segment):
        """Note what slot `i` holds -> how many of its records do not open."""
        slot = self._slots[i]
        records, bad = segment.records(self._key)
        if bad:
            self._counters.add(UNREADABLE, bad)
        slot.number, slot.first = segment.number, segment.first
        slot.next = records[-1][0] + 1 if records else segment.first
        slot.policy_version, slot.bad = segment.policy_version, bad
        self._number = max(self._number, segment.number)
        self.next = max(self.next, slot.next, segment.acked)
        self.acked = max(self.acked, segment.acked)
        self.lost = max(self.lost, segment.lost)
        return bad

    def _drop_superseded(self):
        # an open segment was written again with more records: the older copy begins alike. It goes only if the newer
        # one is whole, for a torn write must cost no record that was durable
        for a in self._slots:
            for b in self._slots:
                if a.number and b.number > a.number and b.first <= a.first and a.next <= b.next and not b.bad:
                    a.free()

    def _reopen(self, i, segment):
        """Go on filling the newest segment, so that restarts do not use up slots."""
        records, _ = segment.records(self._key)
        if not records or records[-1][0] < self.acked:
            return
        self._open = records
        self._durable = len(records)
        self._open_slot = i
        self._policy_version = segment.policy_version
        self._open_bytes = HEADER_BYTES
        for _, data in records:
            self._open_bytes += len(data) + RECORD_OVERHEAD_BYTES

    def append(self, data, policy_version):
        """Take a record (bytes) -> its sequence. Buffered; durable after `flush`."""
        size = len(data) + RECORD_OVERHEAD_BYTES
        full = self._open_bytes + size > SEGMENT_BYTES
        if self._open and (full or policy_version != self._policy_version):
            self._close()
        self._policy_version = policy_version
        sequence = self.next
        self._reserve(sequence)
        self.next = sequence + 1
        self._open.append((sequence, data))
        self._open_bytes += size
        return sequence

    def _close(self):
        """End the open segment: in flash, or given up and counted when the flash refuses twice."""
        if self._durable < len(self._open) and not self.flush():
            given_up = len(self._open) - self._durable
            self._counters.add(BUFFER_LOST, given_up)
            self.lost += given_up
        self._open = []
        self._open_bytes = HEADER_BYTES
        self._open_slot = -1
        self._durable = 0

    def _target(self):
        """A slot to write: free, else wholly acknowledged, else the oldest, whose records are then evicted."""
        best = None
        for i in range(len(self._slots)):
            if i == self._open_slot:
                continue
            slot = self._slots[i]
            if slot.number == 0 or slot.next <= self.acked:
                return i
            if best is None or slot.number < self._slots[best].number:
                best = i
        slot = self._slots[best]
        gone = slot.next - max(slot.first, self.acked)
        self._counters.add(EVICTED, gone)
        self.lost += gone
        self.acked = max(self.acked, slot.next)
        return best

    def _write(self, slot, records):
        """Write a segment of `records` to a slot -> True, or False (counted) when the flash refused."""
        data = build(
            self._purpose, self._generation, self._number + 1, self.acked, self.lost,
            self._policy_version, self._random(16), self._key, records,
        )  # fmt: skip
        try:
            self._flash.write(self._name(slot), data)
        except FlashError:
            self._counters.add(FLASH_FAILED)
            return False
        self._number += 1
        return True

    def _found(self):
        """An empty segment in every slot, so that one which is missing later is known to be lost."""
        for i in range(len(self._slots)):
            self._write(i, [])

    def flush(self):
        """Make all appended records durable -> True, or False (counted) when the flash refused."""
        if self._durable == len(self._open):
            return True
        if self._number == 0:
            self._found()
        for _ in (0, 1):
            target = self._target()
            self._slots[target].free()
            if not self._write(target, self._open):
                continue
            slot = self._slots[target]
            slot.number, slot.policy_version = self._number, self._policy_version
            slot.first, slot.next = self._open[0][0], self._open[-1][0] + 1
            if self._open_slot >= 0:
                self._slots[self._open_slot].free()
            self._open_slot = target
            self._durable = len(self._open)
            return True
        return False

    def _segment_records(self, i):
        if i == self._open_slot:
            return self._open[: self._durable]
        slot = self._slots[i]
        if self._cache is None or self._cache[:2] != (i, slot.number):
            records = []
            data = self._flash.read(self._name(i))
            try:
                if data is not None:
                    segment = Segment(data)
                    if segment.number == slot.number:
                        records, bad = segment.records(self._key)
                        self._count_lost(bad - slot.bad)
                        slot.bad = bad
            except ValueError:
                pass
            self._cache = (i, slot.number, records)
        return self._cache[2]

    def _count_lost(self, n):
        """`n` more records that were stored do not open any more."""
        if n > 0:
            self._counters.add(UNREADABLE, n)
            self.lost += n

    def peek(self, most):
        """At most `most` of the oldest durable records of one policy -> (its version, [(sequence, bytes)…])."""
        best = None
        for i in range(len(self._slots)):
            slot = self._slots[i]
            if slot.number and slot.next > self.acked:
                if best is None or slot.number < self._slots[best].number:
                    best = i
        if best is None:
            return 0, []
        records = [r for r in self._segment_records(best) if r[0] >= self.acked][:most]
        if not records:
            # none of it opens any more: let go of it, or the ring would stand still for ever
            slot = self._slots[best]
            self._count_lost(slot.next - max(slot.first, self.acked) - slot.bad)
            self.ack(slot.next)
            return 0, []
        return self._slots[best].policy_version, records

    def ack(self, next_sequence):
        """All below `next_sequence` may leave. Never steps back, never past what was given out."""
        self.acked = max(self.acked, min(next_sequence, self.next))
        if self._open and self._open[-1][0] < self.acked and self._durable == len(self._open):
            self._open = []
            self._open_bytes = HEADER_BYTES
            self._open_slot = -1
            self._durable = 0

    def waiting(self):
        """Records not acknowledged, buffered ones included. Sequences that were skipped at a mount are none."""
        records = len([1 for sequence, _ in self._open if sequence >= self.acked])
        held = sorted([(s.number, s.first, s.next) for s in self._slots if s.number])
        upto = self.acked
        for number, first, following in held:
            if self._open_slot < 0 or number != self._slots[self._open_slot].number:
                records += max(0, following - max(first, upto))
                upto = max(upto, following)
        return records

    def stats(self):
        """{"records", "next", "acked", "lost"}; `records` wait to be acknowledged, buffered ones included."""
        return {
            "records": self.waiting(),
            "next": self.next,
            "acked": self.acked,
            "lost": self.lost,
        }

    def dirty(self):
        """Records not yet in flash."""
        return len(self._open) - self._durable


def shred(flash, purpose):
    """Overwrite and remove every segment of the purpose, any generation. Raises FlashError."""
    for i in range(SEGMENTS_PER_PURPOSE):
        flash.erase("r%02x%d" % (purpose, i))
