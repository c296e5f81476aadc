# SPDX-License-Identifier: MIT
"""What a port must provide: seven small objects. Nothing here touches hardware; ports subclass or imitate.

The core is synchronous and single-threaded: it calls these from `Agent.step`, and none may block for
more than the seconds that its docstring allows.
"""

from quell.limits import FLUSH_AFTER_MS

# Erase levels (SPEC §9, key 12), weakest first.
RESTRICTED = 0
LOGICAL = 1
CRYPTOGRAPHIC = 2
PHYSICAL = 3


class Flash:
    """Named whole files.

    `level`: what `erase` reaches on this store (one of the levels above). `copies`: 2, or 3 where one slot of a
    two-slot store may wear out. `atomic`: a write that is cut leaves the old file or the new one. `inline_bytes`: a
    file up to this size costs no block, 0 if there is no such thing. `flushes_per_day`: segments written at most, 0
    for no limit; `flush_after_ms`: how long a record may wait for that. `least_secret_bytes`: a shorter file with
    keys would be kept among others, where old copies stay.
    """

    level = RESTRICTED
    copies = 2
    atomic = False
    inline_bytes = 0
    flushes_per_day = 0
    flush_after_ms = FLUSH_AFTER_MS
    least_secret_bytes = 0

    def read(self, name):
        """The bytes of file `name` (at most MAX_POLICY_BYTES + 64), or None if it is absent or unreadable."""
        raise NotImplementedError

    def write(self, name, data):
        """Replace file `name` by `data`, durable on return. Raises FlashError. May tear: callers use slots."""
        raise NotImplementedError

    def erase(self, name):
        """Overwrite and remove file `name`; absent is fine. Raises FlashError if it is still there."""
        raise NotImplementedError

    def strengthen(self, name):
        """File `name` reads well. If power went while it was written, see to it that it still does at the next boot."""

    def churn(self):
        """After a purge: displace the old copies of what was erased, as far as the medium lets. Raises FlashError."""


class Nor:
    """A raw partition of NOR flash: `sectors` of `sector_bytes`, programmed in pages of `page_bytes`."""

    sectors = 0
    sector_bytes = 4096
    page_bytes = 256

    def read(self, address, into):
        """Fill the buffer `into` with the bytes from `address`. Raises FlashError."""
        raise NotImplementedError

    def program(self, address, data):
        """Clear the bits of `data` that are 0, page by page; durable on return. Raises FlashError."""
        raise NotImplementedError

    def erase(self, sector):
        """Set every bit of `sector`. Raises FlashError."""
        raise NotImplementedError


class Link:
    """One MQTT 3.1.1 connection with QoS 1. Every call returns within some seconds or raises LinkError."""

    def connect(self, client_id):
        """Open a clean session. `client_id`: str. -> True when it is open; False: call again in the next step.

        A link that takes long does a slice of it in each call. After OPEN_TIMEOUT_MS, or when the agent has another
        wish, `close` ends the attempt.
        """
        raise NotImplementedError

    def subscribe(self, topic):
        """Subscribe with QoS 1. `topic`: str, no wildcard."""
        raise NotImplementedError

    def publish(self, topic, payload):
        """Publish bytes, not retained. QoS 1, unless the platform gets that wrong: the host acknowledges itself."""
        raise NotImplementedError

    def poll(self):
        """The next message (topic str, payload bytes), or None at once. Keeps the connection alive."""
        raise NotImplementedError

    def close(self):
        """Drop the connection and what is in flight. Never raises."""
        raise NotImplementedError


class Clock:
    """Time as the platform sees it."""

    def uptime_ms(self):
        """Milliseconds since boot, rising, never wrapping."""
        raise NotImplementedError

    def hint_s(self):
        """Unix seconds by the platform's own clock (RTC, NITZ, NTP), or None. Never trusted (DESIGN)."""
        raise NotImplementedError


class Entropy:
    """Random bytes of the platform. `trusted`: True only where the source is a real CSPRNG."""

    trusted = False

    def read(self, length):
        """`length` bytes; mixed into the generator, never used alone unless `trusted`."""
        raise NotImplementedError


class Sources:
    """Where raw data comes from. Only asked for what a policy in force needs."""

    def sample(self, source):
        """The value of catalogue source `source` (int) now: int, bool, str or bytes; None if absent. May raise."""
        raise NotImplementedError

    def follow(self, logs):
        """Keep the logs of these names (set of str) open, and only these; a newly opened one starts at its end."""

    def next_line(self):
        """(log name, line) or None. `line`: bytes without its newline; None for one over MAX_LINE_BYTES."""
        return None

    def withdrawal(self):
        """The local button: name of the purpose withdrawn, "*" for all, or None. The same until `withdrawal_done`."""
        return None

    def withdrawal_done(self):
        """The withdrawal that `withdrawal` named is in the flash: a power cut cannot undo it any more."""


class Port:
    """The seven objects together. `keystore` is a Flash: the one with the strongest erasure on the board.

    `store` keeps the rings: quell.store.file_store.FileStore on files, quell.store.nor_store.NorStore on raw NOR.
    """

    def __init__(self, flash, keystore, store, link, clock, entropy, sources):
        self.flash = flash
        self.keystore = keystore
        self.store = store
        self.link = link
        self.clock = clock
        self.entropy = entropy
        self.sources = sources
