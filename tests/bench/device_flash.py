# SPDX-License-Identifier: MIT
"""On MicroPython: what records of 100 bytes cost a simulated NOR chip, in our stores and as JSON. Prints one JSON line.

`micropython device_flash.py [WAY…]`: some of WAYS, or all.
"""

import gc
import json
import os
import sys

from chip import BLOCKS, Meter, sound
from ports.block_nor import BlockNor
from ports.vfs_flash import VfsFlash
from sim.sim_blocks import SimBlocks, make_fs
from sim.sim_board import SEGMENT_BYTES
from sim.sim_nor import SimNor

from quell.codec.builtin import digest
from quell.counters import Counters
from quell.limits import SEQUENCE_BLOCK
from quell.state.consent import Consent
from quell.store.file_store import FileStore
from quell.store.nor_store import NorStore

RECORD_BYTES = 100
DELIVER_EVERY = 25  # records, then all of them are acknowledged
SEGMENTS = {1: 12, 2: 16}  # of one purpose: 48 blocks on littlefs 1, on littlefs 2 as many as a purpose may have
BATCHED = 40000  # records
EACH = 5000  # records of the ways that write to flash at each one
DURABLE = 20000  # of those on littlefs 2, which moves what is hot, but not soon
SECTORS_FULL = 33  # records that are more than a sector holds
STATE_BYTES = 350  # of receipts: makes the state as large as with one purpose
ROTATE_BYTES = 65536
LIST_RECORDS = 100
KEY = bytes(range(32))


class State:
    """Reserves sequences as the agent does: by commits of its state record to `flash`; None: they are only counted."""

    def __init__(self, flash):
        self._consent = None
        if flash is not None:
            self._consent = Consent(flash, None, Counters())
            self._consent.last = {1: bytes(STATE_BYTES)}
        self._reserved = 0
        self.commits = 0

    def reserve(self, sequence):
        if sequence >= self._reserved:
            self._reserved = sequence + SEQUENCE_BLOCK
            self.commits += 1
            if self._consent is not None:
                self._consent.reserve(1, 1, sequence)


class Salts:
    """Different at each call, the same in each run."""

    def __init__(self):
        self._n = 0

    def random(self, length):
        self._n += 1
        return digest(b"salt", self._n.to_bytes(4, "big"))[:length]


def opened(store, state, counters):
    """The mounted ring of one purpose that has the whole store."""
    store.mount(counters)
    store.plan([(1, 1)])
    ring = store.open(1, 1, KEY, Salts().random, state.reserve, counters)
    ring.mount(0, 0, 0)
    return ring


def record(n):
    return n.to_bytes(4, "big") + bytes(RECORD_BYTES - 4)


def fill(ring, count, delivered=False, durable=False):
    """Append records; each DELIVER_EVERY all that wait are acknowledged, or each is to be in flash at once."""
    for n in range(count):
        ring.append(record(n), 1, n)
        if durable and not ring.make_durable():
            raise RuntimeError("not durable")
        if delivered and n % DELIVER_EVERY == DELIVER_EVERY - 1:
            ring.ack(ring.next)


def measured(nor, ring, state, counters, count, **how):
    """Figures of `fill`, with the state's commits."""
    meter = Meter(nor)
    fill(ring, count, **how)
    sound(counters)
    figures = meter.per_record(count, RECORD_BYTES)
    figures["state_commits"] = state.commits
    return figures


# raw NOR -------------------------------------------------------------------------------------


def nor_store(chip):
    return NorStore(BlockNor(SimBlocks(chip), 0, chip.sectors))


def raw_nor(count, delivered):
    chip, state, counters = SimNor(BLOCKS), State(None), Counters()
    figures = measured(chip, opened(nor_store(chip), state, counters), state, counters, count, delivered=delivered)
    if chip.violations:
        raise RuntimeError("programmed over what was not blank")
    return figures


def nor_boot(sectors):
    """Reads of a boot on a full ring, of the first count of what waits in it, and bytes of RAM."""
    chip = SimNor(sectors)
    fill(opened(nor_store(chip), State(None), Counters()), SECTORS_FULL * sectors)
    gc.collect()
    before = gc.mem_alloc()
    chip.reset_counters()
    store = nor_store(chip)
    ring = opened(store, State(None), Counters())
    reads, read_bytes = chip.reads, chip.read_bytes
    gc.collect()
    heap = gc.mem_alloc() - before
    ring.waiting()
    lengths = [(len(value), len(bytes(value))) for value in store.__dict__.values() if hasattr(value, "extend")]
    return {
        "reads": reads,
        "read_bytes": read_bytes,
        "programs": chip.programs,
        "waiting_reads": chip.reads - reads,
        "array_bytes_per_sector": sum([size for items, size in lengths if items == sectors]) / sectors,
        "buffer_bytes": sorted([size for items, size in lengths if items != sectors]),
        "heap_bytes_64bit": heap,
    }


def nor(count):
    """The ring as it is delivered, and its boots."""
    figures = raw_nor(count, True)
    for sectors in (64, 256):
        figures["boot_%d" % sectors] = nor_boot(sectors)
    return figures


# file slots on littlefs ----------------------------------------------------------------------


def file_slots(kind, count, one_block=False, **how):
    """On littlefs `kind`, with its usual segments or those of one block; the link is down unless `delivered`."""
    chip, counters = SimNor(BLOCKS), Counters()
    make_fs(kind, chip)
    flash = VfsFlash("/nor/quell", "littlefs%d" % kind)
    flash.flushes_per_day = 0  # the store is measured, not its budget
    segments, size = SEGMENTS[kind], SEGMENT_BYTES[kind]
    if one_block:
        segments, size = SEGMENTS[2], SEGMENT_BYTES[2]
    state = State(flash)
    ring = opened(FileStore(flash, segments, size), state, counters)
    return measured(chip, ring, state, counters, count, **how)


# what a user would do otherwise --------------------------------------------------------------


def json_text(n):
    """A record as JSON: RECORD_BYTES bytes."""
    text = '{"n": %d, "text": "' % n
    return text + "x" * (RECORD_BYTES - 2 - len(text)) + '"}'


def json_lines(kind, count):
    """A line at the end of a file and `flush()`; at ROTATE_BYTES another file is begun, and the newest two are kept."""
    chip = SimNor(BLOCKS)
    make_fs(kind, chip)
    meter = Meter(chip)
    file, size = open("/nor/log", "w"), 0
    for n in range(count):
        size += file.write(json_text(n) + "\n")
        file.flush()
        if size >= ROTATE_BYTES:
            file.close()
            os.rename("/nor/log", "/nor/log.1")
            file, size = open("/nor/log", "w"), 0
    file.close()
    return meter.per_record(count, RECORD_BYTES)


def json_rewrite(kind, count):
    """The newest LIST_RECORDS as a list in one file, read and written whole at each record."""
    chip = SimNor(BLOCKS)
    make_fs(kind, chip)
    with open("/nor/history", "w") as file:
        json.dump({"data": []}, file)
    meter = Meter(chip)
    for n in range(count):
        with open("/nor/history") as file:
            held = json.load(file)
        held["data"] = (held["data"] + [json.loads(json_text(n))])[-LIST_RECORDS:]
        with open("/nor/history", "w") as file:
            json.dump(held, file)
    return meter.per_record(count, RECORD_BYTES)


WAYS = {
    "nor": lambda: nor(BATCHED),
    "nor_link_down": lambda: raw_nor(BATCHED, False),
    "littlefs2": lambda: file_slots(2, BATCHED),
    "littlefs2_delivered": lambda: file_slots(2, BATCHED, delivered=True),
    "littlefs2_durable": lambda: file_slots(2, DURABLE, durable=True),
    "littlefs1": lambda: file_slots(1, BATCHED),
    "littlefs1_one_block": lambda: file_slots(1, BATCHED, one_block=True),
    "littlefs1_delivered": lambda: file_slots(1, BATCHED, delivered=True),
    "littlefs1_durable": lambda: file_slots(1, EACH, durable=True),
    "json_lines_littlefs2": lambda: json_lines(2, EACH),
    "json_lines_littlefs1": lambda: json_lines(1, EACH),
    "json_rewrite_littlefs2": lambda: json_rewrite(2, EACH),
    "json_rewrite_littlefs1": lambda: json_rewrite(1, EACH),
}


if __name__ == "__main__":
    print(json.dumps({name: WAYS[name]() for name in sys.argv[1:] or sorted(WAYS)}))
