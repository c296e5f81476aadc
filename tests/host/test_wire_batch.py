# SPDX-License-Identifier: MIT
"""A batch opens only as the device made it, and hostile insides are refused."""

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quell_host.wire import batch, cbor, plaintext
from quell_host.wire.ack import Reason
from quell_host.wire.batch import BatchError, BatchHeader
from quell_host.wire.plaintext import BatchRecord

DEVICE, KEY = bytes(range(16)), bytes(range(32))
HEADER = BatchHeader(bytes(8), 7, 2, 5, bytes(8), 100, 3)
RECORDS = [
    BatchRecord(100, 2, 0, 50, 1, {1: 5, 2: "word", 3: b"12345678"}),
    BatchRecord(102, 2, 0, 49, 1, {1: True}),
]
MESSAGE = batch.seal_batch(DEVICE, KEY, 1, HEADER, RECORDS, ["word"], 6)
WHOLE = [1, 2, 0, 50, [1], ["s"], [[1, 2]], [0, 0, 5, [0], 0, -1, 5, b"x"], 0]


def inside(*parts):
    """What opening gives for this plaintext, sealed by the device itself."""
    return batch.open_batch(
        batch.seal(DEVICE, KEY, 1, HEADER, cbor.encode(list(parts))), DEVICE, {1: KEY}
    )


def with_part(index, value):
    parts = list(WHOLE)
    parts[index] = value
    return parts


def test_what_is_sealed_opens():
    opened = batch.open_batch(MESSAGE, DEVICE, {1: KEY})
    assert (opened.header, opened.records, opened.key_version) == (HEADER, RECORDS, 1)
    assert opened.lost == 6


VALUES = (
    st.integers(-(1 << 63), 1 << 63) | st.booleans() | st.text(max_size=9) | st.binary(max_size=9)
)
ROWS = st.lists(st.dictionaries(st.integers(1, 65535), VALUES, max_size=5), min_size=1, max_size=8)


@settings(deadline=None)
@given(
    ROWS, st.integers(0, (1 << 32) - 9), st.lists(st.integers(0, 1 << 40), min_size=8, max_size=8)
)
def test_any_records_survive(rows, first, times):
    records = [BatchRecord(first + i, 0, 9, times[i], 4, row) for i, row in enumerate(rows)]
    header = BatchHeader(bytes(8), 1, 0, 1, bytes(8), first, len(rows))
    table = [value for row in rows for value in row.values() if isinstance(value, str)]
    inner = plaintext.build(records, first, len(rows), table)
    assert plaintext.parse(inner, header.first, header.count).records == records


def test_the_example_inside_is_good():
    assert [record.seq for record in inside(*WHOLE).records] == [100, 102]


@pytest.mark.parametrize(
    "parts",
    [
        [],
        WHOLE[:7],
        with_part(0, -1),
        with_part(0, True),
        with_part(1, 3),
        with_part(2, 4),  # a boot number beside a clock
        with_part(3, 1 << 60),
        with_part(4, [3]),  # gap outside the range
        with_part(4, [1, 1]),
        with_part(4, [2, 1]),
        with_part(4, []),  # a row is missing
        with_part(4, [0, 1]),  # a row too many
        with_part(5, [5]),
        with_part(6, [[0]]),
        with_part(6, [[1, 1]]),
        with_part(6, [[65536, 1]]),
        with_part(6, 5),
        with_part(7, [1, 0, 5, [0], 0, -1, 5, b"x"]),  # no such shape
        with_part(7, [0, 0, 5, [1], 0, -1, 5, b"x"]),  # no such string
        with_part(7, [0, 0, 5, [-1], 0, -1, 5, b"x"]),
        with_part(7, [0, 0, 5, [0, 0], 0, -1, 5, b"x"]),
        with_part(7, [0, 0, 5, None, 0, -1, 5, b"x"]),
        with_part(7, [0, 0, 5, {}, 0, -1, 5, b"x"]),
        with_part(7, [0, -51, 5, [0], 0, -1, 5, b"x"]),  # before time
        with_part(7, [0, 0, 5, [0], 0, -1, 5]),
        with_part(7, [0, 0, 5, [0], 0, -1, 5, b"x", 0]),
        with_part(8, -1),
        with_part(8, 1 << 32),
        with_part(8, True),
        with_part(8, None),
        [*WHOLE, 0],
    ],
)
def test_insides_that_break_the_format_are_refused_as_the_devices_own(parts):
    with pytest.raises(BatchError) as caught:
        inside(*parts)
    assert caught.value.reason == Reason.MALFORMED and caught.value.authentic


def test_the_insides_of_version_1_are_never_refused_as_the_devices_own():
    # An answer to a batch of version 1 that was given a 2 on its way would free its records.
    with pytest.raises(BatchError) as caught:
        inside(*WHOLE[:8])
    assert caught.value.reason == Reason.DOES_NOT_OPEN and not caught.value.authentic


def test_insides_that_are_no_cbor_are_refused():
    with pytest.raises(BatchError) as caught:
        batch.open_batch(batch.seal(DEVICE, KEY, 1, HEADER, b"\xff"), DEVICE, {1: KEY})
    assert caught.value.authentic


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_a_changed_byte_never_opens_and_never_counts_as_authentic(data):
    message = bytearray(MESSAGE)
    at = data.draw(st.integers(0, len(message) - 1))
    message[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(BatchError) as caught:
        batch.open_batch(bytes(message), DEVICE, {1: KEY})
    assert not caught.value.authentic


@given(st.binary(max_size=200))
def test_garbage_is_refused(data):
    with pytest.raises(BatchError):
        batch.open_batch(data, DEVICE, {1: KEY})


@pytest.mark.parametrize(
    ("index", "value"),
    [
        (0, 1),
        (0, 3),
        (0, True),
        (1, bytes(7)),
        (2, 0),
        (2, 256),
        (5, bytes(9)),
        (6, -1),
        (6, (1 << 32) - 1),  # the range runs over 32 bits
        (7, 0),
        (7, 4097),
        (8, b""),
    ],
)
def test_a_header_out_of_range_is_refused(index, value):
    parts = cbor.decode(MESSAGE)
    parts[index] = value
    with pytest.raises(BatchError):
        batch.parse_header(cbor.encode(parts))


def test_another_key_version_does_not_open():
    with pytest.raises(BatchError) as caught:
        batch.open_batch(MESSAGE, DEVICE, {2: KEY})
    assert caught.value.reason == Reason.DOES_NOT_OPEN


def test_a_batch_of_another_device_or_instance_does_not_open():
    parts = cbor.decode(MESSAGE)
    parts[1] = bytes(range(8))
    for message, device in ((MESSAGE, bytes(16)), (cbor.encode(parts), DEVICE)):
        with pytest.raises(BatchError):
            batch.open_batch(message, device, {1: KEY})


def test_over_1400_bytes_is_refused_before_it_is_read():
    with pytest.raises(BatchError):
        batch.open_batch(MESSAGE + bytes(1400), DEVICE, {1: KEY})


def test_the_seal_stands_in_the_order_of_the_specification():
    sealed = cbor2.loads(MESSAGE)[8]
    assert sealed.tag == 96 and sealed.value[0].hex() == "a1010a"
    assert cbor2.dumps(sealed.value[3][0][1]).hex().startswith("a20441013350")
