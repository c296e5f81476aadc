# SPDX-License-Identifier: MIT
"""command: bytes from the wire, taken apart within bounds (SPEC §6). No effects, nothing believed yet."""

from quell.codec import cbor, cose
from quell.codec.builtin import digest
from quell.errors import CborError, CommandError, CoseError
from quell.limits import MAX_COMMANDS, MAX_MESSAGE_BYTES

GRANT = 1
WITHDRAW = 2
POLICY = 3

# the order in which commands are applied
_RANK = {WITHDRAW: 0, POLICY: 1, GRANT: 2}


class Bundle:
    """A signer's retained bundle: kid, payload and gate tag as sent, and its commands as byte strings."""

    def __init__(self, kid, payload, tag, entries):
        self.kid = kid
        self.payload = payload
        self.tag = tag
        self.entries = entries


class Command:
    """One signed command. `args`: the payload behind the kind; `hash`: SHA-256 of its bytes."""

    def __init__(self, kid, payload, signature, fields, command_hash):
        self.kid = kid
        self.payload = payload
        self.signature = signature
        self.kind = fields[0]
        self.args = fields[1:]
        self.hash = command_hash
        self.rank = _RANK[self.kind]


def parse_bundle(message):
    """bytes -> Bundle. Raises CommandError."""
    try:
        if len(message) > MAX_MESSAGE_BYTES:
            raise CommandError("oversized")
        kid, payload, tag = cose.parse_mac0(message, True)
        entries = cbor.decode(payload, MAX_MESSAGE_BYTES)
    except (CborError, CoseError):
        raise CommandError("bundle")
    if not isinstance(entries, list) or len(entries) > MAX_COMMANDS:
        raise CommandError("bundle shape")
    for entry in entries:
        if not isinstance(entry, bytes):
            raise CommandError("bundle shape")
    return Bundle(kid, payload, tag, entries)


def _uints(values, most):
    for value in values:
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
            return False
    return True


def _sound(fields):
    if not isinstance(fields, list) or not fields:
        return False
    if fields[0] == GRANT:
        return len(fields) == 3 and _uints(fields[1:2], 255) and _uints(fields[2:], 0x7FFFFFFF)
    if fields[0] == WITHDRAW:
        instance = fields[3] if len(fields) == 4 else None
        numbers = _uints(fields[1:2], 255) and _uints(fields[2:3], 0x7FFFFFFF)
        return numbers and isinstance(instance, bytes) and len(instance) in (0, 8)
    if fields[0] == POLICY:
        return (
            len(fields) == 5
            and isinstance(fields[1], bytes)
            and len(fields[1]) == 32
            and _uints(fields[2:], 0x7FFFFFFF)
        )
    return False


def parse_command(entry):
    """bytes of one command -> Command. Raises CommandError."""
    try:
        kid, payload, signature = cose.parse_sign1(entry)
        fields = cbor.decode(payload, MAX_MESSAGE_BYTES)
    except (CborError, CoseError):
        raise CommandError("command")
    if not _sound(fields):
        raise CommandError("command shape")
    return Command(kid, payload, signature, fields, digest(entry))
