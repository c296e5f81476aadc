# SPDX-License-Identifier: MIT
"""ack: the host's authenticated word. Only it lets a record leave the ring (SPEC §5)."""

from quell.codec import cbor, cose
from quell.errors import CborError, CoseError
from quell.limits import MAX_MESSAGE_BYTES

BATCH = 1
RECEIPT = 2
REFUSED = 3
ANSWER = 4


class Ack:
    """An acknowledgement that verified: kind, a, b, c, reason as in SPEC §5, entropy(16), time (unix s)."""

    def __init__(self, fields):
        self.kind, self.a, self.b, self.c, self.reason, self.entropy, self.time_s = fields


def _sound(fields):
    if not (isinstance(fields, list) and len(fields) == 7):
        return False
    kind, a, b, c, reason, entropy, time_s = fields
    for n in (kind, reason, time_s):
        if not isinstance(n, int) or isinstance(n, bool) or n < 0:
            return False
    if not (isinstance(entropy, bytes) and len(entropy) == 16) or time_s > 0xFFFFFFFF:
        return False
    if kind in (BATCH, REFUSED):
        return isinstance(a, int) and isinstance(b, int) and isinstance(c, int) and c >= 0
    if kind == RECEIPT:
        return isinstance(a, int) and isinstance(b, bytes) and len(b) == 8
    if kind == ANSWER:
        return isinstance(a, bytes) and len(a) == 16 and isinstance(b, bytes) and len(b) == 8
    return False


def verify(message, provisioning, instance):
    """bytes from the ack topic -> Ack, or None when it is not by this device's host for this instance. Pure."""
    if len(message) > MAX_MESSAGE_BYTES:
        return None
    try:
        kid, payload, tag = cose.parse_mac0(message)
        fields = cbor.decode(payload, MAX_MESSAGE_BYTES)
    except (CborError, CoseError):
        return None
    if kid != provisioning.key_version or not _sound(fields):
        return None
    bound = b"" if fields[0] == ANSWER else instance
    aad = cbor.encode(["quell/1 ack", provisioning.device_id, bound])
    if not cose.verify_mac0(provisioning.ack_key, aad, payload, tag):
        return None
    return Ack(fields)
