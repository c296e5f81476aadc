# SPDX-License-Identifier: MIT
"""A record past its retention does not leave the device, judged by authenticated time only."""

import unittest

from sim.device import Device
from sim.sim_host import NOW_S, purpose

from quell.counters import RETENTION


def stored(device):
    found = device.host.stored.get((device.host.instance, 1, 1), {})
    return [found[n][4][1] for n in sorted(found)]


def offline_with_records():
    """Three records in the ring while the link is down; retention is an hour."""
    device = Device().with_policy([purpose(1, "diagnostics", 3, k5=3600)]).granted()
    device.port.link.up = False
    device.agent.session.restart()
    for n in range(3):
        device.agent.emit("diagnostics", {"code": n}, durable=True)
    return device


class TestRetention(unittest.TestCase):
    def test_records_past_it_are_dropped_and_counted_once_the_host_says_the_time(self):
        device = offline_with_records()
        device.host.time_s = NOW_S + 7200
        device.port.link.up = True
        device.run(400)
        self.assertEqual(stored(device), [])
        self.assertEqual(device.count(RETENTION), 3)
        self.assertEqual(device.agent.rings.stats(1)["records"], 0)

    def test_newer_ones_still_go(self):
        device = offline_with_records()
        device.host.time_s = NOW_S + 7200
        device.port.clock.ms += 7200 * 1000
        device.agent.emit("diagnostics", {"code": 9})
        device.port.link.up = True
        device.run(400)
        self.assertEqual(stored(device), [9])
        self.assertEqual(device.count(RETENTION), 3)

    def test_records_of_another_policy_are_not_judged_in_this_ones_units(self):
        base = purpose(1, "diagnostics", 0, k4=3600)
        device = Device().with_policy([base])
        device.port.link.up = False
        device.agent.session.restart()
        device.agent.emit("diagnostics", {"code": 7}, durable=True)
        finer = purpose(1, "diagnostics", 0, k4=60)
        device.port.link.up = True
        device.with_policy([finer], version=2)
        device.run(400)
        held = device.host.stored[(device.host.instance, 1, 0)]
        self.assertEqual([held[n][4][1] for n in held], [7])
        self.assertEqual(device.count(RETENTION), 0)

    def test_the_devices_own_clock_expires_nothing(self):
        device = offline_with_records()
        device.port.clock.hint += 10 * 365 * 86400
        device.port.link.up = True
        device.run(400)
        self.assertEqual(stored(device), [0, 1, 2])


if __name__ == "__main__":
    unittest.main()
