# SPDX-License-Identifier: MIT
"""transform: the field's one action on its value, before anything is stored (SPEC §8). Touches nothing but counters.

`keep`, `drop`, `hash`, `truncate`, `bucket`. A value that is not of the field's type is dropped.
"""

from quell.codec.builtin import struct
from quell.codec.divide import floor_divide
from quell.codec.kdf import hmac
from quell.counters import BAD_VALUE, DROPPED_BY_ACTION
from quell.data.values import parse
from quell.state import policy as p

# ITU-T E.164 country codes of two digits; 1 and 7 have one, all others three
_TWO_DIGITS = (
    20, 27, 30, 31, 32, 33, 34, 36, 39, 40, 41, 43, 44, 45, 46, 47, 48, 49, 51, 52, 53, 54, 55, 56, 57, 58,
    60, 61, 62, 63, 64, 65, 66, 81, 82, 84, 86, 90, 91, 92, 93, 94, 95, 98,
)  # fmt: skip


def _truncate(kind, value):
    if kind in (p.IPV4, p.IPV6, p.IP):
        return value[:3] if len(value) == 4 else value[:6]
    if kind == p.MAC:
        return value[:3]
    if kind == p.IMEI:
        return value[:8]
    if kind == p.ICCID:
        return value[:7]
    if kind == p.IMSI:
        return value[:3]
    if value[0] in "17":
        return "+" + value[:1]
    return "+" + (value[:2] if int(value[:2]) in _TWO_DIGITS else value[:3])


def _bucket(params, value):
    if params[0] == 0:
        return floor_divide(value, params[1]) * params[1]
    index = 0
    for bound in params[1:]:
        if value >= bound:
            index += 1
    return index


def _pseudonym(hash_key, field_id, value):
    if isinstance(value, int):
        value = str(value)
    if isinstance(value, str):
        value = value.encode()
    return hmac(hash_key, struct.pack("<H", field_id), value)[:8]


def transform(pairs, hash_key, counters):
    """[(field, raw value)…] -> [(field id, value to store)…]. `hash_key()` gives the purpose's key of this epoch."""
    out = []
    for field, raw in pairs:
        if field.action == p.DROP:
            counters.add(DROPPED_BY_ACTION)
            continue
        value = parse(field.type, raw)
        if value is None:
            counters.add(BAD_VALUE)
            continue
        if field.action == p.HASH:
            value = _pseudonym(hash_key(), field.id, value)
        elif field.action == p.TRUNCATE:
            value = _truncate(field.type, value)
        elif field.action == p.BUCKET:
            value = _bucket(field.params, value)
        out.append((field.id, value))
    return out
