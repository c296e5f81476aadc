# SPDX-License-Identifier: MIT
"""On MicroPython: the whole agent over the AT port, with a TCP connection where a board has its UART.

`micropython at_agent.py CONFIG.json`; CONFIG: dir, modem_port, at (the port's configuration), app, poll_ms. Once the
modem is up, what its sources say goes to samples.json beside status.json.
"""

import json
import os
import socket
import sys
import time

from ports import status
from ports.at_modem.assemble import at_port
from ports.at_modem.clock import AtClock
from ports.catalogue import IDS
from ports.traceback import traceback
from ports.unix.clock import UnixEntropy
from ports.unix.flash import FolderFlash, folder_store
from ports.unix.main import load_app

from quell.agent import Agent
from quell.counters import BAD_VALUE, WIRE_MALFORMED

_STATUS_EVERY_MS = 200


class SocketUart:
    """read and write as machine.UART has them with timeout=0."""

    def __init__(self, port):
        self._socket = socket.socket()
        self._socket.connect(socket.getaddrinfo("127.0.0.1", port)[0][-1])
        self._socket.setblocking(False)

    def read(self, count):
        return self._socket.read(count)

    def write(self, data):
        return self._socket.write(data)


def write_json(path, value):
    with open(path + ".new", "w") as file:
        file.write(json.dumps(value))
    os.rename(path + ".new", path)


def main(path):
    with open(path) as file:
        config = json.load(file)
    folder = config["dir"]
    flash = FolderFlash(folder)
    clock = AtClock(time.ticks_ms, time.ticks_diff)
    port, modem = at_port(
        SocketUart(config["modem_port"]), clock, time.sleep_ms, config["at"], flash, flash, folder_store(flash), UnixEntropy(),
        lambda: agent.counters.add(WIRE_MALFORMED), lambda: agent.counters.add(BAD_VALUE),
    )  # fmt: skip
    agent = Agent(port, IDS, traceback)
    app = load_app(config["app"])
    names = [name for name in IDS if name.startswith("modem.")]
    samples, rounds, next_ms = {}, 0, 0
    try:
        while True:
            modem.step()
            agent.step()
            app.step(agent)
            now_ms = clock.uptime_ms()
            if now_ms >= next_ms:
                next_ms = now_ms + _STATUS_EVERY_MS
                if modem.ready and rounds < 50 and not (samples.get("modem.operator") and samples.get("hint_s")):
                    rounds += 1
                    for name in names:
                        samples[name] = port.sources.sample(IDS[name])
                    samples["hint_s"] = clock.hint_s()
                    samples["boots"] = modem.boots
                    write_json(folder + "/samples.json", samples)
                status.write(agent, folder + "/status.json")
            time.sleep_ms(config["poll_ms"])
    except KeyboardInterrupt:
        pass
    agent.close()
    status.write(agent, folder + "/status.json")


main(sys.argv[1])
