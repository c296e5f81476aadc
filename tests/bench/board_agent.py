# SPDX-License-Identifier: MIT
"""On the emulated board: a whole agent on its flash, whose link, clock and application are what the PC says.

board_lab.py sends it through the raw REPL; `values`, the reference record's fields, comes with it. Nothing of the
agent is imported before `load`, so that the heap is known as it is without the agent.
"""

import gc
import os
import sys
import time
from binascii import hexlify, unhexlify

USR_SECTORS = (64, 100)  # as ports/qemu/parts.py has them
SEGMENTS, SEGMENT_BYTES = 40, 4096  # likewise, of littlefs 2
PIECE_BYTES = 64  # is printed at once: the REPL's part in the heap stays small


class Link:
    """What is published is printed, at once or, where that is not to be counted, behind the step."""

    def __init__(self, at_once):
        self.inbox = []
        self.part = bytearray()
        self.late = None if at_once else []

    def connect(self, client_id):
        self.inbox = []
        return True

    def subscribe(self, topic):
        self._tell("S", topic, b"")

    def publish(self, topic, payload):
        self._tell("P", topic, payload)

    def poll(self):
        return self.inbox.pop(0) if self.inbox else None

    def close(self):
        self.inbox = []

    def _tell(self, letter, topic, payload):
        if self.late is not None:
            self.late.append((letter, topic, payload))
            return
        print(letter, topic)
        for at in range(0, len(payload), PIECE_BYTES):
            print(str(hexlify(payload[at : at + PIECE_BYTES]), "ascii"))

    def tell_late(self):
        """Print what was kept back."""
        late, self.late = self.late, None
        for letter, topic, payload in late or ():
            self._tell(letter, topic, payload)
        self.late = None if late is None else []


class Clock:
    """Stands still within a step."""

    def __init__(self):
        self.ms = 1000

    def uptime_ms(self):
        return self.ms

    def hint_s(self):
        return None


class Entropy:
    """The same bytes in each run, so that two runs do the same."""

    trusted = False

    def __init__(self):
        self._n = 0

    def read(self, length):
        self._n += 1
        return bytes((self._n * 7 + i) & 255 for i in range(length))


class Sources:
    """None but the application's."""

    def sample(self, source):
        return None

    def follow(self, logs):
        pass

    def next_line(self):
        return None

    def withdrawal(self):
        return None

    def withdrawal_done(self):
        pass


agent = link = clock = modem = None
ballast = b""
base_bytes = 0


def used():
    """Bytes of heap that are reachable, the driver's own and the ballast not counted."""
    gc.collect()
    gc.collect()
    return gc.mem_alloc() - base_bytes


def clean(collect_every_bytes, ballast_bytes):
    """Forget what the boot imported of the agent, and take `ballast_bytes` away -> bytes that are left."""
    global ballast, base_bytes
    os.chdir("/")  # in /usr the agent's folder `quell` would be found before the code
    for name in list(sys.modules):
        if name.split(".")[0] in ("quell", "ports"):
            del sys.modules[name]
    ballast = b""
    gc.collect()
    ballast = bytearray(ballast_bytes)
    base_bytes = 0
    base_bytes = used()
    gc.threshold(collect_every_bytes)
    return gc.mem_free()


def mount(first, count):
    """For a firmware without _boot.py: /usr, and the file system with the agent's code in sectors of the chip."""
    import board

    os.mount(os.VfsLfs2(board.Nor(*USR_SECTORS)), "/usr")
    os.mount(os.VfsLfs2(board.Nor(first, count)), "/code")
    sys.path.insert(0, "/code")


def parts(kind):
    """(flash, keystore, store) of the board; on littlefs 2 only what a module has, without the store for raw NOR."""
    if kind == "nor":
        from ports.qemu import parts as board_parts

        return board_parts.parts()
    from ports.vfs_flash import VfsFlash

    from quell.store.file_store import FileStore

    flash = VfsFlash("/usr/quell", kind)
    flash.flushes_per_day = 0  # the store is measured, not its budget
    return flash, flash, FileStore(flash, SEGMENTS, SEGMENT_BYTES)


def provision(kind, request):
    """Answer a provisioning request, as `quell provision` has it done."""
    from ports.provision import answer

    print(str(hexlify(answer(parts(kind)[1], Entropy(), unhexlify(request))), "ascii"))


def boot(kind, at_once):
    """Power is back: all new on the same flash -> microseconds of Agent()."""
    global agent, link, clock
    from ports.catalogue import IDS
    from ports.traceback import traceback

    from quell.agent import Agent
    from quell.port import Port

    link, clock = Link(at_once), Clock()
    port = Port(*parts(kind), link, clock, Entropy(), Sources())
    start = time.ticks_us()
    agent = Agent(port, IDS, traceback)
    return time.ticks_diff(time.ticks_us(), start)


def add_modem():
    """The port of a modem beside the agent, made and not stepped -> bytes that it keeps."""
    global modem
    before = used()
    import board
    from ports.at_modem.assemble import at_port
    from ports.at_modem.clock import AtClock

    at_clock = AtClock(time.ticks_ms, time.ticks_diff)
    config = {"broker": {"host": "broker.example"}}
    modem = at_port(board.ModemUart(), at_clock, time.sleep_ms, config, None, None, None, Entropy(), None)
    return used() - before


def part(data):
    """A piece, in hex, of the message that `put` hands to the agent's link."""
    link.part.extend(unhexlify(data))


def put(topic):
    """A message has come."""
    link.inbox.append((topic, bytes(link.part)))
    link.part = bytearray()


def step(ms):
    """One step, `ms` after the last -> its microseconds are printed last."""
    clock.ms += ms
    start = time.ticks_us()
    agent.step()
    us = time.ticks_diff(time.ticks_us(), start)
    link.tell_late()
    print("T", us)


def emit(first, count, durable=False, collect=False):
    """Reference records -> [microseconds in all, most for one]. `collect`: each time, and not counted."""
    total = most = 0
    for n in range(first, first + count):
        fields = values(n)  # noqa: F821 - comes with this file
        if collect:
            gc.collect()
        start = time.ticks_us()
        answer = agent.emit("diagnostics", fields, durable)
        us = time.ticks_diff(time.ticks_us(), start)
        if not answer or durable and answer != 2:
            raise RuntimeError("answer %d" % answer)
        total += us
        most = max(most, us)
    return [total, most]


def drop():
    """All that waits leaves the ring, as if it were acknowledged."""
    ring = agent.rings.ring(1)
    ring.ack(ring.next)


def state():
    """What a test of the run asks for."""
    purpose = agent.consent.purposes.get(1)
    return {
        "ready": agent.session.ready(),
        "policy": agent.data.policy.version if agent.data.policy else 0,
        "status": purpose.status if purpose else 0,
        "generation": purpose.generation if purpose else 0,
        "waiting": (agent.rings.stats(1) or {"records": 0})["records"],
        "receipts": len(agent.consent.unacknowledged),
        "intents": len(agent.consent.intents),
        "counters": agent.counters.as_map(),
    }
