# SPDX-License-Identifier: MIT
"""A port in memory: flash, link, clock, entropy and sources that a test can bend. Runs on both interpreters."""

from quell.errors import FlashError, LinkError
from quell.port import LOGICAL, Clock, Entropy, Flash, Link, Port, Sources
from quell.store.file_store import FileStore


class PowerCut(BaseException):
    """The power went: no `except Exception` and no clean-up may survive it."""


class MemFlash(Flash):
    """Files in a dict. `budget`: writes and erases left until the power goes (None: never).

    `full`: refuse whatever takes more room; `broken`: refuse every write and erase; `capacity`: bytes in
    all files together; `torn`: a write that the power cut interrupts leaves half a file.
    """

    level = LOGICAL

    def __init__(self):
        self.files = {}
        self.broken = False
        self.capacity = None
        self.budget = None
        self.dead = False
        self.full = False
        self.operations = 0
        self.torn = False

    def _operation(self, name, data):
        if self.dead:
            raise PowerCut()
        self.operations += 1
        if self.budget is not None:
            if self.budget == 0:
                self.dead = True
                if self.torn and data is not None:
                    self.files[name] = data[: len(data) // 2]
                raise PowerCut()
            self.budget -= 1

    def read(self, name):
        return self.files.get(name)

    def write(self, name, data):
        self._operation(name, bytes(data))
        if self.broken:
            raise FlashError("broken")
        more = len(data) - len(self.files.get(name, b""))
        if self.full and more > 0 or self.full and name not in self.files:
            raise FlashError("full")
        if self.capacity is not None and more > 0 and self.used() + more > self.capacity:
            raise FlashError("full")
        self.files[name] = bytes(data)

    def used(self):
        """Bytes in all files."""
        return sum([len(data) for data in self.files.values()])

    def erase(self, name):
        self._operation(name, None)
        if self.broken and name in self.files:
            raise FlashError("broken")
        self.files.pop(name, None)

    def reboot(self):
        """Power is back: the same bytes, no budget."""
        self.budget = None
        self.dead = False


class SimLink(Link):
    """A link whose other end is `host.handle(topic, payload) -> [(topic, payload)…]` and its retained topics."""

    def __init__(self, host):
        self.host = host
        self.up = True
        self.connected = False
        self.connects = 0
        self.inbox = []
        self.sent = []
        self.mute = False  # half open: swallow what is sent
        self.slices = 1  # calls of connect until it is open
        self.opening = 0

    def connect(self, client_id):
        if not self.up:
            raise LinkError("no route")
        self.opening += 1
        if self.opening < self.slices:
            return False
        self.opening = 0
        self.connected = True
        self.connects += 1
        self.client_id = client_id
        self.inbox = []
        self.subscribed = set()
        return True

    def subscribe(self, topic):
        self._check()
        self.subscribed.add(topic)
        if topic in self.host.retained:
            self.inbox.append((topic, self.host.retained[topic]))

    def publish(self, topic, payload):
        self._check()
        self.sent.append((topic, payload))
        if not self.mute:
            for answer in self.host.handle(topic, payload):
                self.inbox.append(answer)

    def _check(self):
        if not self.up or not self.connected:
            raise LinkError("lost")

    def poll(self):
        self._check()
        return self.inbox.pop(0) if self.inbox else None

    def close(self):
        self.connected = False
        self.opening = 0
        self.inbox = []


class SimClock(Clock):
    """Time that a test moves. `hint`: unix seconds or None."""

    def __init__(self, hint=1790000000):
        self.ms = 1000
        self.hint = hint

    def uptime_ms(self):
        return self.ms

    def hint_s(self):
        return None if self.hint is None else self.hint + self.ms // 1000


class SimEntropy(Entropy):
    """Deterministic: the same bytes after every boot, the worst case that the core must stand."""

    def __init__(self, trusted=True):
        self.trusted = trusted
        self._n = 0

    def read(self, length):
        self._n += 1
        return bytes((self._n * 7 + i) & 255 for i in range(length))


class SimSources(Sources):
    """`values`: {source id: value or exception}; `lines`: list of (log, line)."""

    def __init__(self):
        self.values = {}
        self.lines = []
        self.asked = []
        self.followed = set()
        self.button = None

    def sample(self, source):
        self.asked.append(source)
        value = self.values.get(source)
        if isinstance(value, Exception):
            raise value
        return value

    def follow(self, logs):
        self.followed = logs

    def next_line(self):
        while self.lines:
            log, line = self.lines.pop(0)
            if log in self.followed:
                return log, line
        return None

    def withdrawal(self):
        return self.button

    def withdrawal_done(self):
        self.button = None


def sim_port(host, board=None):
    """A Port of the above on a board, or on one Flash for everything, which is reused to imitate a reboot."""
    board = board or MemFlash()
    flash, keystore, store = board.parts() if hasattr(board, "parts") else (board, board, FileStore(board, 64, 4096))
    return Port(flash, keystore, store, SimLink(host), SimClock(), SimEntropy(), SimSources())


def error_of(call):
    """The text of the LinkError that `call()` raises; "" when it raises none."""
    try:
        call()
    except LinkError as error:
        return str(error)
    return ""
