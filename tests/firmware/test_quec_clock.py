# SPDX-License-Identifier: MIT
"""QuecPython's clocks: ticks that wrap become an uptime that never does, NITZ and RTC become a hint, other calls are not made."""

import _thread
import unittest

from ports.calendar import FIRST_S, LAST_S, unix_s
from ports.quecpython.clock import NITZ, RTC, QuecClock
from ports.quecpython.worker import Worker
from sim.sim_quec import HALF, NITZ_S, WRAP, Bench, SimModules, until

HOUR_MS = 3600000
DAY_MS = 24 * HOUR_MS
RTC_S = 1795545005  # 02:30:05 on the 25th, eight hours east


def nitz(seconds):
    return ("26/11/24 18:30:05 +32 0", seconds, 0)


class TestUptime(unittest.TestCase):
    def test_uptime_goes_on_where_the_ticks_wrap_at_3fffffff(self):
        modules = SimModules()
        modules.first_tick = WRAP - 10
        clock = QuecClock(modules.find("utime"), None, None, Worker(None))
        self.assertEqual(clock.uptime_ms(), 0)
        for step, uptime in ((9, 9), (1, 10), (1, 11), (HALF - 1, HALF + 10), (0, HALF + 10)):
            modules.ms += step
            self.assertEqual(clock.uptime_ms(), uptime)
        for n in range(1, 13):  # six turns
            modules.ms += HALF - 1
            self.assertEqual(clock.uptime_ms(), HALF + 10 + n * (HALF - 1))

    def test_uptime_begins_with_nothing_whatever_the_ticks_are(self):
        for first in (0, 1, HALF, WRAP - 1):
            modules = SimModules()
            modules.first_tick = first
            self.assertEqual(QuecClock(modules.find("utime"), None, None, Worker(None)).uptime_ms(), 0)

    def test_a_thread_that_looked_earlier_and_comes_later_turns_no_time_back(self):
        modules = SimModules()
        clock = QuecClock(modules.find("utime"), None, None, Worker(None))
        modules.ms = 1000
        self.assertEqual(clock.uptime_ms(), 1000)
        modules.ms = 990  # its ticks of before
        self.assertEqual(clock.uptime_ms(), 1000)
        modules.ms = 1010
        self.assertEqual(clock.uptime_ms(), 1010)

    def test_a_thread_that_looks_in_the_middle_of_another_look_counts_no_time_twice(self):
        modules = SimModules()
        clock = QuecClock(modules.find("utime"), None, None, Worker(None))
        modules.ms = 5000
        answers = modules.find("utime").answers
        subtract = answers["ticks_diff"]

        def interrupted(a, b):
            answers["ticks_diff"] = subtract
            modules.ms = 5001
            clock.uptime_ms()
            return subtract(a, b)

        answers["ticks_diff"] = interrupted
        self.assertTrue(5000 <= clock.uptime_ms() <= 5001)
        self.assertEqual(clock.uptime_ms(), 5001)

    def test_many_threads_see_the_same_time(self):
        modules = SimModules()
        clock = QuecClock(modules.find("utime"), None, None, Worker(None))
        ended = [False] * 4

        def look(which):
            for _ in range(300):
                clock.uptime_ms()
            ended[which] = True

        for which in range(4):
            _thread.start_new_thread(look, (which,))
        for _ in range(300):
            modules.ms += 7
            clock.uptime_ms()
        self.assertTrue(until(lambda: all(ended)))
        self.assertEqual(clock.uptime_ms(), modules.ms)


class TestNitz(unittest.TestCase):
    def test_the_networks_time_comes_from_the_worker_and_is_carried_on_by_uptime(self):
        bench = Bench({"utime.getTimeZone": None})
        self.assertIsNone(bench.clock.hint_s())
        self.assertEqual(bench.modules.calls("nitzTime"), 0)
        bench.modules.ms = 4000
        bench.ask()
        self.assertEqual((bench.clock.hint_s(), bench.clock.hint_from), (NITZ_S, NITZ))
        bench.modules.ms += 1999
        self.assertEqual(bench.clock.hint_s(), NITZ_S + 1)
        bench.modules.ms += HOUR_MS - 2000
        self.assertEqual(bench.clock.hint_s(), NITZ_S + 3599)
        self.assertEqual(bench.modules.calls("nitzTime"), 1)

    def test_the_same_time_again_is_no_news(self):
        # the documentation: it is the time of registration
        bench = Bench()
        bench.clock.hint_s()
        bench.ask()
        for hours in range(1, 50):
            bench.modules.ms = hours * HOUR_MS
            self.assertEqual(bench.clock.hint_s(), NITZ_S + hours * 3600)
            self.assertTrue(bench.ask())

    def test_another_time_replaces_it(self):
        bench = Bench()
        bench.clock.hint_s()
        bench.ask()
        bench.modules.ms = HOUR_MS
        bench.modules.find("net").answers["nitzTime"] = nitz(NITZ_S + 5000)
        bench.clock.hint_s()
        bench.ask()
        bench.modules.ms += 1000
        self.assertEqual(bench.clock.hint_s(), NITZ_S + 5001)

    def test_it_is_forgotten_after_a_day_without_an_answer(self):
        bench = Bench({"utime.getTimeZone": None})
        bench.clock.hint_s()
        bench.ask()
        bench.modules.find("net").answers["nitzTime"] = -1
        for _ in range(24):
            self.assertIsNotNone(bench.clock.hint_s())
            bench.ask()
            bench.modules.ms += HOUR_MS
        self.assertEqual(bench.clock.hint_s(), NITZ_S + 86400)
        bench.modules.ms += 1
        self.assertIsNone(bench.clock.hint_s())
        self.assertIsNone(bench.clock.hint_from)

    def test_only_a_time_of_2024_to_2090_counts(self):
        for seconds, good in (
            (FIRST_S, True), (LAST_S, True), (FIRST_S - 1, False), (LAST_S + 1, False), (0, False), (315964800, False),
            (4070908800, False), (-1, False), ("1795545005", False), (None, False), (True, False), (1795545005.0, False),
        ):  # fmt: skip
            bench = Bench({"net.nitzTime": nitz(seconds), "utime.getTimeZone": None})
            bench.clock.hint_s()
            bench.ask()
            self.assertEqual((seconds, bench.clock.hint_s() is not None), (seconds, good))

    def test_what_is_no_answer_gives_no_hint(self):
        for answer in (-1, None, "", (), ("26/11/24",), 1795545005, OSError(5), "26/11/24 18:30:05"):
            bench = Bench({"net.nitzTime": answer, "utime.getTimeZone": None})
            bench.clock.hint_s()
            bench.ask()
            self.assertIsNone(bench.clock.hint_s())


class TestRtc(unittest.TestCase):
    def hint(self, date, zone=8, answer=None):
        bench = Bench({"net.nitzTime": -1, "utime.getTimeZone": zone})
        bench.modules.date = date
        if answer is not None:
            bench.modules.rtc.answers["datetime"] = answer
        found = bench.clock.hint_s()
        self.assertEqual(bench.clock.hint_from, None if found is None else RTC)
        return found

    def test_the_calendar_is_local_time_of_the_zone(self):
        date = (2026, 11, 25, 3, 2, 30, 5, 0)
        self.assertEqual(self.hint(date, 8), RTC_S)
        self.assertEqual(self.hint(date, 0), RTC_S + 8 * 3600)
        self.assertEqual(self.hint(date, -5), RTC_S + 13 * 3600)
        self.assertEqual(self.hint(date, 12), RTC_S - 4 * 3600)

    def test_without_a_zone_the_calendar_says_nothing(self):
        for zone in (None, "", "8", OSError(1), 100, True, -1):  # -1 cannot be told from a failure
            self.assertIsNone(self.hint((2026, 11, 25, 3, 2, 30, 5, 0), zone))

    def test_a_clock_that_was_never_set_gives_no_hint(self):
        for year in (1970, 1980, 2000, 2023, 2091, 2099):
            self.assertIsNone(self.hint((year, 1, 6, 0, 0, 0, 0, 0)))

    def test_what_is_no_date_gives_no_hint(self):
        for date in (
            -1, None, (), (2026, 11, 25), (2026, 0, 1, 0, 0, 0, 0, 0), (2026, 13, 1, 0, 0, 0, 0, 0), (2026, 1, 32, 0, 0, 0, 0, 0),
            (2026, 1, 1, 0, 24, 0, 0, 0), (2026, 1, 1, 0, 0, 60, 0, 0), ("2026", 1, 1, 0, 0, 0, 0, 0), 1795545005,
        ):  # fmt: skip
            self.assertIsNone(self.hint(date))
        self.assertIsNone(self.hint(None, 8, OSError(5)))

    def test_a_module_without_rtc_or_network_has_no_hint(self):
        bench = Bench({"net.nitzTime": -1, "machine.RTC": OSError(1)})
        bench.clock.hint_s()
        bench.ask()
        self.assertIsNone(bench.clock.hint_s())
        bench = Bench(without=("net", "machine"))
        bench.clock.hint_s()
        bench.ask()
        self.assertIsNone(bench.clock.hint_s())

    def test_dates_are_counted_as_the_calendar_does(self):
        self.assertEqual(unix_s(2026, 11, 25, 2, 30, 5), RTC_S + 8 * 3600)
        self.assertEqual((FIRST_S, LAST_S), (1704067200, 3818447999))

    def test_the_modules_own_unix_time_is_never_asked_for(self):
        for change in ({}, {"net.nitzTime": -1}):
            bench = Bench(change)
            for _ in range(5):
                bench.clock.hint_s()
                bench.clock.uptime_ms()
                bench.ask()
                bench.modules.ms += DAY_MS
            self.assertEqual(bench.modules.calls("time", "mktime", "localtime", "settime"), 0)


if __name__ == "__main__":
    unittest.main()
