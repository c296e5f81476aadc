# SPDX-License-Identifier: MIT
"""Consent end to end in memory: nothing before a grant, nothing after a withdrawal, whatever happens between."""

import unittest

from sim.device import Device

from quell.counters import NO_CONSENT
from quell.data_path import BUFFERED, DURABLE, REFUSED


class TestConsent(unittest.TestCase):
    def test_nothing_is_collected_before_a_grant(self):
        device = Device().with_policy()
        self.assertIsNotNone(device.agent.data.policy)
        self.assertEqual(device.agent.emit("diagnostics", {"code": 1}), REFUSED)
        self.assertEqual(device.count(NO_CONSENT), 1)
        device.run(10)
        self.assertEqual(device.host.batches, [])

    def test_records_after_a_grant_arrive_once_and_leave_the_ring(self):
        device = Device().with_policy().granted()
        self.assertEqual(device.agent.emit("diagnostics", {"code": 7}), BUFFERED)
        self.assertEqual(device.agent.emit("diagnostics", {"code": 8}, durable=True), DURABLE)
        device.run(10)
        stored = device.host.stored[(device.host.instance, 1, 1)]
        self.assertEqual([stored[i][4] for i in sorted(stored)], [{1: 7}, {1: 8}])
        self.assertEqual(device.agent.rings.stats(1)["records"], 0)


if __name__ == "__main__":
    unittest.main()
