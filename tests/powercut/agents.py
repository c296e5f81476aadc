# SPDX-License-Identifier: MIT
"""Scenarios of the whole agent: grant, withdrawal, button, policy swap, purge and receipt, records, on each kind of board."""

from engine import Scenario, need
from sim.device import INT, Device
from sim.saved import host_copy, receipts, restored_host
from sim.sim_board import LittleBoard, NorBoard
from sim.sim_host import OPERATOR, SUBJECT, field, policy_file, purpose

from quell.codec import cbor, p256
from quell.control.receipt import GRANT, POLICY, WITHDRAW
from quell.counters import Counters
from quell.data_path import BUFFERED, DURABLE, REFUSED
from quell.limits import MAX_STATE_BYTES
from quell.outcomes import DONE
from quell.port import LOGICAL, PHYSICAL
from quell.state import consent
from quell.state.consent import GIVEN, UNKNOWN, WITHDRAWN
from quell.state.slots import STATE, Slots

SECRET = "4711471147"  # a value that is collected: never in the image


def remember(module, names):
    """Signatures are the slow part, and each run asks for the same ones again."""
    for name in names:
        setattr(module, name, _memo(getattr(module, name)))


def _memo(function):
    known = {}

    def call(*args):
        if args not in known:
            known[args] = function(*args)
        return known[args]

    return call


remember(p256, ("sign", "verify", "public_key"))


def done(device, kind):
    return [receipt for receipt in receipts(device, kind) if receipt[5] == DONE]


class _World:
    def __init__(self, board, host):
        self.board = board
        self.chip = board.chip
        self.device = Device(host, board, boot=False, provisioned=True)
        self.power_back = board.reboot
        self.acted = self.purging = False


class AgentScenario(Scenario):
    """A device in some state; what happens to it while the power goes; what it must be after the next boot."""

    nested = ("nothing", "prefix", "weak")
    steps = 8
    _saved = None

    def board(self):
        return NorBoard(ring_sectors=6)

    def prepared(self):
        """The device before, powered on."""
        device = Device(flash=self.board(), provisioned=False).with_policy().granted()
        device.host.auto = False
        for code in (1, 2, int(SECRET)):
            device.agent.emit("diagnostics", {"code": code}, durable=True)
        return device

    def world(self):
        if self._saved is None:
            device = self.prepared()
            self.key = device.agent.keys.ring_key(1, 1)
            device.host.retained = {}
            device.host.batches = []
            self._saved = (device.board, device.board.chip.snapshot(), host_copy(device.host))
        board, image, host = self._saved
        board.reboot()
        board.chip.restore(image)
        return _World(board, restored_host(host))

    def run(self, world):
        world.device.boot(False)
        self.watch(world)
        world.acted = True
        self.act(world.device)
        world.device.run(self.steps)

    def watch(self, world):
        """Before it acts: what the check wants to know of the agent of this boot."""

    def recover(self, world):
        world.device.boot(False)

    def act(self, device):
        raise NotImplementedError

    def again(self, device):
        """`act` in a boot that goes on to the end."""
        self.act(device)

    def check(self, world, whole):
        self.at_boot(world.device)
        if not world.acted:  # the power went before
            self.again(world.device)
        world.device.run(14)
        self.in_the_end(world.device)
        need(SECRET.encode() not in bytes(world.chip.data), "I9: plaintext in the image")
        need(self.loose or not world.chip.violations, "I7: programmed over cells that were not blank")

    loose = False

    def at_boot(self, device):
        """What must hold before the network is heard."""

    def in_the_end(self, device):
        raise NotImplementedError


class Withdraw(AgentScenario):
    name = "agent-withdraw"
    level = PHYSICAL

    def watch(self, world):
        """Note when the purge destroys the key."""
        keys = world.device.agent.keys
        erase = keys.erase

        def noted(*args):
            world.purging = True
            return erase(*args)

        keys.erase = noted

    def recover(self, world):
        self.look(world)
        world.device.boot(False)

    def look(self, world):
        """Whether the flash says that a purge was begun; once it was, one rotten slot must not say otherwise."""
        flash = world.device.board.parts()[0]
        state = Slots(flash, "state", STATE, Counters())
        found = state.load()
        self.intended = found is not None and self.strict(found)
        if world.purging:
            left = [self.strict(payload) for _, payload in state.all()]
            need(all(left), "a slot holds the consent while the key goes")

    def strict(self, payload):
        m = cbor.decode(payload, MAX_STATE_BYTES)
        return len(m[8]) > 0 or m[7][1][1] == WITHDRAWN

    def act(self, device):
        device.host.bundle(SUBJECT, [device.host.withdraw(1)])

    def at_boot(self, device):
        agent = device.agent
        withdrawn = agent.consent.purposes[1].status == WITHDRAWN
        need(not withdrawn or agent.consent.intents == {}, "a purge waits for the network")
        need(withdrawn or not self.intended, "a withdrawal that was begun is not finished before the network is heard")
        if withdrawn:
            need(not agent.keys.has_ring_key(1), "withdrawn, and the key is there")
        else:
            need(agent.keys.ring_key(1, 1) == self.key, "given, and the key is gone")

    def in_the_end(self, device):
        agent = device.agent
        entry = agent.consent.purposes[1]
        need((entry.status, entry.generation) == (WITHDRAWN, 2), "consent is %d in generation %d" % (entry.status, entry.generation))
        need(agent.consent.intents == {}, "the purge is not finished")
        given = done(device, WITHDRAW)
        need(len(given) == 1, "%d receipts" % len(given))
        need(given[0][9] == entry.challenge and given[0][11] == 1, "the receipt names another state")
        need(given[0][12] == self.level, "erase level %d" % given[0][12])
        need(agent.emit("diagnostics", {"code": 9}) == REFUSED, "collects after a withdrawal")
        need(not [b for b in device.host.batches if b[13:15] == b"\x01\x02"], "sends after a withdrawal")
        need(not agent.keys.has_ring_key(1), "the key is there")
        if self.level == PHYSICAL:
            need(self.key not in bytes(device.board.chip.data), "I9: the key is on the chip")
            number = b"QN\x01\x00\x01\x00"
            need(number not in bytes(device.board.chip.data), "a sector of the purpose is on the chip")


class Button(Withdraw):
    name = "agent-button"

    def act(self, device):
        device.port.sources.button = "*"
        device.port.link.up = False

    def again(self, device):
        device.port.sources.button = "*"

    steps = 2

    def recover(self, world):
        # the button is a file or a pin: it stays pressed until the agent took it
        pressed = world.device.port.sources.button
        self.look(world)
        world.device.boot(False)
        world.device.port.sources.button = pressed


class Grant(AgentScenario):
    name = "agent-grant"

    def prepared(self):
        device = Device(flash=self.board(), provisioned=False).with_policy()
        device.agent.session.restart()
        device.run(4)
        device.agent.keys.ring_key(1, 1)
        self.challenge = device.agent.consent.purposes[1].challenge
        self.command = device.host.grant()
        return device

    def act(self, device):
        device.host.bundle(SUBJECT, [self.command])

    def at_boot(self, device):
        entry = device.agent.consent.purposes[1]
        if entry.status == GIVEN:
            need(entry.generation == 1 and entry.challenge != self.challenge, "given, in an old state")
            need(1 in device.agent.consent.last, "given, without its receipt")
        else:
            need((entry.status, entry.generation) == (UNKNOWN, 0), "neither given nor not")
            need(entry.challenge == self.challenge and not done(device, GRANT), "told, and not given")

    def in_the_end(self, device):
        entry = device.agent.consent.purposes[1]
        need((entry.status, entry.generation) == (GIVEN, 1), "not given in the end")
        need(len(done(device, GRANT)) == 1 and done(device, GRANT)[0][9] == entry.challenge, "the receipt names another state")
        need(device.agent.emit("diagnostics", {"code": 1}) != REFUSED, "collects nothing")


class PolicySwap(AgentScenario):
    """Another policy, under which the purpose asks for more: consent ends."""

    name = "agent-policy"
    steps = 12

    def prepared(self):
        device = AgentScenario.prepared(self)
        self.old = device.agent.data.policy.hash
        fields = [field(1, "code", 192, INT), field(2, "more", 192, INT)]
        self.body = policy_file([purpose(1, "diagnostics", k10=bytes(32)), purpose(2, "more")], fields, version=2)
        return device

    def act(self, device):
        device.host.bundle(OPERATOR, [device.host.push(self.body, 2)])

    def at_boot(self, device):
        agent = device.agent
        need(agent.data.policy is not None, "no policy is in force")
        if agent.data.policy.hash == self.old:
            need(agent.consent.policy_version == 1, "a mix of two policies")
            need(agent.emit("diagnostics", {"code": 7}) in (BUFFERED, DURABLE), "the old policy holds, and collects nothing")
        else:
            need(agent.consent.policy_hash == agent.data.policy.hash, "a mix of two policies")
            need(agent.emit("diagnostics", {"code": 7}) == REFUSED, "a consent passed to another digest")

    def in_the_end(self, device):
        agent = device.agent
        need(agent.consent.policy_version == 2 and agent.data.policy.version == 2, "the policy did not come into force")
        need(agent.consent.purposes[1].status == UNKNOWN and agent.consent.intents == {}, "consent did not end")
        need(len(done(device, POLICY)) >= 1, "no receipt")
        need(agent.emit("diagnostics", {"code": 7}) == REFUSED, "collects without consent")


class Records(AgentScenario):
    """Records while the host acknowledges, and more after the cut: what was durable arrives, once.

    Each third is durable; the others may leave before they reach the flash. Sequences are reserved a few at a time.
    """

    name = "agent-records"
    steps = 5
    order = [1, 2, int(SECRET)] + list(range(10, 40))

    def case(self, cuts):
        block, consent.SEQUENCE_BLOCK = consent.SEQUENCE_BLOCK, 4
        try:
            return AgentScenario.case(self, cuts)
        finally:
            consent.SEQUENCE_BLOCK = block

    def run(self, world):
        device = world.device
        device.host.auto = True
        world.promised = [1, 2, int(SECRET)]
        device.boot(False)
        for code in range(10, 22):
            self.emit(world, code, code % 3 == 0)
            device.run(1)
        device.run(self.steps)

    def emit(self, world, code, durable):
        if world.device.agent.emit("diagnostics", {"code": code}, durable) == DURABLE:
            world.promised.append(code)

    def check(self, world, whole):
        device = world.device
        for code in (30, 31, 32):
            self.emit(world, code, True)
        device.run(14)
        stored = device.host.stored[(device.host.instance, 1, 1)]
        codes = [stored[sequence][4][1] for sequence in sorted(stored)]
        lost = [code for code in world.promised if code not in codes]
        need(not lost, "lost: %s" % lost)
        need(len(codes) == len(set(codes)), "twice: %s" % codes)
        need(codes == [code for code in self.order if code in codes], "out of order: %s" % codes)
        need(SECRET.encode() not in bytes(world.chip.data), "I9: plaintext in the image")
        need(self.loose or not world.chip.violations, "I7")


class _Little:
    micropython = True
    modes = ("nothing", "prefix", "bits", "half")
    nested = ("nothing", "prefix")
    nested_step = 37  # the recovery displaces old keys with some 700 operations, each like the next
    loose = True
    level = LOGICAL
    kind = 2

    def board(self):
        return LittleBoard(self.kind, blocks=18, segments=4)


def _on_littlefs(base, kind):
    return type(base.__name__ + str(kind), (_Little, base), {"name": base.name + "-littlefs%d" % kind, "kind": kind})


_BASES = (Withdraw, Button, Grant, PolicySwap, Records)
ALL = _BASES + tuple([_on_littlefs(base, kind) for kind in (1, 2) for base in _BASES])
