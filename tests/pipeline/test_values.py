# SPDX-License-Identifier: MIT
"""A value that is not of its field's type gives nothing; one that is has one form only."""

import unittest

from sim.device import (
    BOOL,
    DURATION,
    ENUM,
    HEX,
    ICCID,
    ID,
    IMEI,
    IMSI,
    INT,
    IP,
    IPV4,
    IPV6,
    LEVEL,
    MAC,
    PHONE,
    TEXT,
    TIME,
    VERSION,
    WORD,
)  # fmt: skip

from quell.data.values import parse

MAC_BYTES = b"\x00\x1a\x2b\x3c\x4d\x5e"
UMLAUT = str(b"\xc3\xbc", "utf-8")  # by its bytes: MicroPython 1.13 of QuecPython has no \u in a str
WATER = str(b"\xe6\xb0\xb4", "utf-8")
ARABIC_4 = str(b"\xd9\xa4", "utf-8")
LOCAL = b"\xfe\x80" + bytes(13) + b"\x01"

GOOD = (
    (INT, 0, 0), (INT, -5, -5), (INT, 0x7FFFFFFFFFFFFFFF, 0x7FFFFFFFFFFFFFFF), (TIME, 1800000000, 1800000000), (DURATION, 5, 5),
    (BOOL, True, True), (BOOL, False, False), (WORD, "eth0", "eth0"), (ENUM, "idle", "idle"), (LEVEL, "warn", "warn"),
    (VERSION, "6.1.0-13-amd64", "6.1.0-13-amd64"), (HEX, "1F", "1F"), (ID, "a-b_c 9", "a-b_c 9"), (TEXT, UMLAUT + "!", UMLAUT + "!"),
    (IPV4, "192.0.2.255", b"\xc0\x00\x02\xff"), (IPV4, b"\xc0\x00\x02\xff", b"\xc0\x00\x02\xff"), (IPV4, "0.0.0.0", bytes(4)),
    (IPV6, "::", bytes(16)), (IPV6, "::1", bytes(15) + b"\x01"), (IPV6, "fe80::1%eth0", LOCAL), (IPV6, "FE80:0::0:1", LOCAL),
    (IPV6, "2001:db8::", b"\x20\x01\x0d\xb8" + bytes(12)), (IPV6, "1:2:3:4:5:6:7:8", bytes((0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8))),
    (IPV6, "::ffff:192.0.2.1", bytes(10) + b"\xff\xff\xc0\x00\x02\x01"), (IPV6, LOCAL, LOCAL), (IP, "192.0.2.255", b"\xc0\x00\x02\xff"),
    (IP, "::1", bytes(15) + b"\x01"), (IP, LOCAL, LOCAL), (IP, bytes(4), bytes(4)),
    (MAC, "00:1a:2b:3c:4d:5e", MAC_BYTES), (MAC, "00-1A-2B-3C-4D-5E", MAC_BYTES), (MAC, "001a.2b3c.4d5e", MAC_BYTES), (MAC, MAC_BYTES, MAC_BYTES),
    (MAC, "001a2b3c4d5e", MAC_BYTES), (IMEI, "490154203237518", "490154203237518"), (IMEI, 490154203237518, "490154203237518"),
    (IMEI, "49-015420-323751-8", "490154203237518"), (IMSI, "262011234567890", "262011234567890"),
    (ICCID, "8949 2020 0000 0000 0019", "89492020000000000019"), (PHONE, "+49 (30) 123-4567", "49301234567"), (PHONE, "+1 202 555 0123", "12025550123"),
)  # fmt: skip

BAD = {
    INT: ("1", 1.5, None, True, b"1", [], 1 << 63, -(1 << 63) - 1, {}), TIME: ("now", True), DURATION: ("5s", None),
    BOOL: (1, 0, "true", None), WORD: ("", "two words", "a\n", "x" * 33, 5, b"word", "n" + UMLAUT, "a@b"), ENUM: ("a b", "x" * 33, "", 1, "a\x00"),
    LEVEL: ("urgent", "", 5, "WARN!", b"warn"), HEX: ("", "xyz", "123456789", "0x1", "-1", 5, "1 "), VERSION: ("", "a\nb", "x" * 129, "a@b", 5, "\x7f"),
    TEXT: ("", "x" * 129, "a\tb", "\x00", 5, b"text", WATER * 43), ID: ("", "x" * 129, "a\nb", None, ["x"]),
    IPV4: ("", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.4 ", " 1.2.3.4", "1.2.3.-4", "1.2.3." + ARABIC_4, b"123", 16909060, "::1", "1..2.3"),
    IPV6: ("", "1", ":", ":::", "1::2::3", "12345::", "g::1", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8",
        "::1.2.3", "1.2.3.4", "1.2.3.4::", bytes(4), "::" * 40, "::-1", ":1", "1:"),
    IP: ("", "nonsense", bytes(5), 5), MAC: ("", "00:1a:2b:3c:4d", "00:1a:2b:3c:4d:5e:6f", "00:1a:2b:3c:4d:5g", bytes(5), "0" * 18, 5),
    IMEI: ("", "1234567890123", "12345678901234567", "49015420323751X", True, b"490154203237518", "4" * 100, ARABIC_4 * 15),
    IMSI: ("", "1234567890123", "1234567890123456"), ICCID: ("", "8" * 17, "8" * 21),
    PHONE: ("030 1234567", "", "+", "+123456", "+1234567890123456", "+49 30 CALL", 49301234567, "0049301234567", "+-"),
}  # fmt: skip


class TestValues(unittest.TestCase):
    def test_good_values_have_one_form(self):
        for kind, raw, value in GOOD:
            found = parse(kind, raw)
            self.assertEqual(found, value, (kind, raw))
            self.assertEqual(type(found), type(value), (kind, raw))

    def test_what_is_not_of_its_type_gives_nothing(self):
        for kind, values in BAD.items():
            for value in values:
                self.assertIsNone(parse(kind, value), (kind, value))

    def test_no_type_raises_on_anything(self):
        things = [raw for _, raw, _ in GOOD]
        for values in BAD.values():
            things += list(values)
        things += [object(), (), {"a": 1}, set(), float("nan"), 1e300, bytearray(4), memoryview(b"abcd"), len]
        for kind in range(20):
            for thing in things:
                parse(kind, thing)

    def test_a_kept_type_lets_no_identifier_of_another_form_through(self):
        # what may be kept as text has no room for a mail address, a sentence, a MAC or an IMEI behind hex
        for kind in (ENUM, WORD, LEVEL, HEX):
            for raw in ("ada@example.org", "a sentence of words", "00:1a:2b:3c:4d:5e", "fe80::1"):
                self.assertIsNone(parse(kind, raw), (kind, raw))
        self.assertIsNone(parse(HEX, "490154203237518"))
        self.assertIsNone(parse(VERSION, "ada@example.org"))


if __name__ == "__main__":
    unittest.main()
