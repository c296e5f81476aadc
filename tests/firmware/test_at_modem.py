# SPDX-License-Identifier: MIT
"""The modem's way to an IP connection: states, their counts, restarts noticed and made, settings."""

import unittest

from ports.at_modem.modem import (
    DENIED,
    GARBAGE,
    NO_ANSWER,
    NO_BEARER,
    NO_SIM,
    READY,
    SEARCHING,
    SIM_FAILED,
    SIM_LOCKED,
    STARTING,
)
from sim.at_link import Bench
from sim.sim_at import SimModem, dice, reply

MINUTE_MS = 60000


def bench(answers=None, **more):
    sim = SimModem()
    sim.answers.update(answers or {})
    return Bench(sim, **more)


def is_ready(made):
    return made.steps(MINUTE_MS, lambda: made.modem.ready)


class TestBringUp(unittest.TestCase):
    def test_a_fresh_modem_is_ready_and_set_up(self):
        made = bench()
        self.assertTrue(is_ready(made))
        for line in (b"ATE0", b"ATV1", b"AT+CMEE=1", b'AT+QURCCFG="urcport","uart1"', b"AT+CEREG=0", b"AT+CREG=0"):
            self.assertIn(line, made.uart.lines)
        self.assertEqual((made.modem.boots, made.modem.failures, made.modem.counts[READY]), (0, 0, 1))

    def test_a_step_never_waits(self):
        made = bench({b"AT": b""})
        for _ in range(500):
            begin = made.uart.ms
            made.modem.step()
            self.assertTrue(made.uart.ms - begin <= 20)
            made.uart.ms += 20

    def test_the_urc_port_is_not_written_again(self):
        made = bench({b'AT+QURCCFG="urcport"': reply('+QURCCFG: "urcport","uart1"')})
        self.assertTrue(is_ready(made))
        self.assertFalse(b'AT+QURCCFG="urcport","uart1"' in made.uart.lines)

    def test_settings_that_a_firmware_does_not_know_do_no_harm(self):
        no = reply(final="+CME ERROR: 4")
        made = bench({b'AT+QURCCFG="urcport"': no, b'AT+QURCCFG="urcport","uart1"': no, b"AT+CEREG=0": no, b"AT+CREG=0": no})
        self.assertTrue(is_ready(made))

    def test_the_context_is_activated_with_the_apn_unless_it_is_active(self):
        self.assertFalse(b"AT+QIACT=1" in self.activated(None))
        lines = self.activated(reply())
        self.assertIn(b'AT+QICSGP=1,1,"internet","u","p",1', lines)
        self.assertIn(b"AT+QIACT=1", lines)

    def activated(self, answer):
        made = bench({} if answer is None else {b"AT+QIACT?": answer}, config={"apn_user": "u", "apn_password": "p"})
        self.assertTrue(is_ready(made))
        return made.uart.lines

    def test_a_terse_or_mute_modem_is_made_to_speak(self):
        made = bench()
        heard = []

        def terse(line):
            heard.append(line)
            return made.sim.take(line) if b"ATV1" in heard else b"0\r"

        made.uart.answer = terse
        self.assertTrue(is_ready(made))


class TestStates(unittest.TestCase):
    def state_after(self, answers, ms=8000):
        self.made = made = bench(answers)
        self.assertEqual(made.modem.trouble_name, "starting")
        made.steps(ms, lambda: made.modem.counts[made.modem.state] > 0)
        self.assertFalse(made.modem.ready)
        return made.modem.state

    def test_each_trouble_has_its_code_and_count(self):
        for answers, state, word in (
            ({b"AT": b"", b"ATQ0": b"", b"ATV1": b""}, NO_ANSWER, "no answer"),
            ({b"AT+CPIN?": reply(final="+CME ERROR: 10")}, NO_SIM, "no SIM"),
            ({b"AT+CPIN?": reply(final="+CME ERROR: 11")}, SIM_LOCKED, "SIM locked"),
            ({b"AT+CPIN?": reply("+CPIN: SIM PUK")}, SIM_LOCKED, "SIM locked"),
            ({b"AT+CPIN?": reply("+CPIN: NOT INSERTED")}, NO_SIM, "no SIM"),
            ({b"AT+CPIN?": reply(final="+CME ERROR: 13")}, SIM_FAILED, "SIM failed"),
            ({b"AT+QIACT?": reply(), b"AT+QIACT=1": reply(final="ERROR")}, NO_BEARER, "no IP"),
        ):
            self.assertEqual(self.state_after(answers), state)
            self.assertEqual(self.made.modem.trouble_name, word)
            self.assertEqual((self.made.modem.failures, self.made.failed), (1, 1))

    def test_garbage_is_another_trouble_than_silence_and_ends_with_it(self):
        made = bench()
        is_ready(made)
        random = dice(9)
        answer = made.uart.answer
        made.uart.answer = lambda line: b""
        for noise, state in ((lambda: bytes([random.getrandbits(8) for _ in range(64)]), GARBAGE), (None, NO_ANSWER)):
            made.uart.noise = noise
            made.modem.trouble()
            made.steps(MINUTE_MS, lambda state=state: made.modem.state == state)
            self.assertEqual((made.modem.state, made.modem.answers), (state, False))
        self.assertTrue(made.failed >= 2)
        made.uart.answer = answer
        self.assertTrue(made.steps(2 * MINUTE_MS, lambda: made.modem.ready))
        self.assertEqual(made.modem.trouble_name, "")

    def test_a_sim_that_is_put_in_or_unlocked_is_noticed_at_once(self):
        made = bench({b"AT+CPIN?": reply(final="+CME ERROR: 10")})
        made.steps(10000, lambda: made.modem.failures == 3)  # the next rest is of 8 s
        made.steps(1500)
        made.sim.answers[b"AT+CPIN?"] = reply("+CPIN: READY")
        self.assertFalse(made.steps(2000, lambda: made.modem.ready))
        made.uart.say(b"\r\n+CPIN: READY\r\n")
        self.assertTrue(made.steps(1000, lambda: made.modem.ready))

    def test_a_busy_sim_is_waited_for(self):
        tries = []
        made = bench({b"AT+CPIN?": lambda: tries.append(1) or (reply(final="+CME ERROR: 14") if len(tries) < 4 else reply("+CPIN: READY"))})
        self.assertTrue(is_ready(made))
        self.assertEqual(made.modem.failures, 0)

    def test_registration_is_waited_for_in_either_network(self):
        for status, state in ((2, SEARCHING), (3, DENIED)):
            made = bench({b"AT+CEREG?": reply("+CEREG: 0,%d" % status), b"AT+CREG?": reply("+CREG: 0,%d" % status)})
            made.steps(10000)
            self.assertEqual(made.modem.state, state)
            self.assertEqual(made.modem.failures, 0)
            made.sim.answers[b"AT+CREG?"] = reply("+CREG: 0,5")
            self.assertTrue(is_ready(made))

    def test_no_registration_for_three_minutes_is_a_failure(self):
        made = bench({b"AT+CEREG?": reply("+CEREG: 0,2"), b"AT+CREG?": reply("+CREG: 0,2")})
        made.steps(190000, lambda: made.modem.failures)
        self.assertEqual((made.modem.failures, made.modem.counts[SEARCHING]), (1, 1))


class TestRestarts(unittest.TestCase):
    def test_boot_lines_mean_starting_over_once(self):
        for line in (b"RDY", b"APP RDY", b"POWERED DOWN", b"NORMAL POWER DOWN"):
            made = bench()
            is_ready(made)
            made.uart.say(b"\r\n" + line + b"\r\n\r\nAPP RDY\r\n")
            made.modem.step()
            self.assertFalse(made.modem.ready)
            self.assertTrue(is_ready(made))
            self.assertEqual((made.modem.boots, made.modem.failures), (1, 0))
            self.assertEqual(made.uart.lines.count(b"ATE0"), 2)

    def test_a_restart_in_the_middle_of_bringing_up_is_no_failure(self):
        made = bench({b"AT+CPIN?": b"\r\nRDY\r\n"})
        made.steps(500)
        made.sim.answers[b"AT+CPIN?"] = reply("+CPIN: READY")
        self.assertTrue(is_ready(made))
        self.assertEqual(made.modem.failures, 0)
        self.assertTrue(made.modem.boots >= 1)

    def test_a_lost_context_is_made_again(self):
        made = bench()
        is_ready(made)
        made.sim.answers[b"AT+QIACT?"] = reply()
        made.uart.say(b'\r\n+QIURC: "pdpdeact",1\r\n')
        made.steps(5000)
        self.assertTrue(made.modem.ready)
        self.assertIn(b"AT+QIACT=1", made.uart.lines)

    def test_failures_restart_it_by_command_more_and_more_seldom(self):
        made = bench({b"AT+CPIN?": reply(final="+CME ERROR: 10")})
        times = []

        def restarted():
            times.append(made.uart.ms)
            return reply() + b"\r\nRDY\r\n"

        made.sim.answers[b"AT+CFUN=1,1"] = restarted
        for _ in range(3 * 3600000 // 500):
            made.modem.step()
            made.uart.ms += 500
        self.assertTrue(4 <= len(times) <= 7, times)
        waits = [b - a for a, b in zip(times, times[1:])]
        self.assertTrue(waits[-1] > 2 * waits[0] and waits[0] > 20000)
        self.assertTrue(made.modem.failures >= 5)
        made.sim.answers[b"AT+CPIN?"] = reply("+CPIN: READY")
        self.assertTrue(made.steps(2 * MINUTE_MS, lambda: made.modem.ready))
        made.modem.good()
        self.assertEqual(made.modem.failures, 0)

    def test_a_silent_modem_is_restarted_by_its_pin(self):
        pulled = []
        made = bench({b"AT": b"", b"ATQ0": b"", b"ATV1": b""}, hard_reset=lambda: pulled.append(1))
        made.steps(5 * MINUTE_MS, lambda: pulled)
        self.assertEqual(len(pulled), 1)
        for line in (b"AT", b"ATQ0", b"ATV1"):
            del made.sim.answers[line]
        self.assertTrue(made.steps(2 * MINUTE_MS, lambda: made.modem.ready))
        # nobody said RDY, but all that was set is gone
        self.assertEqual(made.modem.boots, 1)

    def test_troubles_of_the_link_are_looked_into_and_count(self):
        made = bench()
        is_ready(made)
        lines = len(made.uart.lines)
        made.modem.trouble()
        made.modem.step()
        self.assertEqual((made.modem.failures, made.modem.state), (1, STARTING))
        self.assertTrue(is_ready(made))
        self.assertIn(b"AT+QIACT?", made.uart.lines[lines:])


if __name__ == "__main__":
    unittest.main()
