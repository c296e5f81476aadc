# SPDX-License-Identifier: MIT
"""On the emulated board: microseconds of virtual time, 250 instructions each, spent in the stages of the agent.

board_lab.py sends it behind board_agent.py. A function is counted where its caller finds it: in a module's globals,
or in an object's attributes.
"""

import json
import time

from quell import control_path, data_path
from quell.codec import p256
from quell.codec.builtin import digest
from quell.data.match import match

CALIBRATE_CALLS = 200


class Meter:
    """`found`: {label: [calls, microseconds in all, most in one call]}. A flash call inside another is not counted."""

    def __init__(self):
        self.found = {}
        self._in_flash = False

    def add(self, label, us):
        row = self.found.setdefault(label, [0, 0, 0])
        row[0] += 1
        row[1] += us
        row[2] = max(row[2], us)

    def wrap(self, owner, name, label, is_generator=False):
        real = getattr(owner, name)

        def counted(*arguments):
            start = time.ticks_us()
            try:
                found = real(*arguments)
                return list(found) if is_generator else found
            finally:
                self.add(label, time.ticks_diff(time.ticks_us(), start))

        setattr(owner, name, counted)

    def wrap_flash(self, owner, name):
        real = getattr(owner, name)

        def counted(*arguments):
            if self._in_flash:
                return real(*arguments)
            self._in_flash = True
            start = time.ticks_us()
            try:
                return real(*arguments)
            finally:
                self._in_flash = False
                self.add("flash", time.ticks_diff(time.ticks_us(), start))

        setattr(owner, name, counted)

    def take(self):
        """What was found since the last call."""
        found, self.found = self.found, {}
        return found


class _Nothing:
    def call(self, one, two):
        pass


def calibrate():
    """-> [mean microseconds that a counted call shows for a function that does nothing, that counting it takes]."""
    nothing = _Nothing()
    plain_us = time_of(CALIBRATE_CALLS, lambda n: nothing.call(n, n))
    meter.wrap(nothing, "call", "own")
    counted_us = time_of(CALIBRATE_CALLS, lambda n: nothing.call(n, n))
    calls, us, _ = meter.take()["own"]
    return [us / calls, counted_us - plain_us]


def count(agent):
    """Count the stages of both paths from now on."""
    data, control = agent.data, agent.control
    meter.wrap(data._collector, "emitted", "collect")
    meter.wrap(data_path, "decide", "decide", True)
    meter.wrap(data_path, "transform", "transform")
    meter.wrap(data_path, "encode", "encode")
    meter.wrap(data._rings, "append", "append")
    meter.wrap(agent.uplink, "build", "batch")
    meter.wrap(agent.session, "_take_ack", "ack")
    meter.wrap(control.inbox, "take", "bundle")
    meter.wrap(control, "verify", "verify")
    meter.wrap(control, "apply", "apply")
    meter.wrap(control, "purge", "purge")
    meter.wrap(control, "_apply_policy", "policy")
    meter.wrap(control_path.policies, "verify", "policy-verify")
    meter.wrap(agent.receipts, "_sign", "receipt")


def count_flash(agent):
    """Count what is spent in the flash, too; it adds to what the stages above it take."""
    for store in (agent.port.flash, getattr(agent.port.store, "nor", None)):
        for name in ("read", "write", "program", "erase", "churn"):
            if hasattr(store, name):
                meter.wrap_flash(store, name)


def time_of(count, action):
    """-> mean microseconds of `action(n)`."""
    start = time.ticks_us()
    for n in range(count):
        action(n)
    return time.ticks_diff(time.ticks_us(), start) / count


def signatures(count):
    """-> [mean microseconds of a P-256 signature, of a verification]."""
    private = digest(b"bench")
    public = p256.public_key(private)
    hashes = [digest(bytes([n])) for n in range(count)]
    signed = [p256.sign(private, hashed) for hashed in hashes]
    return [
        time_of(count, lambda n: p256.sign(private, hashes[n])),
        time_of(count, lambda n: p256.verify(public, hashes[n], signed[n])),
    ]


def json_lines(count):
    """What a user would do otherwise: a line of JSON and flush() -> mean microseconds of a reference record."""
    rows = [values(n) for n in range(count)]  # noqa: F821 - comes with board_agent.py
    file = open("/usr/plain.jsonl", "w")

    def line(n):
        file.write(json.dumps(rows[n]) + "\n")
        file.flush()

    us = time_of(count, line)
    file.close()
    return us


def matching(ops, line, count):
    """-> mean microseconds to match a log line."""
    if match(ops, line) is None:
        raise RuntimeError("no match")
    return time_of(count, lambda n: match(ops, line))


meter = Meter()
