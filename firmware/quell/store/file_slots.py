# SPDX-License-Identifier: MIT
"""File slots: rings in whole files of fixed names, for littlefs 1 and 2 and what is like them (SPEC §10).

Never appended to, renamed or listed. The open segment is kept in RAM until it is full, or old enough; records
that are acknowledged before that never reach the flash. A write tears at worst the file that it goes to.
"""

from quell.counters import BUFFER_LOST, EVICTED, FLASH_FAILED, FLUSH_REFUSED, UNREADABLE
from quell.errors import FlashError
from quell.store.sealer import LAST
from quell.store.segment import HEADER_BYTES, MAX_OFFSET, RECORD_OVERHEAD_BYTES, Segment, build

MAX_SLOTS = 16  # of one purpose: a hex digit of the name


def name_of(purpose, slot):
    """The file of a purpose's slot."""
    return "r%02x%x" % (purpose, slot)


class _Slot:
    """What is known of a slot: its segment's number, range and records; number 0 means free.

    `bad`: records of it that did not open, already counted. `age_s`: of what its file holds, needed or not; -1: none.
    """

    def __init__(self):
        self.age_s = -1
        self.free()

    def free(self):
        self.number = self.first = self.next = self.count = self.policy_version = self.bad = 0


class FileSlots:
    """The ring of one purpose and generation. `random(n)` gives salts, `reserve(seq)` guards sequences."""

    def __init__(self, store, purpose, generation, key, random, reserve, counters):
        self._store = store
        self._flash = store.flash
        self._purpose = purpose
        self._generation = generation
        self._key = key
        self._random = random
        self._reserve = reserve
        self._counters = counters
        self._slots = [_Slot() for _ in range(MAX_SLOTS)]  # until the mount knows which there are
        self._number = 0  # of the newest segment written
        self._open = []  # [(sequence, bytes)] of the open segment, not acknowledged
        self._open_bytes = HEADER_BYTES
        self._open_slot = -1  # slot that holds the open segment's last flushed state
        self._durable = 0  # all of `_open` below this sequence are in a segment
        self._policy_version = 0
        self._age_s = 0  # of the device, at the newest record
        self._cache = None  # (slot, number, records) of the segment read last
        self.next = 0  # next sequence to give out
        self.acked = 0  # all below have left the ring
        self.lost = 0  # evicted or unreadable before they were acknowledged

    # mounting --------------------------------------------------------------------------------

    def mount(self, reserved, acked, lost, age_s=0):
        """Read all slots; any bytes there will do.

        `reserved`: first sequence that no earlier boot can have given out; `acked`, `lost`: what the state knows of it;
        `age_s`: of the device, now.
        """
        newest = None
        for i in range(len(self._slots)):
            data = self._flash.read(name_of(self._purpose, i))
            if data is None:
                continue
            self._slots[i].age_s = 0
            try:
                segment = Segment(data)
            except ValueError:
                self._counters.add(UNREADABLE)  # how many it held is not known
                continue
            if segment.purpose != self._purpose or segment.generation != self._generation:
                continue
            self._take(i, segment)
            if newest is None or segment.number > newest[1].number:
                newest = (i, segment)
        self.acked = max(self.acked, acked)
        self.lost = max(self.lost, lost)
        for slot in self._slots:
            if slot.next <= self.acked:
                slot.bad = 0  # counted when it left
        self._drop_superseded()
        if newest is not None and newest[1].intact:
            self._reopen(newest[0], newest[1])
        self.next = max(self.next, self.acked, reserved)
        self.resize(self._store.share(self._purpose))
        self._mount_inline(age_s)

    def _take(self, i, segment):
        """Note what slot `i` holds."""
        slot = self._slots[i]
        slot.number, slot.first, slot.next, slot.count = segment.number, segment.first, segment.next, segment.count
        slot.policy_version, slot.age_s = segment.policy_version, segment.age_s
        if not segment.intact:
            slot.bad = segment.count - len(segment.records(self._key))
            self._counters.add(UNREADABLE, slot.bad)
        self._number = max(self._number, segment.number)
        self.next = max(self.next, segment.next)
        self.acked = max(self.acked, segment.acked)
        self.lost = max(self.lost, segment.lost)

    def _drop_superseded(self):
        # an open segment was written again: what the older copy has beyond acknowledged records is in the newer one
        # too. It goes only if the newer one is whole, for a torn write must cost no record that was durable
        for a in self._slots:
            for b in self._slots:
                if not a.number or b.number <= a.number or b.first > a.next:
                    continue
                if not b.bad and a.next <= b.next and max(a.first, self.acked) >= b.first:
                    a.free()
                elif b.first < a.next:  # what is in both counts for the older one
                    b.first, b.count = a.next, 0
                    b.count = len(self._segment_records(self._slots.index(b)))

    def _reopen(self, i, segment):
        """Go on filling the newest segment, so that restarts do not use up slots."""
        first = max(self.acked, self._slots[i].first)  # what is before it is in an older copy too
        records = [record for record in segment.records(self._key) if record[0] >= first]
        if not records:
            return
        self._open_slot = i
        self._durable = segment.next
        self._policy_version, self._age_s = segment.policy_version, segment.age_s
        self._set_open(records)

    def _mount_inline(self, age_s):
        """Records that were written alone, and are in no segment, come back into the open one."""
        folded = max([slot.next for slot in self._slots])
        for version, sequence, data in self._store.inline.records(self._purpose, self._generation, self._key):
            if sequence < max(folded, self.acked):
                self._store.inline.release(self._purpose, sequence + 1)
                continue
            self._make_room(len(data), version, sequence)
            self._open.append((sequence, data))
            self._set_open(self._open)
            self._age_s = age_s  # how old it is is not known: late, never early
            self.next = max(self.next, sequence + 1)

    def _set_open(self, records):
        self._open = records
        self._open_bytes = HEADER_BYTES
        for _, data in records:
            self._open_bytes += len(data) + RECORD_OVERHEAD_BYTES
        if not records:
            self._open_slot = -1

    # appending -------------------------------------------------------------------------------

    def append(self, data, policy_version, age_s):
        """Take a record (bytes) -> its sequence. Buffered; durable after `flush` or `make_durable`."""
        sequence = self.next
        if sequence >= LAST:
            raise FlashError("sequences")
        self._reserve(sequence)
        self._make_room(len(data), policy_version, sequence)
        self._age_s = age_s
        self.next = sequence + 1
        self._open.append((sequence, data))
        self._open_bytes += len(data) + RECORD_OVERHEAD_BYTES
        return sequence

    def _make_room(self, length, policy_version, sequence):
        """End the open segment if a record of `length` bytes does not fit in it."""
        if self._open and (
            self._open_bytes + length + RECORD_OVERHEAD_BYTES > self._store.segment_bytes
            or policy_version != self._policy_version
            or sequence - self._open[0][0] > MAX_OFFSET
        ):
            self._close()
        self._policy_version = policy_version

    def _close(self):
        """End the open segment: in flash, or given up and counted when the flash or its budget refuses."""
        if not self.flush():
            given_up = self.dirty()
            self._counters.add(BUFFER_LOST, given_up)
            self.lost += given_up
        self._set_open([])

    def _target(self):
        """A slot to write: the open segment's where replacing is atomic, a free one, else the oldest, evicted."""
        if self._open_slot >= 0 and self._flash.atomic:
            return self._open_slot
        best = None
        for i in range(len(self._slots)):
            slot = self._slots[i]
            if i == self._open_slot:
                continue
            if slot.number == 0 or slot.next <= self.acked:
                return i
            if best is None or slot.number < self._slots[best].number:
                best = i
        gone = self._unacked(best)
        self._counters.add(EVICTED, gone)
        self.lost += gone
        self._leave(self._slots[best].next)
        return best

    def _leave(self, next_sequence):
        """All below `next_sequence` leaves the ring; what of it did not open is lost."""
        self.acked = max(self.acked, next_sequence)
        for slot in self._slots:
            if slot.next <= self.acked:
                self.lost += slot.bad
                slot.bad = 0

    def flush(self):
        """Make all appended records durable -> True, or False (counted) when the flash or its budget refused."""
        if not self.dirty():
            return True
        if self._number >= LAST or not self._store.budget.take():
            self._counters.add(FLUSH_REFUSED)
            return False
        for _ in (0, 1):
            target = self._target()
            slot = self._slots[target]
            data = build(
                self._purpose, self._generation, self._number + 1, self.acked, self.lost, self._policy_version,
                self._age_s, self._random(16), self._key, self._open,
            )  # fmt: skip
            if target != self._open_slot:
                slot.free()
            try:
                self._flash.write(name_of(self._purpose, target), data)
            except FlashError:
                self._counters.add(FLASH_FAILED)
                continue
            self._number += 1
            if self._open_slot not in (-1, target):
                self._slots[self._open_slot].free()
            slot.free()
            slot.number, slot.count, slot.age_s = self._number, len(self._open), self._age_s
            slot.policy_version = self._policy_version
            slot.first, slot.next = self._open[0][0], self._open[-1][0] + 1
            self._open_slot, self._durable = target, slot.next
            self._store.inline.release(self._purpose, slot.next)
            return True
        return False

    def make_durable(self):
        """The newest record is in flash -> True; False (counted) when it has to wait for a flush."""
        if not self.dirty():
            return True
        sequence, data = self._open[-1]
        try:
            if self._store.inline.write(
                self._purpose, self._generation, self._policy_version, sequence, self._random(8), self._key, data
            ):
                return True
        except FlashError:
            self._counters.add(FLASH_FAILED)
        return self.flush()

    def dirty(self):
        """Records that are in no segment yet."""
        if not self._open or self._open[-1][0] < self._durable:
            return 0
        return len([1 for sequence, _ in self._open if sequence >= self._durable])

    # reading ---------------------------------------------------------------------------------

    def _segment_records(self, i):
        slot = self._slots[i]
        if self._cache is None or self._cache[:2] != (i, slot.number):
            records = []
            data = self._flash.read(name_of(self._purpose, i))
            try:
                if data is not None:
                    segment = Segment(data)
                    if segment.number == slot.number:
                        records = segment.records(self._key)
            except ValueError:
                pass
            if slot.next > self.acked:
                bad = max(0, slot.count - len([1 for record in records if record[0] >= slot.first]))
                self._counters.add(UNREADABLE, max(0, bad - slot.bad))
                slot.bad = bad
            self._cache = (i, slot.number, records)
        first = max(self.acked, slot.first)
        return [record for record in self._cache[2] if record[0] >= first]

    def _unacked(self, i):
        """How many records of slot `i` wait to be acknowledged."""
        slot = self._slots[i]
        if slot.number == 0 or slot.next <= self.acked:
            return 0
        return slot.count - slot.bad if slot.first >= self.acked else len(self._segment_records(i))

    def peek(self, most):
        """At most `most` of the oldest records of one policy -> (its version, [(sequence, bytes)…])."""
        best = None
        for i in range(len(self._slots)):
            slot = self._slots[i]
            if i != self._open_slot and slot.number and slot.next > self.acked:
                if best is None or slot.number < self._slots[best].number:
                    best = i
        if best is None:
            return self._policy_version, self._open[:most]
        slot = self._slots[best]
        records = self._segment_records(best)[:most]
        if not records:
            # none of it opens any more: let go of it, or the ring would stand still for ever
            self.ack(slot.next)
            return 0, []
        return slot.policy_version, records

    def ack(self, next_sequence):
        """All below `next_sequence` may leave. Never steps back, never past what was given out."""
        self._leave(min(next_sequence, self.next))
        if self._open and self._open[0][0] < self.acked:
            self._set_open([record for record in self._open if record[0] >= self.acked])
        self._store.inline.release(self._purpose, self.acked)

    def expire(self, before_s):
        """Erase what is wholly older than `before_s` (the device's age) -> records that had not left."""
        gone = 0
        for i in range(len(self._slots)):
            if -1 < self._slots[i].age_s < before_s:
                gone += self._drop(i)
        if self._open and self._age_s < before_s:
            gone += len(self._open)
            self.acked = max(self.acked, self._open[-1][0] + 1)
            self._set_open([])
            self._store.inline.release(self._purpose, self.acked)
        self._store.inline.erase_released(self._purpose)
        return gone

    def _drop(self, i):
        """Erase the file of slot `i` -> how many records leave with it; none of the open segment, which is in RAM."""
        if i == self._open_slot:
            gone, self._open_slot, self._durable = 0, -1, 0
        else:
            gone = self._unacked(i)
        self._flash.erase(name_of(self._purpose, i))
        self._slots[i] = _Slot()
        return gone

    def resize(self, count):
        """Another policy gives this purpose `count` slots; those beyond are evicted."""
        moved = self._open_slot
        for i in range(count, len(self._slots)):
            if self._slots[i].age_s >= 0 and i != moved:
                gone = self._drop(i)
                self._counters.add(EVICTED, gone)
                self.lost += gone
        self._slots = self._slots[:count] + [_Slot() for _ in range(count - len(self._slots))]
        if moved >= count:
            # the open segment's records are in a file that stays before theirs goes
            self._open_slot, self._durable = -1, 0
            if self.flush():
                self._flash.erase(name_of(self._purpose, moved))

    def waiting(self):
        """Records not acknowledged, buffered ones included."""
        records = len(self._open)
        for i in range(len(self._slots)):
            if i != self._open_slot:
                records += self._unacked(i)
        return records

    def stats(self):
        """{"records", "next", "acked", "lost"}; `records` wait to be acknowledged, buffered ones included."""
        return {"records": self.waiting(), "next": self.next, "acked": self.acked, "lost": self.lost}
