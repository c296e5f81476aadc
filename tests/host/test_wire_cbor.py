# SPDX-License-Identifier: MIT
"""One value has one encoding, and nothing else is read."""

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quell_host.wire import cbor

KEYS = st.integers(-(1 << 64), (1 << 64) - 1) | st.text(max_size=8) | st.binary(max_size=8)
LEAVES = KEYS | st.none() | st.booleans()
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_what_is_encoded_comes_back(value):
    try:
        data = cbor.encode(value)
    except cbor.CborError:
        return  # nested deeper than 8
    assert cbor.decode(data) == value
    assert cbor2.loads(data) == value


@given(st.binary(max_size=64))
def test_what_is_read_would_be_written_so_and_nothing_else_raises(data):
    try:
        value = cbor.decode(data)
    except cbor.CborError:
        return
    assert cbor.encode(value) == data


@pytest.mark.parametrize(
    "text",
    [
        "",  # nothing
        "1817",  # 23 in two bytes
        "190018",  # 24 in three
        "1a0000ffff",
        "1b00000000ffffffff",
        "5801ff",  # length not the shortest
        "0000",  # trailing byte
        "f90000",  # half float
        "fb0000000000000000",
        "f7",  # undefined
        "f820",  # simple value
        "f814",  # false in two bytes
        "9fff",  # indefinite
        "5f4100ff",
        "bfff",
        "ff",
        "1c",  # reserved
        "61ff",  # no UTF-8
        "62edbf",
        "a2020001000000"[:10],  # unsorted
        "a201000100",  # repeated
        "a2613100616100"[:14] + "00",
        "a1f500",  # true as a key
        "a18000",  # array as a key
        "42aa",  # past the end
        "9a7fffffff",  # many items, none there
        "bb7fffffffffffffff",
        "818181818181818180",  # nine deep
    ],
)
def test_what_is_not_of_the_profile_is_refused(text):
    with pytest.raises(cbor.CborError):
        cbor.decode(bytes.fromhex(text))


def test_keys_are_sorted_bytewise_not_by_length():
    # RFC 7049 would put -1 (one byte) before 1000 (three bytes).
    assert cbor.encode({-1: 0, 1000: 0, 10: 0}).hex() == "a30a001903e8002000"


def test_eight_deep_is_read_and_written():
    value = 0
    for _ in range(8):
        value = [value]
    assert cbor.decode(cbor.encode(value)) == value
    with pytest.raises(cbor.CborError):
        cbor.encode([value])


def test_more_than_4096_items_are_refused():
    assert cbor.decode(cbor.encode([0] * 4095))
    with pytest.raises(cbor.CborError, match="items"):
        cbor.decode(b"\x99\x10\x00" + bytes(4096))


def test_the_size_is_bounded_before_anything_is_read():
    with pytest.raises(cbor.CborError, match="longer than 4"):
        cbor.decode(bytes(5), 4)


@pytest.mark.parametrize("value", [1.5, 1 << 64, -(1 << 64) - 1, object(), {1, 2}, "\ud800"])
def test_what_has_no_encoding_is_refused(value):
    with pytest.raises(cbor.CborError):
        cbor.encode(value)
