# SPDX-License-Identifier: MIT
"""A board with stock MicroPython and a modem on a UART, as the host tool sees it: what a `quell_board.py` is.

`boards/QEMU_SABRELITE/modules/quell_board.py` is one in a few lines.
"""

import gc
import json
import os
import sys
import time

from ports import status
from ports.at_modem.assemble import at_port
from ports.at_modem.clock import AtClock
from ports.at_modem.config import checked
from ports.catalogue import IDS
from ports.console import Console
from ports.provision import answer
from ports.traceback import traceback
from quell import __version__
from quell.agent import Agent
from quell.counters import WIRE_MALFORMED, Counters
from quell.errors import QuellError, StateError
from quell.state import provisioning

_LEVELS = ("restricted", "logical", "cryptographic", "physical")
_MAX_CONFIG_BYTES = 8192
_POLL_MS = 5
_COLLECT_EVERY_BYTES = 16384
_MAX_PURPOSE_ID = 255
_SECRETS = ("apn_password", "password", "key")


class StockBoard:
    """One board. `parts`: callable() -> (flash, keystore, store); `uart`: callable() -> the modem's.

    `entropy`: Entropy; `store`: "nor", "littlefs1" or "littlefs2", what `parts` uses. `root`: folder of the file
    system where the configuration is. `app`: name of the application's module with `step(agent)`, where there is one.
    """

    def __init__(self, name, parts, uart, entropy, store, root, app="app", hard_reset=None):
        self.name = name
        self._parts = parts
        self._uart = uart
        self._entropy = entropy
        self._store = store
        self._root = root
        self._app = app
        self._hard_reset = hard_reset
        self.agent = None  # that runs, or ran last

    # provisioning ----------------------------------------------------------------------------

    def provisioned(self):
        """True when the key store has a provisioning record."""
        return self._device(self._parts()[1]) is not None

    def _device(self, keystore):
        try:
            return provisioning.load(keystore, Counters()).device_hex
        except StateError:
            return None

    def provision(self, request):
        """CBOR request of the host (SPEC §10) -> CBOR answer. Raises StateError when there is a record already."""
        if self.provisioned():
            raise StateError("provisioned already")
        return answer(self._parts()[1], self._entropy, request)

    def forget(self):
        """Erase everything that the agent keeps: keys first, then records and state; configuration and lock too."""
        flash, keystore, store = self._parts()
        self.agent = None
        for place in (keystore, flash):
            for name in ("keys", "prov", "state", "policy"):
                for letter in "abc"[: place.copies]:
                    place.erase(name + "." + letter)
        store.mount(Counters())
        for purpose_id in range(1, _MAX_PURPOSE_ID + 1):
            store.shred(purpose_id)
        for name in ("quell.json", "quell.lock"):
            try:
                os.remove(self._path(name))
            except OSError:
                pass

    # configuration -----------------------------------------------------------------------------

    def _path(self, name):
        return self._root + "/" + name

    def _write(self, name, text):
        """Replace a file at once: a cut leaves the old one or the new one."""
        with open(self._path(name + ".new"), "w") as file:
            file.write(text)
        os.rename(self._path(name + ".new"), self._path(name))

    def _config(self):
        with open(self._path("quell.json")) as file:
            return json.loads(file.read(_MAX_CONFIG_BYTES))

    def configure(self, text):
        """Keep `text`, the JSON of ports/at_modem/config.py. Raises ConfigError or ValueError when it cannot work."""
        checked(json.loads(text))
        self._write("quell.json", text)

    def config(self):
        """The configuration without its secrets -> dict; {} when there is none."""
        try:
            config = self._config()
        except (OSError, ValueError):
            return {}
        for part in (config, config.get("broker", {})):
            for key in _SECRETS:
                if key in part:
                    part[key] = "set"
        return config

    def lock(self, yes):
        """A locked board has no Ctrl-C and no REPL: see its page for the way back."""
        if yes:
            self._write("quell.lock", "1")
        elif self.locked():
            os.remove(self._path("quell.lock"))

    def locked(self):
        """True when `lock` was called."""
        try:
            os.stat(self._path("quell.lock"))
        except OSError:
            return False
        return True

    # looking -----------------------------------------------------------------------------------

    def info(self):
        """-> dict for `quell device info`."""
        _, keystore, store = self._parts()
        device = self._device(keystore)
        gc.collect()
        return {
            "name": self.name,
            "version": __version__,
            "micropython": "%d.%d.%d" % sys.implementation[1][:3],
            "heap_free": gc.mem_free(),
            "heap_used": gc.mem_alloc(),
            "store": self._store,
            "erase_level": _LEVELS[min(keystore.level, max(store.level, 2))],
            "provisioned": device is not None,
            "device": device,
        }

    def status(self):
        """The state of the agent that runs or ran last -> dict (host_tools/README.md), or None."""
        return None if self.agent is None else status.status(self.agent)

    # running -----------------------------------------------------------------------------------

    def start(self):
        """-> (agent, modem), put together. Raises QuellError, or OSError without a configuration."""
        # collected early and often, what stays lies together, and not all over a heap that has no large piece left then
        gc.threshold(_COLLECT_EVERY_BYTES)
        flash, keystore, store = self._parts()
        clock = AtClock(time.ticks_ms, time.ticks_diff)
        port, modem = at_port(
            self._uart(), clock, time.sleep_ms, self._config(), flash, keystore, store, self._entropy,
            self._malformed, hard_reset=self._hard_reset,
        )  # fmt: skip
        self.agent = Agent(port, IDS, traceback)
        return self.agent, modem

    def _malformed(self):
        if self.agent is not None:
            self.agent.counters.add(WIRE_MALFORMED)

    def run(self):
        """Run the agent, and the application beside it, until Ctrl-C; then what is in RAM goes to flash."""
        if not self.provisioned():
            print("quell not provisioned: quell provision --port PORT")
            return
        try:
            agent, modem = self.start()
        except (QuellError, ValueError, OSError) as error:
            print("quell boot failed %s" % error)
            return
        print("quell boot %d %s" % (agent.consent.boots, __version__))
        console = Console(agent)
        app = self._load_app()
        try:
            while True:
                modem.step()
                agent.step()
                if app is not None:
                    try:
                        app.step(agent)
                    except Exception as error:
                        agent.note(error)
                console.step()
                time.sleep_ms(_POLL_MS)
        except KeyboardInterrupt:
            pass
        agent.close()
        print("quell stopped")

    def _load_app(self):
        try:
            os.stat(self._path(self._app + ".py"))
        except OSError:
            return None
        return __import__(self._app)
