# SPDX-License-Identifier: MIT
"""The ring of one purpose on raw NOR sectors (SPEC §10). A record is durable when `append` returns.

Nothing is ever changed in place: acknowledgements are frames in the ring, what is evicted is counted in the header
of the sector that replaces it, and the newest number wins.
"""

from quell.codec.builtin import struct
from quell.counters import EVICTED, FLASH_FAILED, UNREADABLE
from quell.errors import CoseError, FlashError
from quell.store.sealer import LAST, Sealer
from quell.store.sector import (
    ACK,
    DAMAGED,
    DATA,
    FRAME_BYTES,
    FRAME_OVERHEAD_BYTES,
    HEADER_BYTES,
    Header,
    frames,
    header,
    pack_frame,
)

ACK_EVERY = 16  # records; the next sector's header keeps it anyway
LOST_BYTES = 4
_READS = 4  # of a sector that is not clean, at most
ACK_BYTES = FRAME_OVERHEAD_BYTES + LOST_BYTES  # room for one is kept in each sector


class NorRing:
    """One purpose and generation. `store`: NorStore; `random(n)` gives salts, `reserve(seq)` guards sequences."""

    def __init__(self, store, purpose, generation, key, random, reserve, counters):
        self._store, self._counters = store, counters
        self._purpose, self._generation = purpose, generation
        self._key, self._random, self._reserve = key, random, reserve
        self._own = []  # sectors by rising number; records are written to the last one
        self._at = 0  # where in it; 0: to none, the next record opens a sector
        self._ahead = False  # the next sector is to be erased
        self._burn = False  # what follows there may hold bits of an unfinished program
        self._sealer = None
        self._policy_version = 0
        self._age_s = 0  # of the device, at the newest record
        self._kept = 0  # acknowledged, as the flash knows it
        self._dropped = []  # newer sectors without a record
        self._waiting = None  # records not acknowledged, once they were counted
        self.next = self.acked = self.lost = 0

    # mounting --------------------------------------------------------------------------------

    def mount(self, reserved, acked, lost, age_s=0):
        """Find the ring in the sectors; any bytes there will do, and nothing is written.

        `reserved`: first sequence that no earlier boot can have given out; `acked`, `lost`: what the state knows of it.
        """
        store = self._store
        mine = []
        for i in range(len(store.owners)):
            if store.numbers[i] and store.owners[i] == self._purpose:
                if store.generations[i] == self._generation:
                    mine.append((store.numbers[i], i))
                else:
                    store.free(i)  # of a generation that is gone
        self._own = [i for _, i in sorted(mine)]
        while self._own and not self._mount_newest(self._own[-1]):
            # without a record in it, its header may be a torn one that reads well by chance
            self._dropped.append(self._own.pop())
            store.free(self._dropped[-1])
            self._at = 0
        self.acked = max(self.acked, acked)
        self.lost = max(self.lost, lost)
        self.next = max(self.next, self.acked, reserved)
        self._release()
        self.resize(store.share(self._purpose))

    def _mount_newest(self, i):
        """Take what the newest sector knows -> whether it can be relied on."""
        head, found, end = self._frames(i)
        if head is None:
            return False
        sound = False
        self._kept = head.acked
        for place, kind, sequence, age_s, length in found:
            if kind == DATA:
                sound = True
                self.next = max(self.next, sequence + 1)
                self._age_s = max(self._age_s, age_s)
            elif kind == ACK and length == LOST_BYTES:
                sound = True
                self._kept = max(self._kept, sequence)
                self.lost = max(self.lost, struct.unpack_from("<I", self._store.sector, place + FRAME_BYTES)[0])
        self.next = max(self.next, head.first)
        self.acked = max(self.acked, self._kept)
        self.lost = max(self.lost, head.lost)
        self._policy_version = head.policy_version
        self._sealer = self._sealer_of(head)
        self._at, self._burn = end, True
        return sound

    def _sealer_of(self, head):
        return Sealer(self._key, head.salt, self._purpose, self._generation, head.policy_version)

    # appending -------------------------------------------------------------------------------

    def append(self, data, policy_version, age_s):
        """Store a record (bytes) -> its sequence; durable on return. Raises FlashError; the number is then burnt."""
        sequence = self.next
        if sequence >= LAST:
            raise FlashError("sequences")
        self._reserve(sequence)
        self.next = sequence + 1
        self._age_s = age_s
        length = len(data) + 8 + FRAME_OVERHEAD_BYTES
        self._burn_page()
        if self._ahead and self._at > HEADER_BYTES:
            self._erase_ahead()
        for attempt in (0, 1, 2):
            room = self._at and self._at + length + ACK_BYTES <= self._store.nor.sector_bytes
            if not room or policy_version != self._policy_version or attempt == 2:
                self._open_sector(sequence, policy_version, age_s)
            if self._program(DATA, sequence, age_s, self._sealer.seal(self._at, sequence, data)):
                if self._waiting is not None:
                    self._waiting += 1
                return sequence
        raise FlashError("program")

    def _burn_page(self):
        """After a mount, program zeros up to the next page.

        A program that was cut may have left cells half cleared that read as blank today, and tomorrow not. It was in
        this page, since a frame begins where the last one ends; and the next mount sees the zeros.
        """
        if self._burn and self._at:
            page = self._store.nor.page_bytes
            following = (self._at + page) & -page  # 1.13: small
            if self._at < self._store.nor.sector_bytes:
                self._store.program(self._own[-1], self._at, bytes(following - self._at), following - self._at)
            self._at = following
        self._burn = False
        if self._dropped:
            self._clear_dropped()

    def _clear_dropped(self):
        """A header without a record says where the sector before it ends: it goes before anything is added there.

        What it says was evicted is written down here, or in the next header: until then a cut undoes the eviction.
        """
        dropped, self._dropped = self._dropped, []
        self._keep(1)
        for i in dropped:
            if self._store.numbers[i] == 0 and not self._store.clear(i):
                self._at = 0

    def _program(self, kind, sequence, age_s, body):
        """One frame behind the last -> True if it reads back; else the next one begins at another page."""
        store = self._store
        sector, at = self._own[-1], self._at
        length = pack_frame(store.record, store.numbers[sector], at, kind, sequence, age_s, body)
        if store.program(sector, at, store.record, length):
            self._at = (at + length + 3) & -4
            return True
        self._counters.add(FLASH_FAILED)
        self._at = (at + length + store.nor.page_bytes - 1) & -store.nor.page_bytes  # 1.13: small
        return False

    def _open_sector(self, first, policy_version, age_s):
        """Begin the next sector. What it evicts is in its header before the flash loses it. Raises FlashError."""
        store = self._store
        evicted = []
        given_up = False
        while True:
            sector = store.take()
            if sector < 0:
                given_up = self._give_up_oldest(given_up)
                continue
            while len(self._own) >= store.share(self._purpose) - 1:
                evicted.append(self._evict())  # one sector of the share stays free, for the next time
            if store.number >= LAST:
                raise FlashError("numbers")
            store.number += 1
            salt = self._random(16)
            head = header(
                sector, self._purpose, self._generation, store.number, first, self.acked, self.lost, policy_version,
                age_s, salt,
            )  # fmt: skip
            if store.program(sector, 0, head, HEADER_BYTES):
                break
            store.retire(sector)
        for i in evicted:
            store.free(i)
        store.owners[sector], store.numbers[sector] = self._purpose, store.number
        store.generations[sector], store.firsts[sector], store.ages_s[sector] = self._generation, first, age_s
        self._own.append(sector)
        self._at, self._burn, self._ahead = HEADER_BYTES, False, True
        self._policy_version = policy_version
        self._sealer = Sealer(self._key, salt, self._purpose, self._generation, policy_version)
        self._kept = self.acked
        self._release()

    def _erase_ahead(self):
        """Erase the next sector while there is room to say what a bad one costs: a free one is known to be good.

        Not before this one holds a record: until then its header is not relied on.
        """
        self._ahead = False
        store = self._store
        while store.ready < 0:
            store.ready = store.take()
            if store.ready < 0:
                if len(self._own) < 2:
                    return
                try:
                    self._give_up_oldest(True)
                except FlashError:
                    return

    def _give_up_oldest(self, before):
        """Bad sectors took the free ones: evict the oldest, and say so in a frame before it is erased.

        No record is given up for a chip that refuses everything: raises FlashError when that frame cannot be written,
        or has no room for the second time (`before`: True) -> True when it had none.
        """
        if not self._own:
            raise FlashError("no sector")
        end = self._end(0)
        lost = struct.pack("<I", self.lost + sum(self._count(end)))
        room = self._at and self._at + ACK_BYTES <= self._store.nor.sector_bytes
        noted = room and self._program(ACK, max(end, self.acked), self._age_s, lost)
        if not noted and (room or before):
            raise FlashError("program")
        self._store.free(self._evict())
        if noted:
            self._kept = self.acked
        return not noted

    def _evict(self):
        """Take the oldest sector out of the ring, its records counted -> its index."""
        gone = self._leave(self._end(0))
        self._counters.add(EVICTED, gone)
        self.lost += gone
        return self._own.pop(0)

    # reading ---------------------------------------------------------------------------------

    def _end(self, position):
        """First sequence behind the sector at this position of the ring."""
        if position + 1 < len(self._own):
            return self._store.firsts[self._own[position + 1]]
        return self.next

    def _frames(self, i):
        """(Header, frames, their end) of sector `i`; (None, [], 0) without a header. The store's buffer then holds it.

        A read may flip a bit: what is not clean is read again, until a read shows no less than the one before.
        """
        read, most = (None, [], 0), -1
        for _ in range(_READS):
            try:
                data = self._store.load(i)
                head = Header(data, i)
                found, end, clean = frames(data, head.number)
                good = len([1 for frame in found if frame[1] != DAMAGED])
                if clean or good >= most:
                    read = head, found, end
                if clean or 0 <= most <= good:
                    break
                most = max(most, good)
            except (FlashError, ValueError):
                pass
            self._store.forget()
        return read

    def _count(self, upto):
        """(records from `acked` to below `upto` that verify, those that do not any more)."""
        good = damaged = 0
        for position in range(len(self._own)):
            end = self._end(position)
            if end > self.acked and self._store.firsts[self._own[position]] < upto:
                sound, unsound = set(), set()
                head, found = self._frames(self._own[position])[:2]
                if head is None:
                    damaged += 1  # how many it held is not known
                for _, kind, sequence, _, _ in found:
                    if kind != ACK and self.acked <= sequence < min(upto, end):
                        (sound if kind == DATA else unsound).add(sequence)
                good += len(sound)
                damaged += len(unsound - sound)
        return good, damaged

    def _leave(self, next_sequence):
        """All below `next_sequence` leaves the ring -> how many records; those that no longer verify are counted."""
        if next_sequence <= self.acked:
            return 0
        gone, damaged = self._count(next_sequence)
        self._counters.add(UNREADABLE, damaged)
        self.lost += damaged
        if self._waiting is not None:
            self._waiting -= gone
        self.acked = next_sequence
        return gone

    def peek(self, most):
        """At most `most` of the oldest records of one policy -> (its version, [(sequence, bytes)…])."""
        for position in range(len(self._own)):
            end = self._end(position)
            if end <= self.acked:
                continue
            head, found = self._frames(self._own[position])[:2]
            data = self._store.sector
            records, sealed_otherwise = [], 0
            sealer = self._sealer_of(head) if head is not None else None
            wanted = self.acked
            for place, kind, sequence, _, length in found:
                if kind != DATA or sequence < wanted or len(records) == most:
                    continue
                wanted = sequence + 1
                start = place + FRAME_BYTES
                try:
                    records.append((sequence, sealer.open(place, sequence, bytes(data[start : start + length]))))
                except CoseError:
                    sealed_otherwise += 1
            if records:
                return head.policy_version, records
            if found or head is None or position + 1 < len(self._own):
                # none of it opens any more: let go of it, or the ring would stand still for ever
                self._counters.add(UNREADABLE, sealed_otherwise)
                self.lost += sealed_otherwise
                self._leave(end)
        self._waiting = 0
        return 0, []

    def ack(self, next_sequence):
        """All below `next_sequence` may leave. Never steps back, never past what was given out."""
        self._leave(min(next_sequence, self.next))
        if self.acked - self._kept >= ACK_EVERY:
            self.flush()

    def flush(self):
        """Make the acknowledgement durable, and let go of the sectors that it covers -> True."""
        self._burn_page()
        self._keep(2)  # the last room in a sector is for an eviction
        return True

    def _keep(self, room):
        """Write down what was acknowledged and lost, if the sector has room for so many acknowledgements."""
        fits = self._at and self._at + room * ACK_BYTES <= self._store.nor.sector_bytes
        lost = struct.pack("<I", self.lost)
        if self.acked > self._kept and fits and self._program(ACK, self.acked, self._age_s, lost):
            self._kept = self.acked
            self._release()

    def _release(self):
        while len(self._own) > 1 and self._end(0) <= self._kept:
            self._store.free(self._own.pop(0))

    def expire(self, before_s):
        """Erase the sectors whose newest record is older than `before_s` (of the device's age) -> records in them."""
        gone = 0
        while self._own and self._older(self._own[0], before_s):
            gone += self._leave(self._end(0))
            self._store.free(self._own.pop(0))
            if not self._own:
                self._at = 0
        for i in range(len(self._store.owners)):
            # and what was sent or evicted, and not erased since
            mine = self._store.owners[i] == self._purpose and i not in self._own
            if mine and self._older(i, before_s):
                self._store.clear(i)
        return gone

    def _older(self, i, before_s):
        """True if no record of sector `i` is as young as `before_s`."""
        if self._store.ages_s[i] >= before_s:
            return False
        ages_s = [frame[3] for frame in self._frames(i)[1]]
        return not ages_s or max(ages_s) < before_s

    def waiting(self):
        """Records not acknowledged. The first call after a mount reads the sectors that hold them."""
        if self._waiting is None:
            self._waiting = self._count(self.next)[0]
        return self._waiting

    def make_durable(self):
        """Every record is, when it is appended."""
        return True

    def dirty(self):
        """Records not yet in flash: none."""
        return 0

    def resize(self, count):
        """Another policy gives this purpose `count` sectors: those beyond are evicted, the oldest first."""
        while len(self._own) > max(count - 1, 1):
            self._store.free(self._evict())

    def stats(self):
        """{"records", "next", "acked", "lost"}; `records` wait to be acknowledged."""
        return {"records": self.waiting(), "next": self.next, "acked": self.acked, "lost": self.lost}
