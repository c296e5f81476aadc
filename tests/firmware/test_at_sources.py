# SPDX-License-Identifier: MIT
"""What the modem says of itself becomes a value only in the right shape; its clock is a hint only in our time."""

import unittest

from ports import shapes
from ports.at_modem.clock import AtClock, parse_time
from ports.at_modem.sources import AtSources
from ports.calendar import unix_s
from ports.catalogue import IDS
from sim.at_link import Bench
from sim.sim_at import SimModem, reply

WRAP = 1 << 30  # on a module a big integer, which 1.13 divides wrongly: `& MASK` instead of `% WRAP`
MASK = WRAP - 1
HALF = 1 << 29

ANSWERS = {
    b"AT+CGSN": reply("490154203237518"),
    b"AT+CIMI": reply("001010123456789"),
    b"AT+QCCID": reply("+QCCID: 8988211000000000014F"),
    b"AT+CNUM": reply('+CNUM: "own","+491701234567",145'),
    b"AT+CGMM": reply("EC200U"),
    b"AT+CGMR": reply("EC200UCNAAR03A01M08"),
    b"AT+EGMR=0,5": reply('+EGMR: "E1X20AB00000001"'),
    b"AT+COPS?": reply('+COPS: 0,0,"Test Network",7'),
    b"AT+CSQ": reply("+CSQ: 24,99"),
    b"AT+CEREG?": reply("+CEREG: 0,1"),
    b"AT+QNWINFO": reply('+QNWINFO: "FDD LTE","26201","LTE BAND 3",1650'),
    b"AT+CBC": reply("+CBC: 0,80,3900"),
    b"AT+CPIN?": reply("+CPIN: READY"),
}


class Board:
    """Sources over a simulated modem that is up. `answers`: other replies."""

    def __init__(self, answers=None, up=True):
        sim = SimModem()
        sim.answers.update(ANSWERS)
        sim.answers.update(answers or {})
        self.bench = Bench(sim)
        self.uart = self.bench.uart
        self.bad = 0
        self.clock = AtClock(lambda: self.uart.ms & MASK, lambda a, b: ((a - b + HALF) & MASK) - HALF)
        self.clock.watch(self.bench.at, self.bench.modem)
        self.sources = AtSources(self.bench.at, self.bench.modem, self.clock, self._on_bad)
        if up:
            self.bench.steps(60000, lambda: self.bench.modem.ready)

    def _on_bad(self):
        self.bad += 1

    def sample(self, name):
        return self.sources.sample(IDS[name])

    def lines_since(self, mark):
        return self.uart.lines[mark:]


class TestShapes(unittest.TestCase):
    def test_what_is_not_of_the_shape_is_none(self):
        for shape, good, bad in (
            (shapes.imei, ("490154203237518",), ("49015420323751", "4901542032375180", "-1", "", "49015420323751x", "?" * 15)),
            (shapes.imsi, ("001010123456789", "00101012345678"), ("0010101234567", "460-00", "")),
            (shapes.iccid, ("8988211000000000014", "8988211000000000014F"), ("", "F" * 20, "898821100000000001", "898821100000000001G4")),
            (shapes.phone, ("+491701234567",), ("491701234567", "+49", "+49170x234567", "")),
            (shapes.serial, ("E1X20AB00000001",), ("", "abc", "a b c d", "490154203237518", "x" * 33)),
            (shapes.name, ("EC200U-EU",), ("", "x" * 65, "M?nchen")),
            (shapes.cell, ("1A2B", "01C0FFEE"), ("", "FFFF", "FFFFFFFF", "123456789", "XYZ")),
        ):
            for value in good:
                self.assertEqual(shape(value), value)
            for value in bad:
                self.assertEqual(shape(value), None)

    def test_country_and_network(self):
        for value, wanted in (
            ("26201", (262, 1)), ("310410", (310, 410)), ("00101", (1, 1)), ("112000", (460, 0)), ("112001", (460, 1)),
            ("161001", None), ("0", None), ("", None), ("80000", None), ("4600", None), ("46000000", None), ("-1", None),
        ):  # fmt: skip
            self.assertEqual(shapes.mcc_mnc(value), wanted)


class TestSources(unittest.TestCase):
    def test_every_value_of_a_modem_that_tells_all(self):
        board = Board()
        for name, value in (
            ("modem.imei", "490154203237518"), ("modem.imsi", "001010123456789"), ("modem.iccid", "8988211000000000014F"),
            ("modem.phone", "+491701234567"), ("modem.model", "EC200U"), ("modem.firmware", "EC200UCNAAR03A01M08"),
            ("modem.serial", "E1X20AB00000001"), ("modem.rssi", -65), ("modem.registration", 1), ("modem.mcc", 262),
            ("modem.mnc", 1), ("modem.battery-mv", 3900), ("modem.sim-status", 1),
        ):  # fmt: skip
            self.assertEqual((name, board.sample(name)), (name, value))
        self.assertEqual(board.bad, 0)

    def test_what_is_wrong_or_unknown_is_none_and_wrong_is_counted(self):
        no = reply(final="ERROR")
        for name, answers, counted in (
            ("modem.imei", {b"AT+CGSN": reply("-1")}, 1),
            ("modem.imei", {b"AT+CGSN": no}, 0),
            ("modem.iccid", {b"AT+QCCID": reply('+QCCID: ""')}, 0),
            ("modem.iccid", {b"AT+QCCID": reply("+QCCID: FFFFFFFFFFFFFFFFFFFF")}, 1),
            ("modem.phone", {b"AT+CNUM": reply()}, 0),
            ("modem.phone", {b"AT+CNUM": reply('+CNUM: "","01701234567",129')}, 1),
            ("modem.rssi", {b"AT+CSQ": reply("+CSQ: 99,99")}, 0),
            ("modem.rssi", {b"AT+CSQ": reply("+CSQ: 150,99")}, 0),
            ("modem.mcc", {b"AT+QNWINFO": reply("+QNWINFO: No Service")}, 0),
            ("modem.battery-mv", {b"AT+CBC": reply("+CBC: 0,0,0")}, 0),
            ("modem.serial", {b"AT+EGMR=0,5": no, b"AT+CGSN=0": no}, 0),
        ):
            board = Board(answers)
            self.assertEqual((name, board.sample(name), board.bad), (name, None, counted))

    def test_other_ways_to_say_the_same(self):
        for name, answers, value in (
            ("modem.imei", {b"AT+CGSN": reply('+CGSN: "490154203237518"')}, "490154203237518"),
            ("modem.phone", {b"AT+CNUM": reply('+CNUM: ,"491701234567",145')}, "+491701234567"),
            ("modem.serial", {b"AT+EGMR=0,5": reply(final="ERROR"), b"AT+CGSN=0": reply('+CGSN: "SN0001"')}, "SN0001"),
            ("modem.mcc", {b"AT+QNWINFO": reply('+QNWINFO: "GSM","112000","GSM 900",1')}, 460),
        ):
            self.assertEqual(Board(answers).sample(name), value)

    def test_the_state_of_the_sim_has_the_numbers_of_quecpython(self):
        for answer, code in (
            (reply("+CPIN: SIM PIN"), 2), (reply("+CPIN: SIM PUK"), 3), (reply("+CPIN: PH-NET PIN"), 21),
            (reply(final="+CME ERROR: 10"), 0), (reply(final="+CME ERROR: 14"), 4), (reply(final="+CME ERROR: 13"), 20),
        ):  # fmt: skip
            board = Board()
            board.bench.sim.answers[b"AT+CPIN?"] = answer
            self.assertEqual(board.sample("modem.sim-status"), code)

    def test_the_operator_is_asked_in_the_background_and_only_if_somebody_wants_it(self):
        board = Board()
        board.bench.steps(60000)
        self.assertFalse(b"AT+COPS?" in board.uart.lines)
        self.assertEqual(board.sample("modem.operator"), None)
        board.bench.steps(500)
        self.assertEqual(board.sample("modem.operator"), "Test Network")
        for _ in range(20):
            board.sample("modem.operator")
            board.bench.steps(100)
        self.assertEqual(board.uart.lines.count(b"AT+COPS?"), 1)
        board.uart.ms += 700000
        board.bench.sim.answers[b"AT+COPS?"] = reply("+COPS: 0")
        self.assertEqual(board.sample("modem.operator"), "Test Network")
        board.bench.steps(500)
        board.uart.ms += 3600000
        self.assertEqual(board.sample("modem.operator"), None)

    def test_cells_are_reported_while_they_are_asked_for_and_never_else(self):
        cell = reply('+CEREG: 2,1,"1A2B","01C0FFEE",7')
        board = Board()
        mark = len(board.uart.lines)
        board.bench.sim.answers[b"AT+CEREG?"] = cell
        self.assertEqual((board.sample("modem.lac"), board.sample("modem.cell-id")), ("1A2B", "01C0FFEE"))
        self.assertEqual(board.lines_since(mark), [b"AT+CEREG=2", b"AT+CEREG?", b"AT+CEREG=0"])
        # each is given once and forgotten
        self.assertEqual(board.sample("modem.cell-id"), "01C0FFEE")
        self.assertEqual(board.lines_since(mark).count(b"AT+CEREG=2"), 2)
        self.assertFalse(b"AT+CEREG=2" in Board().uart.lines)

    def test_a_failed_question_for_the_cell_takes_the_setting_back_too(self):
        for answer in (reply(final="ERROR"), reply("+CEREG: 2,2"), b""):
            board = Board()
            board.bench.sim.answers[b"AT+CEREG?"] = answer
            mark = len(board.uart.lines)
            self.assertEqual(board.sample("modem.lac"), None)
            self.assertIn(b"AT+CEREG=0", board.lines_since(mark))
        board = Board({})
        board.bench.sim.answers[b"AT+CEREG?"] = reply('+CEREG: 2,1,"1A2B","01C0FFEE",7')
        board.bench.sim.answers[b"AT+CEREG=0"] = reply(final="ERROR")
        board.sample("modem.lac")
        mark = len(board.uart.lines)
        del board.bench.sim.answers[b"AT+CEREG=0"]
        board.bench.steps(5000)
        self.assertIn(b"AT+CEREG=0", board.lines_since(mark))

    def test_a_modem_that_is_down_or_hangs_costs_one_timeout_not_one_per_source(self):
        down = Board(up=False)
        begin = down.uart.ms
        self.assertEqual([down.sample(name) for name in IDS if name.startswith("modem.")], [None] * 16)
        self.assertTrue(down.uart.ms - begin <= 100)
        board = Board()
        board.uart.answer = lambda line: b""
        begin = board.uart.ms
        self.assertEqual([board.sample(name) for name in IDS if name.startswith("modem.")], [None] * 16)
        self.assertTrue(board.uart.ms - begin <= 2000)

    def test_a_slow_command_is_waited_for_once(self):
        board = Board({b"AT+COPS?": b""})
        board.sample("modem.operator")
        board.bench.steps(100)
        self.assertTrue(board.bench.at.busy)
        begin = board.uart.ms
        for _ in range(10):
            self.assertEqual(board.sample("modem.rssi"), None)
        self.assertTrue(board.uart.ms - begin <= 1000)
        board.uart.say(reply('+COPS: 0,0,"Net"'))
        self.assertEqual(board.sample("modem.rssi") or board.sample("modem.rssi"), None)
        board.bench.steps(2500)
        self.assertEqual(board.sample("modem.rssi"), -65)

    def test_a_button_is_the_boards(self):
        board = Board()
        self.assertEqual(board.sources.withdrawal(), None)
        seen = []
        pressed = AtSources(board.bench.at, board.bench.modem, board.clock, None, lambda: "*", lambda: seen.append(1))
        self.assertEqual(pressed.withdrawal(), "*")
        pressed.withdrawal_done()
        self.assertEqual(seen, [1])


class TestClock(unittest.TestCase):
    def test_dates_are_counted_as_the_calendar_does(self):
        for date, seconds in (
            ((2024, 1, 1, 0, 0, 0), 1704067200), ((2024, 2, 29, 12, 0, 0), 1709208000), ((2024, 3, 1, 0, 0, 0), 1709251200),
            ((2026, 11, 24, 18, 30, 5), 1795545005), ((2028, 12, 31, 23, 59, 59), 1861919999), ((2090, 12, 31, 0, 0, 0), 3818361600),
            ((2023, 12, 31, 0, 0, 0), None), ((2091, 1, 1, 0, 0, 0), None), ((2026, 13, 1, 0, 0, 0), None), ((2026, 1, 1, 24, 0, 0), None),
        ):  # fmt: skip
            self.assertEqual(unix_s(*date), seconds)

    def test_zones_are_quarters_of_an_hour_and_count_for_local_time_only(self):
        self.assertEqual(parse_time(b'"2026/11/24,18:30:05+08,0"', False), 1795545005)
        self.assertEqual(parse_time(b'"26/11/24,18:30:05+08"', True), 1795545005 - 7200)
        self.assertEqual(parse_time(b'"26/11/24,18:30:05-22"', True), 1795545005 + 22 * 900)
        self.assertEqual(parse_time(b'"26/11/24,18:30:05"', True), 1795545005)

    def test_what_is_no_time_of_ours_is_none(self):
        for line in (b'"80/01/06,00:00:00+00"', b'"2099/01/01,00:00:00+00"', b'""', b"garbage", b'"26/11/24,18:30"', b'"26/11/24,18:30:05+zz"'):
            self.assertEqual(parse_time(line, True), None)

    def test_the_hint_comes_in_the_background_and_is_carried_on(self):
        board = Board({b"AT+QLTS=1": reply('+QLTS: "2026/11/24,18:30:05+08,0"')})
        self.assertEqual(board.clock.hint_s(), None)
        board.bench.steps(1000)
        first = board.clock.hint_s()
        self.assertTrue(1795545005 <= first <= 1795545006)
        board.uart.ms += 10000
        self.assertEqual(board.clock.hint_s() - first, 10)
        self.assertEqual(board.uart.lines.count(b"AT+QLTS=1"), 1)

    def test_without_network_time_the_modems_clock_is_asked(self):
        board = Board({b"AT+QLTS=1": reply('+QLTS: ""'), b"AT+CCLK?": reply('+CCLK: "26/11/24,18:30:05+04"')})
        for _ in range(3):
            board.clock.hint_s()
            board.bench.steps(500)
        self.assertTrue(1795541405 <= board.clock.hint_s() <= 1795541410)
        board = Board({b"AT+QLTS=1": reply(final="ERROR"), b"AT+CCLK?": reply('+CCLK: "80/01/06,00:00:00+00"')})
        for _ in range(3):
            self.assertEqual(board.clock.hint_s(), None)
            board.bench.steps(500)

    def test_uptime_goes_on_where_the_ticks_wrap(self):
        ticks = [WRAP - 10]
        clock = AtClock(lambda: ticks[0], lambda a, b: ((a - b + HALF) & MASK) - HALF)
        self.assertEqual(clock.uptime_ms(), 0)
        for n in range(1, 5):
            ticks[0] = (WRAP - 10 + n * (HALF >> 1)) & MASK
            self.assertEqual(clock.uptime_ms(), n * (HALF >> 1))


if __name__ == "__main__":
    unittest.main()
