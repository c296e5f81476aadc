# SPDX-License-Identifier: MIT
"""No source is asked before a purpose may collect; what a source says or raises stays within its template, rate and form."""

import unittest

from ports.catalogue import IDS
from sim.device import BUCKET, DROP, HASH, ID, INT, IP, TRUNCATE, VERSION, WORD, Device
from sim.saved import Saved
from sim.sim_host import field, purpose

from quell.counters import (
    BAD_VALUE,
    DROPPED_BY_ACTION,
    LINE_TOO_LONG,
    MISSING_REQUIRED,
    NO_TEMPLATE,
    RATE_LIMITED,
    RECORD_TOO_BIG,
    SOURCE_ABSENT,
    SOURCE_FAILED,
    UNKNOWN_FIELD,
)  # fmt: skip
from quell.data.collect import traceback_parts
from quell.data_path import BUFFERED, REFUSED

LOGIN = {0: 1, 1: "login", 2: "auth", 3: [b"login of ", [WORD, -1, None], b" from ", [IP, 0, None], b" code ", [INT, 1, None]]}
FAULT = {0: 2, 1: "fault", 2: "exception", 3: [b"code ", [INT, 0, None]]}
FIELDS = (
    field(1, "code", 192, INT, required=True, purposes=[1]),
    field(2, "note", 208, 14, purposes=[1]),
    field(3, "release", 207, VERSION, purposes=[1]),
    field(4, "dropped", 209, ID, DROP, purposes=[1]),
    field(10, "address", [1, 0], IP, TRUNCATE, purposes=[2]),
    field(11, "result", [1, 1], INT, BUCKET, [0, 10], purposes=[2]),
    field(20, "type", IDS["exception.type"], VERSION, purposes=[2]),
    field(21, "frames", IDS["exception.frames"], VERSION, purposes=[2]),
    field(22, "fault", [2, 0], INT, purposes=[2]),
    field(30, "model", IDS["device.model"], VERSION, purposes=[3]),
    field(31, "uptime", IDS["device.uptime"], INT, required=True, purposes=[3]),
    field(32, "machine", IDS["device.machine-id"], ID, HASH, purposes=[3]),
)
_SAVED = {}


def device_with(grants=(1, 2, 3), rates=None):
    """Purposes 1 (emit), 2 (logs and exceptions) and 3 (samples every 60 s); those in `grants` are granted."""
    key = (tuple(grants), str(rates))
    if key not in _SAVED:
        purposes = [purpose(1, "emitted"), purpose(2, "logged"), purpose(3, "sampled", k11=60)]
        device = Device().with_policy(purposes, FIELDS, [LOGIN, FAULT], rates=rates or {})
        for number in grants:
            device.granted(number)
        _SAVED[key] = Saved(device)
    device = _SAVED[key].device()
    device.port.sources.values = {IDS["device.model"]: "Model-1", IDS["device.uptime"]: 5, IDS["device.machine-id"]: "abc"}
    return device


def values(device, number):
    """What the host holds of a purpose, in order."""
    device.run(14, 3000)
    held = device.host.stored.get((device.host.instance, number, 1), {})
    return [held[sequence][4] for sequence in sorted(held)]


class TestConsent(unittest.TestCase):
    def test_no_source_is_asked_and_no_log_opened_before_consent(self):
        device = device_with(())
        device.port.sources.lines = [("auth", b"login of ada from 192.0.2.1 code 7")] * 3
        device.run(10)
        self.assertEqual(device.port.sources.asked, [])
        self.assertEqual(device.port.sources.followed, set())
        self.assertEqual(len(device.port.sources.lines), 3)

    def test_only_the_sources_of_granted_purposes_are_asked(self):
        device = device_with((3,))
        device.run(3)
        self.assertEqual(sorted(device.port.sources.asked), sorted([IDS["device.model"], IDS["device.uptime"], IDS["device.machine-id"]]))
        self.assertEqual(device.port.sources.followed, set())

    def test_logs_are_let_go_with_the_consent(self):
        device = device_with((2,))
        device.run(2)
        self.assertEqual(device.port.sources.followed, {"auth"})
        device.port.sources.button = "*"
        device.run(2)
        self.assertEqual(device.port.sources.followed, set())


class TestEmit(unittest.TestCase):
    def test_unknown_fields_are_dropped_and_counted(self):
        device = device_with((1,))
        self.assertEqual(device.agent.emit("emitted", {"code": 5, "name": "ada", "mail": "a@b"}), BUFFERED)
        self.assertEqual(device.count(UNKNOWN_FIELD), 2)
        self.assertEqual(values(device, 1), [{1: 5}])

    def test_a_missing_or_false_required_field_drops_the_record(self):
        device = device_with((1,))
        for fields in ({}, {"release": "1"}, {"code": None}, {"code": "5"}, {"code": True}):
            self.assertEqual(device.agent.emit("emitted", fields), REFUSED, repr(fields))
        self.assertEqual(device.count(MISSING_REQUIRED), 5)
        self.assertEqual(device.count(BAD_VALUE), 2)
        self.assertEqual(values(device, 1), [])

    def test_an_unknown_purpose_or_things_that_are_no_fields_are_refused(self):
        device = device_with((1,))
        for name, fields in (("other", {"code": 1}), ("", {}), (None, {}), ("emitted", None), ("emitted", [1]), ("emitted", "code")):
            self.assertEqual(device.agent.emit(name, fields), REFUSED)
        self.assertEqual(device.count(UNKNOWN_FIELD), 6)

    def test_keys_that_are_not_names_cannot_stand_for_another_source(self):
        device = device_with((1, 2, 3))
        device.agent.emit("emitted", {"code": 1, IDS["device.model"]: "x", (1, 0): "192.0.2.1"})
        self.assertEqual(device.agent.emit("sampled", {IDS["device.uptime"]: 5, IDS["device.model"]: "x"}), REFUSED)
        self.assertEqual(values(device, 1), [{1: 1}])

    def test_a_dropped_field_is_counted_and_a_record_of_nothing_is_none(self):
        device = device_with((1,))
        device.agent.emit("emitted", {"code": 5, "dropped": "serial"})
        self.assertEqual(device.count(DROPPED_BY_ACTION), 1)
        self.assertEqual(values(device, 1), [{1: 5}])

    def test_over_its_rate_it_is_refused_and_counted(self):
        device = device_with((1,), {"app": 3})
        answers = [device.agent.emit("emitted", {"code": n}) for n in range(5)]
        self.assertEqual(answers, [BUFFERED] * 3 + [REFUSED] * 2)
        self.assertEqual(device.count(RATE_LIMITED), 2)
        device.port.clock.ms += 60000
        self.assertEqual(device.agent.emit("emitted", {"code": 9}), BUFFERED)

    def test_values_of_the_largest_size_do_not_raise(self):
        device = device_with((1,))
        device.agent.emit("emitted", {"code": 1, "release": "x" * 5000, "note": "f" * 5000})
        self.assertEqual(device.count(BAD_VALUE), 2)
        self.assertEqual(device.count(RECORD_TOO_BIG), 0)


class TestLines(unittest.TestCase):
    def test_of_a_match_only_the_captures_are_collected(self):
        device = device_with((2,))
        device.run(2)
        device.port.sources.lines = [("auth", b"login of ada from 192.0.2.1 code 77")]
        self.assertEqual(values(device, 2), [{10: b"\xc0\x00\x02", 11: 70}])

    def test_what_matches_no_template_is_dropped_and_counted(self):
        device = device_with((2,))
        device.run(2)
        lines = (b"", b"login of ada lovelace from 192.0.2.1 code 7", b"login of ada from 192.0.2.1 code 7 x", b"\xff\xfe" * 200, b"\xc3\x28")
        device.port.sources.lines = [("auth", line) for line in lines]
        self.assertEqual(values(device, 2), [])
        self.assertEqual(device.count(NO_TEMPLATE), len(lines))

    def test_a_line_that_is_too_long_or_has_a_nul_is_dropped_and_counted(self):
        device = device_with((2,))
        device.run(2)
        device.port.sources.lines = [("auth", None), ("auth", b"login of a\x00 from 192.0.2.1 code 7"), ("auth", b"login of ada from 192.0.2.1 code 7")]
        self.assertEqual(len(values(device, 2)), 1)
        self.assertEqual(device.count(LINE_TOO_LONG), 2)

    def test_a_step_takes_a_bounded_number_and_a_rate_holds(self):
        device = device_with((2,), {"log": 50})
        device.run(2)
        device.port.sources.lines = [("auth", b"x")] * 100
        device.agent.step()
        self.assertEqual(len(device.port.sources.lines), 68)
        device.run(4)
        self.assertEqual(device.port.sources.lines, [])
        self.assertEqual((device.count(NO_TEMPLATE), device.count(RATE_LIMITED)), (50, 50))

    def test_a_log_that_raises_is_counted_and_the_rest_goes_on(self):
        device = device_with((2, 3))
        device.run(1)

        def broken():
            raise OSError(5)

        device.port.sources.next_line = broken
        self.assertEqual(len(values(device, 3)), 1)
        self.assertTrue(device.count(SOURCE_FAILED) > 0)


class TestSamples(unittest.TestCase):
    def test_are_taken_at_their_interval(self):
        device = device_with((3,))
        device.run(121, 1000)
        self.assertEqual(device.port.sources.asked.count(IDS["device.uptime"]), 3)

    def test_a_source_that_raises_or_gives_nothing_costs_its_field_only(self):
        for broken, reason in ((ValueError("x"), SOURCE_FAILED), (None, SOURCE_ABSENT), ("", SOURCE_ABSENT)):
            device = device_with((3,))
            device.port.sources.values[IDS["device.model"]] = broken
            found = values(device, 3)
            self.assertEqual(sorted(found[0]), [31, 32])
            self.assertEqual(device.count(reason), 1)

    def test_a_required_source_that_is_absent_costs_the_record(self):
        device = device_with((3,))
        device.port.sources.values.pop(IDS["device.uptime"])
        self.assertEqual(values(device, 3), [])
        self.assertEqual(device.count(MISSING_REQUIRED), 1)

    def test_all_sources_absent_is_no_record(self):
        device = device_with((3,))
        device.port.sources.values = {}
        self.assertEqual(values(device, 3), [])


class TestExceptions(unittest.TestCase):
    def test_type_and_frames_are_collected_and_the_message_only_as_far_as_a_template_allows(self):
        device = device_with((2,))
        device.run(1)
        device.agent.note(ValueError("code 7"))
        device.agent.note(ValueError("ada@example.org failed"))
        self.assertEqual(values(device, 2), [{20: "ValueError", 22: 7}, {20: "ValueError"}])

    def test_a_flood_is_bounded(self):
        device = device_with((2,))
        for _ in range(50):
            device.agent.note(ValueError("x"))
        self.assertEqual(device.count(RATE_LIMITED), 46)

    def test_noted_before_consent_are_forgotten(self):
        device = device_with(())
        device.agent.note(ValueError("x"))
        device.run(2)
        self.assertEqual(device.agent.collector._exceptions, [])


class TestTraceback(unittest.TestCase):
    HEAD = "Traceback (most recent call last):\n"

    def test_frames_lose_their_folders_and_come_innermost_last(self):
        text = self.HEAD + '  File "/home/ada/app/main.py", line 3, in <module>\n  File "lib.py", line 40\nValueError: code 5\n'
        self.assertEqual(traceback_parts(text, "ValueError"), ("ValueError", "main.py:3;lib.py:40", "code 5"))

    def test_a_message_cannot_forge_a_frame(self):
        for message in (
            'x\n  File "secret/ada.py", line 7, in login', '  File "ada.py", line 7', '\n  File "ada.py", line 7\nValueError: x',
            'Traceback (most recent call last):\n  File "ada.py", line 7',
        ):  # fmt: skip
            text = self.HEAD + '  File "main.py", line 3\nValueError: ' + message
            name, frames, rest = traceback_parts(text, "ValueError")
            self.assertEqual((name, frames), ("ValueError", "main.py:3"))
            self.assertFalse("\n" in rest)

    def test_frames_are_bounded_and_hostile_ones_end_them(self):
        many = self.HEAD + "".join(['  File "%s.py", line %d\n' % ("f" * 60, n) for n in range(100)]) + "E: x"
        _, frames, _ = traceback_parts(many, "E")
        self.assertTrue(len(frames) <= 128)
        self.assertTrue(frames.endswith(":99"))
        for line in ('  File "x', '  File "x", line ', '  File "x", line y', '  File "", line 3x', '  File ', "", '  File "x" ada, line 3, "'):
            traceback_parts(self.HEAD + line + "\n" + '  File "y.py", line 3\nE: z', "E")

    def test_no_text_raises(self):
        for text in ("", "\n", self.HEAD, self.HEAD * 3, "no traceback at all", "E: x", "\x00" * 50):
            traceback_parts(text, "E" * 100)


class TestShared(unittest.TestCase):
    def test_a_template_of_another_log_does_not_match(self):
        device = device_with((2,))
        device.run(2)
        device.port.sources.followed = {"auth", "other"}
        device.port.sources.lines = [("exception", b"code 7")]
        self.assertEqual(values(device, 2), [])


if __name__ == "__main__":
    unittest.main()
