# SPDX-License-Identifier: MIT
"""The CBOR decoder takes exactly what the encoder writes (RFC 8949, the profile of SPEC §1) and refuses every other byte."""

import unittest

from quell.codec import cbor
from quell.codec.builtin import unhexlify
from quell.codec.cbor import MAX_DEPTH, MAX_ITEMS, Tag
from quell.errors import CborError

# by their bytes: MicroPython 1.13 of QuecPython has no \u in a str
UMLAUT = str(b"\xc3\xbc", "utf-8")
WATER = str(b"\xe6\xb0\xb4", "utf-8")

# RFC 8949 appendix A, what the profile has
VECTORS = (
    ("00", 0), ("01", 1), ("0a", 10), ("17", 23), ("1818", 24), ("1819", 25), ("1864", 100), ("1903e8", 1000),
    ("1a000f4240", 1000000), ("1b000000e8d4a51000", 1000000000000), ("1bffffffffffffffff", 18446744073709551615),
    ("3bffffffffffffffff", -18446744073709551616), ("20", -1), ("29", -10), ("3863", -100), ("3903e7", -1000),
    ("f4", False), ("f5", True), ("f6", None), ("40", b""), ("4401020304", b"\x01\x02\x03\x04"), ("60", ""), ("6161", "a"),
    ("6449455446", "IETF"), ("62225c", "\"\\"), ("62c3bc", UMLAUT), ("63e6b0b4", WATER), ("80", []), ("83010203", [1, 2, 3]),
    ("8301820203820405", [1, [2, 3], [4, 5]]), ("98190102030405060708090a0b0c0d0e0f101112131415161718181819", list(range(1, 26))),
    ("a0", {}), ("a201020304", {1: 2, 3: 4}), ("a26161016162820203", {"a": 1, "b": [2, 3]}), ("826161a161626163", ["a", {"b": "c"}]),
    ("a56161614161626142616361436164614461656145", {"a": "A", "b": "B", "c": "C", "d": "D", "e": "E"}),
)  # fmt: skip

REFUSED = (
    ("heads that are not the shortest", ("1817", "190018", "1900ff", "1a0000ffff", "1b00000000ffffffff", "3817", "5800", "7800", "9800", "b800", "d817f6")),
    ("reserved and indefinite lengths", ("1c", "1d", "1e", "1f", "3f", "5f", "5f4100ff", "7f", "7f6161ff", "9f", "9fff", "bf", "bfff", "df", "ff", "5c", "9e")),
    ("floats and other simple values", ("f97c00", "fa47c35000", "fb3ff199999999999a", "f0", "f7", "f818", "f820", "e0", "f3", "fc", "f8ff")),
    ("map keys unsorted or repeated", ("a203000100", "a201000100", "a2616200616100", "a2200000f6", "a26161000100", "a241610001f6")),
    ("map keys of other types", ("a1f500", "a1f600", "a18000", "a1a000", "a1c00000", "a2f50001f6", "a1f400")),
    ("trailing bytes", ("0000", "8000", "f6f6", "4000", "")),
    ("text that is not UTF-8", ("61ff", "6180", "62c080", "62c1bf", "63e08080", "63eda080", "64f0808080", "64f4908080", "61c3", "62c328", "64f8888080", "63e28228", "65ff")),
    ("lengths beyond the input", ("41", "61", "5b8000000000000000", "7b8000000000000000", "9b8000000000000000", "bb8000000000000000", "5bffffffffffffffff",
        "9bffffffffffffffff", "5a7fffffff00", "9a0001000000", "ba0001000000", "8200", "a101", "a1", "c0")),
)  # fmt: skip


def refused(case, data, what=""):
    try:
        value = cbor.decode(data, 16384)
    except CborError:
        return
    case.fail("taken: " + repr((what, data, value)))


class TestVectors(unittest.TestCase):
    def test_values_and_bytes_are_those_of_the_rfc(self):
        for text, value in VECTORS:
            data = unhexlify(text)
            self.assertEqual(cbor.encode(value), data, text)
            again = cbor.decode(data, 100)
            self.assertEqual(again, value, text)
            self.assertEqual(type(again), type(value), text)

    def test_tags(self):
        data = unhexlify("c11a514b67b0")
        tag = cbor.decode(data, 100)
        self.assertEqual((tag.number, tag.value), (1, 1363896240))
        self.assertEqual(cbor.encode(tag), data)
        self.assertEqual(cbor.encode(Tag(32, "x")), unhexlify("d8206178"))

    def test_keys_are_sorted_by_their_encoding(self):
        data = cbor.encode({"aa": 0, b"": 1, "b": 2, 100: 3, -1: 4, 10: 5})
        self.assertEqual(data, unhexlify("a60a05186403200440016162026261610" + "0"))

    def test_bytes_like_and_tuples_are_encoded(self):
        self.assertEqual(cbor.encode([bytearray(b"a"), memoryview(b"b"), (1,)]), unhexlify("8341614162" + "8101"))


class TestRefused(unittest.TestCase):
    def test_everything_outside_the_profile(self):
        for what, texts in REFUSED:
            for text in texts:
                refused(self, unhexlify(text), what)

    def test_types_that_the_profile_has_not(self):
        for value in (1.5, {1.5: 1}, set((1,)), object(), [1.0], 1 << 64, -(1 << 64) - 1):
            self.assertRaises(CborError, cbor.encode, value)

    def test_truncation_at_every_byte(self):
        data = cbor.encode([1, -70000, b"bytes", "text " + UMLAUT, {1: [True, None], "k": {b"": 1 << 40}}, Tag(18, [1 << 63])])
        for end in range(len(data)):
            refused(self, data[:end])
        cbor.decode(data, len(data))

    def test_over_the_given_size(self):
        data = cbor.encode(bytes(100))
        self.assertRaises(CborError, cbor.decode, data, len(data) - 1)

    def test_nesting_deeper_than_the_limit(self):
        for first in (b"\x81", b"\xa1\x00", b"\xc1"):
            cbor.decode(first * MAX_DEPTH + b"\x00", 100)
            refused(self, first * (MAX_DEPTH + 1) + b"\x00")
            refused(self, first * 4000 + b"\x00")
            refused(self, first * 4000)

    def test_more_items_than_the_limit(self):
        cbor.decode(cbor.encode([0] * (MAX_ITEMS - 1)), 16384)
        refused(self, cbor.encode([0] * MAX_ITEMS))

    def test_a_false_count_costs_no_memory(self):
        for head in (b"\x9a\x7f\xff\xff\xff", b"\xba\x7f\xff\xff\xff", b"\x9b\x00\x00\x00\x7f\xff\xff\xff\xff", b"\x5a\x7f\xff\xff\xff"):
            refused(self, head + bytes(1000))


class Random:
    """The same numbers on every interpreter and in every run."""

    def __init__(self, seed):
        self.state = seed

    def below(self, n):
        self.state = (self.state * 1103515245 + 12345) & 0x7FFFFFFF
        return (self.state >> 8) % n


class TestFuzz(unittest.TestCase):
    def value(self, random, depth=0):
        kind = random.below(9 if depth < 4 else 6)
        if kind == 0:
            return random.below(1 << 20) << random.below(40)
        if kind == 1:
            return -random.below(1 << 20) << random.below(30)
        if kind == 2:
            return bytes(random.below(256) for _ in range(random.below(40)))
        if kind == 3:
            return "".join(("a", UMLAUT, WATER, "z")[: random.below(5)]) * random.below(9)
        if kind < 6:
            return (True, False, None)[random.below(3)]
        if kind == 6:
            return dict((random.below(300), self.value(random, depth + 1)) for _ in range(random.below(5)))
        return [self.value(random, depth + 1) for _ in range(random.below(5))]

    def test_what_is_encoded_is_decoded(self):
        random = Random(1)
        for _ in range(300):
            value = self.value(random)
            data = cbor.encode(value)
            self.assertEqual(cbor.decode(data, 16384), value)

    def test_what_is_taken_is_what_would_have_been_written(self):
        random = Random(2)
        taken = 0
        for _ in range(1500):
            data = bytearray(cbor.encode(self.value(random)))
            for _ in range(1 + random.below(3)):
                data[random.below(len(data))] = random.below(256)
            data = bytes(data)
            try:
                value = cbor.decode(data, 16384)
            except CborError:
                continue
            taken += 1
            self.assertEqual(cbor.encode(value), data)
        self.assertTrue(taken > 50)

    def test_noise_is_taken_apart_or_refused(self):
        random = Random(3)
        for _ in range(1500):
            data = bytes(random.below(256) for _ in range(random.below(24)))
            try:
                self.assertEqual(cbor.encode(cbor.decode(data, 100)), data)
            except CborError:
                pass


if __name__ == "__main__":
    unittest.main()
