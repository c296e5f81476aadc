# SPDX-License-Identifier: MIT
"""Scenarios of one ring alone, in segment files on littlefs 1 and 2."""

from engine import need
from ports.vfs_flash import OTHER
from rings import RingScenario, World
from sim.sim_board import LittleBoard

from quell.counters import UNREADABLE, Counters


class LittleRingScenario(RingScenario):
    """The ring in segment files on a real littlefs."""

    micropython = True
    kind = 2
    system = ""
    steps = 40
    modes = ("nothing", "all", "prefix", "bits", "later", "half", "zero")
    nested = ("nothing", "prefix")
    _image = None

    def world(self):
        board = LittleBoard(self.kind, blocks=20, segments=3, system=self.system)
        world = World(board.chip, 0)
        world.power_back = board.reboot

        def remount(start):
            world.counters = Counters()
            store = board.parts()[2]
            store.segment_bytes = 500
            return world.mount(store, start)

        world.remount = remount
        return world

    def plan(self):
        """Then a few records alone, some of them acknowledged; at last more records than there is room for."""
        for kind, value in RingScenario.plan(self):
            yield kind, value
        for n in range(14):
            yield "durable", 8
            if n % 4 == 3:
                yield "ack", 2
        for n in range(40):
            yield "append", 40
            if n % 9 == 8:
                yield "flush", 0

    def recover(self, world):
        world.boot()
        world.append(4)
        world.ring.flush()
        world.note()

    def check(self, world, whole):
        world.chip.violations = []  # littlefs programs what it likes
        RingScenario.check(self, world, whole)
        world.power_back()
        world.boot()  # what was read is acknowledged in RAM only: it comes again
        expected, before = world.ring.waiting(), world.counters.get(UNREADABLE)
        left = len(world.drained()) + world.counters.get(UNREADABLE) - before
        need(left == expected, "I4: %d wait, %d come" % (expected, left))


class Little1Ring(LittleRingScenario):
    name = "littlefs1-ring"
    kind = 1


class Little2Ring(LittleRingScenario):
    name = "littlefs2-ring"


class OtherRing(LittleRingScenario):
    """As on a file system that nothing is known of: a segment that grows is in two files in turn, no record is alone in one."""

    name = "other-ring"
    system = OTHER


ALL = (Little1Ring, Little2Ring, OtherRing)
