# SPDX-License-Identifier: MIT
"""Run the agent on a Linux host: `micropython main.py CONFIG.json` (or `quell agent run --config CONFIG.json`).

The keys of CONFIG are in host_tools/README.md. Ctrl-C (SIGINT) flushes and ends it.
"""

import json
import sys
import time

from ports import status
from ports.catalogue import IDS
from ports.traceback import traceback
from ports.unix.clock import UnixClock, UnixEntropy
from ports.unix.flash import FolderFlash, folder_store
from ports.unix.link import UmqttLink
from ports.unix.sources import UnixSources
from quell.agent import Agent
from quell.counters import WIRE_MALFORMED
from quell.errors import QuellError
from quell.port import Port

_STATUS_EVERY_MS = 1000


def make_port(config, on_malformed):
    """The unix Port of a config dict."""
    flash = FolderFlash(config["dir"])
    sources = UnixSources(config.get("logs", {}), config.get("withdraw_file"))
    link = UmqttLink(config["broker"], on_malformed)
    return Port(flash, flash, folder_store(flash), link, UnixClock(), UnixEntropy(), sources)


def load_app(path):
    """The application module at `path`: a file that defines step(agent)."""
    folder, _, name = path.rpartition("/")
    sys.path.append(folder or ".")
    return __import__(name[:-3] if name.endswith(".py") else name)


def main(path):
    """Run until interrupted -> exit code."""
    with open(path) as file:
        config = json.load(file)
    try:
        agent = Agent(make_port(config, lambda: agent.counters.add(WIRE_MALFORMED)), IDS, traceback)
    except QuellError as error:
        sys.stderr.write("agent: " + str(error) + "\n")
        return 1
    app = load_app(config["app"]) if config.get("app") else None
    status_path = config["dir"] + "/status.json"
    status_ms = 0
    try:
        while True:
            agent.step()
            if app is not None:
                try:
                    app.step(agent)
                except Exception as error:
                    agent.note(error)
            now_ms = agent.clock.uptime_ms()
            if now_ms >= status_ms:
                status_ms = now_ms + _STATUS_EVERY_MS
                status.write(agent, status_path)
            time.sleep_ms(config.get("poll_ms", 50))
    except KeyboardInterrupt:
        pass
    agent.close()
    status.write(agent, status_path)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
