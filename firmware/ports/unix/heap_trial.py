# SPDX-License-Identifier: MIT
"""Does the agent pass in this heap? `micropython -X heapsize=… heap_trial.py DEVICE_FOLDER` prints `passed` if so.

Boots it on a copy of a device folder whose application purposes have consent, signs a state receipt, fills its rings,
builds batches and erases a purpose: all that it does but talk. The folder is used up.
"""

import sys

from ports.catalogue import IDS
from ports.unix.clock import UnixClock, UnixEntropy
from ports.unix.flash import FolderFlash, folder_store
from ports.unix.preview import NoLink
from ports.unix.sources import UnixSources
from quell.agent import Agent
from quell.counters import NO_MEMORY
from quell.port import Port
from quell.state.provisioning import BUTTON

_RECORDS = 64


def main(folder):
    """Run -> exit code 0 when every part worked."""
    flash = FolderFlash(folder)
    port = Port(flash, flash, folder_store(flash), NoLink(), UnixClock(), UnixEntropy(), UnixSources({}))
    agent = Agent(port, IDS, str)
    agent.receipts.state(agent.keys.random(16))
    taken = 0
    for n in range(_RECORDS):
        agent.step()
        for purpose in agent.data.policy.purposes:
            taken += agent.emit(purpose.name, {"number": n, "mode": "idle", "took": n * 10}) != 0
    for purpose in agent.data.policy.purposes:
        if agent.consent.refusal(purpose) == 0:
            agent.rings.ring(purpose.id).flush()
            agent.uplink.build(purpose.id, agent.consent.policies)
            agent.control._withdraw(purpose.id, 0, None, BUTTON, None)
    good = taken >= _RECORDS and agent.counters.get(NO_MEMORY) == 0
    print("passed" if good else "failed")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
