# SPDX-License-Identifier: MIT
"""A link over a simulated AT modem, brought up by steps in simulated time."""

from ports.at_modem.at import At
from ports.at_modem.config import checked
from ports.at_modem.link import AtLink
from ports.at_modem.modem import Modem

from sim.sim_at import SimModem

STEP_MS = 20


class Bench:
    """One modem with engine, bring-up and link. `config`: more of the configuration; `broker`: of its broker."""

    def __init__(self, sim=None, hard_reset=None, config=None, broker=None):
        self.sim = sim or SimModem()
        self.uart = self.sim.uart
        self.malformed = self.failed = 0
        full = {"apn": "internet", "broker": {"host": "broker.test"}}
        full.update(config or {})
        full["broker"].update(broker or {})
        self.config = checked(full)
        self.at = At(self.uart, self.uart.now_ms, self.uart.sleep_ms)
        self.modem = Modem(self.at, self.config, self.uart.now_ms, hard_reset, self._on_failed)
        self.link = AtLink(self.at, self.modem, self.config, self.uart.now_ms, self.uart.sleep_ms, self._on_malformed)

    def _on_failed(self):
        self.failed += 1

    def _on_malformed(self):
        self.malformed += 1

    def steps(self, ms, until=None):
        """Step the modem for `ms`, or until `until()` -> whether it came to that."""
        end = self.uart.ms + ms
        while self.uart.ms < end:
            self.modem.step()
            if until is not None and until():
                return True
            self.uart.ms += STEP_MS
        return until is None

    def opened(self, ms=180000):
        """Connect, call by call -> how many calls that took. Raises LinkError as the link does."""
        end = self.uart.ms + ms
        calls = 1
        while not self.link.connect("000102030405060708090a0b0c0d0e0f"):
            calls += 1
            self.uart.ms += STEP_MS
            if self.uart.ms > end:
                raise ValueError("not opened in time")
        return calls

    def messages(self, ms=2000):
        """What `poll` gives within `ms`."""
        found = []
        end = self.uart.ms + ms
        while self.uart.ms < end:
            message = self.link.poll()
            if message is not None:
                found.append(message)
            self.uart.ms += STEP_MS
        return found
