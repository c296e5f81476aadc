# SPDX-License-Identifier: MIT
"""What stands inside a batch (firmware/SPEC.md §4): rows of shapes, with a table of strings."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from quell_host.wire import cbor

MAX_RECORDS = 4096
MAX_UNITS = (1 << 53) - 1
MAX_LOST = (1 << 32) - 1
TRUST_NONE, TRUST_OWN_CLOCK, TRUST_AUTHENTICATED = 0, 1, 2

Value = int | bool | str | bytes


class PlaintextError(ValueError):
    """The plaintext of a batch breaks the format. Its text names no value."""


class OldPlaintextError(PlaintextError):
    """The plaintext is one of version 1: its eight parts, without `lost`."""


@dataclass(frozen=True)
class BatchRecord:
    """One record. `time_units` counts the purpose's granularity: unix time, or with trust 0 uptime
    in boot number `boot`. `values` is by field id."""

    seq: int
    trust: int
    boot: int
    time_units: int
    epoch: int
    values: dict[int, Value]


@dataclass(frozen=True)
class Plaintext:
    """What a batch held: its records by rising `seq`, and how many the device has lost so far of
    this instance, purpose and generation, by its own count."""

    records: list[BatchRecord]
    lost: int


def parse(data: bytes, first: int, count: int) -> Plaintext:
    """The contents of a plaintext that accounts for `count` sequence numbers from `first`.

    Raises PlaintextError for anything that is not exactly of the format, OldPlaintextError for
    version 1.
    """
    try:
        decoded = cbor.decode(data)
    except cbor.CborError as error:
        raise PlaintextError(f"not CBOR: {error}") from None
    if isinstance(decoded, list) and len(decoded) == 8:
        raise OldPlaintextError("of version 1")
    if not isinstance(decoded, list) or len(decoded) != 9:
        raise PlaintextError("not nine parts")
    epoch, trust, boot, base, gaps, strings, shapes, rows, lost = decoded
    for number in (epoch, trust, boot, base):
        if not is_uint(number) or number > MAX_UNITS:
            raise PlaintextError("epoch, trust, boot or base is no number")
    if trust > TRUST_AUTHENTICATED or (trust != TRUST_NONE and boot != 0):
        raise PlaintextError("no such trust")
    if not is_uint(lost) or lost > MAX_LOST:
        raise PlaintextError("lost is no number")
    missing = _gaps(gaps, count)
    _check_strings(strings)
    _check_shapes(shapes)
    if not isinstance(rows, list):
        raise PlaintextError("rows are no array")
    seqs = [first + offset for offset in range(count) if offset not in missing]
    reader = _Rows(rows, strings, shapes)
    records, units = [], base
    for seq in seqs:
        difference, values = reader.row()
        units += difference
        if not 0 <= units <= MAX_UNITS:
            raise PlaintextError("time out of range")
        records.append(BatchRecord(seq, trust, boot, units, epoch, values))
    if not reader.at_end():
        raise PlaintextError("more rows than records")
    return Plaintext(records, lost)


def is_uint(value: Any) -> bool:
    """Whether `value` is an integer (no bool) of 0 or more."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _gaps(gaps: Any, count: int) -> set[int]:
    if not isinstance(gaps, list):
        raise PlaintextError("gaps are no array")
    before = -1
    for gap in gaps:
        if not is_uint(gap) or not before < gap < count:
            raise PlaintextError("gap outside the range, or not rising")
        before = gap
    return set(gaps)


def _check_strings(strings: Any) -> None:
    if not isinstance(strings, list) or not all(isinstance(s, str | bytes) for s in strings):
        raise PlaintextError("strings are no array of strings")


def _check_shapes(shapes: Any) -> None:
    if not isinstance(shapes, list):
        raise PlaintextError("shapes are no array")
    for shape in shapes:
        if not isinstance(shape, list) or not all(is_uint(f) and 1 <= f <= 65535 for f in shape):
            raise PlaintextError("shape is no list of field ids")
        if len(set(shape)) != len(shape):
            raise PlaintextError("shape repeats a field")


class _Rows:
    def __init__(self, rows: list[Any], strings: list[Any], shapes: list[list[int]]) -> None:
        self._rows, self._strings, self._shapes = rows, strings, shapes
        self._at = 0

    def at_end(self) -> bool:
        return self._at == len(self._rows)

    def _next(self) -> Any:
        if self.at_end():
            raise PlaintextError("fewer rows than records")
        self._at += 1
        return self._rows[self._at - 1]

    def row(self) -> tuple[int, dict[int, Value]]:
        index, difference = self._next(), self._next()
        if not is_uint(index) or index >= len(self._shapes):
            raise PlaintextError("no such shape")
        if not isinstance(difference, int) or isinstance(difference, bool):
            raise PlaintextError("time is no number")
        return difference, {field: self._value() for field in self._shapes[index]}

    def _value(self) -> Value:
        value = self._next()
        if isinstance(value, int | str | bytes):
            return value
        if isinstance(value, list) and len(value) == 1 and is_uint(value[0]):
            if value[0] < len(self._strings):
                return self._strings[value[0]]
        raise PlaintextError("no such value")


def build(
    records: Sequence[BatchRecord],
    first: int,
    count: int,
    strings: Sequence[str | bytes] = (),
    lost: int = 0,
) -> bytes:
    """The plaintext of `records`, all of one epoch, trust and boot, by rising `seq`.

    The receiver's side needs none; tests and vectors do. Raises ValueError for an empty list.
    """
    if not records:
        raise ValueError("a batch of no records has no epoch")
    table = list(strings)
    shapes: list[list[int]] = []
    rows: list[Any] = []
    before = records[0].time_units
    for record in records:
        shape = sorted(record.values)
        if shape not in shapes:
            shapes.append(shape)
        rows += [shapes.index(shape), record.time_units - before]
        before = record.time_units
        rows += [_packed(record.values[field], table) for field in shape]
    kept = {record.seq for record in records}
    gaps = [seq - first for seq in range(first, first + count) if seq not in kept]
    head = records[0]
    parts = [head.epoch, head.trust, head.boot, head.time_units, gaps, table, shapes, rows]
    return cbor.encode([*parts, lost])


def _packed(value: Value, table: list[str | bytes]) -> Any:
    if isinstance(value, str | bytes) and value in table:
        return [table.index(value)]
    return value
