# SPDX-License-Identifier: MIT
"""inbox: bundles in, the next command out. Withdrawals first; what has no open gate waits in a lane of its own.

Without the gate's MAC a command costs one signature check per UNGATED_CHECK_MS at most, and only if it is a
withdrawal: a random one of those that came meanwhile, so that a flood cannot choose for us.
"""

from quell.control import verify
from quell.control.command import WITHDRAW, parse_bundle, parse_command
from quell.counters import COMMAND_MALFORMED, COMMAND_UNKNOWN_SIGNER, GATE_FAILED, MESSAGE_DROPPED
from quell.errors import CommandError
from quell.limits import MAX_HANDLED, MAX_WAITING_COMMANDS, UNGATED_CHECK_MS
from quell.state.provisioning import POLICY_SIGNER


class Inbox:
    """Commands that wait. `receipts.full()` holds back all but withdrawals."""

    def __init__(self, provisioning, keys, receipts, counters):
        self._provisioning = provisioning
        self._keys = keys
        self._receipts = receipts
        self._counters = counters
        self._waiting = []  # commands whose gate opened
        self._handled = []  # hashes of commands answered in this boot
        self._ungated = None  # one withdrawal without a gate
        self._ungated_seen = 0
        self._ungated_next_ms = 0

    def take(self, message):
        """A bundle has come (bytes; none when the signer asks for nothing): check its gate, queue its commands."""
        if not message:
            return
        try:
            bundle = parse_bundle(message)
        except CommandError:
            self._counters.add(COMMAND_MALFORMED)
            return
        device_id = self._provisioning.device_id
        gated = verify.gate(bundle, self._provisioning.anchor(bundle.kid), device_id)
        if not gated:
            self._counters.add(GATE_FAILED)
        for entry in bundle.entries:
            try:
                command = parse_command(entry)
            except CommandError:
                self._counters.add(COMMAND_MALFORMED)
                continue
            if gated and command.kid == bundle.kid:
                self._queue(command)
            elif command.kind == WITHDRAW:
                self._offer_ungated(command)
            elif gated:
                # the gate vouches for the bundle's signer only
                self._counters.add(COMMAND_UNKNOWN_SIGNER)

    def _queue(self, command):
        if command.hash in self._handled or [c for c in self._waiting if c.hash == command.hash]:
            return
        self._waiting.append(command)
        self._waiting.sort(key=lambda c: c.rank)
        if len(self._waiting) > MAX_WAITING_COMMANDS:
            # grants are last in the order: no queue drops a withdrawal before them
            self._waiting.pop()
            self._counters.add(MESSAGE_DROPPED)

    def _offer_ungated(self, command):
        """Keep a random one of those that came since the last check: a flood cannot choose for us."""
        anchor = self._provisioning.anchor(command.kid)
        if anchor is None or anchor.role == POLICY_SIGNER:
            self._counters.add(COMMAND_UNKNOWN_SIGNER)
            return
        if command.hash in self._handled:
            return
        self._ungated_seen += 1
        if int.from_bytes(self._keys.random(2), "big") * self._ungated_seen < 65536:
            self._ungated = command

    def next(self, now_ms, fetching):
        """The command to look at now, or None. `fetching`: a policy's body is on its way, grants wait for it."""
        held = fetching or self._receipts.full()
        for i in range(len(self._waiting)):
            # while receipts wait for the host only withdrawals are applied; the others keep their place
            if self._waiting[i].kind == WITHDRAW or not held:
                return self._waiting.pop(i)
        if self._ungated is not None and now_ms >= self._ungated_next_ms:
            command, self._ungated = self._ungated, None
            self._ungated_seen = 0
            self._ungated_next_ms = now_ms + UNGATED_CHECK_MS
            return command
        return None

    def put_back(self, command):
        """It could not be dealt with: it is the next one again."""
        self._waiting.insert(0, command)

    def empty(self):
        return not self._waiting

    def remember(self, command):
        """It is answered: the same bytes need not be looked at again in this boot."""
        self._handled.append(command.hash)
        del self._handled[:-MAX_HANDLED]  # 1.13: a list takes a slice

    def forget(self, command):
        """It was not answered after all: the same bytes are looked at again."""
        if command.hash in self._handled:
            self._handled.remove(command.hash)

    def forget_handled(self):
        """A new instance or policy: what the bundles say must be heard again."""
        self._handled = []
