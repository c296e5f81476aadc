# SPDX-License-Identifier: MIT
"""With the most of everything, receipts still fit a message, and the state still fits its slots and is read back."""

import unittest

from ports.reasons import NAMES
from sim.device import INT, Device
from sim.saved import receipts
from sim.sim_host import SUBJECT, field, purpose

from quell.control.receipt import WITHDRAW
from quell.limits import MAX_MESSAGE_BYTES, MAX_PURPOSES, MAX_RECEIPTS
from quell.state.consent import WITHDRAWN

ALL = range(1, MAX_PURPOSES + 1)


def crowded():
    """A device with the most purposes, every counter at its end, and large numbers."""
    device = Device().with_policy([purpose(n, "p%d" % n) for n in ALL], [field(1, "code", 192, INT, purposes=list(ALL))])
    for reason in range(1, len(NAMES)):
        device.agent.counters.add(reason, 1 << 40)
    for entry in device.agent.consent.purposes.values():
        entry.generation = 100000
    device.agent.consent.receipt_number = 100000
    device.agent.consent.boots = 100000
    device.host.receipts = []
    return device


class TestWorstCase(unittest.TestCase):
    def test_a_withdrawal_of_every_purpose_is_stored_and_answered(self):
        device = crowded()
        device.host.auto = False
        device.host.retained = {}
        commands = [device.host.withdraw(100000, purpose_id=n) for n in ALL]
        for at in range(0, len(commands), 6):
            device.host.bundle(SUBJECT, commands[at : at + 6])
            device.agent.session.restart()
            device.run(12)
        self.assertEqual(len(device.agent.consent.unacknowledged), MAX_RECEIPTS)
        for n in ALL:
            self.assertEqual(device.agent.consent.purposes[n].status, WITHDRAWN)
        self.assertEqual(device.agent.consent.intents, {})
        self.assertEqual(len(device.agent.consent.last), MAX_PURPOSES)
        self.assertTrue(len(receipts(device, WITHDRAW)) >= MAX_RECEIPTS)
        device.boot()
        self.assertEqual(device.agent.consent.instance, device.host.instance)
        for n in ALL:
            self.assertEqual(device.agent.consent.purposes[n].status, WITHDRAWN)
        self.assertEqual(len(device.agent.consent.last), MAX_PURPOSES)

    def test_no_message_is_over_the_limit(self):
        device = crowded()
        device.host.bundle(SUBJECT, [device.host.withdraw(100000)])
        device.agent.session.restart()
        device.run(8)
        sizes = [len(payload) for _, payload in device.port.link.sent]
        self.assertTrue(max(sizes) <= MAX_MESSAGE_BYTES, max(sizes))
        self.assertEqual(len(device.host.state[21]), MAX_PURPOSES)


if __name__ == "__main__":
    unittest.main()
