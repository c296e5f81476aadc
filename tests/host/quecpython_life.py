# SPDX-License-Identifier: MIT
"""The agent on a simulated module between two power cuts, watched: what it raises, samples, takes, promises and loses.

Runs on the simulated module, for quecpython_walk.py.
"""

import gc

import quecpython_sim as control
import quell_board
import uio
import uos
import usys
from ports.catalogue import IDS
from sim_host import OPERATOR, SUBJECT, SimHost

SETTLE_S = 700
STEP_MS = 400
FILLER = "/usr/filler"
# what the description says, in the shape that leaves the device; a hash is one of one whole value
WHOLE = {
    "modem.imei": "490154203237518", "modem.imsi": "001010123456789", "modem.iccid": "8988211000000000014",
    "modem.phone": "+15550100", "modem.serial": "E1X20AB00000001", "modem.cell-id": "1C0FFEE", "modem.lac": "1A2B",
    "modem.model": "EC600N", "modem.firmware": "EC200UEUAAR03A04M08_OCPU_QPY", "modem.operator": "Test Network",
    "net.ipv4": "10.64.0.2", "modem.rssi": -65, "modem.registration": 1, "modem.mcc": 1, "modem.mnc": 1,
    "modem.battery-mv": 3900, "modem.sim-status": 1,
}  # fmt: skip
# what a call with a fault may give beside the whole value: it is no identifier, and true of what the module said
ALSO = {"modem.sim-status": (18,), "modem.registration": ()}
host = SimHost()
host.verify = False
faults, threads = control.faults, control.faults.threads
called = set()  # what the port and the agent called


def fault(case=None):
    """From now on the case's function fails; without a case nothing does."""
    called.update(faults._calls)
    faults._plan.clear()
    if case is None:
        try:
            uos.remove(FILLER)
        except OSError:
            pass
    elif case["way"] == "full":
        fill()
    else:
        entry = {"at": case["name"]}
        entry.update(case["effect"])
        if case["turn"]:
            entry["nth"] = case["turn"]
        faults.load([entry])


def fill():
    """Leave no room in /usr."""
    with open(FILLER, "wb") as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass


def passed(condition, most_s):
    """Let time pass until `condition()` -> whether it came."""
    end_ms = control.now_ms() + most_s * 1000
    while not condition():
        if control.now_ms() >= end_ms:
            return False
        control.clock.sleep_ms(100)
    return True


class Life:
    """The module from one power-on to the next power cut. `found`: what must not be.

    `strict`: nothing that is raised may come as far as the agent's own net; a start may raise QuellError or OSError.
    """

    body = b""  # of the policy
    number = 0  # of the record that was emitted last

    def __init__(self, strict=True):
        self.found = []
        self.raised = None  # by a start
        self.steps = 0
        self.taken = []  # numbers that the agent took
        self.refused = 0
        self.own = {1: [], 2: []}  # sequences of the records that the rings took in this life
        self.promised = []  # numbers that are durable
        self.hold = self.held = self.over = False
        self.strict = strict
        self.feeding = self.restart = False  # connect anew, in the agent's own thread
        self.agent = self.runner = None
        control.faults.threads.start(self._start, (), {})

    def _start(self):
        try:
            board = quell_board.make()
            assemble = board.assemble

            def assembled():
                self.agent = assemble()
                self.runner = board._runner
                self._watch()  # before its thread runs
                return self.agent

            board.assemble = assembled
            board.start()
        except Exception as error:
            self.raised = error
        self.over = True
        while self.raised is None:  # from here on this is the application
            if self.feeding:
                self.emit(Life.number % 3 == 0)
            control.clock.sleep_ms(2000)

    def _watch(self):
        """Look over the agent's shoulder."""
        agent, runner = self.agent, self.runner
        step, note, sample, emit = agent.step, agent.note, agent.port.sources.sample, agent.emit
        append = agent.rings.append
        names = {number: name for name, number in IDS.items()}

        def stepped():
            self.steps += 1
            if self.restart:
                self.restart = False
                agent.session.restart()
            self._careful("step", step)

        def noted(error):
            if self.strict:
                self.found.append("noted " + text_of(error))
            note(error)

        def sampled(source):
            value, name = sample(source), names[source]
            if value is not None and name in WHOLE and value != WHOLE[name] and value not in ALSO.get(name, ()):
                self.found.append("sampled %s %r" % (name, value))
            return value

        def appended(purpose_id, data, policy_version, now_ms):
            sequence = append(purpose_id, data, policy_version, now_ms)
            self.own[purpose_id].append(sequence)
            return sequence

        def emitted(name, fields, durable):
            done = emit(name, fields, durable)
            if done:
                self.taken.append(fields["number"])
            else:
                self.refused += 1
            if done == 2:
                self.promised.append(fields["number"])
            return done

        agent.step, agent.note, agent.port.sources.sample, agent.emit = stepped, noted, sampled, emitted
        agent.rings.append = appended
        whole_step = runner.step
        runner.step = lambda: self._careful("runner", whole_step)
        runner._sleep_ms = self._sleep
        self._begin(True)

    def _begin(self, booted=False):
        """From here on everything is accounted for; what waits at a boot is older."""
        agent, self.begun, self.counted = self.agent, {}, self._counts()
        for purpose_id in (1, 2):
            if purpose_id in agent.consent.purposes and agent.rings.held(purpose_id):
                ring, generation = agent.rings.ring(purpose_id), agent.consent.purposes[purpose_id].generation
                self.begun[purpose_id] = (generation, ring.lost, not booted or not ring.waiting())
                self.own[purpose_id] = [n for n in self.own[purpose_id] if n >= ring.acked]

    def _careful(self, what, function):
        try:
            function()
        except Exception as error:
            if self.strict or what == "step":
                self.found.append("%s raised %s" % (what, text_of(error)))
            raise

    def _sleep(self, ms):
        while self.hold:
            self.held = True
            control.clock.sleep_ms(20)
        self.held = False
        control.clock.sleep_ms(STEP_MS)

    def _counts(self):
        return sum(self.agent.counters.as_map().values())

    def emit(self, durable):
        """The application's thread hands over the next number -> it."""
        Life.number += 1
        number = Life.number
        try:
            self.runner.emit("usage", {"number": number}, durable)
        except Exception as error:
            self.found.append("emit raised " + text_of(error))
        return number

    def live(self, seconds):
        """Run for so long, with records -> whether it still stepped at the end."""
        self.feeding = True
        passed(lambda: False, seconds)
        self.feeding = False
        before = self.steps
        return passed(lambda: self.steps > before, 30)

    def settled(self):
        """Without faults: a new record comes to the host, and nothing waits any more."""
        last = [self.emit(False)]
        seen = [control.now_ms()]

        def come():
            if last[0] not in numbers() and control.now_ms() - seen[0] > 60000:  # it was refused, or is lost with others
                seen[0] = control.now_ms()
                self.again()
                last[0] = self.emit(False)
            return last[0] in numbers()

        return passed(come, SETTLE_S)

    def again(self):
        """A device that lost its state or its keys asks for everything anew, and gets it."""
        agent = self.agent
        host.time_s += 60
        if agent.data.policy is None or 1 not in agent.consent.purposes:
            host.bundle(OPERATOR, [host.push(Life.body, 1)])
            print("again policy")
        elif agent.consent.purposes[1].status != 1 and host.state is not None and host.entry_of(1):
            host.bundle(SUBJECT, [host.grant(1)])
            print("again consent")
        else:
            return
        self.restart = True

    def audit(self):
        """What was taken is at the host, in the ring or counted."""
        self.hold = True
        passed(lambda: self.held, 60)
        agent, at_host = self.agent, numbers()
        for purpose_id, (generation, lost_before, exact) in self.begun.items():
            entry = agent.consent.purposes.get(purpose_id)
            if entry is None or entry.generation != generation:
                continue
            ring = agent.rings.ring(purpose_id)
            stored = host.stored.get((agent.consent.instance, purpose_id, generation), {})
            own, lost = self.own[purpose_id], ring.lost - lost_before
            missing = [n for n in own if n < ring.acked and n not in stored]
            if len(missing) != lost if exact else len(missing) > lost:  # else some of what was lost is older
                self.found.append("purpose %d: %d missing, %d counted as lost" % (purpose_id, len(missing), lost))
            waiting = len([n for n in own if n >= ring.acked])
            if ring.waiting() < waiting or exact and ring.waiting() != waiting:
                self.found.append("purpose %d: %d wait, %d were taken" % (purpose_id, ring.waiting(), waiting))
            if purpose_id == 1:
                gone = len([n for n in self.taken if n not in at_host])
                if gone > lost + ring.waiting():
                    self.found.append("%d records are gone, %d counted" % (gone, lost))
        if self.refused > self._counts() - self.counted:
            self.found.append("%d refused and not counted" % self.refused)
        self.taken, self.refused = [n for n in self.taken if n not in at_host], 0
        self._begin()
        self.hold = False

    def kill(self):
        """The power is cut: every thread stops where it stands."""
        self.hold = False
        for thread in list(threads._running.values()):
            if thread.number:
                thread.stopped = True
        passed(lambda: threads.live() == 1, 60)
        if threads.live() != 1:
            self.found.append("threads do not end")
        gc.collect()


def text_of(error):
    out = uio.StringIO()
    usys.print_exception(error, out)
    lines = [line.strip() for line in out.getvalue().split("\n")]
    return " | ".join([line for line in lines if line][-3:])


def numbers():
    """All numbers that the host has."""
    found = set()
    for (_, purpose_id, _), records in host.stored.items():
        if purpose_id == 1:
            found.update([record[4][1] for record in records.values() if 1 in record[4]])
    return found
