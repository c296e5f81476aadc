# SPDX-License-Identifier: MIT
"""Slow calls of the platform happen in one thread, when somebody wants them, and never stop it."""

import _thread
import unittest

from ports.quecpython.worker import Worker
from sim.sim_quec import pause, until

FRESH_MS = 600000
KEEP_MS = 3600000


class Asked:
    """A job whose answer a test sets, in time that it moves."""

    def __init__(self, fresh_ms=FRESH_MS, keep_ms=KEEP_MS):
        self.ms = 1000
        self.answer = "first"
        self.calls = []
        self.worker = Worker(lambda ms: pause())
        self.job = self.worker.job(self._call, lambda: self.ms, fresh_ms, keep_ms)

    def _call(self):
        self.calls.append(_thread.get_ident())
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class TestJobs(unittest.TestCase):
    def test_a_job_that_nobody_wants_is_not_asked(self):
        asked = Asked()
        for _ in range(3):
            self.assertFalse(asked.worker.once())
        self.assertEqual(asked.calls, [])

    def test_the_first_look_gives_nothing_and_makes_it_asked_once(self):
        asked = Asked()
        self.assertIsNone(asked.job.value())
        self.assertTrue(asked.worker.once())
        for _ in range(5):
            self.assertEqual(asked.job.value(), "first")
            self.assertFalse(asked.worker.once())
        self.assertEqual(len(asked.calls), 1)

    def test_looks_while_the_call_is_under_way_ask_no_second_time(self):
        asked = Asked()
        looked = []
        job = asked.worker.job(lambda: looked.append(job.value()) or 7, lambda: asked.ms, FRESH_MS, KEEP_MS)
        job.value()
        self.assertTrue(asked.worker.once())
        self.assertEqual((looked, job.value()), ([None], 7))
        self.assertFalse(asked.worker.once())

    def test_a_stale_value_is_given_and_asked_for_again(self):
        asked = Asked()
        asked.job.value()
        asked.worker.once()
        asked.ms += FRESH_MS - 1
        asked.job.value()
        self.assertFalse(asked.worker.once())
        asked.ms += 1
        asked.answer = "second"
        self.assertEqual(asked.job.value(), "first")
        self.assertTrue(asked.worker.once())
        self.assertEqual(asked.job.value(), "second")

    def test_a_stale_value_that_nobody_looks_at_is_not_asked_for(self):
        asked = Asked()
        asked.job.value()
        asked.worker.once()
        asked.ms += 10 * FRESH_MS
        self.assertFalse(asked.worker.once())

    def test_after_a_failure_it_is_asked_again_after_a_minute_at_the_latest_and_not_before(self):
        for fresh_ms, wait_ms in ((FRESH_MS, 60000), (5000, 5000)):
            for answer in (None, OSError(5), ValueError("no"), MemoryError(), KeyError("bug")):
                asked = Asked(fresh_ms)
                asked.answer = answer
                for n in range(1, 4):
                    self.assertIsNone(asked.job.value())
                    self.assertTrue(asked.worker.once())
                    asked.ms += wait_ms - 1
                    self.assertIsNone(asked.job.value())
                    self.assertFalse(asked.worker.once())
                    self.assertEqual(len(asked.calls), n)
                    asked.ms += 1

    def test_a_failure_leaves_the_last_value_until_it_is_too_old(self):
        asked = Asked()
        asked.job.value()
        asked.worker.once()
        asked.answer = None
        asked.ms += KEEP_MS
        self.assertEqual(asked.job.value(), "first")
        asked.worker.once()
        self.assertEqual(asked.job.value(), "first")
        asked.ms += 1
        self.assertIsNone(asked.job.value())

    def test_a_value_that_comes_while_the_old_one_is_found_too_old_stays(self):
        asked = Asked()
        asked.job.value()
        asked.worker.once()
        asked.ms += KEEP_MS + 1
        look = asked.job._now_ms

        def now_ms():
            asked.job._now_ms = look
            asked.answer = "second"
            asked.job.run()  # the thread, between the look at the value and that at the clock
            return asked.ms

        asked.job._now_ms = now_ms
        asked.job.value()
        self.assertEqual(asked.job.value(), "second")

    def test_one_job_that_fails_leaves_the_others_their_turn(self):
        asked = Asked()
        asked.answer = RuntimeError("no")
        other = asked.worker.job(lambda: 7, lambda: asked.ms, FRESH_MS, KEEP_MS)
        asked.job.value()
        other.value()
        asked.worker.once()
        self.assertEqual((asked.job.value(), other.value()), (None, 7))


class TestThread(unittest.TestCase):
    def setUp(self):
        self.asked = Asked()
        self.ended = []
        _thread.start_new_thread(self._run, ())

    def tearDown(self):
        self.asked.worker.stop()
        self.assertTrue(until(lambda: self.ended))
        self.assertEqual(self.ended, ["by stop"])

    def _run(self):
        try:
            self.asked.worker.loop()
            self.ended.append("by stop")
        except Exception as error:
            self.ended.append(type(error).__name__)

    def test_calls_are_made_in_the_workers_thread(self):
        self.assertTrue(until(lambda: self.asked.job.value() == "first"))
        self.assertEqual(len(self.asked.calls), 1)
        self.assertFalse(_thread.get_ident() in self.asked.calls)

    def test_no_exception_ends_the_thread(self):
        for answer in (OSError(5), MemoryError(), RuntimeError("x"), ValueError()):
            self.asked.answer = answer
            before = len(self.asked.calls)
            self.asked.ms += FRESH_MS
            self.asked.job.value()
            self.assertTrue(until(lambda before=before: len(self.asked.calls) > before))
        self.asked.answer = "last"
        self.assertTrue(until(lambda: self.asked.job.value() == "last", between=self._later))

    def _later(self):
        self.asked.ms += 60000

    def test_the_caller_does_not_wait_for_a_call_that_hangs(self):
        go_on = []
        job = self.asked.worker.job(lambda: until(lambda: go_on) or None, lambda: self.asked.ms, FRESH_MS, KEEP_MS)
        self.assertIsNone(job.value())
        for _ in range(100):
            self.assertIsNone(job.value())
        go_on.append(1)
        self.assertTrue(until(lambda: job.value() is not None))


if __name__ == "__main__":
    unittest.main()
