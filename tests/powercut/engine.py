# SPDX-License-Identifier: MIT
"""Cuts the power at one operation of a scenario, and again in its recovery, and says whether all that was promised holds.

A case has an id, `scenario:operation/mode` or `scenario:operation/mode:operation/mode`, that runs it again alone.
In the subset of both interpreters: littlefs is in MicroPython only.
"""

from sim.sim_nor import MODES, MOOD_ONES, MOOD_ZEROS
from sim.sim_port import PowerCut


class Failed(Exception):
    """A promise that does not hold; the text says which."""


def need(condition, text):
    """Raise Failed with the text unless the condition holds."""
    if not condition:
        raise Failed(text)


class Scenario:
    """What is cut. `world()` -> an object with `chip` (SimNor), thawed and ready.

    `run(world)` does the work, `recover(world)` what the next boot does, `check(world, whole)` raises Failed;
    `whole`: no cut came. `modes`: of chip operations; `nested`: those of the second cut, at each `nested_step`-th of them.
    """

    name = ""
    modes = MODES
    nested = ("nothing", "prefix", "weak", "bits", "faint")
    nested_step = 1
    micropython = False  # only there, for its littlefs

    def world(self):
        raise NotImplementedError

    def run(self, world):
        raise NotImplementedError

    def recover(self, world):
        raise NotImplementedError

    def check(self, world, whole):
        raise NotImplementedError

    def _until_cut(self, part, world, operation, mode, seed):
        """Do a part with the power armed to go -> True if it went."""
        world.chip.arm(operation, mode, seed)
        try:
            part(world)
            went = False
        except PowerCut:
            went = True
        world.faint = went and mode == "faint"
        world.chip.arm(None)
        return went

    def power_back(self, world, n):
        """The n-th time that power is back: what weak cells read as is another thing each time.

        After a faint program first nothing of it is to be seen: the worst that can be.
        """
        world.power_back()
        mood = 0 if world.faint else (world.seed + n) % 4
        world.faint = False
        if mood < 2 and hasattr(world.chip, "mood"):
            world.chip.mood = (MOOD_ONES, MOOD_ZEROS)[mood]

    def case(self, cuts):
        """One case: `cuts` is [(operation, mode)…], the second in the recovery after the first -> operations it took."""
        world = self.world()
        seed = world.seed = seed_of(cuts)
        first = cuts[0] if cuts else (None, MODES[0])
        world.cut_modes = [mode for _, mode in cuts]
        whole = not self._until_cut(self.run, world, first[0], first[1], seed)
        before = world.chip.operations
        for operation, mode in cuts[1:]:
            self.power_back(world, 0)
            self._until_cut(self.recover, world, operation, mode, seed + operation)
        self.power_back(world, len(cuts))
        start = world.chip.operations
        self.recover(world)
        self.check(world, whole)
        return before, world.chip.operations - start


def seed_of(cuts):
    """Of what is random in a case."""
    return 1 + 7919 * (cuts[0][0] if cuts else 0)


def case_id(scenario, cuts):
    """The id that runs the case again."""
    return ":".join([scenario.name] + ["%d/%s" % cut for cut in cuts])


def parse(text, scenarios):
    """A case's id -> (scenario, cuts). Raises ValueError."""
    name, *cuts = text.split(":")
    if name not in scenarios:
        raise ValueError("no scenario " + name)
    parsed = []
    for cut in cuts:
        operation, mode = cut.split("/")
        if mode not in MODES:
            raise ValueError("no mode " + mode)
        parsed.append((int(operation), mode))
    return scenarios[name], parsed


def count(scenario):
    """Operations of a run that no cut interrupts, which must itself be good."""
    return scenario.case([])[0]


def nested_count(scenario, cut):
    """Operations of the recovery after one cut."""
    world = scenario.world()
    world.seed = seed_of([cut])
    scenario._until_cut(scenario.run, world, cut[0], cut[1], world.seed)
    scenario.power_back(world, 0)
    world.chip.arm(None)
    before = world.chip.operations
    scenario.recover(world)
    return world.chip.operations - before
