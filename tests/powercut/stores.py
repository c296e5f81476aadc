# SPDX-License-Identifier: MIT
"""Scenarios of the two-slot store and of the keys: old or new, never neither, and nothing erased comes back."""

from engine import Scenario, need
from ports.quecpython.secure_data import SecureDataFlash
from ports.vfs_flash import VfsFlash
from sim.patch import put
from sim.sim_blocks import make_fs, mount_fs, unmount_fs
from sim.sim_nor import SimNor
from sim.sim_port import MemFlash, SimEntropy
from sim.sim_secure_data import SimSecureData

from quell.counters import Counters
from quell.errors import FlashError
from quell.state.keys import Keys
from quell.state.slots import STATE, Slots
from quell.store.nor_files import NorFiles

SECTOR_BYTES = 2048
MARKS = ("one", "two", "strict", "four")


class _Media:
    """What the store is on. `flash()`: the port's object after a boot."""

    def __init__(self, kind, copies):
        self.kind = kind
        self.copies = copies
        if kind == "nor":
            self.chip = SimNor(3 * copies, SECTOR_BYTES)
        elif kind == "secure":
            self.chip = SimSecureData()
        else:
            self.chip = SimNor(16)
            make_fs(kind, self.chip)

    def flash(self):
        if self.kind == "nor":
            names = {name + "." + letter: 1 for name in ("state", "keys", "other") for letter in "abc"[: self.copies]}
            return NorFiles(self.chip, names, self.copies)
        if self.kind == "secure":
            return SecureDataFlash(self.chip, MemFlash())
        mount_fs(self.kind, self.chip)
        return VfsFlash("/nor/quell", "littlefs%d" % self.kind)

    def power_back(self):
        if self.kind not in ("nor", "secure"):
            unmount_fs()
        self.chip.reboot()


class StateScenario(Scenario):
    """Saves, one of them to every slot. A rotten slot afterwards must not bring back what was before that one."""

    kind, copies = "nor", 2

    def world(self):
        world = _Media(self.kind, self.copies)
        slots = Slots(world.flash(), "state", STATE, Counters())
        slots.load()
        slots.save(b"zero" * 50)
        world.before = world.after = 0
        world.strict = False
        return world

    def run(self, world):
        slots = Slots(world.flash(), "state", STATE, Counters())
        slots.load()
        for n in range(len(MARKS)):
            world.after = n + 1
            payload = MARKS[n].encode() * 50
            if MARKS[n] == "strict":
                slots.save_all(payload)
                world.strict = True
                self.rot(world)
            else:
                slots.save(payload)
            world.before = n + 1

    def recover(self, world):
        self.load(world)
        # as each boot does: what was found goes to a sound slot before anything rests on it
        slots = Slots(world.flash(), "state", STATE, Counters())
        payload = slots.load()
        if payload is not None:
            slots.save(payload)

    def load(self, world):
        payload = Slots(world.flash(), "state", STATE, Counters()).load()
        need(payload is not None, "neither the old payload nor the new one is there")
        place = self.place(payload)
        need(world.before <= place <= world.after, "the payload is that of save %d" % place)
        return place

    def place(self, payload):
        """Which save it is of: 0 before the run, then from 1."""
        saved = [mark.encode() * 50 for mark in ("zero",) + MARKS]
        need(payload in saved, "a payload that nobody saved")
        return saved.index(payload)

    def rot(self, world):
        """Each slot in turn is unreadable, or has one wrong bit: the others hold nothing of before."""
        if self.kind != "nor":
            return
        for sector in range(2 * self.copies, 3 * self.copies):  # "state" is the last name
            start = sector * SECTOR_BYTES
            flipped = bytearray(world.chip.data[start : start + SECTOR_BYTES])
            flipped[100] ^= 4  # in the payload
            for rotten in (bytes(SECTOR_BYTES), flipped):
                other = _Media(self.kind, self.copies)
                put(other.chip.data, 0, world.chip.data)
                put(other.chip.data, start, rotten)
                payload = Slots(other.flash(), "state", STATE, Counters()).load()
                need(payload is not None and self.place(payload) > MARKS.index("strict"), "a rotten slot revives the past")

    def check(self, world, whole):
        place = self.load(world)
        if world.strict:
            self.rot(world)
        need(place >= world.before, "went back")


class KeysScenario(Scenario):
    """Keys of three purposes, one of them erased. `physical`: its bytes must not be anywhere on the chip."""

    kind, copies = "nor", 2
    physical = True

    def world(self):
        world = _Media(self.kind, self.copies)
        Keys(world.flash(), SimEntropy(), Counters()).seed(b"s" * 64)
        world.keys = {}
        world.erased = world.maybe_erased = False
        return world

    def boot(self, world):
        keys = Keys(world.flash(), SimEntropy(False), Counters())
        need(keys.load(), "no keys and no generator: the device is lost")
        return keys

    def run(self, world):
        keys = self.boot(world)
        for purpose in (1, 2):
            world.keys[purpose] = keys.ring_key(purpose, 1)
        keys = self.boot(world)
        world.maybe_erased = True
        keys.erase(1, 1)
        world.erased = True
        self.gone(world)  # at once: later boots write the slots again
        world.keys[3] = keys.ring_key(3, 1)

    def gone(self, world):
        if world.erased and self.physical:
            need(world.keys[1] not in bytes(world.chip.data), "I9: an erased key is on the chip")

    def recover(self, world):
        self.boot(world)

    def check(self, world, whole):
        keys = self.boot(world)
        held = keys.purposes()
        need(not world.erased or 1 not in held, "an erased key is back")
        need(world.maybe_erased or 1 not in world.keys or 1 in held, "a key is gone")
        for purpose in (1, 2, 3):
            if purpose in world.keys and (purpose != 1 or not world.maybe_erased):
                need(keys.ring_key(purpose, 1) == world.keys[purpose], "purpose %d has another key" % purpose)
        self.gone(world)
        fresh = keys.ring_key(9, 1)
        need(fresh not in world.keys.values(), "a key is made twice")


class WornState(StateScenario):
    """Three copies, one of whose sectors refuses every erase from the start."""

    name = "state-nor-worn"
    copies = 3
    modes = ("nothing", "prefix", "weak", "bits", "half")

    def world(self):
        world = StateScenario.world(self)
        world.chip.bad = {7: "erase-error"}
        return world

    def check(self, world, whole):
        self.load(world)


class NorState(StateScenario):
    name = "state-nor"


class NorState3(StateScenario):
    name = "state-nor-3"
    copies = 3


class NorKeys(KeysScenario):
    name = "keys-nor"


class NorKeys3(KeysScenario):
    name = "keys-nor-3"
    copies = 3


class SecureKeys(KeysScenario):
    """Quectel's SecureData as documented: no delete, a backup copy of each slot."""

    name = "keys-secure-data"
    kind = "secure"
    modes = ("nothing", "all", "prefix", "bits")


class _Little:
    micropython = True
    modes = ("nothing", "all", "prefix", "bits", "later", "half", "zero")
    nested = ("nothing", "prefix")
    physical = False


class Little1State(_Little, StateScenario):
    name = "state-littlefs1"
    kind = 1


class Little2State(_Little, StateScenario):
    name = "state-littlefs2"
    kind = 2


class Little1Keys(_Little, KeysScenario):
    name = "keys-littlefs1"
    kind = 1


class Little2Keys(_Little, KeysScenario):
    name = "keys-littlefs2"
    kind = 2


ALL = (NorState, NorState3, WornState, NorKeys, NorKeys3, SecureKeys, Little1State, Little2State, Little1Keys, Little2Keys)
__all__ = ("ALL", "FlashError")
