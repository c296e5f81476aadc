# SPDX-License-Identifier: MIT
"""On MicroPython: the whole job in memory, to find the smallest heap in which it passes. Prints `passed`."""

import gc

import reference
from sim.device import Device
from sim.sim_host import SUBJECT


def main():
    device = Device().with_policy(reference.purposes(), reference.fields()).granted()
    for n in range(80):
        device.agent.emit("diagnostics", reference.values(n))
        if n % 8 == 7:
            device.run(2)
    device.run(20)
    host = device.host
    assert len(host.stored[(host.instance, 1, 1)]) == 80
    # the host's half must not count: what it holds is let go
    host.stored, host.batches, host.receipts = {}, [], []
    device.port.link.sent = []
    host.bundle(SUBJECT, [host.withdraw(1)])
    device.agent.session.restart()
    device.run(6)
    assert host.receipts[-1][1][5] == 0 and host.receipts[-1][1][12] == 1
    gc.collect()
    print("passed")


main()
