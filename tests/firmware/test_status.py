# SPDX-License-Identifier: MIT
"""What a board says of its connection, on the console and in its status: the modem's trouble, where that stands in the way."""

import unittest

from ports import status
from ports.console import Console
from sim.at_link import Bench
from sim.device import Device
from sim.sim_at import SimModem, reply

from quell.errors import LinkError

PEM = "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUE\n-----END CERTIFICATE-----\n"


class Modem:
    """`trouble_name` as ports.at_modem.modem.Modem has it."""

    trouble_name = "no SIM"
    failures = 3


class TestTrouble(unittest.TestCase):
    def test_the_console_names_it_once_and_its_end(self):
        device, modem, said = Device(), Modem(), []
        device.port.link.up = False
        console = Console(device.agent, modem, said.append)
        for trouble in ("no SIM", "no SIM", "SIM locked", ""):
            modem.trouble_name = trouble
            console.look()
        device.port.link.up = True
        device.run(4)
        console.look()
        links = [line for line in said if line.startswith("quell link") and "failed" not in line]
        self.assertEqual(links, ["quell link down: no SIM", "quell link down: SIM locked", "quell link down", "quell link answered"])

    def test_without_a_modem_nothing_is_added(self):
        said = []
        Console(Device().agent, None, said.append).look()
        self.assertIn("quell link down", said)

    def test_the_status_has_it_as_the_last_error_while_nothing_is_connected(self):
        device, modem = Device(), Modem()
        device.port.link.up = False
        device.run(2)
        session = device.agent.session
        self.assertEqual(status.link(session), status.status(device.agent)["link"])
        self.assertEqual(status.link(session, modem), {"state": "down", "answered": False, "failures": 3, "last_error": "no SIM"})
        modem.trouble_name = ""
        self.assertEqual(status.link(session, modem), status.link(session))
        device.port.link.up = True
        device.run(10)
        modem.trouble_name = "starting"
        self.assertEqual(status.link(session, modem), {"state": "answered", "answered": True, "failures": 0, "last_error": ""})

    def test_of_an_agent_that_was_closed_it_is_what_was_before(self):
        device = Device()
        device.run(4)
        link = status.link(device.agent.session)
        device.agent.close()
        self.assertEqual(status.status(device.agent, link)["link"]["state"], "answered")
        self.assertEqual(status.status(device.agent)["link"]["state"], "down")


class TestRefusal(unittest.TestCase):
    def test_a_clock_by_which_no_certificate_is_valid_is_named(self):
        note = "; the modem's clock is wrong"
        for clock, broker, named in (
            ("80/01/06,00:00:00+00", {"ca": PEM}, True),
            ("99/01/01,00:00:00+00", {"ca": PEM}, True),
            ("26/11/24,18:30:05+04", {"ca": PEM}, False),
            ("80/01/06,00:00:00+00", {"ca": PEM, "ignore_local_time": True}, False),
            ("80/01/06,00:00:00+00", {}, False),
            (None, {"ca": PEM}, False),
        ):
            sim = SimModem()
            sim.open_result = 5
            sim.answers[b"AT+CCLK?"] = reply(final="ERROR") if clock is None else reply('+CCLK: "' + clock + '"')
            try:
                Bench(sim, broker=broker).opened()
                self.fail("it is open")
            except LinkError as error:
                self.assertEqual(str(error), "broker: network" + (note if named else ""))


if __name__ == "__main__":
    unittest.main()
