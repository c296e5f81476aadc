# SPDX-License-Identifier: MIT
"""Followed log files: whole lines only, within bounds, through rotation and any bytes."""

import os
import unittest

from ports.unix.logs import LogFile

from quell.limits import MAX_LINE_BYTES

PATH = "build/test-unix.log"


def write(data, mode="wb"):
    with open(PATH, mode) as file:
        file.write(data)


class TestLogFile(unittest.TestCase):
    def setUp(self):
        try:
            os.mkdir("build")
        except OSError:
            pass
        write(b"")

    def tearDown(self):
        for path in (PATH, PATH + ".1"):
            try:
                os.remove(path)
            except OSError:
                pass

    def test_lines_from_before_it_was_opened_are_never_read(self):
        write(b"before consent\n")
        log = LogFile(PATH)
        write(b"after\n", "ab")
        self.assertEqual(log.next_line(), b"after")
        self.assertIsNone(log.next_line())
        log.close()

    def test_half_a_line_waits_for_its_end(self):
        log = LogFile(PATH)
        write(b"one", "ab")
        self.assertIsNone(log.next_line())
        write(b" line\n", "ab")
        self.assertEqual(log.next_line(), b"one line")
        log.close()

    def test_a_line_of_a_megabyte_is_one_drop_and_the_next_line_is_read(self):
        log = LogFile(PATH)
        for _ in range(256):
            write(b"x" * 4096, "ab")
        write(b"\nnext\n", "ab")
        found = []
        line = log.next_line()
        while line is not None:
            found.append(line)
            line = log.next_line()
        self.assertEqual(found, [False, b"next"])
        log.close()

    def test_a_line_of_exactly_the_limit_is_read_and_one_more_byte_is_not(self):
        log = LogFile(PATH)
        write(b"a" * MAX_LINE_BYTES + b"\n" + b"b" * (MAX_LINE_BYTES + 1) + b"\nc\n", "ab")
        self.assertEqual(log.next_line(), b"a" * MAX_LINE_BYTES)
        self.assertEqual(log.next_line(), False)
        self.assertEqual(log.next_line(), b"c")
        log.close()

    def test_nuls_and_invalid_utf8_come_as_the_bytes_they_are(self):
        log = LogFile(PATH)
        write(b"\x00\xff\xfe\n", "ab")
        self.assertEqual(log.next_line(), b"\x00\xff\xfe")
        log.close()

    def test_a_rotated_file_is_read_from_its_start(self):
        log = LogFile(PATH)
        write(b"old\n", "ab")
        self.assertEqual(log.next_line(), b"old")
        os.rename(PATH, PATH + ".1")
        write(b"new\n")
        self.assertEqual(log.next_line(), b"new")
        log.close()

    def test_a_truncated_file_is_read_from_its_start(self):
        log = LogFile(PATH)
        write(b"a long line that is gone\n", "ab")
        log.next_line()
        write(b"new\n")
        self.assertEqual(log.next_line(), b"new")
        log.close()

    def test_a_file_that_comes_later_is_found(self):
        os.remove(PATH)
        log = LogFile(PATH)
        self.assertIsNone(log.next_line())
        write(b"here\n")
        self.assertEqual(log.next_line(), b"here")
        log.close()


if __name__ == "__main__":
    unittest.main()
