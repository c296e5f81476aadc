# SPDX-License-Identifier: MIT
"""A board as the host tool sees it: provisioned, configured, locked, asked, run. Each `quell_board.py` rests on it."""

import gc

from ports import status
from ports.provision import answer
from quell import __version__
from quell.counters import Counters
from quell.errors import QuellError, StateError
from quell.state import provisioning

try:
    import usys as sys
except ImportError:  # older firmware has no usys
    import sys
try:
    import ujson as json
    import uos as os
except ImportError:
    import json
    import os

_LEVELS = ("restricted", "logical", "cryptographic", "physical")
_MAX_CONFIG_BYTES = 8192
_MAX_PURPOSE_ID = 255
_SECRETS = ("apn_password", "password", "key")


class Board:
    """One board. `parts`: callable() -> (flash, keystore, store); `entropy`: Entropy.

    `store`: "nor", "littlefs1" or "littlefs2", what `parts` uses; `root`: folder of the file system where the
    configuration is. A port gives `check`, `assemble` and `loop`.
    """

    def __init__(self, name, parts, entropy, store, root):
        self.name = name
        self._parts = parts
        self._entropy = entropy
        self._store = store
        self._root = root
        self.agent = None  # that runs, or ran last

    def check(self, config):
        """Raises ConfigError when the configuration (what its JSON holds) cannot work."""
        raise NotImplementedError

    def assemble(self):
        """Put the agent together -> it. Raises QuellError, ValueError, or OSError without a configuration."""
        raise NotImplementedError

    def loop(self):
        """Step the agent until Ctrl-C, and close it."""
        raise NotImplementedError

    def run(self):
        """Run the agent in this thread until Ctrl-C; then what is in RAM goes to flash."""
        try:
            if not self.provisioned():
                print("quell not provisioned: quell provision --port PORT")
                return
            self.agent = self.assemble()
        except (QuellError, ValueError, OSError) as error:
            print("quell boot failed %s" % error)
            return
        print("quell boot %d %s" % (self.agent.consent.boots, __version__))
        self.loop()
        print("quell stopped")

    def counting(self, reason):
        """A function that counts one of `reason`."""

        def count():
            if self.agent is not None:
                self.agent.counters.add(reason)

        return count

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
        """Keep `text`, the JSON of the port's configuration. Raises ConfigError or ValueError when it cannot work."""
        self.check(json.loads(text))
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
        return None if self.agent is None else status.status(self.agent, self.link_part())

    def link_part(self):
        """What the status says of the connection -> dict, None for what the agent itself knows."""
        return None
