# SPDX-License-Identifier: MIT
"""Scenarios of one ring alone, in segment files on littlefs 1 and 2."""

from rings import RingScenario, World
from sim.sim_board import LittleBoard

from quell.counters import Counters


class LittleRingScenario(RingScenario):
    """The ring in segment files on a real littlefs."""

    micropython = True
    kind = 2
    steps = 40
    modes = ("nothing", "all", "prefix", "bits", "later", "half", "zero")
    nested = ("nothing", "prefix")
    _image = None

    def world(self):
        board = LittleBoard(self.kind, blocks=20, segments=3)
        world = World(board.chip, 0)
        world.power_back = board.reboot

        def remount(start):
            world.counters = Counters()
            store = board.parts()[2]
            store.segment_bytes = 500
            return world.mount(store, start)

        world.remount = remount
        return world

    def recover(self, world):
        world.boot()
        world.append(4)
        world.ring.flush()
        world.note()

    def check(self, world, whole):
        world.chip.violations = []  # littlefs programs what it likes
        RingScenario.check(self, world, whole)


class Little1Ring(LittleRingScenario):
    name = "littlefs1-ring"
    kind = 1


class Little2Ring(LittleRingScenario):
    name = "littlefs2-ring"


ALL = (Little1Ring, Little2Ring)
