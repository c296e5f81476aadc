# SPDX-License-Identifier: MIT
"""The agent beside an application: records from any thread, answers that are the agent's, a watchdog that is fed rightly."""

import _thread
import unittest

from ports.quecpython.power import Power
from ports.quecpython.runner import Runner
from sim.device import Device
from sim.sim_quec import SimModule, pause, until

from quell.counters import BUFFER_LOST, NO_MEMORY, UNKNOWN_FIELD, Counters
from quell.data_path import BUFFERED, DURABLE, REFUSED


class SimAgent:
    """What a Runner sees of an agent. `answer`: of `emit`; `raises`: what `emit` or `note` raises for a purpose."""

    def __init__(self):
        self.counters = Counters()
        self.failed_steps = 0
        self.answer = BUFFERED
        self.raises = {}
        self.emitted = []
        self.notes = []
        self.calls = []

    def emit(self, purpose, fields, durable):
        if purpose in self.raises:
            raise self.raises[purpose]
        self.emitted.append((purpose, fields, durable))
        return self.answer

    def note(self, error):
        if "note" in self.raises:
            raise self.raises["note"]
        self.notes.append(type(error).__name__)

    def step(self):
        self.calls.append("step")

    def save(self):
        self.calls.append("save")

    def close(self):
        self.calls.append("close")


class Watchdog:
    def __init__(self):
        self.fed = 0

    def feed(self):
        self.fed += 1


class Quiet:
    """A console. `raises`: what its step raises, once."""

    raises = None

    def step(self):
        error, self.raises = self.raises, None
        if error is not None:
            raise error


class Running:
    """A Runner in simulated time: it passes while somebody sleeps."""

    def __init__(self, agent=None, misc=None, below_mv=None):
        self.ms = 0
        self.agent = agent or SimAgent()
        self.console = Quiet()
        self.watchdog = Watchdog()
        self.wakes = None  # what the sleep raises
        power = Power(misc, lambda: self.ms, below_mv)
        lock = _thread.allocate_lock()
        self.runner = Runner(self.agent, power, self.watchdog, lock, lambda: self.ms, self._sleep, self.console)

    def _sleep(self, ms):
        self.ms += ms
        pause()
        if self.wakes is not None:
            raise self.wakes

    def started(self):
        """Run in a thread."""
        _thread.start_new_thread(self.runner.run, ())
        return self.runner

    def stopped(self):
        self.runner.stop()
        return until(lambda: self.runner.ended)


def after_a_cut(device):
    """The codes that reach the host when power goes now and comes back."""
    device.boot()
    device.run(12)
    return [record[4][1] for record in device.host.stored[(device.host.instance, 1, 1)].values()]


class TestEmit(unittest.TestCase):
    def test_records_of_several_threads_are_all_taken_in_the_order_of_each(self):
        running = Running()
        runner = running.started()
        names = ("a", "b", "c", "d")
        refused = {name: [] for name in names}  # each thread has its own list
        ended = {name: False for name in names}

        def emit(name):
            for n in range(50):
                while runner.emit(name, {"n": n}) == REFUSED:
                    refused[name].append(n)
                    pause()
            ended[name] = True

        for name in names:
            _thread.start_new_thread(emit, (name,))
        self.assertTrue(until(lambda: all(ended.values())))
        self.assertTrue(running.stopped())
        for name in names:
            taken = [fields["n"] for purpose, fields, _ in running.agent.emitted if purpose == name]
            self.assertEqual(taken, list(range(50)))
        self.assertEqual(running.agent.counters.get(BUFFER_LOST), sum([len(found) for found in refused.values()]))

    def test_a_full_queue_refuses_and_is_counted_at_the_next_step(self):
        running = Running()
        answers = [running.runner.emit("a", {"n": n}) for n in range(35)]
        self.assertEqual(answers, [BUFFERED] * 32 + [REFUSED] * 3)
        self.assertEqual(running.runner.emit("a", {}, durable=True), REFUSED)
        running.runner.step()
        self.assertEqual(running.agent.counters.get(BUFFER_LOST), 4)
        self.assertEqual(len(running.agent.emitted), 32)
        self.assertEqual(running.runner.emit("a", {}), BUFFERED)
        running.runner.step()
        self.assertEqual(running.agent.counters.get(BUFFER_LOST), 4)

    def test_without_durable_nothing_is_waited_for(self):
        running = Running()
        self.assertEqual(running.runner.emit("a", {"n": 1}), BUFFERED)
        self.assertEqual((running.ms, running.agent.emitted), (0, []))

    def test_durable_gives_the_agents_answer(self):
        running = Running()
        runner = running.started()
        for answer in (DURABLE, BUFFERED, REFUSED):
            running.agent.answer = answer
            self.assertEqual(runner.emit("a", {}, durable=True), answer)
        self.assertEqual(running.agent.emitted, [("a", {}, True)] * 3)
        self.assertTrue(running.stopped())

    def test_durable_is_refused_after_10_s_and_the_record_still_comes(self):
        running = Running()
        self.assertEqual(running.runner.emit("a", {"n": 1}, durable=True), REFUSED)
        self.assertTrue(10000 <= running.ms <= 10100)
        running.runner.step()
        self.assertEqual(running.agent.emitted, [("a", {"n": 1}, True)])

    def test_a_value_that_makes_emit_raise_stops_neither_the_others_nor_the_agent(self):
        running = Running()
        running.agent.raises["bad"] = ValueError("x")
        for purpose in ("a", "bad", "b"):
            running.runner.emit(purpose, {})
        running.runner.step()
        self.assertEqual([purpose for purpose, _, _ in running.agent.emitted], ["a", "b"])
        self.assertEqual((running.agent.notes, running.agent.calls, running.watchdog.fed), (["ValueError"], ["step"], 1))

    def test_durable_is_refused_at_once_when_emit_raises(self):
        running = Running()
        running.agent.raises["bad"] = KeyError("x")
        runner = running.started()
        self.assertEqual(runner.emit("bad", {}, durable=True), REFUSED)
        self.assertTrue(running.ms < 10000)
        self.assertTrue(running.stopped())

    def test_a_lock_that_cannot_be_had_is_not_released_and_costs_a_refusal_that_is_counted(self):
        class Lock:
            has = True

            def acquire(self):
                return self.has

            def release(self):
                if not self.has:
                    raise RuntimeError("not held")

        running = Running()
        running.runner._lock = lock = Lock()
        self.assertEqual(running.runner.emit("a", {"n": 1}), BUFFERED)
        lock.has = False
        self.assertEqual(running.runner.emit("a", {"n": 2}), REFUSED)
        running.runner.step()
        self.assertEqual((running.agent.emitted, running.agent.calls), ([], ["step"]))
        lock.has = True
        running.runner.step()
        self.assertEqual(running.agent.emitted, [("a", {"n": 1}, False)])
        self.assertEqual(running.agent.counters.get(BUFFER_LOST), 1)

    def test_no_memory_for_a_record_or_for_its_error_is_counted(self):
        running = Running()
        running.agent.raises["bad"] = MemoryError()
        running.runner.emit("bad", {})
        running.runner.step()
        self.assertEqual((running.agent.counters.get(NO_MEMORY), running.agent.notes), (1, []))
        running.agent.raises.update({"worse": ValueError("x"), "note": MemoryError()})
        running.runner.emit("worse", {})
        running.runner.emit("a", {})
        running.runner.step()
        self.assertEqual((running.agent.counters.get(NO_MEMORY), len(running.agent.emitted)), (2, 1))


class TestRun(unittest.TestCase):
    def test_what_was_emitted_before_the_stop_is_taken_before_the_close(self):
        running = Running()
        running.runner.stop()
        running.runner.emit("a", {"n": 1})
        running.runner.run()
        self.assertEqual(running.agent.emitted, [("a", {"n": 1}, False)])
        self.assertEqual(running.agent.calls, ["close"])
        self.assertTrue(running.runner.ended)

    def test_after_the_end_everything_is_refused_at_once(self):
        running = Running()
        running.runner.stop()
        running.runner.run()
        self.assertEqual([running.runner.emit("a", {}, durable) for durable in (False, True)], [REFUSED, REFUSED])
        self.assertEqual(running.ms, 0)

    def test_ctrl_c_closes_the_agent(self):
        running = Running()
        running.wakes = KeyboardInterrupt()
        running.runner.run()
        self.assertEqual(running.agent.calls, ["step", "close"])
        self.assertTrue(running.runner.ended)

    def test_a_console_or_a_save_that_raises_does_not_end_it(self):
        running = Running()
        running.console.raises = OSError(5)
        running.started()
        self.assertTrue(until(lambda: running.agent.notes == ["OSError"] and len(running.agent.calls) > 3))
        running.console.raises = MemoryError()
        self.assertTrue(until(lambda: running.agent.counters.get(NO_MEMORY) == 1))
        self.assertTrue(running.stopped())

    def test_a_close_that_raises_is_still_an_end(self):
        running = Running()
        running.agent.close = lambda: {}["no such key"]
        running.runner.stop()
        self.assertRaises(KeyError, running.runner.run)
        self.assertTrue(running.runner.ended)


class TestWatchdog(unittest.TestCase):
    def test_it_is_fed_after_each_step_and_not_once_the_agent_failed_100_in_a_row(self):
        running = Running()
        for failed, fed in ((0, 1), (1, 2), (99, 3), (100, 3), (101, 3), (5000, 3), (0, 4)):
            running.agent.failed_steps = failed
            running.runner.step()
            self.assertEqual((failed, running.watchdog.fed), (failed, fed))

    def test_it_is_not_fed_by_a_step_that_did_not_end(self):
        running = Running()
        running.console.raises = OSError(5)
        self.assertRaises(OSError, running.runner.step)
        self.assertEqual(running.watchdog.fed, 0)

    def test_a_module_without_one_runs_too(self):
        running = Running()
        running.runner._watchdog = None
        running.runner.step()
        self.assertEqual(running.agent.calls, ["step"])


class TestPower(unittest.TestCase):
    def test_a_low_supply_saves_once(self):
        misc = SimModule()
        misc.Power = SimModule(getVbatt=3200)
        running = Running(misc=misc, below_mv=3300)
        for _ in range(5):
            running.runner.step()
            running.ms += 10000
        self.assertEqual(running.agent.calls.count("save"), 1)
        self.assertFalse("close" in running.agent.calls)

    def test_the_power_key_saves_after_what_was_emitted_before(self):
        pressed = []
        key = SimModule(powerKeyEventRegister=lambda callback: pressed.append(callback) or 0)
        running = Running(misc=SimModule(PowerKey=lambda: key))
        running.runner.step()
        running.runner.emit("a", {})
        pressed[0](1)
        running.runner.step()
        running.runner.step()
        self.assertEqual(running.agent.calls, ["step", "step", "save", "step"])
        self.assertEqual(len(running.agent.emitted), 1)


class TestWithAnAgent(unittest.TestCase):
    def setUp(self):
        self.device = Device().with_policy().granted()
        self.running = Running(self.device.agent)

    def emitted(self, fields, durable=True):
        """What `emit` in another thread answered, the agent stepped here."""
        answers = []
        _thread.start_new_thread(lambda: answers.append(self.running.runner.emit("diagnostics", fields, durable)), ())
        self.assertTrue(until(lambda: answers, between=self.running.runner.step))
        return answers[0]

    def test_a_durable_record_outlives_a_power_cut(self):
        self.device.port.link.up = False
        self.running.runner.step()
        self.assertEqual(self.emitted({"code": 7}), DURABLE)
        self.assertEqual(after_a_cut(self.device), [7])

    def test_what_the_policy_does_not_list_is_refused(self):
        self.assertEqual(self.emitted({"other": 7}), REFUSED)
        self.assertTrue(self.device.count(UNKNOWN_FIELD) > 0)

    def test_values_of_every_kind_leave_the_agent_whole(self):
        for fields in (None, [], "code", {"code": object()}, {"code": "x" * 5000}, {3: 4}, {"code": [1]}, {"code": 1 << 70}):
            self.assertEqual(self.emitted(fields), REFUSED)
        self.assertEqual(self.emitted({"code": 1}), DURABLE)
        self.assertEqual(self.device.agent.failed_steps, 0)

    def test_a_low_supply_brings_the_buffered_records_to_flash(self):
        self.device.port.link.up = False
        self.running.runner.step()
        misc = SimModule()
        misc.Power = SimModule(getVbatt=3000)
        running = Running(self.device.agent, misc, 3300)
        running.runner.emit("diagnostics", {"code": 7})
        running.runner.step()
        self.assertEqual(after_a_cut(self.device), [7])


if __name__ == "__main__":
    unittest.main()
