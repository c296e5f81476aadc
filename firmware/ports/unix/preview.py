# SPDX-License-Identifier: MIT
"""What would leave the device: the real data path on a described device and finite logs, without a broker.

`micropython preview.py JOB.json`; the host's side is `quell preview`. JOB: {"dir": empty folder, "prov": hex of the
provisioning request, "policy": path of the signed policy, "sources": {id: value}, "emit": [[purpose, {field: value}]…],
"exceptions": [[type, traceback]…], "logs": {name: path}, "groups": [source group…], "consent": true if each purpose
has its consent, "time_s": unix seconds}.

Prints JSON lines: {"purpose", "trust", "boot", "time", "epoch", "fields": {id: value}}, bytes as {"hex": …};
{"lines": n} for progress; at the end {"batches", "wire_bytes", "counts": {reason: n}}.
"""

import json
import sys

from ports.catalogue import IDS
from ports.reasons import NAMES
from ports.unix.clock import UnixEntropy
from ports.unix.flash import FolderFlash, folder_store
from ports.unix.logs import LogFile
from quell.agent import Agent
from quell.codec import cbor
from quell.codec.builtin import hex_text, unhexlify
from quell.counters import Counters
from quell.data import encode
from quell.errors import LinkError, QuellError
from quell.limits import MAX_BATCH_RECORDS
from quell.port import Clock, Link, Port, Sources
from quell.state import policy as policies
from quell.state import provisioning
from quell.state.consent import CONSENT, GIVEN
from quell.state.keys import Keys

_NO_LIMIT = 0x3FFFFFFF
_STEP_MS = 50
_PROGRESS_LINES = 1000


class NoLink(Link):
    """Nothing leaves a preview."""

    def connect(self, client_id):
        raise LinkError("preview")

    def close(self):
        pass


class DescribedClock(Clock):
    """Time as the job says, moving with the steps, so that a preview gives the same output every time."""

    def __init__(self, time_s):
        self.ms = 0
        self._time_s = time_s

    def uptime_ms(self):
        return self.ms

    def hint_s(self):
        return self._time_s + self.ms // 1000


class DescribedSources(Sources):
    """Values from the device description; log files from their start to their end."""

    def __init__(self, values, logs):
        self._values = values
        self._paths = logs
        self._open = {}
        self.lines = 0

    def sample(self, source):
        return self._values.get(source)

    def follow(self, logs):
        for name in logs:
            if name in self._paths and name not in self._open:
                self._open[name] = LogFile(self._paths[name], True)

    def next_line(self):
        for name in sorted(self._open):
            line = self._open[name].next_line(True)
            if line is not None:
                self.lines += 1
                return name, (line if line is not False else None)
        return None


def make_agent(job):
    """An agent in the job's empty folder, provisioned, with the policy in force and consent as the job says."""
    flash = FolderFlash(job["dir"])
    counters = Counters()
    request = cbor.decode(unhexlify(job["prov"]), 4096)
    provisioning.provision(flash, Keys(flash, UnixEntropy(), counters), request, counters)
    sources = DescribedSources({int(i): v for i, v in job["sources"].items()}, job["logs"])
    port = Port(flash, flash, folder_store(flash), NoLink(), DescribedClock(job["time_s"]), UnixEntropy(), sources)
    agent = Agent(port, IDS, str)
    with open(job["policy"], "rb") as file:
        body = file.read()
    policy = policies.verify(body, agent.provisioning.anchors, agent.is_app_source)
    policy.rates = {group: _NO_LIMIT for group in job["groups"]}
    agent.data.policy = policy
    agent.consent.instance = b"preview."
    agent.consent.adopt(policy)
    agent.consent.reconciled = True
    if job["consent"]:
        for purpose in policy.purposes:
            if purpose.basis == CONSENT:
                agent.consent.changed(agent.consent.purposes[purpose.id], GIVEN)
    return agent


def _plain(value):
    return {"hex": hex_text(value)} if isinstance(value, bytes) else value


class Drain:
    """Takes records out of the rings as the uplink would, and prints them."""

    def __init__(self, agent):
        self._agent = agent
        self.batches = 0
        self.wire_bytes = 0

    def purpose(self, purpose, everything):
        """Print what waits for this purpose: whole batches, and with `everything` the rest too."""
        ring = self._agent.rings.ring(purpose.id)
        while ring.next - ring.acked >= (1 if everything else MAX_BATCH_RECORDS):
            ring.flush()
            built = self._agent.uplink.build(purpose.id, self._agent.consent.policies)
            if built is None:
                continue
            following, message = built
            for sequence, data in ring.peek(MAX_BATCH_RECORDS)[1]:
                if sequence < following:
                    self._print(purpose, encode.decode(data))
            self.batches += 1
            self.wire_bytes += len(message)
            ring.ack(following)

    def _print(self, purpose, record):
        line = {
            "purpose": purpose.id,
            "trust": record.trust,
            "boot": record.boot,
            "time": record.time,
            "epoch": record.epoch,
            "fields": {str(field_id): _plain(value) for field_id, value in record.values},
        }
        print(json.dumps(line))


def main(path):
    """Run the job -> exit code: 0, or 1 with one line on stderr."""
    with open(path) as file:
        job = json.load(file)
    try:
        agent = make_agent(job)
    except QuellError as error:
        sys.stderr.write("preview: " + str(error) + "\n")
        return 1
    drain = Drain(agent)
    purposes = agent.data.policy.purposes
    for name, text in job["exceptions"]:
        agent.collector.exception(name, text)
    for purpose, fields in job["emit"]:
        agent.emit(purpose, fields)
    sources = agent.port.sources
    reported = 0
    while True:
        before = sources.lines
        agent.data.step(agent.port.clock.ms)
        agent.port.clock.ms += _STEP_MS
        for purpose in purposes:
            drain.purpose(purpose, False)
        if sources.lines // _PROGRESS_LINES > reported:
            reported = sources.lines // _PROGRESS_LINES
            print(json.dumps({"lines": sources.lines}))
        if sources.lines == before:
            break
    for purpose in purposes:
        drain.purpose(purpose, True)
    counts = {NAMES[reason]: n for reason, n in agent.counters.as_map().items()}
    print(json.dumps({"batches": drain.batches, "wire_bytes": drain.wire_bytes, "counts": counts}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
