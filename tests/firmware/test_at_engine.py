# SPDX-License-Identifier: MIT
"""AT commands against a modem that splits, interrupts, babbles, falls silent and restarts: every wait and buffer ends."""

import unittest

from ports.at_modem.at import BROKEN, MAX_REPLY_BYTES, REFUSED, TIMED_OUT, At, AtBusy, AtError
from ports.at_modem.fields import number, quoted, split, text
from ports.at_modem.lines import MAX_LINE_BYTES, LineReader
from ports.settings import plain
from sim.sim_at import SimUart, dice, frame, reply

from quell.errors import LinkError
from quell.limits import MAX_WIRE_BYTES

SYNC_MS = 6000  # what a resynchronisation may take at most, and reserve


def engine(answers):
    """(At, SimUart): `answers`: {line: reply}; the modem answers AT and OK by itself."""

    def answer(line):
        found = answers.get(line, reply() if line[:2] == b"AT" else b"")
        return found(line) if callable(found) else found

    uart = SimUart(answer)
    at = At(uart, uart.now_ms, uart.sleep_ms)
    return at, uart


def code_of(call):
    try:
        call()
    except AtError as error:
        return error.code
    return None


class Catcher:
    """Takes what a LineReader gives."""

    def __init__(self):
        self.lines, self.frames, self.prompts, self.garbled = [], [], 0, 0

    def on_line(self, line):
        self.lines.append(line)

    def on_frame(self, head, payload):
        self.frames.append((head, payload))

    def on_prompt(self):
        self.prompts += 1

    def on_garbled(self):
        self.garbled += 1


def fed(data, size=1):
    catcher = Catcher()
    reader = LineReader(catcher)
    for i in range(0, len(data), size):
        reader.feed(data[i : i + size])
    return catcher, reader


class TestLines(unittest.TestCase):
    def test_any_ending_and_any_splitting_gives_the_same_lines(self):
        for data in (b"\r\nRDY\r\n\r\nOK\r\n", b"RDY\nOK\n", b"RDY\rOK\r", b"\x00\xff\r\nRDY\r\n OK\n"):
            for size in (1, 2, 3, 100):
                self.assertEqual(fed(data, size)[0].lines, [b"RDY", b"OK"])

    def test_a_line_that_is_too_long_is_dropped_whole_and_counted(self):
        catcher, reader = fed(b"x" * (MAX_LINE_BYTES + 1) + b"\nOK\n" + b"y" * MAX_LINE_BYTES + b"\n", 64)
        self.assertEqual(catcher.lines, [b"OK", b"y" * MAX_LINE_BYTES])
        self.assertEqual(reader.overlong, 1)

    def test_a_message_is_counted_off_whatever_is_in_it(self):
        payload = b'"\r\nOK\r\n+QMTSTAT: 0,1\r\n\x1a\x1b>' + bytes(range(256))
        for size in (1, 7, 1000):
            catcher, _ = fed(frame("a/b", payload) + reply(), size)
            self.assertEqual(catcher.frames, [(b'+QMTRECV: 0,1,"a/b",%d,"' % len(payload), payload)])
            self.assertEqual(catcher.lines, [b"OK"])

    def test_an_empty_message_is_a_message(self):
        catcher, _ = fed(frame("a", b""))
        self.assertEqual(catcher.frames[0][1], b"")

    def test_a_message_over_the_cap_is_skipped_not_kept(self):
        catcher, reader = fed(frame("a", bytes(MAX_WIRE_BYTES + 1000)) + b"\r\nOK\r\n", 100)
        self.assertEqual(len(reader._raw), MAX_WIRE_BYTES)
        self.assertEqual(catcher.frames[0][1], None)
        self.assertEqual(catcher.lines, [b"OK"])
        self.assertEqual(len(fed(frame("a", bytes(MAX_WIRE_BYTES)), 100)[0].frames[0][1]), MAX_WIRE_BYTES)

    def test_a_message_that_is_not_as_long_as_it_says_is_garbled(self):
        self.assertEqual(fed(b'+QMTRECV: 0,1,"a",2,"xyz"\r\n')[0].garbled, 1)

    def test_no_length_is_no_message(self):
        for head in (b'+QMTRECV: 0,1,"a","OK"', b'+QMTRECV: 0,1,"a",-2,"x"', b'+QMTRECV: 0,1,"a",999999,"x"'):
            catcher, _ = fed(head + b"\r\n")
            self.assertEqual((catcher.frames, catcher.lines), ([], [head]))

    def test_a_prompt_is_one_only_where_it_is_awaited(self):
        catcher = Catcher()
        reader = LineReader(catcher)
        reader.feed(b"> \r\n")
        reader.prompt = True
        reader.feed(b"\r\n> \r\nOK\r\n>")
        self.assertEqual((catcher.prompts, catcher.lines), (1, [b"> ", b"OK"]))


class TestFields(unittest.TestCase):
    def test_parameters(self):
        self.assertEqual(split(b'0, "a,b" ,5,""'), ["0", "a,b", "5", ""])
        self.assertEqual([number(part) for part in ("12", "-1", "+32", "", "1x", "1" * 10)], [12, -1, 32, None, None, None])
        self.assertEqual(text(b"a\xff\x00b"), "a??b")

    def test_what_could_end_a_quoted_text_is_refused(self):
        self.assertEqual(quoted("ab c"), '"ab c"')
        for bad in ('a"b', "a\\b", "a\rb", "a\nb", "a\x1ab", "\xe4"):
            self.assertFalse(plain(bad))
            with self.assertRaises(LinkError):
                quoted(bad)
        with self.assertRaises(LinkError):
            quoted("x" * 300)


class TestReplies(unittest.TestCase):
    def test_a_reply_is_its_own_lines_without_their_prefix(self):
        at, _ = engine({b"AT+CSQ": reply("+CSQ: 24,99"), b"AT+X?": reply("+X: 1", "+Y: 2", "+X: 3")})
        self.assertEqual(at.ask("AT+CSQ", "+CSQ"), [b"24,99"])
        self.assertEqual(at.ask("AT+X?", "+X"), [b"1", b"3"])

    def test_bare_replies_take_no_unsolicited_lines(self):
        at, _ = engine({b"AT+CGSN": reply("+QIND: SMS DONE", "490154203237518")})
        self.assertEqual(at.ask("AT+CGSN", "+CGSN", bare=True), [b"490154203237518"])
        at, _ = engine({b"AT+CGSN": reply('+CGSN: "490154203237518"')})
        self.assertEqual(at.ask("AT+CGSN", "+CGSN", bare=True), [b'"490154203237518"'])

    def test_errors_have_their_numbers(self):
        for final, code in (("ERROR", REFUSED), ("+CME ERROR: 10", 10), ("+CMS ERROR: 500", 500), ("+CME ERROR: SIM busy", REFUSED)):
            at, _ = engine({b"AT+X": reply(final=final)})
            self.assertEqual(code_of(lambda at=at: at.ask("AT+X")), code)
            self.assertFalse(at.stale)

    def test_an_unsolicited_line_may_come_at_any_boundary(self):
        seen = []
        at, uart = engine({b"AT+CSQ": b'\r\n+QMTSTAT: 0,1\r\n\r\n+CSQ: 1,2\r\n\r\n+QMTSTAT: 0,2\r\n\r\nOK\r\n'})
        at.on("+QMTSTAT", lambda rest: seen.append(rest) or True)
        self.assertEqual(at.ask("AT+CSQ", "+CSQ"), [b"1,2"])
        uart.say(b"+QMTSTAT: 0,3\r\n")
        at.pump()
        self.assertEqual(seen, [b"0,1", b"0,2", b"0,3"])

    def test_a_handler_may_leave_a_line_of_its_name_to_the_reply(self):
        at, _ = engine({b"AT+R?": reply("+R: 0,1", "+R: 0,0,0,1")})
        at.on("+R", lambda rest: len(split(rest)) == 2)
        self.assertEqual(at.ask("AT+R?", "+R"), [b"0,0,0,1"])

    def test_echo_and_bare_line_feeds_are_tolerated(self):
        at, uart = engine({b"AT+CSQ": b"AT+CSQ\n+CSQ: 1,2\nOK\n"})
        self.assertEqual(at.ask("AT+CSQ", "+CSQ"), [b"1,2"])
        uart.piece = lambda: 1
        self.assertEqual(at.ask("AT+CSQ", "+CSQ"), [b"1,2"])

    def test_data_goes_after_the_prompt_as_it_is(self):
        taken = []
        at, uart = engine({})
        payload = b"a\x1a\x1b\r\nOK\r\n\""

        def prompt(line):
            uart.want(len(payload), lambda data: taken.append(data) or reply())
            return b"\r\n> "

        uart.answer = lambda line: prompt(line) if line[:5] == b"AT+QM" else reply()
        at.ask("AT+QMTPUBEX=0", data=payload)
        self.assertEqual(taken, [payload])

    def test_a_second_command_waits_its_turn(self):
        at, uart = engine({b"AT+COPS?": b""})
        slow = at.start("AT+COPS?", "+COPS", 180000)
        with self.assertRaises(AtBusy):
            at.start("AT")
        with self.assertRaises(AtBusy):
            at.ask("AT")
        for _ in range(300):
            at.pump()
        uart.say(reply('+COPS: 0,0,"Net"'))
        at.pump()
        self.assertTrue(slow.done)
        self.assertEqual(slow.result(), [b'0,0,"Net"'])
        self.assertEqual(at.ask("AT"), [])


class TestTrouble(unittest.TestCase):
    def test_after_a_timeout_a_late_answer_is_nobodys(self):
        at, uart = engine({b"AT+CIMI": b"", b"AT+CSQ": reply("+CSQ: 1,2")})
        at.ask("AT")
        self.assertEqual(code_of(lambda: at.ask("AT+CIMI", "+CIMI", bare=True)), TIMED_OUT)
        self.assertTrue(at.stale)
        uart.say(b"\r\n001010123456789\r\n\r\nOK\r\n", 60)
        self.assertEqual(at.ask("AT+CSQ", "+CSQ"), [b"1,2"])
        self.assertFalse(at.stale)
        self.assertIn(b"AT", uart.lines)

    def test_late_answers_that_dribble_in_are_waited_out(self):
        at, uart = engine({b"AT+X": b""})
        at.ask("AT")
        self.assertEqual(code_of(lambda: at.ask("AT+X")), TIMED_OUT)
        for late_ms in (60, 140, 220, 300):
            uart.say(reply(), late_ms)
        uart.answer = lambda line: b"" if line == b"AT+Y" and uart.say(reply(final="ERROR"), 60) is None else reply()
        self.assertEqual(code_of(lambda: at.ask("AT+Y")), REFUSED)

    def test_an_ok_without_the_line_it_owes_is_somebody_elses(self):
        at, _ = engine({b"AT+CSQ": reply()})
        self.assertEqual(code_of(lambda: at.ask("AT+CSQ", "+CSQ")), BROKEN)
        self.assertTrue(at.stale)

    def test_a_dead_modem_costs_its_bound_and_no_more(self):
        at, uart = engine({})
        uart.answer = lambda line: b""
        begin = uart.ms
        self.assertEqual(code_of(lambda: at.ask("AT+CSQ", "+CSQ")), TIMED_OUT)
        self.assertTrue(uart.ms - begin <= SYNC_MS)

    def test_garbage_for_ever_costs_its_bound_in_time_and_bytes(self):
        for stale in (True, False):
            random = dice(3)
            at, uart = engine({})
            at.stale = stale
            uart.noise = lambda random=random: bytes([random.getrandbits(8) for _ in range(64)])
            begin = uart.ms
            self.assertIn(code_of(lambda at=at: at.ask("AT+CSQ", "+CSQ")), (TIMED_OUT, BROKEN))
            self.assertTrue(uart.ms - begin <= SYNC_MS + 500)

    def test_a_flood_is_left_before_the_time_is_over(self):
        at, uart = engine({})
        at.ask("AT")
        uart.answer = lambda line: b""
        uart.noise = lambda: b"+NOISE: 1\r\n" * 20
        command = at.start("AT+COPS?", "+COPS", 180000)
        for _ in range(MAX_REPLY_BYTES // 512):
            at.pump()
        self.assertTrue(command.done)
        self.assertEqual(code_of(command.result), BROKEN)

    def test_a_reply_of_endless_lines_is_bounded(self):
        at, _ = engine({b"AT+X?": reply(*["+X: %d" % i for i in range(100)])})
        self.assertEqual(len(at.ask("AT+X?", "+X", 2000)), 16)

    def test_a_uart_that_takes_nothing_is_an_error_in_time(self):
        at, uart = engine({})
        uart.stuck = True
        self.assertEqual(code_of(lambda: at.ask("AT")), BROKEN)
        self.assertTrue(uart.ms <= SYNC_MS)

    def test_a_restart_ends_the_command_that_waits(self):
        at, uart = engine({b"AT+QIACT=1": b"\r\nRDY\r\n"})
        at.ask("AT")
        at.on("RDY", lambda rest: at.abort("restarted") or True)
        self.assertEqual(code_of(lambda: at.ask("AT+QIACT=1", None, 150000)), BROKEN)
        self.assertTrue(uart.ms < 1000)

    def test_a_lost_prompt_is_made_good_by_escape_or_by_filling_up(self):
        at, uart = engine({})

        def answer(line):
            if line.startswith(b"AT+QMTPUBEX"):
                uart.want(300, lambda data: reply(final="ERROR"))
                return b""
            return reply()

        uart.answer = answer
        at.ask("AT")
        self.assertEqual(code_of(lambda: at.ask("AT+QMTPUBEX=0", None, 5000, data=bytes(300))), TIMED_OUT)
        self.assertEqual(at.ask("AT"), [])

    def test_after_a_garbled_message_nothing_is_believed_until_silence(self):
        at, uart = engine({})
        at.ask("AT")
        bad, seen = [], []
        at.on_malformed = lambda: bad.append(1)
        at.on("+QMTSTAT", lambda rest: seen.append(rest) or True)
        uart.say(b'+QMTRECV: 0,1,"a",1,"xyz\r\n+QMTSTAT: 0,1\r\n"\r\n')
        uart.piece = lambda: 8
        for _ in range(20):
            at.pump()
        self.assertEqual((bad, seen), ([1], []))
        uart.ms += 200
        at.pump()
        self.assertEqual(at.ask("AT"), [])


class TestFuzz(unittest.TestCase):
    def test_random_splits_and_lines_at_every_boundary_change_no_reply(self):
        random = dice(5)
        urcs = (b"RING", b"+QIND: \"csq\",1,2", b"+CSQN", b"+CREG: 1", b"x", b"+QMTRECV: 0,3", b"+CMTI: \"SM\",1", b"+QMTPING: 0,0")
        lines = [b"+CSQ: 7,99", b"OK"]
        for _ in range(200):
            out = b""
            for line in lines:
                for _ in range(random.getrandbits(2)):
                    out += b"\r\n" + urcs[random.getrandbits(3)] + b"\r\n"
                out += b"\r\n" + line + b"\r\n"
            at, uart = engine({b"AT+CSQ": out})
            at.stale = False
            uart.piece = lambda: 1 + random.getrandbits(4)
            self.assertEqual(at.ask("AT+CSQ", "+CSQ"), [b"7,99"])

    def test_random_bytes_raise_nothing_of_their_own_and_end_in_time(self):
        random = dice(7)
        parts = (b"OK\r\n", b"ERROR\r\n", b"+CSQ: ", b"> ", b'+QMTRECV: 0,1,"a",', b'9,"', b'"', b"\r\n", b"+CME ERROR: ", b"CONNECT\r\n", b"RDY\r\n")
        for round_ in range(150):
            out = b""
            for _ in range(random.getrandbits(5)):
                n = random.getrandbits(4)
                out += parts[n] if n < len(parts) else bytes([random.getrandbits(8) for _ in range(random.getrandbits(4))])
            at, uart = engine({b"AT+CSQ": out})
            at.stale = bool(round_ & 1)
            at.on("RDY", lambda rest, at=at: at.abort("restarted") or True)
            uart.piece = lambda: 1 + random.getrandbits(3)
            begin = uart.ms
            try:
                at.ask("AT+CSQ", "+CSQ", data=b"x" * 9 if round_ & 2 else None)
            except AtError:
                pass
            self.assertTrue(uart.ms - begin <= SYNC_MS + 1500)
            uart.answer = lambda line: reply("+CSQ: 3,4") if line == b"AT+CSQ" else reply()
            uart.inbox, uart._wanted, uart._line = bytearray(), 0, bytearray()
            uart.ms += 2000
            at.abort("new")
            self.assertEqual(at.ask("AT+CSQ", "+CSQ"), [b"3,4"])


if __name__ == "__main__":
    unittest.main()
