# SPDX-License-Identifier: MIT
"""Deterministic CBOR: the profile of SPEC §1 (RFC 8949 §4.2.1), strict both ways.

Knows unsigned and negative integers of 64 bits, bstr, tstr, arrays, maps, tags, false, true, null.
The decoder refuses whatever this encoder would not have written, so that equal data has equal bytes
and a hash or signature over them means one thing. No recursion beyond MAX_DEPTH, no allocation by a
length that the input does not really hold.
"""

from quell.codec.builtin import const, struct
from quell.errors import CborError

MAX_DEPTH = const(8)
MAX_ITEMS = const(4096)

_BSTR = const(2)
_TSTR = const(3)
_ARRAY = const(4)
_MAP = const(5)
_TAG = const(6)


class Tag:
    """A tagged value (RFC 8949 §3.4)."""

    def __init__(self, number, value):
        self.number = number
        self.value = value


def _head(out, major, n):
    major <<= 5
    if n < 24:
        out.append(major | n)
    elif n < 0x100:
        out.append(major | 24)
        out.append(n)
    elif n < 0x10000:
        out.append(major | 25)
        out.extend(struct.pack(">H", n))
    elif n < 0x100000000:
        out.append(major | 26)
        out.extend(struct.pack(">I", n))
    elif n < 0x10000000000000000:
        out.append(major | 27)
        out.extend(struct.pack(">Q", n))
    else:
        raise CborError("integer over 64 bits")


def encode_into(out, value):
    """Append the encoding of `value` to the bytearray `out`. Raises CborError for other types."""
    if value is None:
        out.append(0xF6)
    elif value is True:
        out.append(0xF5)
    elif value is False:
        out.append(0xF4)
    elif isinstance(value, int):
        if value >= 0:
            _head(out, 0, value)
        else:
            _head(out, 1, -1 - value)
    elif isinstance(value, (bytes, bytearray, memoryview)):
        _head(out, _BSTR, len(value))
        out.extend(value)
    elif isinstance(value, str):
        raw = value.encode()
        _head(out, _TSTR, len(raw))
        out.extend(raw)
    elif isinstance(value, (list, tuple)):
        _head(out, _ARRAY, len(value))
        for item in value:
            encode_into(out, item)
    elif isinstance(value, dict):
        _head(out, _MAP, len(value))
        # dict order is not insertion order on 1.13, and determinism wants bytewise order anyway
        pairs = sorted((encode(key), key) for key in value)
        for key_bytes, key in pairs:
            out.extend(key_bytes)
            encode_into(out, value[key])
    elif isinstance(value, Tag):
        _head(out, _TAG, value.number)
        encode_into(out, value.value)
    else:
        raise CborError("type")


def encode(value):
    """Encode `value` -> bytes."""
    out = bytearray()
    encode_into(out, value)
    return bytes(out)


def _check_utf8(data):
    """Raise CborError unless `data` is UTF-8 (RFC 3629). 1.13 builds without unicode do not check."""
    i, end = 0, len(data)
    while i < end:
        lead = data[i]
        i += 1
        if lead < 0x80:
            continue
        if 0xC2 <= lead <= 0xDF:
            more, low, high = 1, 0x80, 0xBF
        elif 0xE0 <= lead <= 0xEF:
            more = 2
            low, high = 0xA0 if lead == 0xE0 else 0x80, 0x9F if lead == 0xED else 0xBF
        elif 0xF0 <= lead <= 0xF4:
            more = 3
            low, high = 0x90 if lead == 0xF0 else 0x80, 0x8F if lead == 0xF4 else 0xBF
        else:
            raise CborError("utf-8")
        for _ in range(more):
            if i >= end or not low <= data[i] <= high:
                raise CborError("utf-8")
            low, high = 0x80, 0xBF
            i += 1


class Decoder:
    """Decodes one document from a bytes object; `decode()` is the way in."""

    def __init__(self, data):
        self.data = data
        self.at = 0
        self.items = 0

    def _take(self, n):
        if n > len(self.data) - self.at:
            raise CborError("truncated")
        start = self.at
        self.at = start + n
        return self.data[start : self.at]

    def _read_head(self):
        first = self._take(1)[0]
        major, info = first >> 5, first & 31
        if major == 7:
            return major, info
        if info < 24:
            return major, info
        if info == 24:
            n, least = self._take(1)[0], 24
        elif info == 25:
            n, least = struct.unpack(">H", self._take(2))[0], 0x100
        elif info == 26:
            n, least = struct.unpack(">I", self._take(4))[0], 0x10000
        elif info == 27:
            n, least = struct.unpack(">Q", self._take(8))[0], 0x100000000
        else:
            raise CborError("indefinite or reserved length")
        if n < least:
            raise CborError("not the shortest head")
        return major, n

    def _read_map(self, n, depth):
        result = {}
        last = None
        for _ in range(n):
            start = self.at
            key = self.read(depth + 1)
            key_bytes = self.data[start : self.at]
            if isinstance(key, bool) or not isinstance(key, (int, str, bytes)):
                raise CborError("map key")
            if last is not None and not last < key_bytes:
                raise CborError("map keys unsorted or repeated")
            last = key_bytes
            result[key] = self.read(depth + 1)
        return result

    def read(self, depth):
        """Read one item at nesting `depth`."""
        self.items += 1
        if self.items > MAX_ITEMS:
            raise CborError("too many items")
        major, n = self._read_head()
        if major == 0:
            return n
        if major == 1:
            return -1 - n
        if major == _BSTR:
            return bytes(self._take(n))
        if major == _TSTR:
            raw = bytes(self._take(n))
            _check_utf8(raw)
            return str(raw, "utf-8")
        if major == _ARRAY or major == _MAP or major == _TAG:
            if depth >= MAX_DEPTH:
                raise CborError("too deep")
        if major == _ARRAY or major == _MAP:
            # every item takes at least a byte: a false count fails here, before any allocation
            if n > len(self.data) - self.at:
                raise CborError("truncated")
            if major == _MAP:
                return self._read_map(n, depth)
            result = []
            for _ in range(n):
                result.append(self.read(depth + 1))
            return result
        if major == _TAG:
            return Tag(n, self.read(depth + 1))
        if n == 20:
            return False
        if n == 21:
            return True
        if n == 22:
            return None
        raise CborError("simple value or float")


def decode(data, max_bytes):
    """Decode exactly one document of at most `max_bytes` from bytes. Raises CborError."""
    if len(data) > max_bytes:
        raise CborError("oversized")
    decoder = Decoder(data)
    value = decoder.read(0)
    if decoder.at != len(data):
        raise CborError("trailing bytes")
    return value
