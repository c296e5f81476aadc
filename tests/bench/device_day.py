# SPDX-License-Identifier: MIT
"""On MicroPython: what days of a whole agent write to a simulated NOR chip. Prints one JSON line.

`micropython device_day.py KIND`: littlefs1, littlefs2 or nor.
"""

import json
import sys

import reference
from chip import BLOCKS, DAY_S, RECORD_EVERY_S, Meter, sound
from sim.device import Device
from sim.sim_board import LittleBoard, NorBoard

from quell.counters import EVICTED
from quell.data_path import REFUSED

SEGMENTS = {1: 10, 2: 40}  # of a littlefs of BLOCKS: the rest is for state, keys, policy and the file system
NOR_FILE_SECTORS = 10
STEP_S = 2
IDLE_DAYS = 7
IDLE_STEP_S = 60
BUSY_SEGMENTS = 20


def board(kind):
    """A board of BLOCKS, with the budget that its file system has."""
    if kind == "nor":
        return NorBoard(ring_sectors=BLOCKS - NOR_FILE_SECTORS)
    number = int(kind[-1])
    made = LittleBoard(number, blocks=BLOCKS, segments=SEGMENTS[number])
    made.unlimited = False
    return made


class Watch:
    """Counts from now on what a device writes: commits of its state, and segments, or sectors that raw NOR begins."""

    def __init__(self, device):
        self._device = device
        self._store = device.port.store
        self._write = device.port.flash.write
        device.port.flash.write = self._counted
        self.state_commits = self._files = 0
        self._sectors = getattr(self._store, "number", 0)
        self._began_ms = device.port.clock.ms
        self._meter = Meter(device.board.chip)

    def _counted(self, name, data):
        if name.startswith("state."):
            self.state_commits += 1
        elif name[0] == "r" and name != "reserve":
            self._files += 1
        self._write(name, data)

    def segments(self):
        return self._files + getattr(self._store, "number", 0) - self._sectors

    def figures(self):
        """Per day of the simulated clock."""
        sound(self._device.agent.counters)
        days = (self._device.port.clock.ms - self._began_ms) / 1000 / DAY_S
        segments, wear = self.segments(), self._meter.wear()
        return {
            "days": days,
            "state_commits_per_day": self.state_commits / days,
            "flushes_per_day": segments / days,
            "state_commits_per_segment": self.state_commits / segments if segments else None,
            "erases_per_day": sum(wear) / days,
            "hottest_erases_per_day": max(wear) / days,
            "years": self._meter.years(days),
            "evicted": self._device.count(EVICTED),
        }


def emit_for(device, seconds, until=None):
    """A reference record each RECORD_EVERY_S, until `until()` says so."""
    for n in range(seconds // RECORD_EVERY_S):
        if until is not None and until():
            return
        if device.agent.emit("diagnostics", reference.values(n)) == REFUSED:
            raise RuntimeError("refused")
        device.run(RECORD_EVERY_S // STEP_S, STEP_S * 1000)
        device.host.stored, device.host.batches, device.port.link.sent = {}, [], []  # what no device holds


def granted(kind):
    """A device with the reference policy and consent, that delivered a record."""
    device = Device(flash=board(kind), provisioned=False)
    device.with_policy(reference.purposes(), reference.fields()).granted()
    emit_for(device, RECORD_EVERY_S)
    if device.agent.rings.stats(1)["records"]:
        raise RuntimeError("not delivered")
    return device


def idle(kind):
    """Days on which nothing happens: the link is up, the ring open and empty."""
    device = granted(kind)
    watch = Watch(device)
    device.run(IDLE_DAYS * DAY_S // IDLE_STEP_S, IDLE_STEP_S * 1000)
    return watch.figures()


def delivered(kind):
    """A day of records with the link up."""
    device = granted(kind)
    watch = Watch(device)
    emit_for(device, DAY_S)
    return watch.figures()


def busy(kind):
    """Records without a link, until BUSY_SEGMENTS are written."""
    device = granted(kind)
    device.port.link.up = False
    device.agent.session.restart()
    watch = Watch(device)
    emit_for(device, DAY_S, lambda: watch.segments() == BUSY_SEGMENTS)
    return watch.figures()


def main(kind):
    print(json.dumps({"idle": idle(kind), "delivered": delivered(kind), "busy": busy(kind)}))


if __name__ == "__main__":
    main(sys.argv[1])
