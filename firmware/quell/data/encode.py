# SPDX-License-Identifier: MIT
"""encode: one record as bounded CBOR (SPEC §10). Pure."""

from quell.codec import cbor
from quell.errors import CborError
from quell.limits import MAX_RECORD_BYTES


class Record:
    """A record read back: hash epoch, clock trust, boot (0 when trust > 0), time in units, [(field id, value)…]."""

    def __init__(self, epoch, trust, boot, time, values):
        self.epoch = epoch
        self.trust = trust
        self.boot = boot
        self.time = time
        self.values = values


def encode(epoch, trust, boot, time, values):
    """-> bytes, or None when the record is over MAX_RECORD_BYTES or cannot be carried."""
    flat = [epoch, trust, boot, time]
    for field_id, value in values:
        flat.append(field_id)
        flat.append(value)
    try:
        data = cbor.encode(flat)
    except CborError:
        return None
    return data if len(data) <= MAX_RECORD_BYTES else None


def decode(data):
    """bytes -> Record. Raises CborError; only for bytes that `encode` wrote and the ring's tag vouches for."""
    flat = cbor.decode(data, MAX_RECORD_BYTES)
    values = [(flat[i], flat[i + 1]) for i in range(4, len(flat) - 1, 2)]
    return Record(flat[0], flat[1], flat[2], flat[3], values)
