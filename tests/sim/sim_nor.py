# SPDX-License-Identifier: MIT
"""A NOR flash chip in RAM that tears, wears out, forgets and lies, the same way on both interpreters."""

from quell.errors import FlashError
from sim.patch import put
from sim.sim_nor_faults import (
    ERASE_AS,
    ERASE_MODES,
    MODES,
    MOOD_ONES,
    MOOD_ZEROS,
    PROGRAM_AS,
    PROGRAM_MODES,
    XorShift32,
    both,
    cleared_bit,
    mode_name,
    partial_erase,
    partial_program,
    weak_value,
)
from sim.sim_port import PowerCut

__all__ = ("ERASE_MODES", "MODES", "MOOD_ONES", "MOOD_ZEROS", "PROGRAM_MODES", "PowerCut", "SimNor")

STUCK_BITS = 4  # of a sector that is worn out


class SimNor:
    """`sectors` of `sector_bytes`, programmed in pages of `page_bytes`; erased, or with the content `image` (bytes).

    A bit address is 8 * byte address + bit, bit 0 the lowest. `seed`: of all that is random in the chip.
    Counters, of calls unless they say bytes: `reads`, `read_bytes`, `programs` (one per page touched),
    `programmed_bytes`, `erases`, `operations` (programs + erases); `wear`: erases per sector.
    `violations`: [(kind, byte address)], one per page program over cells that were not blank: "set" wants ones
    where there are zeros, "clear" only clears more bits. Bytes of 0xFF, or as they were, are none.

    Faults, all off at first:
    `page_wrap`: a program over the end of a page goes on at the start of that page, in one operation.
    `read_flip_every` (n): each n-th read returns one wrong bit. `weak_per_read`: weak cells change at each read.
    `bad`: {sector: "program-error", "erase-error", "read-error" (all raise FlashError), "program-noop",
    "erase-noop" (silent), or "stuck" or ("stuck", n): some bits stay 0 from the erase after the n-th on}.
    `endurance` (n): every sector is ("stuck", n). `misdirect` (n, delta): the page program that finds
    `programs` == n lands `delta` sectors further, around the end.
    `reorder`: a power cut loses any of the operations since the last `sync`, not only the last one.
    """

    def __init__(self, sectors, sector_bytes=4096, page_bytes=256, seed=1, image=None):
        self.sectors = sectors
        self.sector_bytes = sector_bytes
        self.page_bytes = page_bytes
        self.size_bytes = sectors * sector_bytes
        self._blank = b"\xff" * sector_bytes
        self.data = bytearray(self._blank * sectors if image is None else image)
        if sector_bytes % page_bytes or len(self.data) != self.size_bytes:
            raise ValueError("sizes do not fit")
        self._random = XorShift32(seed)
        self.mood = self._random.word() | 256
        self.weak = set()
        self.stuck = {}  # {sector: [bit address]}
        self.wear = [0] * sectors
        self.era = 0  # of block devices: a new one at each reboot and restore
        self.bad = {}
        self.endurance = None
        self.misdirect = None
        self.page_wrap = False
        self.read_flip_every = None
        self.weak_per_read = False
        self.reorder = False
        self._forget_unsynced()
        self.dead = False
        self.reset_counters()
        self.arm(None)

    def randomize(self):
        """Fill the chip with random bytes, as an unknown one may come."""
        for start in range(0, self.size_bytes, self.sector_bytes):
            put(self.data, start, self._random.block(self.sector_bytes))

    def reset_counters(self):
        """All counters but `wear` to 0, no violations."""
        self.reads = self.read_bytes = self.programs = self.programmed_bytes = self.erases = self.operations = 0
        self.violations = []
        self._armed_at = 0

    # --- the port: what quell's `Nor` asks for. All raise FlashError, or PowerCut on a dead chip.

    def read(self, address, into):
        """Fill the bytearray or memoryview `into` from byte `address` on."""
        length = len(into)
        self._check(address, length)
        self.reads += 1
        self.read_bytes += length
        if self.bad and length:
            for sector in range(address // self.sector_bytes, (address + length - 1) // self.sector_bytes + 1):
                if self.bad.get(sector) == "read-error":
                    raise FlashError("read failed")
        got = self.data[address : address + length]
        if self.weak:
            self._overlay(address, got)
        if self.read_flip_every and self.reads % self.read_flip_every == 0 and length:
            bit = self._random.below(length * 8)
            got[bit >> 3] ^= 1 << (bit & 7)
        put(into, 0, got)

    def program(self, address, data):
        """Clear the bits that are 0 in `data` (bytes-like), from byte `address` on, page by page."""
        length = len(data)
        self._check(address, length)
        page_bytes = self.page_bytes
        offset = address % page_bytes
        if offset + length <= page_bytes:
            if length:
                self._program_page(address, data, length)
            return
        if self.page_wrap:
            self._program_wrapped(address, data)
            return
        done = 0
        while done < length:
            size = min(page_bytes - offset, length - done)
            self._program_page(address + done, data[done : done + size], size)
            done += size
            offset = 0

    def erase(self, sector):
        """Set every bit of a sector (number) to 1."""
        self._check(sector * self.sector_bytes, self.sector_bytes)
        torn = self._begin()
        self.erases += 1
        self.wear[sector] += 1
        kind = self.bad.get(sector)
        works = kind not in ("erase-error", "erase-noop")
        if torn:
            self._lose_unsynced()
            if works:
                self._tear_erase(sector)
            self._power_off()
        if kind == "erase-error":
            raise FlashError("erase failed")
        if works:
            if self.reorder:
                self._remember(sector, sector * self.sector_bytes, None)
            self._erase(sector)

    def sync(self):
        """What was done until now survives a power cut (with `reorder`; without it that is always so)."""
        if self.dead:
            raise PowerCut()
        self._forget_unsynced()

    # --- power

    def arm(self, cut_at, mode="nothing", seed=None):
        """Cut the power in the operation that comes after `cut_at` more (0: the next one; None: never).

        `mode`: name in MODES or its index; `seed`: of what is random in the cut (None: go on with the chip's).
        """
        self.cut_at = cut_at
        self.mode = mode_name(mode)
        self._armed_at = self.operations
        self._cut_random = self._random if seed is None else XorShift32(seed)

    def reboot(self, mood=None):
        """Power is back, or a reset: no cut armed. `mood` of the weak cells: MOOD_ZEROS, MOOD_ONES or a new one."""
        self.dead = False
        self._forget_unsynced()
        self.arm(None)
        self.era += 1
        self.mood = self._random.word() | 256 if mood is None else mood

    def snapshot(self):
        """A copy, for `restore`, of what survives without power. What is unsynced counts as synced."""
        stuck = tuple([(sector, tuple(self.stuck[sector])) for sector in self.stuck])
        lasting = (bytes(self.data), tuple(self.weak), stuck, tuple(self.wear))
        return lasting + (tuple(self.bad.items()), self._random.state, self.mood)

    def restore(self, snapshot):
        """The chip as it was at `snapshot` (also another's of this size), with power; counters are 0, no cut armed.

        Faults other than `bad` and worn or weak cells stay as they are set now.
        """
        data, weak, stuck, wear, bad, state, mood = snapshot
        if len(data) != self.size_bytes or len(wear) != self.sectors:
            raise ValueError("sizes do not fit")
        put(self.data, 0, data)
        self.weak = set(weak)
        self.stuck = dict([(sector, list(bits)) for sector, bits in stuck])
        self.wear = list(wear)
        self.bad = dict(bad)
        self._random.state = state
        self.mood = mood
        self.dead = False
        self._forget_unsynced()
        self.era += 1
        self.reset_counters()
        self.arm(None)

    # --- faults at rest

    def flip(self, bit_address):
        """Turn one bit over; a weak one is sound again."""
        self.data[bit_address >> 3] ^= 1 << (bit_address & 7)
        self.weak.discard(bit_address)

    # --- inside

    def _check(self, address, length):
        if self.dead:
            raise PowerCut()
        if address < 0 or address + length > self.size_bytes:
            raise FlashError("out of range")

    def _begin(self):
        """Count an operation -> whether it is the one that the power cut meets."""
        number = self.operations - self._armed_at
        self.operations += 1
        return self.cut_at is not None and number >= self.cut_at

    def _power_off(self):
        self.dead = True
        raise PowerCut()

    def _program_page(self, address, chunk, length):
        torn = self._begin()
        self.programs += 1
        self.programmed_bytes += length
        end = address + length
        old = self.data[address:end]
        blank = old == self._blank[:length]
        if not blank:
            self._judge(address, old, chunk)
        if torn or self.bad or self.reorder or self.misdirect is not None:
            self._program_with_faults(address, chunk, torn)
        elif blank and not self.weak:
            put(self.data, address, chunk)
        else:
            self._write(address, chunk)

    def _program_wrapped(self, address, data):
        """One operation of the whole page: what runs over its end overwrites, in the chip's buffer, its start."""
        page_bytes = self.page_bytes
        offset = address % page_bytes
        start = address - offset
        buffer = bytearray(self._blank[:page_bytes])
        for i in range(max(0, len(data) - page_bytes), len(data)):
            buffer[(offset + i) % page_bytes] = data[i]
        self._program_page(start, bytes(buffer), page_bytes)
        self.programmed_bytes += len(data) - page_bytes

    def _program_with_faults(self, address, chunk, torn):
        kind = self.bad.get(address // self.sector_bytes)
        works = kind not in ("program-error", "program-noop")
        if self.misdirect is not None and self.programs - 1 == self.misdirect[0]:
            address = (address + self.misdirect[1] * self.sector_bytes) % self.size_bytes
        if torn:
            self._lose_unsynced()
            if works:
                self._tear_program(address, chunk)
            self._power_off()
        if kind == "program-error":
            raise FlashError("program failed")
        if works:
            if self.reorder:
                self._remember(address // self.sector_bytes, address, bytes(chunk))
            self._write(address, chunk)

    def _write(self, address, chunk):
        end = address + len(chunk)
        put(self.data, address, both(self.data[address:end], chunk))
        if self.weak:
            for bit in self._weak_in(address, end):
                if not chunk[(bit >> 3) - address] >> (bit & 7) & 1:
                    self.weak.discard(bit)

    def _erase(self, sector):
        start = sector * self.sector_bytes
        put(self.data, start, self._blank)
        if self.weak:
            self._settle(start, start + self.sector_bytes)
        if self.endurance is not None or self.bad:
            self._wear_out(sector)

    def _weak_in(self, start, end):
        return [bit for bit in self.weak if start <= bit >> 3 < end]

    def _settle(self, start, end):
        for bit in self._weak_in(start, end):
            self.weak.discard(bit)

    def _overlay(self, address, got):
        """Show the weak cells in the bytes `got` as they are today."""
        bits = self._weak_in(address, address + len(got))
        mood = self._random.word() | 256 if self.weak_per_read and bits else self.mood
        for bit in bits:
            mask = 1 << (bit & 7)
            at = (bit >> 3) - address
            got[at] = got[at] | mask if weak_value(mood, bit) else got[at] & ~mask

    def _judge(self, address, old, chunk):
        """Note a program over cells that are not blank. A weak or stuck cell counts as 0 or 1, as it suits."""
        seen = bytearray(old)
        loose = self._weak_in(address, address + len(old)) if self.weak else []
        for bit in loose + self.stuck.get(address // self.sector_bytes, []):
            if address <= bit >> 3 < address + len(old):
                seen[(bit >> 3) - address] |= 1 << (bit & 7)
        for i in range(len(old)):
            wanted = chunk[i]
            if wanted not in (255, old[i], seen[i]) and seen[i] != 255:
                self.violations.append(("set" if wanted & ~seen[i] else "clear", address + i))
                return

    def _wear_out(self, sector):
        """After an erase: what is worn out shows its stuck bits."""
        kind, limit = self.bad.get(sector), self.endurance
        if kind == "stuck":
            limit = 0
        elif isinstance(kind, tuple) and kind[0] == "stuck":
            limit = kind[1]
        if sector not in self.stuck:
            if limit is None or self.wear[sector] <= limit:
                return
            first = sector * self.sector_bytes * 8
            self.stuck[sector] = [first + self._random.below(self.sector_bytes * 8) for _ in range(STUCK_BITS)]
        for bit in self.stuck[sector]:
            self.data[bit >> 3] &= ~(1 << (bit & 7)) & 255

    def _tear_program(self, address, chunk):
        mode, random = PROGRAM_AS.get(self.mode, self.mode), self._cut_random
        old = self.data[address : address + len(chunk)]
        self._write(address, partial_program(mode, chunk, random))
        if mode == "weak":
            bit = cleared_bit(old, chunk, random)
            if bit is not None:
                self.weak.add(address * 8 + bit)
        elif mode == "faint":
            for at in range(len(chunk)):
                bits = old[at] & ~chunk[at]
                self.weak.update([(address + at) * 8 + bit for bit in range(8) if bits >> bit & 1])
        elif mode == "disturb":
            first = address // self.sector_bytes * self.sector_bytes * 8
            for _ in range(1 + random.below(4)):
                for _ in range(32):  # tries to find a one
                    bit = first + random.below(self.sector_bytes * 8)
                    outside = not address <= bit >> 3 < address + len(chunk)
                    if outside and self.data[bit >> 3] >> (bit & 7) & 1:
                        self.data[bit >> 3] &= ~(1 << (bit & 7)) & 255
                        break

    def _tear_erase(self, sector):
        """Half of the cells that the mode "weak" makes weak lie in the first page, where headers are."""
        mode, random = ERASE_AS.get(self.mode, self.mode), self._cut_random
        start = sector * self.sector_bytes
        end = start + self.sector_bytes
        left, (first, last) = partial_erase(mode, self.data[start:end], random)
        put(self.data, start, left)
        self._settle(start, start + first)
        self._settle(start + last, end)
        if mode == "weak":
            for _ in range(1 + random.below(4)):
                within = self.page_bytes if random.word() & 256 else self.sector_bytes
                self.weak.add(start * 8 + random.below(within * 8))
        self._wear_out(sector)

    # --- reorder: the operations since the last sync, and the sectors as they were before them

    def _forget_unsynced(self):
        self._unsynced = []
        self._before = {}
        self._weak_before = None

    def _remember(self, sector, address, chunk):
        """`chunk`: bytes to program at `address`, or None: erase `sector`."""
        if not self._unsynced:
            self._weak_before = set(self.weak)
        if sector not in self._before:
            start = sector * self.sector_bytes
            self._before[sector] = bytes(self.data[start : start + self.sector_bytes])
        self._unsynced.append((sector, address, chunk))

    def _lose_unsynced(self):
        """Each operation since the last sync has happened, in its order, or never."""
        if not self._unsynced:
            return
        for sector in self._before:
            start = sector * self.sector_bytes
            put(self.data, start, self._before[sector])
        self.weak = self._weak_before
        for sector, address, chunk in self._unsynced:
            if self._cut_random.word() & 256:
                if chunk is None:
                    self._erase(sector)
                else:
                    self._write(address, chunk)
        self._forget_unsynced()
