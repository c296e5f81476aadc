# SPDX-License-Identifier: MIT
"""Raw values by type (SPEC §7): checked, and in the one form that actions work on.

Integers stay integers, MACs are 6 bytes, IPs 4 or 16 bytes, digit strings lose their separators. What is not of its
type gives None: it is dropped and counted, never passed on as it came.
"""

from quell.limits import MAX_TEXT_BYTES
from quell.state import policy as types

_HEX_DIGITS = "0123456789abcdefABCDEF"
LEVELS = (
    "debug", "info", "notice", "warn", "warning", "error", "err", "crit", "alert", "emerg", "fatal",
)  # fmt: skip
_MAX_INT = 0x7FFFFFFFFFFFFFFF


def _digits(value, least, most):
    """Digits of a str or int without blanks, dashes, dots and a leading +; None if anything else is in it."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or len(value) > 64:
        return None
    out = ""
    for i in range(len(value)):
        c = value[i]
        if "0" <= c <= "9":
            out += c
        elif not (c in " -.()" or (c == "+" and i == 0)):
            return None
    return out if least <= len(out) <= most else None


def _hex_int(text, most_digits):
    if not 1 <= len(text) <= most_digits:
        return None
    for c in text:
        if c not in _HEX_DIGITS:
            return None
    return int(text, 16)


def parse_ipv4(text):
    """Dotted quad (str) -> 4 bytes, or None. Leading zeros are refused: they mean octal to some."""
    parts = text.split(".")
    if len(parts) != 4:
        return None
    out = bytearray()
    for part in parts:
        if not 1 <= len(part) <= 3 or (len(part) > 1 and part[0] == "0"):
            return None
        for c in part:
            if not "0" <= c <= "9":
                return None
        n = int(part)
        if n > 255:
            return None
        out.append(n)
    return bytes(out)


def _groups(text, is_end):
    """Bytes of the groups between colons, or None. `is_end`: of the address, where a dotted quad may stand."""
    out = bytearray()
    if not text:
        return out
    parts = text.split(":")
    for i in range(len(parts)):
        if is_end and "." in parts[i] and i == len(parts) - 1:
            quad = parse_ipv4(parts[i])
            if quad is None:
                return None
            out.extend(quad)
            continue
        n = _hex_int(parts[i], 4)
        if n is None:
            return None
        out.append(n >> 8)
        out.append(n & 255)
    return out


def parse_ipv6(text):
    """RFC 4291 §2.2 text, a zone (%eth0) is cut -> 16 bytes, or None."""
    if len(text) > 64 or ":" not in text:
        return None
    text = text.split("%")[0]
    halves = text.split("::")
    if len(halves) > 2:
        return None
    left = _groups(halves[0], len(halves) == 1)
    right = _groups(halves[1], True) if len(halves) == 2 else bytearray()
    if left is None or right is None:
        return None
    missing = 16 - len(left) - len(right)
    if missing < 0 or (len(halves) == 1 and missing) or (len(halves) == 2 and missing < 2):
        return None
    return bytes(left) + bytes(missing) + bytes(right)


def parse_mac(text):
    """aa:bb:cc:dd:ee:ff, with - or nothing between, or aabb.ccdd.eeff -> 6 bytes, or None."""
    if len(text) > 17:
        return None
    plain = text.replace(":", "").replace("-", "").replace(".", "")
    if len(plain) != 12:
        return None
    n = _hex_int(plain, 12)
    return None if n is None else n.to_bytes(6, "big")  # 1.13: of 12 hex digits


def _ip(value, kind):
    if isinstance(value, (bytes, bytearray)):
        value = bytes(value)
        sizes = {types.IPV4: (4,), types.IPV6: (16,)}.get(kind, (4, 16))
        return value if len(value) in sizes else None
    if not isinstance(value, str):
        return None
    if kind == types.IPV4:
        return parse_ipv4(value)
    if kind == types.IPV6:
        return parse_ipv6(value)
    return parse_ipv4(value) or parse_ipv6(value)


def _text(value, most=MAX_TEXT_BYTES, others=None):
    """A str of printable characters, at most `most` bytes; with `others` only letters, digits and those."""
    if not isinstance(value, str) or not value or len(value.encode()) > most:
        return None
    for c in value:
        plain = "a" <= c <= "z" or "A" <= c <= "Z" or "0" <= c <= "9"
        if ord(c) < 32 or ord(c) == 127 or (others is not None and not plain and c not in others):
            return None
    return value


def _kept_text(kind, value):
    """The types that may be kept as text: each so narrow that a sentence does not fit through it."""
    if kind == types.HEX:
        good = isinstance(value, str) and _hex_int(value, 8) is not None
        return value if good else None
    if kind == types.LEVEL:
        return value if value in LEVELS else None
    if kind == types.VERSION:
        return _text(value, MAX_TEXT_BYTES, " ._+-/():;,~#")
    return _text(value, 32, "_.-")


def _phone(value):
    # only E.164 says which country it is; a national number would be cut at the wrong place
    if not isinstance(value, str) or value[:1] != "+":
        return None
    return _digits(value, 7, 15)


def parse(kind, value):
    """The value in its canonical form (int, bool, str or bytes), or None if it is not of type `kind`."""
    if kind in (types.INT, types.TIME, types.DURATION):
        ok = isinstance(value, int) and not isinstance(value, bool)
        return value if ok and -_MAX_INT <= value <= _MAX_INT else None
    if kind == types.BOOL:
        return value if isinstance(value, bool) else None
    if kind in (types.IPV4, types.IPV6, types.IP):
        return _ip(value, kind)
    if kind == types.MAC:
        if isinstance(value, bytes):
            return value if len(value) == 6 else None
        return parse_mac(value) if isinstance(value, str) else None
    if kind == types.IMEI:
        return _digits(value, 14, 16)
    if kind == types.IMSI:
        return _digits(value, 14, 15)
    if kind == types.ICCID:
        return _digits(value, 18, 20)
    if kind == types.PHONE:
        return _phone(value)
    if kind in (types.HEX, types.LEVEL, types.VERSION, types.ENUM, types.WORD):
        return _kept_text(kind, value)
    return _text(value)
