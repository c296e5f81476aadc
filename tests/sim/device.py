# SPDX-License-Identifier: MIT
"""A provisioned device with a simulated port and host, one call away."""

from ports.catalogue import IDS

from quell.agent import Agent
from quell.counters import Counters
from quell.state import provisioning
from quell.state.keys import Keys
from sim.sim_host import SimHost, field, policy_file, purpose, request
from sim.sim_port import MemFlash, sim_port

INT, BOOL, WORD, TEXT, TIME, IPV4, IPV6, MAC, IMEI, IMSI = range(10)
ICCID, PHONE, ENUM, VERSION, HEX, IP, LEVEL, DURATION, ANY, ID = range(10, 20)
KEEP, DROP, HASH, TRUNCATE, BUCKET = range(5)


def traceback(error):
    return "Traceback (most recent call last):\n" + type(error).__name__ + ": " + str(error)


class Device:
    """An agent that can be rebooted on the same flash. `flash`: a MemFlash, or a board of sim_board.py.

    `provisioned`: what is in the flash is a device already; by default so when a flash is given.
    """

    trusted_entropy = True

    def __init__(self, host=None, flash=None, boot=True, provisioned=None):
        self.host = host or SimHost()
        self.board = flash or MemFlash()
        self.port = sim_port(self.host, self.board)
        if not (flash is not None if provisioned is None else provisioned):
            self.host.public = provision(self.port)
        if boot:
            self.boot()

    def boot(self, power_is_back=True):
        """Power on: a new agent on the same flash, with everything else new."""
        if power_is_back:
            self.board.reboot()
        hint, ms = self.port.clock.hint, self.port.clock.ms
        sources = self.port.sources
        self.port = sim_port(self.host, self.board)
        self.port.entropy.trusted = self.trusted_entropy
        self.port.clock.hint = None if hint is None else hint + ms // 1000
        self.port.sources.values, self.port.sources.button = sources.values, sources.button
        self.agent = Agent(self.port, IDS, traceback)
        return self.agent

    def run(self, steps=10, ms=1000):
        """`steps` slices, `ms` apart."""
        for _ in range(steps):
            self.agent.step()
            self.port.clock.ms += ms

    def with_policy(self, purposes=None, fields=None, templates=(), **more):
        """Run until a policy is in force (by default one consent purpose with an app.int and its bucket)."""
        if purposes is None:
            purposes = [purpose()]
        if fields is None:
            fields = [field(1, "code", IDS["app.int"], INT)]
        self.run(3)
        body = policy_file(purposes, fields, templates, **more)
        from sim.sim_host import OPERATOR

        self.host.bundle(OPERATOR, [self.host.push(body, more.get("version", 1))])
        self.agent.session.restart()
        self.run(12)
        return self

    def granted(self, purpose_id=1):
        """Grant the purpose by the subject and run until it is in force."""
        from sim.sim_host import SUBJECT

        self.host.bundle(SUBJECT, [self.host.grant(purpose_id)])
        self.agent.session.restart()
        self.run(6)
        return self

    def count(self, reason):
        return self.agent.counters.get(reason)


def provision(port):
    """Provision the port's key store -> the device's public key."""
    counters = Counters()
    return provisioning.provision(port.keystore, Keys(port.keystore, port.entropy, counters), request(), counters)
