# SPDX-License-Identifier: MIT
"""The module `quell_board` of the test's board: the unix port's code, everything in the folder `store` of its file system.

Copied to the board under that name; never imported here.
"""

import gc
import json
import os
import sys
import time

from ports.unix.clock import UnixEntropy
from ports.unix.flash import FolderFlash

from quell import __version__
from quell.codec import cbor
from quell.codec.builtin import hex_text
from quell.counters import Counters
from quell.errors import StateError
from quell.state import provisioning
from quell.state.keys import Keys

NAME = "FAKE"
VERSION = __version__
FROZEN = bool(os.getenv("QUELL_TEST_FROZEN"))
if os.getenv("QUELL_TEST_HASH"):
    HASH = os.getenv("QUELL_TEST_HASH")
STORE = "store"


def _record():
    try:
        return provisioning.load(FolderFlash(STORE), Counters())
    except StateError:
        return None


def provisioned():
    return _record() is not None


def provision(request):
    if provisioned():
        raise StateError("provisioned already")
    flash, counters = FolderFlash(STORE), Counters()
    parts = cbor.decode(request, 4096)
    public = provisioning.provision(flash, Keys(flash, UnixEntropy(), counters), parts, counters)
    return cbor.encode({0: parts[0], 5: public})


def forget():
    for entry in os.ilistdir(STORE):
        os.remove(STORE + "/" + entry[0])


def configure(text):
    json.loads(text)
    with open("config.json", "w") as file:
        file.write(text)


def config():
    try:
        with open("config.json") as file:
            values = json.load(file)
    except OSError:
        return {}
    broker = values.get("broker", {})
    broker.pop("password", None)
    return values


def lock(on):
    with open("locked", "w") as file:
        file.write("1" if on else "")


def locked():
    try:
        with open("locked") as file:
            return file.read() == "1"
    except OSError:
        return False


def info():
    record = _record()
    return {
        "name": NAME,
        "version": VERSION,
        "micropython": ".".join(str(n) for n in sys.implementation[1][:3]),
        "heap_free": gc.mem_free(),
        "heap_used": gc.mem_alloc(),
        "store": "littlefs2",
        "erase_level": "logical",
        "provisioned": record is not None,
        "device": hex_text(record.device_id) if record else None,
    }


def status():
    try:
        with open("status.json") as file:
            return json.load(file)
    except OSError:
        return None


def run():
    print("application: not for quell's ears")
    print("quell link up" if provisioned() else "quell boot not-provisioned")
    try:
        n = 0
        while True:
            n += 1
            print("quell counter 34 flush-refused " + str(n))
            time.sleep_ms(50)
    except KeyboardInterrupt:
        print("quell closed")
        raise
