# SPDX-License-Identifier: MIT
"""A log line gives its template's captures or nothing at all, in one pass, whatever bytes it is made of."""

import unittest

from sim.device import ANY, DURATION, ENUM, HEX, INT, IP, IPV4, IPV6, LEVEL, MAC, TIME, WORD

from quell.data.match import match


def one(kind, parameter=None):
    """Ops of a template with one capture between two literals."""
    return [b"a=", [kind, 0, parameter], b" z"]


class TestCaptures(unittest.TestCase):
    def test_each_type_captures_its_form(self):
        for kind, text, value in (
            (INT, b"5", 5), (INT, b"-12", -12), (INT, b"999999999", 999999999), (HEX, b"DEADbeef", "DEADbeef"), (WORD, b"eth0.1-x_y", "eth0.1-x_y"),
            (LEVEL, b"WARN", "warn"), (IPV4, b"192.0.2.1", "192.0.2.1"), (IPV6, b"fe80::1", "fe80::1"), (IP, b"192.0.2.1", "192.0.2.1"), (IP, b"::1", "::1"),
            (IPV6, b"2001:db8::", "2001:db8::"), (IPV4, b"255.255.255.255", "255.255.255.255"),
            (MAC, b"00:1a:2b:3c:4d:5e", "00:1a:2b:3c:4d:5e"), (DURATION, b"5ms", 5), (DURATION, b"2s", 2000), (DURATION, b"3m", 180000), (DURATION, b"1h", 3600000),
            (DURATION, b"1500us", 1), (DURATION, b"2000000ns", 2),
        ):  # fmt: skip
            self.assertEqual(match(one(kind), b"a=" + text + b" z"), {0: value}, (kind, text))
        self.assertEqual(match(one(ENUM, [b"up", b"down"]), b"a=down z"), {0: "down"})

    def test_what_is_not_of_the_type_does_not_match(self):
        for kind, texts in (
            (INT, (b"", b"-", b"x", b"1234567890", b"1.5", b"--1", b"+1")), (HEX, (b"", b"123456789", b"xyz")), (WORD, (b"", b"x" * 33, b"a b", b"\xc3\xbc", b"\x00")),
            (LEVEL, (b"urgent", b"", b"warned")), (IPV4, (b"1.2.3", b"1.2.3.256", b"::1", b"1.2.3.4.5", b"0001.2.3.4")), (IPV6, (b"1.2.3.4", b"fe80", b"1::2::3", b"f" * 50)),
            (IP, (b"x", b"1.2", b"")), (MAC, (b"00:1a:2b:3c:4d", b"00:1a:2b:3c:4d:5e:6f")), (DURATION, (b"5", b"5d", b"ms", b"5 ms", b"5msx")),
        ):  # fmt: skip
            for text in texts:
                self.assertIsNone(match(one(kind), b"a=" + text + b" z"), (kind, text))
        self.assertIsNone(match(one(ENUM, [b"up", b"down"]), b"a=downs z"))

    def test_a_sentence_may_end_behind_an_address(self):
        self.assertEqual(match([b"from ", [IP, 0, None], b"."], b"from 192.0.2.1."), {0: "192.0.2.1"})
        self.assertEqual(match([b"from ", [IP, 0, None], b": ok"], b"from 192.0.2.1: ok"), {0: "192.0.2.1"})
        self.assertEqual(match([b"mac ", [MAC, 0, None], b"-"], b"mac 00:1a:2b:3c:4d:5e-"), {0: "00:1a:2b:3c:4d:5e"})

    def test_a_capture_that_is_thrown_away_must_still_fit(self):
        ops = [b"user ", [WORD, -1, None], b" code ", [INT, 0, None]]
        self.assertEqual(match(ops, b"user ada code 7"), {0: 7})
        self.assertIsNone(match(ops, b"user ada lovelace code 7"))

    def test_types_that_no_line_can_hold_never_match(self):
        self.assertIsNone(match(one(TIME), b"a=5 z"))
        self.assertIsNone(match(one(ANY + 30), b"a=5 z"))


class TestWhole(unittest.TestCase):
    def test_a_line_must_fit_from_its_first_byte_to_its_last(self):
        ops = [b"code ", [INT, 0, None]]
        self.assertEqual(match(ops, b"code 7"), {0: 7})
        for line in (b" code 7", b"code 7 ", b"code 7\n", b"code  7", b"Code 7", b"code 7 user ada", b"", b"code", b"code "):
            self.assertIsNone(match(ops, line), line)

    def test_a_catch_all_reaches_to_the_next_literal_or_the_end(self):
        ops = [[ANY, -1, None], b" code ", [INT, 0, None], [ANY, -1, None]]
        self.assertEqual(match(ops, b"anything at all code 7 and more"), {0: 7})
        self.assertEqual(match(ops, b" code 7"), {0: 7})
        # the first occurrence counts; there is no second try
        self.assertIsNone(match(ops, b"x code y code 7"))
        self.assertIsNone(match(ops, b"x kode 7"))

    def test_an_ambiguous_prefix_gives_the_first_that_fits_only(self):
        self.assertEqual(match([b"ab", [ANY, -1, None], b"abc", [INT, 0, None]], b"ababc5"), {0: 5})
        self.assertEqual(match([[ANY, -1, None], b"=", [INT, 0, None]], b"a=5"), {0: 5})
        self.assertIsNone(match([[ANY, -1, None], b"=", [INT, 0, None]], b"a=b=5"))

    def test_hostile_bytes_do_not_match_nor_raise(self):
        shapes = (one(WORD), one(IP), one(INT), one(DURATION), [[ANY, -1, None], b"zz", [WORD, 0, None]], [[ANY, -1, None]], [])
        lines = (
            b"\x00", b"a=\x00 z", b"a=\xff\xfe z", b"a=" + b"\xc3" * 400 + b" z", b"\xf0\x9f\x98\x80" * 100, b"a=" + b"1" * 500, b"a=" + b":" * 500 + b" z",
            b"a=" + b"." * 45 + b" z", b"a=- z", b"a=" + b"9" * 300 + b"ms z", bytes(range(256)), b"z" * 512,
        )  # fmt: skip
        for ops in shapes:
            for line in lines:
                found = match(ops, line)
                for value in (found or {}).values():
                    self.assertTrue(isinstance(value, int) or len(value) <= 45, (ops, line))

    def test_the_longest_line_against_the_worst_template_is_one_pass(self):
        # every op moves forward: 512 bytes and 40 ops are at most some thousand steps
        ops = []
        for _ in range(20):
            ops += [[ANY, -1, None], b"aaaaaaaab"]
        self.assertIsNone(match(ops, b"a" * 512))


if __name__ == "__main__":
    unittest.main()
