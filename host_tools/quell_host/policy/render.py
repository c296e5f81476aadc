# SPDX-License-Identifier: MIT
"""Turn a stored value into what a person or a JSON reader gets, by the field's action and type.

The values come from a device: each is checked against what the action can give (SPEC §8).
"""

import datetime
import ipaddress
import re
from typing import Any

from quell_host.policy.model import Field
from quell_host.policy.vocabulary import Action, Type

Rendered = int | bool | str

PSEUDONYM_BYTES = 8
MAX_TEXT_BYTES = 128
_LEVELS = "debug|info|notice|warn|warning|error|err|crit|alert|emerg|fatal"
_TEXT_RULES = {
    Type.HEX: re.compile(r"[0-9A-Fa-f]{1,8}"),
    Type.LEVEL: re.compile(_LEVELS, re.IGNORECASE),
}
_TRUNCATED_TEXT = {
    Type.IMEI: re.compile(r"[0-9]{8}"),
    Type.ICCID: re.compile(r"[0-9]{7}"),
    Type.IMSI: re.compile(r"[0-9]{3}"),
    Type.PHONE: re.compile(r"\+[0-9]{1,3}"),
}
_LATEST_S = 253402300799
"""The last second of the year 9999, the last that a date can say."""


class RenderError(ValueError):
    """A value that the field's action cannot have given."""


def render(field: Field, value: Any) -> Rendered:
    """The readable form of a value as it stands in a batch.

    hash → 16 hex digits; truncate → "192.0.2.0/24", "2001:db8::/48", "aa:bb:cc:*", "35693803*",
    "+49*"; bucket → "10..49", "<10", ">=100", for times as ISO 8601; keep → the value, times as
    ISO 8601. Raises RenderError when the value is not of that kind; it names no value.
    """
    shaper = {
        Action.KEEP: _kept,
        Action.HASH: _hashed,
        Action.TRUNCATE: _truncated,
        Action.BUCKET: _bucketed,
    }.get(field.action)
    if shaper is None:
        raise RenderError(f"field {field.name} stores nothing")
    return shaper(field, value)


def _bad(field: Field) -> RenderError:
    return RenderError(f"field {field.name} holds what {field.action.label} cannot give")


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _hashed(field: Field, value: Any) -> Rendered:
    if not isinstance(value, bytes) or len(value) != PSEUDONYM_BYTES:
        raise _bad(field)
    return value.hex()


def _kept(field: Field, value: Any) -> Rendered:
    if field.type is Type.BOOL:
        if isinstance(value, bool):
            return value
    elif field.type is Type.TIME:
        if _is_int(value):
            return _iso(value)
    elif field.type in (Type.INT, Type.DURATION):
        if _is_int(value):
            return int(value)
    elif isinstance(value, str):
        rule = _TEXT_RULES.get(field.type)
        fits = len(value.encode("utf-8", "surrogatepass")) <= MAX_TEXT_BYTES
        if fits and (rule is None or rule.fullmatch(value)):
            # What a device says must not steer the terminal of whoever reads it.
            return "".join(char if char.isprintable() else "\ufffd" for char in value)
    raise _bad(field)


def _truncated(field: Field, value: Any) -> Rendered:
    rule = _TRUNCATED_TEXT.get(field.type)
    if rule is not None:
        if isinstance(value, str) and rule.fullmatch(value):
            return value + "*"
        raise _bad(field)
    if not isinstance(value, bytes):
        raise _bad(field)
    if field.type is Type.MAC and len(value) == 3:
        return value.hex(":") + ":*"
    if field.type in (Type.IPV4, Type.IP) and len(value) == 3:
        return f"{ipaddress.IPv4Address(value + bytes(1))}/24"
    if field.type in (Type.IPV6, Type.IP) and len(value) == 6:
        return f"{ipaddress.IPv6Address(value + bytes(10))}/48"
    raise _bad(field)


def _bucketed(field: Field, value: Any) -> Rendered:
    kind, *numbers = field.parameters
    if not _is_int(value):
        raise _bad(field)
    if kind == 0:
        width = numbers[0]
        if value % width:
            raise _bad(field)
        return range_text(field, value, value + width)
    if not 0 <= value <= len(numbers):
        raise _bad(field)
    low = numbers[value - 1] if value > 0 else None
    high = numbers[value] if value < len(numbers) else None
    return range_text(field, low, high)


def range_text(field: Field, low: int | None, high: int | None) -> str:
    """What lies from `low` up to, not including, `high`; None is without end."""
    if field.type is Type.TIME:
        start = ".." if low is None else _iso(low)
        return f"{start}/{'..' if high is None else _iso(high)}"
    if low is None:
        return f"<{high}"
    return f">={low}" if high is None else f"{low}..{high - 1}"


def _iso(seconds: int) -> str:
    """ISO 8601; the plain number where a date cannot say it: a clock may be wrong."""
    if not 0 <= seconds <= _LATEST_S:
        return str(seconds)
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
