# SPDX-License-Identifier: MIT
"""fetch: the body of a policy that a verified command names, chunk by chunk (SPEC §6).

The chunks are shared by all devices and carry no signature of their own: the body counts only when its
SHA-256 is the one that the command names.
"""

from quell.codec.builtin import digest, hex_text
from quell.limits import MAX_POLICY_BYTES, POLICY_CHUNK_BYTES


class Fetch:
    """One policy body on its way. `command`: the verified policy command that asked for it."""

    def __init__(self, command, anchor):
        self.command = command
        self.anchor = anchor
        self._hash, _, self._bytes, self._chunks = command.args
        self._prefix = "quell/1/p/" + hex_text(self._hash) + "/"
        self._parts = []

    def sound(self):
        """True if size and number of chunks are within bounds and agree."""
        full = (self._chunks - 1) * POLICY_CHUNK_BYTES
        return 0 < self._bytes <= MAX_POLICY_BYTES and full < self._bytes <= full + POLICY_CHUNK_BYTES

    def topic(self):
        """The topic of the chunk wanted next."""
        return self._prefix + str(len(self._parts))

    def take(self, topic, payload):
        """A chunk has come. True if it was the one wanted."""
        if topic != self.topic() or len(self._parts) >= self._chunks:
            return False
        self._parts.append(payload)
        return True

    def complete(self):
        return len(self._parts) == self._chunks

    def body(self):
        """The whole body, or None when it is not what the command names."""
        data = b"".join(self._parts)
        return data if digest(data) == self._hash else None
