# SPDX-License-Identifier: MIT
"""On MicroPython: records/s of collect -> ring beside JSON line + flush, and bytes on the wire. Prints one JSON line.

`micropython device_records.py FOLDER COUNT`
"""

import json
import os
import sys
import time

import reference
from ports.catalogue import IDS
from ports.unix.flash import FolderFlash
from sim.device import Device, provision, traceback
from sim.sim_port import sim_port

from quell.agent import Agent
from quell.data_path import REFUSED


def granted_device(folder):
    """A device on a real folder with the reference policy in force and its purpose granted."""
    device = Device()
    device.port = sim_port(device.host, FolderFlash(folder))
    device.host.public = provision(device.port)
    device.agent = Agent(device.port, IDS, traceback)
    device.with_policy(reference.purposes(), reference.fields(), rates={"app": 0x3FFFFFFF})
    return device.granted()


def wire_bytes(topic, payload):
    """An MQTT QoS 1 PUBLISH with this topic and payload, and its PUBACK."""
    body = 2 + len(topic) + 2 + len(payload)
    return 1 + (1 if body < 128 else 2) + body + 4


def timed(count, action):
    """Records per second of `action(n)` for n below count."""
    start = time.ticks_us()
    for n in range(count):
        action(n)
    return count * 1000000 / time.ticks_diff(time.ticks_us(), start)


def main(folder, count):
    device = granted_device(folder)
    agent = device.agent

    def emit(n):
        if agent.emit("diagnostics", reference.values(n)) == REFUSED:
            raise RuntimeError("refused")

    agent_rate = timed(count, emit)
    agent.rings.flush()

    path = folder + "/plain.jsonl"
    file = open(path, "w")

    def line(n):
        file.write(json.dumps(reference.values(n)) + "\n")
        file.flush()

    json_rate = timed(count, line)
    file.close()
    json_bytes = os.stat(path)[6] / count

    # what waits in the ring now leaves in full batches, acknowledgements included
    sent = agent.rings.stats(1)["records"]
    device.port.link.sent = []
    total = 0
    acks = []
    handle = device.host.handle

    def counted(topic, payload):
        answers = handle(topic, payload)
        acks.extend(answers)
        return answers

    device.host.handle = counted
    device.run(sent // 10 + 10)
    delivered = len(device.host.stored[(device.host.instance, 1, 1)])
    batches = [(t, p) for t, p in device.port.link.sent if t.endswith("/up")]
    for topic, payload in batches + acks:
        total += wire_bytes(topic, payload)
    print(
        json.dumps(
            {
                "agent_records_per_s": agent_rate,
                "json_flush_records_per_s": json_rate,
                "json_bytes_per_record": json_bytes,
                "delivered": delivered,
                "batches": len(batches),
                "wire_bytes_per_record": total / delivered,
                "batch_bytes_per_record": sum([len(p) for _, p in batches]) / delivered,
            }
        )
    )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
