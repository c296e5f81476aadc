# SPDX-License-Identifier: MIT
"""Each action leaves what SPEC §8 says and no more; what is not of its type is dropped and counted."""

import unittest

from sim.device import (
    BUCKET,
    DROP,
    DURATION,
    HASH,
    HEX,
    ICCID,
    ID,
    IMEI,
    IMSI,
    INT,
    IP,
    IPV4,
    IPV6,
    KEEP,
    LEVEL,
    MAC,
    PHONE,
    TIME,
    TRUNCATE,
    WORD,
)  # fmt: skip
from sim.sim_host import field

from quell.codec.kdf import hmac
from quell.counters import BAD_VALUE, DROPPED_BY_ACTION, Counters
from quell.data import encode
from quell.data.transform import transform
from quell.errors import CborError
from quell.state.policy import Field

KEY = bytes(range(32))


def apply(kind, action, value, params=None, number=1):
    """(what is stored or None, counters)."""
    made = Field(field(number, "f", 192, kind, action, params), lambda source: True)
    counters = Counters()
    out = transform([(made, value)], lambda: KEY, counters)
    return (out[0][1] if out else None), counters


class TestTruncate(unittest.TestCase):
    def test_addresses(self):
        for kind in (IPV4, IP):
            self.assertEqual(apply(kind, TRUNCATE, "192.0.2.77")[0], b"\xc0\x00\x02")
        for kind in (IPV6, IP):
            self.assertEqual(apply(kind, TRUNCATE, "2001:db8:1:2::3%eth0")[0], b"\x20\x01\x0d\xb8\x00\x01")
        self.assertEqual(apply(MAC, TRUNCATE, "00:1A:2b:3c:4d:5e")[0], b"\x00\x1a\x2b")

    def test_numbers_of_module_card_and_subscription(self):
        self.assertEqual(apply(IMEI, TRUNCATE, "490154203237518")[0], "49015420")
        self.assertEqual(apply(ICCID, TRUNCATE, "89492020000000000019")[0], "8949202")
        self.assertEqual(apply(IMSI, TRUNCATE, "262011234567890")[0], "262")

    def test_telephone_numbers_leave_their_country_code(self):
        for number, code in (
            ("+12025550123", "+1"), ("+74951234567", "+7"), ("+49301234567", "+49"), ("+8613800138000", "+86"), ("+33 1 23 45 67 89", "+33"),
            ("+351211234567", "+351"), ("+35312345678", "+353"), ("+8521234567", "+852"), ("+998712345678", "+998"), ("+27 11 123 4567", "+27"),
            ("+212612345678", "+212"), ("+4201234567", "+420"), ("+972 3 123 4567", "+972"), ("+20 2 12345678", "+20"), ("+9112345678", "+91"),
        ):  # fmt: skip
            self.assertEqual(apply(PHONE, TRUNCATE, number)[0], code, number)

    def test_what_is_left_is_shorter_than_any_identifier(self):
        self.assertIsNone(apply(IPV4, TRUNCATE, "192.0.2")[0])
        self.assertIsNone(apply(PHONE, TRUNCATE, "0301234567")[0])


class TestBucket(unittest.TestCase):
    def test_a_width_gives_the_lower_bound(self):
        for value, lower in ((0, 0), (9, 0), (10, 10), (99, 90), (-1, -10), (-10, -10), (1 << 40, 1099511627770)):
            self.assertEqual(apply(INT, BUCKET, value, [0, 10])[0], lower)
        self.assertEqual(apply(TIME, BUCKET, 1800003599, [0, 3600])[0], 1800000000)
        self.assertEqual(apply(DURATION, BUCKET, 5, [0, 1 << 40])[0], 0)
        self.assertEqual(apply(INT, BUCKET, -5, [0, 1 << 40])[0], -(1 << 40))

    def test_bounds_give_an_index(self):
        for value, index in ((-5, 0), (9, 0), (10, 1), (49, 1), (50, 2), (1 << 60, 3)):
            self.assertEqual(apply(INT, BUCKET, value, [1, 10, 50, 100])[0], index)


class TestHash(unittest.TestCase):
    def test_is_the_hmac_of_field_and_canonical_value(self):
        for kind, raw, canonical in (
            (INT, -12, b"-12"), (WORD, "eth0", b"eth0"), (ID, "serial 7", b"serial 7"), (MAC, "00-1a-2b-3c-4d-5e", b"\x00\x1a\x2b\x3c\x4d\x5e"),
            (IPV4, "192.0.2.1", b"\xc0\x00\x02\x01"), (IP, "::1", bytes(15) + b"\x01"), (IMEI, "49-0154-2032-37518", b"490154203237518"),
            (PHONE, "+49 30 1234567", b"49301234567"), (HEX, "1f", b"1f"),
        ):  # fmt: skip
            self.assertEqual(apply(kind, HASH, raw, None, 300)[0], hmac(KEY, b"\x2c\x01" + canonical)[:8])

    def test_two_ways_to_write_an_identifier_link(self):
        self.assertEqual(apply(MAC, HASH, "00:1a:2b:3c:4d:5e")[0], apply(MAC, HASH, "001A.2B3C.4D5E")[0])

    def test_two_fields_with_one_value_do_not_link(self):
        self.assertNotEqual(apply(ID, HASH, "x", None, 1)[0], apply(ID, HASH, "x", None, 2)[0])

    def test_the_key_is_asked_for_only_when_something_is_hashed(self):
        asked = []
        made = Field(field(1, "f", 192, INT, KEEP), lambda source: True)
        transform([(made, 5)], lambda: asked.append(1), Counters())
        made = Field(field(1, "f", 192, ID, HASH), lambda source: True)
        transform([(made, None)], lambda: asked.append(1), Counters())
        self.assertEqual(asked, [])


class TestDropped(unittest.TestCase):
    def test_drop_drops_and_counts(self):
        value, counters = apply(IMEI, DROP, "490154203237518")
        self.assertIsNone(value)
        self.assertEqual(counters.as_map(), {DROPPED_BY_ACTION: 1})

    def test_a_false_value_is_dropped_and_counted_under_every_action(self):
        for kind, action, params in ((INT, KEEP, None), (LEVEL, KEEP, None), (IP, TRUNCATE, None), (INT, BUCKET, [0, 5]), (MAC, HASH, None)):
            value, counters = apply(kind, action, "<script>", params)
            self.assertIsNone(value)
            self.assertEqual(counters.as_map(), {BAD_VALUE: 1})


class TestEncode(unittest.TestCase):
    def test_what_is_encoded_is_read_back(self):
        values = [(1, 5), (2, "text"), (300, b"bytes"), (65535, True)]
        record = encode.decode(encode.encode(3, 1, 0, 30000000, values))
        self.assertEqual((record.epoch, record.trust, record.boot, record.time, record.values), (3, 1, 0, 30000000, values))

    def test_a_record_is_at_most_512_bytes(self):
        fits = [(n, "x" * 100) for n in range(1, 5)] + [(5, "y" * 92)]
        self.assertEqual(len(encode.encode(1, 2, 0, 1, fits)), 512)
        self.assertIsNone(encode.encode(1, 2, 0, 1, fits[:4] + [(5, "y" * 93)]))
        self.assertIsNone(encode.encode(1, 2, 0, 1, [(1, 1.5)]))

    def test_bytes_that_are_no_record_are_refused(self):
        for data in (b"", b"\x80\x00", bytes(513), b"\x84\x00\x00"):
            self.assertRaises(CborError, encode.decode, data)


if __name__ == "__main__":
    unittest.main()
