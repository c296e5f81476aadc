# SPDX-License-Identifier: MIT
"""Both backends of the ring against a plain list: any order of appends, acknowledgements, evictions, cuts, boots and erasures."""

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from pipeline.test_file_slots import Files, little
from pipeline.test_nor_ring import Pool
from sim import attack
from sim.sim_nor import MODES, SimNor
from sim.sim_port import MemFlash, PowerCut

from quell.counters import UNREADABLE, Counters
from quell.store.file_store import FileStore
from quell.store.inline import SLOTS
from quell.store.nor_store import NorStore

SETTINGS = settings(
    max_examples=150, stateful_step_count=40, deadline=None, derandomize=True, database=None,
    phases=(Phase.generate,), report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
BLOCK = 64
MOST = 24  # records of one segment or sector
PLAN = [(1, 1), (2, 1)]
KINDS = ("append", "fill", "ack", "flush", "durable", "expire", "close")


class NorWorld:
    """Eight small sectors for two purposes; a cut leaves cells that stay as they are."""

    modes = tuple(mode for mode in MODES if mode not in ("weak", "faint", "disturb"))
    exact = True  # whatever is lost is counted

    def __init__(self):
        self.chip = SimNor(8, 512, 64)

    def store(self, counters):
        store = NorStore(self.chip)
        store.mount(counters)
        assert store.plan(PLAN)
        return store

    def clone(self):
        other = type(self)()
        other.chip.restore(self.chip.snapshot())
        other.chip.mood = self.chip.mood
        return other

    def arm(self, operation, mode, seed):
        self.chip.arm(operation, mode, seed)

    def power_back(self):
        self.chip.reboot()

    def left(self, purpose):
        """How many sealed records of the purpose are anywhere."""
        return len([one for one in attack.sealed_records(bytes(self.chip.data), 512) if one[1] == purpose])


class RoughWorld(NorWorld):
    """Cells that read otherwise at each boot, and bits that change beside the cut."""

    modes = MODES
    exact = False


class FileWorld:
    """Eight segments of 400 bytes for two purposes. `atomic`: and inline files; else a write tears."""

    modes = ("file",)

    def __init__(self, atomic=True):
        self.exact = atomic
        self.flash = MemFlash()
        self.flash.atomic, self.flash.inline_bytes = atomic, 128 if atomic else 0

    def store(self, counters):
        store = FileStore(self.flash, 8, 400)
        assert store.plan(PLAN)
        return store

    def clone(self):
        other = type(self)()
        other.flash.files = dict(self.flash.files)
        return other

    def arm(self, operation, mode, seed):
        self.flash.budget, self.flash.torn = operation, not self.exact

    def power_back(self):
        self.flash.reboot()

    def left(self, purpose):
        files = self.flash.files
        inline = [1 for n in range(SLOTS) if files.get(f"i{n}", bytes(2))[1] == purpose]
        return len(inline) + len([1 for name in files if name.startswith(f"r{purpose:02x}")])


class TearingWorld(FileWorld):
    def __init__(self):
        super().__init__(False)


class Ring(RuleBasedStateMachine):
    """`waiting` is the model: sequences given out, not acknowledged, not evicted. `durable`: those that a cut may not take."""

    World = NorWorld

    @initialize()
    def power_on(self):
        self.world = self.World()
        self.generation, self.age_s, self.salts = 1, 0, 0
        self.new_ring()
        self.neighbour = []
        self.boot()
        other = self.open(self.store, 2, Counters())
        for n in range(3):
            other.append(bytes([n]) * 9, 1, 0)
            self.neighbour.append(bytes([n]) * 9)
        other.flush()

    def new_ring(self):
        """Of a new generation: nothing of it was ever given out."""
        self.given, self.versions, self.ages = {}, {}, {}
        self.waiting, self.durable, self.uncertain = [], set(), set()
        self.disturbed = False
        self.reserved = 0
        self.known = (0, 0)  # acknowledged and lost, as the state knows it
        self.reader = 0  # all below was acknowledged

    # what outlives the ring ----------------------------------------------------------------------

    def salt(self, length):
        self.salts += 1
        return self.salts.to_bytes(length, "big")

    def reserve(self, sequence):
        if sequence >= self.reserved:
            self.reserved = sequence + BLOCK

    def open(self, store, purpose, counters, start=0):
        generation = self.generation if purpose == 1 else 1
        ring = store.open(purpose, generation, bytes([purpose, generation]) * 16, self.salt, self.reserve, counters)
        ring.mount(start, *(self.known if purpose == 1 else (0, 0)), self.age_s)
        return ring

    def boot(self):
        self.counters = Counters()
        self.store = self.world.store(self.counters)
        start, self.reserved = self.reserved, self.reserved + BLOCK
        self.ring = self.open(self.store, 1, self.counters, start)
        # what it evicted in RAM only, or by a header that does not last, may be undone by a cut
        self.loose = getattr(self.ring, "_kept", self.ring.acked) < self.ring.acked or bool(getattr(self.ring, "_dropped", ()))
        self.mark()

    def note(self):
        self.known = (self.ring.acked, self.ring.lost)

    # operations: each does it to the ring and to the model ------------------------------------------

    def do(self, kind, value):
        getattr(self, "do_" + kind)(value)
        self.settle()

    def settle(self):
        """What the ring evicted leaves the model, and was counted exactly."""
        evicted = [sequence for sequence in self.waiting if sequence < self.ring.acked]
        counted = self.ring.lost - self.lost - (self.counters.get(UNREADABLE) - self.unreadable)
        # of what is torn, what did not open is counted as lost, though an older copy may have had it
        assert counted == len(evicted) if self.world.exact else counted >= len(evicted)
        self.waiting = self.waiting[len(evicted) :]
        if not self.ring.dirty():
            self.durable = set(self.waiting) - self.uncertain

    def mark(self):
        self.lost, self.unreadable = self.ring.lost, self.counters.get(UNREADABLE)

    def do_append(self, value, version=1):
        sequence = self.ring.next
        assert sequence not in self.given, "a sequence is used twice"
        self.given[sequence] = b"%d," % sequence + bytes(value % 40)
        self.versions[sequence], self.ages[sequence] = version, self.age_s
        assert self.ring.append(self.given[sequence], version, self.age_s) == sequence
        assert sequence < self.reserved
        self.waiting.append(sequence)

    def do_fill(self, value):
        for n in range(20):
            self.do_append(value + n, 1 + value % 2)

    def do_ack(self, value):
        records = self.look(1 + value % 9)
        self.mark()
        if records:
            self.reader = records[-1][0] + 1
            self.waiting = self.waiting[len(records) :]
            self.ring.ack(self.reader)
            assert self.ring.acked == self.reader

    def do_flush(self, value):
        assert self.ring.flush()

    def do_durable(self, value):
        self.do_append(value)
        assert self.ring.make_durable()
        self.durable.add(self.waiting[-1])

    def do_expire(self, value):
        before_s = self.age_s - value % 4
        self.expired_s = before_s
        self.durable -= {sequence for sequence in self.waiting if self.ages[sequence] < before_s}
        gone = self.ring.expire(before_s)
        assert all(self.ages[sequence] < before_s for sequence in self.waiting[:gone])
        self.waiting = self.waiting[gone:]
        if self.age_s < before_s:
            assert not self.waiting and not self.world.left(1)
        self.note()

    def do_close(self, value):
        assert self.ring.flush()
        self.settle()
        self.note()
        self.reserved = self.ring.next  # given back
        lost = self.ring.lost
        self.boot()
        self.lost = lost
        if not self.world.exact:  # what expired may come back from a torn copy, until that is old enough too
            self.waiting = sorted(set(self.waiting) | set(self.contents()))
        # files count what does not open when they mount, and as lost when it leaves; sectors both when it leaves
        self.unreadable = 0 if self.world.exact else self.counters.get(UNREADABLE)

    def look(self, most):
        """Peek -> the records, which are the oldest of the model and of one policy version."""
        for _ in range(9):
            version, records = self.ring.peek(most)
            if records:
                break
        assert bool(records) == bool(self.waiting) and len(records) <= most
        assert records == [(sequence, self.given[sequence]) for sequence in self.waiting[: len(records)]]
        assert {self.versions[sequence] for sequence, _ in records} <= {version}
        return records

    # power cuts -----------------------------------------------------------------------------------

    def contents(self):
        """What the flash gives to whoever mounts it now -> [sequence…]; looked at in a copy."""
        store = self.world.clone().store(Counters())
        ring, out = self.open(store, 1, Counters()), []
        for _ in range(200):
            records = ring.peek(7)[1]
            for sequence, data in records:
                assert not out or sequence > out[-1], "out of order"
                assert self.given.get(sequence) == data, "a record that nobody gave"
                out.append(sequence)
            if records:
                ring.ack(out[-1] + 1)
            elif not ring.waiting():
                break
        assert [data for _, data in self.open(store, 2, Counters()).peek(9)[1]] == self.neighbour
        return out

    def recover(self, kind, mode):
        """Power is back after a cut in the operation `kind` (None: in none)."""
        waiting, durable, lost = self.waiting, self.durable, self.lost
        slack, loose = self.counters.get(UNREADABLE), self.loose  # slack: counted in RAM only
        exact = self.world.exact and not loose
        self.world.power_back()
        self.boot()
        found = self.contents()
        cut = set(self.given) - self.before_cut
        self.uncertain |= cut if mode in ("weak", "faint") else set()  # it reads either way at each boot, and was never promised
        if exact:
            for sequence in set(found) - set(waiting):
                expired = kind == "expire" and self.ages[sequence] < self.expired_s
                assert sequence < self.reader or sequence in cut or expired, "evicted, and back"
        missing = [sequence for sequence in waiting if sequence in durable - set(found) and sequence >= self.reader]
        if kind == "expire":
            missing = [sequence for sequence in missing if self.ages[sequence] >= self.expired_s]
        elif exact:
            assert self.ring.acked >= self.kept and self.ring.lost >= lost - slack
        self.disturbed = self.disturbed or mode == "disturb"
        if exact:
            assert len(missing) <= max(self.ring.lost - lost + slack, 0), missing
            # a torn record, or one whose acknowledgement the flash did not know, may be evicted and counted when it mounts
            torn = slack + self.counters.get(UNREADABLE)
            gone = {sequence for sequence in self.given if sequence >= self.kept} - set(found)
            assert kind == "expire" or self.ring.lost - lost <= len(gone) + torn
        elif not self.disturbed:  # the oldest segment or sector was to make room for what was cut
            oldest = [sequence for sequence in waiting if sequence in durable and sequence >= self.reader]
            assert set(missing) <= set(oldest[: MOST + max(self.ring.lost - lost, 0)])
            cuttable = ("append", "fill", "flush", "durable", "close")
            assert kind in cuttable or loose or len(missing) <= max(self.ring.lost - lost, 0)
        self.waiting = found
        self.durable = set(found) - self.uncertain
        assert self.ring.waiting() == len(found)

    @rule(kind=st.sampled_from(KINDS), value=st.integers(0, 999))
    def work(self, kind, value):
        self.mark()
        self.do(kind, value)

    @rule(value=st.integers(0, 39), version=st.integers(1, 2))
    def append(self, value, version):
        self.mark()
        self.do_append(value, version)
        self.settle()

    @rule(kind=st.sampled_from(KINDS), value=st.integers(0, 999), operation=st.sampled_from(range(13)), mode=st.sampled_from(range(99)), seed=st.integers(1, 99))
    def cut(self, kind, value, operation, mode, seed):
        mode = self.world.modes[mode % len(self.world.modes)]
        self.mark()
        self.kept = getattr(self.ring, "_kept", 0)
        self.before_cut = set(self.given)
        if operation == 12:  # between two operations
            return self.recover(None, None)
        self.world.arm(operation if kind == "fill" else operation % 3, mode, seed)
        try:
            self.do(kind, value)
            self.world.arm(None, MODES[0], 1)
        except PowerCut:
            self.recover(kind, mode)

    @precondition(lambda self: len(self.given) > 25)
    @rule(operation=st.integers(0, 30), mode=st.integers(0, 10))
    def shred(self, operation, mode):
        """The purge is cut, goes on at the next boot, and the purpose begins anew."""
        self.world.arm(operation, self.world.modes[mode % len(self.world.modes)], 5)
        try:
            self.store.shred(1)
        except PowerCut:
            self.world.power_back()
            self.boot()
        self.world.arm(None, MODES[0], 1)
        self.store.shred(1)
        assert not self.world.left(1)
        self.generation += 1
        self.new_ring()
        self.boot()
        assert self.contents() == [] and self.ring.waiting() == 0

    @rule(most=st.integers(1, 70), seconds=st.integers(0, 3))
    def time_passes(self, most, seconds):
        self.age_s += seconds
        assert self.ring.waiting() == len(self.waiting)
        self.look(most)

    @invariant()
    def the_ends_are_in_order(self):
        if hasattr(self, "ring"):
            assert self.ring.acked <= self.ring.next
            assert not self.given or self.ring.next > max(self.given)

    def teardown(self):
        if hasattr(self, "ring"):
            while self.look(7):
                self.mark()
                self.do("ack", 6)
            assert self.ring.waiting() == 0


@pytest.mark.parametrize("world", [NorWorld, RoughWorld, FileWorld, TearingWorld])
def test_the_ring_does_what_the_list_does(world):
    run_state_machine_as_test(type(world.__name__, (Ring,), {"World": world}), settings=SETTINGS)


def test_two_headers_without_a_record_cost_no_record_of_either_ring():
    pool = Pool(SimNor(8, 512, 64), PLAN)
    for purpose in (1, 2):
        pool.append(3, purpose=purpose)
    for purpose, operation in ((1, 2), (2, 3)):  # the cut is behind the header of a new sector
        pool.ring(purpose)
        pool.chip.arm(operation, "nothing", 1)
        with pytest.raises(PowerCut):
            pool.append(purpose=purpose, version=2)
        pool.boot()
    for purpose in (1, 2):
        pool.ring(purpose)
    for version, count in ((1, 4), (3, 2), (4, 2)):
        pool.append(count, purpose=1, version=version)
    pool.boot()
    assert pool.ring().lost + len(pool.drain()) == pool.given[1] == 11


def test_a_record_that_comes_back_from_an_inline_file_is_not_older_than_it_is():
    files = Files(little())
    files.append(age_s=1000)
    assert files.ring().make_durable()
    files.age_s = 1000
    files.boot()
    assert (files.ring().expire(1000), files.drain()) == (0, [0])
