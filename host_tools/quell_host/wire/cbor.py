# SPDX-License-Identifier: MIT
"""The CBOR of firmware/SPEC.md §1: RFC 8949 §4.2.1 core deterministic encoding, restricted.

Allowed: integers of 64 bits, byte strings, UTF-8 text strings, arrays, maps, tags, false, true,
null. `cbor2` parses and makes the values; a scan of the heads before it refuses what the profile
does not allow, since cbor2 alone is lax (it takes long heads, unsorted and repeated keys, floats).
"""

import io
from typing import Any

import cbor2

MAX_BYTES = 16384
MAX_DEPTH = 8
MAX_ITEMS = 4096

_UINT, _NEGATIVE, _BYTES, _TEXT, _ARRAY, _MAP, _TAG, _SIMPLE = range(8)
_FALSE, _TRUE, _NULL = 20, 21, 22
_INT_MIN, _INT_MAX = -(1 << 64), (1 << 64) - 1


class CborError(ValueError):
    """Bytes or values that the profile does not allow. Its text names no value."""


def encode(obj: Any) -> bytes:
    """Encode integers of 64 bits, bytes, str, bool, None, lists, tuples, dicts and `cbor2.CBORTag`.

    Map keys are sorted bytewise by their encoding. Raises CborError for any other type, integers
    out of range, and nesting deeper than 8.
    """
    out = bytearray()
    _encode(out, obj, 1)
    return bytes(out)


def _encode(out: bytearray, obj: Any, depth: int) -> None:
    if obj is None or isinstance(obj, bool | bytes | bytearray | str | int):
        out += _leaf(obj)
        return
    if depth > MAX_DEPTH:
        raise CborError("nested too deep")
    if isinstance(obj, list | tuple):
        out += _head(_ARRAY, len(obj))
        for item in obj:
            _encode(out, item, depth + 1)
    elif isinstance(obj, dict):
        # cbor2's canonical mode sorts by length first (RFC 7049); the profile sorts bytewise.
        pairs = sorted((encode(key), value) for key, value in obj.items())
        out += _head(_MAP, len(obj))
        for key, value in pairs:
            out += key
            _encode(out, value, depth + 1)
    elif isinstance(obj, cbor2.CBORTag):
        out += _head(_TAG, obj.tag)
        _encode(out, obj.value, depth + 1)
    else:
        raise CborError(f"{type(obj).__name__} has no encoding")


def _leaf(obj: Any) -> bytes:
    if isinstance(obj, int) and not isinstance(obj, bool) and not _INT_MIN <= obj <= _INT_MAX:
        raise CborError("integer over 64 bits")
    try:
        return cbor2.dumps(bytes(obj) if isinstance(obj, bytearray) else obj)
    except UnicodeEncodeError:
        raise CborError("text is not Unicode") from None


def _head(major: int, value: int) -> bytes:
    # The head of an unsigned integer, with another major type.
    head = bytearray(cbor2.dumps(value))
    head[0] |= major << 5
    return bytes(head)


def decode(data: bytes, max_bytes: int = MAX_BYTES) -> Any:
    """Decode one document. Arrays become lists, tags `cbor2.CBORTag`, whatever their number.

    Raises CborError when `data` is longer than `max_bytes` or breaks the profile in any way.
    """
    if len(data) > max_bytes:
        raise CborError(f"longer than {max_bytes} bytes")
    return _Decoder(bytes(data)).document()


class _Decoder:
    """One pass over the heads that builds the value; cbor2 decodes the leaves."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self.items = 0

    def document(self) -> Any:
        value = self._item(1)
        if self.at != len(self.data):
            raise CborError("trailing bytes")
        return value

    def _head(self) -> tuple[int, int]:
        if self.at >= len(self.data):
            raise CborError("cut short")
        first = self.data[self.at]
        self.at += 1
        major, info = first >> 5, first & 31
        if info < 24:
            return major, info
        if info > 27:
            raise CborError("indefinite or reserved length")
        width = 1 << (info - 24)
        raw = self.data[self.at : self.at + width]
        if len(raw) < width:
            raise CborError("cut short")
        self.at += width
        if major == _SIMPLE:
            raise CborError("float or simple value")
        value = int.from_bytes(raw, "big")
        if value < (24 if width == 1 else 1 << (4 * width)):
            raise CborError("head is not the shortest")
        return major, value

    def _item(self, depth: int) -> Any:
        self.items += 1
        if self.items > MAX_ITEMS:
            raise CborError(f"more than {MAX_ITEMS} items")
        start = self.at
        major, value = self._head()
        if major in (_ARRAY, _MAP, _TAG) and depth > MAX_DEPTH:
            raise CborError("nested too deep")
        if major in (_BYTES, _TEXT):
            return self._string(start, value)
        if major == _ARRAY:
            self._count(value)
            return [self._item(depth + 1) for _ in range(value)]
        if major == _MAP:
            self._count(2 * value)
            return self._map(value, depth)
        if major == _TAG:
            return cbor2.CBORTag(value, self._item(depth + 1))
        if major == _SIMPLE and value not in (_FALSE, _TRUE, _NULL):
            raise CborError("float or simple value")
        return cbor2.loads(self.data[start : self.at])

    def _count(self, count: int) -> None:
        # Each item takes a byte at least: refuse before anything of that size is made.
        if count > len(self.data) - self.at:
            raise CborError("length past the end")

    def _string(self, start: int, length: int) -> bytes | str:
        self._count(length)
        self.at += length
        try:
            return cbor2.load(io.BytesIO(self.data[start : self.at]))
        except (cbor2.CBORDecodeError, UnicodeDecodeError):
            raise CborError("text is not UTF-8") from None

    def _map(self, count: int, depth: int) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        before = b""
        for _ in range(count):
            start = self.at
            key = self._item(depth + 1)
            if isinstance(key, list | dict | cbor2.CBORTag):
                raise CborError("map key is no integer or string")
            if isinstance(key, bool) or key is None:
                raise CborError("map key is no integer or string")
            raw = self.data[start : self.at]
            if raw <= before:
                raise CborError("map keys are not sorted or repeat")
            before = raw
            found[key] = self._item(depth + 1)
        return found
