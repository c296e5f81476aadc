# SPDX-License-Identifier: MIT
"""Scenarios of one ring alone, on raw NOR. The oracle is a plain list of what was given.

What must hold is flashring's I1…I10; each is named where it is checked.
"""

from engine import Scenario, need
from sim.patch import put
from sim.sim_nor import MODES, SimNor
from sim.sim_nor_faults import XorShift32

from quell.counters import Counters
from quell.errors import FlashError
from quell.store import nor_ring, sealer
from quell.store.nor_store import NorStore

KEY = bytes(range(32))
MARK = b"plaintext"  # in every record: it must never be seen in the image (I9)
BLOCK = 64
SECTORS, SECTOR_BYTES, PAGE_BYTES = 6, 512, 64


class _Sealer(sealer.Sealer):
    """Notes every (key, place) that seals: none may serve two plaintexts (I6)."""

    used = {}

    def seal(self, place, sequence, data):
        before = _Sealer.used.setdefault((self._key, place, sequence), data)
        need(before == data, "I6: one key and nonce for two plaintexts")
        return sealer.Sealer.seal(self, place, sequence, data)


class World:
    """The chip, what outlives the power (`reserved`, `salts` of the state), and the facts: what was given and promised."""

    def __init__(self, chip, start):
        self.chip = chip
        self.reserved = start
        self.salts = 0
        self.submitted = {}  # sequence -> record, over all boots (I3)
        self.returned = set()  # those whose append returned
        self.durable = set()
        self.steps = [(set(), start, 0, 0)]  # before each: (durable, ring.acked, ring.lost, acknowledged by the reader)
        self.kept = 0  # as far as the ring said that it is in flash
        self.reader = 0
        self.ring = None
        self.counters = None
        self.remount = None  # ring of a new boot

    def power_back(self):
        self.chip.reboot()

    def salt(self, length):
        self.salts += 1
        return self.salts.to_bytes(4, "big") * (length // 4)

    def reserve(self, sequence):
        self.reserved = max(self.reserved, sequence + BLOCK) if sequence >= self.reserved else self.reserved

    def mount(self, store, start):
        """The ring in `store`, after a boot."""
        store.plan([(1, 1)])
        ring = store.open(1, 1, KEY, self.salt, self.reserve, self.counters)
        ring.mount(start, 0, 0)
        return ring

    def boot(self):
        self.returned = set(self.durable)  # what was in RAM only was never promised
        start = self.reserved
        self.reserved += BLOCK
        self.ring = self.remount(start)

    def append(self, size):
        sequence = self.ring.next
        need(sequence not in self.submitted, "I3: sequence %d is given out twice" % sequence)
        data = MARK + b"%d" % sequence + bytes(size)
        self.submitted[sequence] = data
        self.ring.append(data, 1, 0)
        self.returned.add(sequence)
        self.note()

    def note(self):
        """What is durable now, by the ring's own word."""
        unsafe = set()
        if self.ring.dirty():
            unsafe = set(sequence for sequence, _ in self.ring._open if sequence >= self.ring._durable)
        self.durable.update(self.returned - unsafe)

    def drained(self):
        """Everything that the ring still gives -> {sequence: record}, acknowledged on the way."""
        out = {}
        for _ in range(200):
            records = self.ring.peek(7)[1]
            for sequence, data in records:
                need(not out or sequence > max(out), "I3: out of order")
                need(self.submitted.get(sequence) == data, "I3: a record that nobody submitted")
                out[sequence] = data
            if records:
                self.ring.ack(records[-1][0] + 1)
            elif not self.ring.waiting():
                return out
        need(False, "the ring stands still")


class RingScenario(Scenario):
    """Appends of changing size, acknowledgements behind them, flushes, clean reboots: over several turns of the ring."""

    loose = ()  # modes after which records of the sector under the cut may be gone
    start = 0
    steps = 60
    exact = True  # what a cut eviction lost is counted

    def plan(self):
        random = XorShift32(5)
        for n in range(self.steps):
            yield "append", random.below(60)
            if n % 7 == 6:
                yield "ack", 5
            if n % 9 == 8:
                yield "flush", 0
            if n % 25 == 24:
                yield "boot", 0
            if n % 11 == 10:
                yield "durable", 8

    def run(self, world):
        world.boot()
        for kind, value in self.plan():
            world.steps.append((set(world.durable), world.ring.acked, world.ring.lost, world.reader))
            world.kept = getattr(world.ring, "_kept", 0)
            if kind == "append":
                world.append(value)
            elif kind == "ack":
                records = world.ring.peek(value)[1]
                if records:
                    world.reader = records[-1][0] + 1
                    world.ring.ack(world.reader)
            elif kind == "durable":
                world.append(value)
                if world.ring.make_durable():
                    world.durable.add(world.ring.next - 1)
            elif kind == "flush":
                world.ring.flush()
                world.note()
            else:
                world.ring.flush()
                world.note()
                world.boot()
        world.steps.append((set(world.durable), world.ring.acked, world.ring.lost, world.reader))

    def recover(self, world):
        world.boot()
        before = world.chip.operations
        self.bounded(world)
        need(world.chip.operations == before, "I10: the mount wrote")
        world.append(4)
        world.ring.flush()
        world.note()

    def bounded(self, world):
        """I1: what the mount may read."""

    def check(self, world, whole):
        last = world.steps[-1]
        after = last if whole else self._clean()[len(world.steps)]
        before = (world.ring.acked, world.ring.lost)
        self.power_back(world, 7)
        world.boot()
        weak = [mode for mode in world.cut_modes if mode in ("weak", "faint")]
        need(weak or not self.exact or (world.ring.acked, world.ring.lost) == before, "I10: two mounts differ")
        lost, floor = world.ring.lost, world.ring.acked
        left = world.drained()
        if not [1 for mode in world.cut_modes if mode in self.loose]:
            self._nothing_lost(world, last, after, lost, floor, left)
        world.append(4)
        need(len(world.drained()) == 1, "I5: no append after the recovery")
        need(MARK not in bytes(world.chip.data), "I9: plaintext in the image")
        need(not self.exact or not world.chip.violations, "I7: programmed over cells that were not blank")

    def _nothing_lost(self, world, last, after, lost, floor, left):
        newest = max(last[0]) if last[0] else -1
        need(floor <= max(after[1], newest + 1), "I4: acknowledged what nobody acknowledged")
        # the append of the recovery may itself have evicted: what it counted is beyond what the run knew
        need(lost >= last[2] or not self.exact, "I4: the count of lost records went back")
        gone = sorted([s for s in world.durable if s not in left and s >= max(last[1], world.reader)])
        evicted = lost - last[2]
        need(len(gone) <= evicted, "I2: durable records are gone: %s" % gone[:5])
        # a record whose append never returned may be there, and be evicted, or not
        # and what was acknowledged comes back, if the flash did not know it yet
        unsure = [s for s in world.submitted if s not in left and s not in gone and s >= world.kept]
        need(not self.exact or evicted <= len(gone) + len(unsure), "I4: %d counted, %d gone" % (evicted, len(gone)))

    def _clean(self):
        if not hasattr(self, "_log"):
            world = self.world()
            self.run(world)
            self._log = world.steps + [world.steps[-1]]
        return self._log


class NorRingScenario(RingScenario):
    """The ring on six small sectors, so that it turns every few records."""

    name = "nor-ring"
    loose = ("disturb",)

    def prepare(self, chip):
        """What is on the chip before the first boot."""

    def world(self):
        _Sealer.used = {}
        nor_ring.Sealer = _Sealer
        chip = SimNor(SECTORS, SECTOR_BYTES, PAGE_BYTES)
        self.prepare(chip)
        world = World(chip, self.start)

        def remount(start):
            world.counters = Counters()
            store = NorStore(chip)
            store.mount(world.counters)
            return world.mount(store, start)

        world.remount = remount
        return world

    def bounded(self, world):
        reads = world.chip.reads
        world.remount(world.reserved)
        need(world.chip.reads - reads <= 4 * SECTORS + 4, "I1: %d reads at a mount" % (world.chip.reads - reads))


class NorRingRandom(NorRingScenario):
    name = "nor-ring-random"

    def prepare(self, chip):
        chip.randomize()


class NorRingForeign(NorRingScenario):
    """The chip was another device's: its ring is full, and sealed under another key."""

    name = "nor-ring-foreign"
    _image = None

    def prepare(self, chip):
        if NorRingForeign._image is None:
            self._fill(chip)
            NorRingForeign._image = bytes(chip.data)
        put(chip.data, 0, NorRingForeign._image)

    def _fill(self, chip):
        store = NorStore(chip)
        store.mount(Counters())
        store.plan([(1, 1)])
        ring = store.open(1, 7, bytes(32), lambda n: bytes(n), lambda s: None, Counters())
        ring.mount(0, 0, 0)
        for _ in range(60):
            ring.append(bytes(30), 1, 0)
        chip.reset_counters()


class NorRingHalf(NorRingForeign):
    """An erase of the whole chip stopped in the middle of a sector."""

    name = "nor-ring-half"

    def prepare(self, chip):
        NorRingForeign.prepare(self, chip)
        done = SECTORS // 2 * SECTOR_BYTES + 200
        put(chip.data, 0, b"\xff" * done)


class NorRingLate(NorRingScenario):
    """Sequences and sector numbers near the end of 32 bits: what is left is used, then appending is refused, reading goes on."""

    name = "nor-ring-late"
    start = 0xFFFFFFFF - 40
    exact = False

    def run(self, world):
        try:
            NorRingScenario.run(self, world)
        except FlashError:
            world.submitted.pop(world.ring.next, None)

    def recover(self, world):
        world.boot()

    def check(self, world, whole):
        left = world.drained()
        need(max(left) < 0xFFFFFFFF if left else True, "a sequence over 32 bits")
        need(not world.chip.violations, "I7")


class NorRingNumbersLost(NorRingScenario):
    """The state that reserves sequences is lost at each boot, so that they come again: the salts alone keep nonces apart (I6)."""

    name = "nor-ring-numbers-lost"

    def world(self):
        world = NorRingScenario.world(self)
        remount = world.remount
        world.remount = lambda start: remount(0)
        return world

    def run(self, world):
        world.boot()
        for n in range(self.steps):
            self.append(world, n % 3 * 20)
            if n % 7 == 6:
                world.ring.ack(world.ring.next - 3)

    def append(self, world, size):
        world.ring.append(MARK + b"%d" % world.chip.operations + bytes(size), 1, 0)

    def recover(self, world):
        world.boot()
        for n in range(12):
            self.append(world, n)

    def check(self, world, whole):
        need(MARK not in bytes(world.chip.data), "I9: plaintext in the image")


class NorRingErase(NorRingScenario):
    """A sector that no longer erases, and says nothing."""

    name = "nor-ring-erase-noop"
    bad = {1: "erase-noop"}

    def prepare(self, chip):
        put(chip.data, SECTOR_BYTES, b"\x55" * SECTOR_BYTES)
        chip.bad = dict(self.bad)


class NorRingProgram(NorRingErase):
    """A sector that no longer programs, and says nothing."""

    name = "nor-ring-program-noop"
    bad = {2: "program-noop"}


class NorRingError(NorRingErase):
    """Sectors that say so: one refuses to program, one to erase."""

    name = "nor-ring-errors"
    bad = {2: "program-error", 4: "erase-error"}
    exact = False  # two sectors of six are gone: what a cut evicts without a free sector is not all counted


class NorRingFlips(NorRingScenario):
    """Each thirteenth read has a wrong bit. Faint programs are left out: one fault may hide the other."""

    name = "nor-ring-read-flips"
    modes = tuple([mode for mode in MODES if mode != "faint"])
    exact = False

    def prepare(self, chip):
        chip.read_flip_every = 13


class NorRingLost(NorRingScenario):
    """One program lands in another sector: what it hits there may be gone, and nothing else."""

    name = "nor-ring-misdirected"
    exact = False
    loose = MODES

    def prepare(self, chip):
        chip.misdirect = (29, 2)


ALL = (
    NorRingScenario, NorRingRandom, NorRingForeign, NorRingHalf, NorRingLate, NorRingNumbersLost, NorRingErase, NorRingProgram,
    NorRingError, NorRingFlips, NorRingLost,
)  # fmt: skip
