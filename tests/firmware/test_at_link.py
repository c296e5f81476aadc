# SPDX-License-Identifier: MIT
"""MQTT through the modem: each dialect, payloads of any bytes, TLS settings, losses, bounds of every call."""

import unittest

from ports.at_modem.config import ConfigError, checked
from ports.at_modem.dialect import last_parameter, most_bytes, takes_length
from ports.at_modem.tls import checksum
from sim.at_link import Bench
from sim.sim_at import SimModem, dice, frame, reply, xor16
from sim.sim_port import error_of

from quell.limits import MAX_INBOX, MAX_WIRE_BYTES

UNICODE = len(str(b"\xc3\xbc", "utf-8")) == 1  # elsewhere, as on QuecPython, where this port never runs, any bytes make a str
ALL_BYTES = bytes(range(256)) * 5 + b'"\r\nOK\r\n\x1a\x1b> +QMTSTAT: 0,1\r\n'
PEM = "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUE\n-----END CERTIFICATE-----\n"


class TestConfig(unittest.TestCase):
    def test_what_is_not_set_has_its_default(self):
        config = checked({"broker": {"host": "a.test"}})
        self.assertEqual(config["apn"], None)
        self.assertEqual((config["broker"]["port"], config["broker"]["keepalive_s"]), (1883, 60))
        self.assertEqual(checked({"broker": {"host": "a.test", "ca": "/ca.pem"}})["broker"]["port"], 8883)

    def test_errors_name_the_key_and_no_value(self):
        for config, key in (
            ({}, "broker"),
            ({"broker": {}}, "broker.host"),
            ({"broker": {"host": 'a"b'}}, "broker.host"),
            ({"broker": {"host": "a" * 101}}, "broker.host"),
            ({"broker": {"host": "a", "port": 0}}, "broker.port"),
            ({"broker": {"host": "a", "keepalive_s": True}}, "broker.keepalive_s"),
            ({"broker": {"host": "a", "pasword": "x"}}, "broker.pasword"),
            ({"broker": {"host": "a", "cert": "x"}}, "broker.key"),
            ({"broker": {"host": "a", "cert": "x", "key": "y"}}, "broker.ca"),
            ({"apn": "secret\r", "broker": {"host": "a"}}, "apn"),
            ({"broker": []}, "broker"),
            ([], "map"),
        ):
            try:
                checked(config)
                self.fail(key)
            except ConfigError as error:
                self.assertIn(key, str(error))
                self.assertFalse("secret" in str(error))


class TestDialect(unittest.TestCase):
    def test_test_replies_of_many_firmwares(self):
        for line, parameter in (
            (b'(0-5),<msgid>,(0-2),(0,1),"topic","length"', '"length"'),
            (b"(0-5),(0-65535),(0-2),(0,1),<topic>[,(1-1548)]", "(1-1548)"),
            (b"(0-5),(0-65535),(0-2),(0,1),<topic>,<msg>", "<msg>"),
        ):
            self.assertEqual(last_parameter([line]).strip(","), parameter)
        self.assertTrue(takes_length('"length"') and takes_length("(1-4096)") and takes_length("<msg_len>"))
        self.assertFalse(takes_length("<msg>") or takes_length('"payload"'))
        self.assertEqual([most_bytes(p) for p in ("(1-1548)", "(0-1460)", '"length"')], [1548, 1460, None])

    def test_each_dialect_publishes_any_bytes(self):
        for dialect in ("pubex", "pub", "inline"):
            bench = Bench(SimModem(dialect))
            bench.opened()
            for payload in (ALL_BYTES, b"", b"\x1a", bytes(1400)):
                if payload:
                    bench.link.publish("quell/1/a/up", payload)
            bench.messages(500)
            self.assertEqual([p for _, p in bench.sim.published], [ALL_BYTES, b"\x1a", bytes(1400)])
            command = b"AT+QMTPUBEX=" if dialect == "pubex" else b"AT+QMTPUB="
            self.assertEqual(len([line for line in bench.uart.lines if line.startswith(command + b"0,")]), 3)

    def test_it_is_asked_once_for_each_boot_of_the_modem(self):
        bench = Bench()
        for _ in range(2):
            bench.opened()
            bench.link.close()
        self.assertEqual(bench.uart.lines.count(b"AT+QMTPUBEX=?"), 1)
        bench.uart.say(b"\r\nRDY\r\n")
        bench.opened()
        self.assertEqual(bench.uart.lines.count(b"AT+QMTPUBEX=?"), 2)

    def test_a_modem_that_publishes_too_few_bytes_is_an_error(self):
        sim = SimModem("pub")
        sim.answers[b"AT+QMTPUB=?"] = reply('+QMTPUB: (0-5),(0-65535),(0-2),(0,1),"topic",(1-560)')
        self.assertIn("1400", error_of(Bench(sim).opened))


class TestOpening(unittest.TestCase):
    def test_each_call_is_short_and_the_session_is_as_it_must_be(self):
        bench = Bench()
        while True:
            begin = bench.uart.ms
            done = bench.link.connect("abc")
            self.assertTrue(bench.uart.ms - begin <= 150)
            if done:
                break
            bench.uart.ms += 20
        for wanted in (["version", "0", "4"], ["session", "0", "1"], ["recv/mode", "0", "1", "1"], ["ssl", "0", "0"]):
            self.assertIn(wanted, bench.sim.settings)
        self.assertIn(b'AT+QMTOPEN=0,"broker.test",1883', bench.uart.lines)
        self.assertIn(b'AT+QMTCONN=0,"abc"', bench.uart.lines)
        self.assertIn(b"AT+QMTCLOSE=0", bench.uart.lines)

    def test_refusals_say_why(self):
        for result, conn, words in ((4, "0,0", "no such host"), (0, "0,5", "not authorised"), (0, "2", "no answer")):
            bench = Bench()
            bench.sim.open_result, bench.sim.conn_result = result, conn
            self.assertIn(words, error_of(bench.opened))

    def test_a_client_in_use_is_closed_and_opened_once_more(self):
        bench = Bench()
        bench.sim.open_result = 2
        self.assertIn("in use", error_of(bench.opened))
        self.assertEqual(bench.sim.opened, 2)

    def test_user_and_password_are_sent_and_in_no_error(self):
        bench = Bench(broker={"user": "u", "password": "hidden"})
        bench.sim.conn_result = "0,4"
        error = error_of(bench.opened)
        self.assertIn(b'"u","hidden"', b"".join(bench.uart.lines))
        self.assertFalse("hidden" in error)

    def test_without_buffers_messages_come_at_once_but_never_without_length(self):
        sim = SimModem()
        sim.answers[b'AT+QMTCFG="recv/mode",0,1,1'] = reply(final="ERROR")
        bench = Bench(sim)
        bench.opened()
        bench.uart.say(frame("a/b", ALL_BYTES))
        self.assertEqual(bench.messages(), [("a/b", ALL_BYTES)])
        sim = SimModem()
        for mode in (0, 1):
            sim.answers[b'AT+QMTCFG="recv/mode",0,%d,1' % mode] = reply(final="ERROR")
        self.assertIn("length", error_of(Bench(sim).opened))

    def test_closed_while_it_opens_it_starts_over(self):
        bench = Bench()
        bench.sim.answers[b'AT+QMTOPEN=0,"broker.test",1883'] = reply()
        for _ in range(40):
            self.assertFalse(bench.link.connect("a"))
            bench.uart.ms += 50
        bench.link.close()
        del bench.sim.answers[b'AT+QMTOPEN=0,"broker.test",1883']
        bench.opened()

    def test_an_open_that_never_ends_is_an_error(self):
        bench = Bench()
        bench.sim.answers[b'AT+QMTOPEN=0,"broker.test",1883'] = reply()
        self.assertIn("+QMTOPEN", error_of(bench.opened))


class TestTls(unittest.TestCase):
    def test_the_ca_is_uploaded_once_and_the_server_verified(self):
        bench = Bench(broker={"ca": PEM})
        bench.opened()
        name = list(bench.sim.files)[0]
        self.assertEqual(bench.sim.files[name], PEM.encode())
        for wanted in (
            ["sslversion", "1", "3"], ["ciphersuite", "1", "0XFFFF"], ["seclevel", "1", "1"], ["cacert", "1", "UFS:" + name],
            ["sni", "1", "1"], ["ignorelocaltime", "1", "0"], ["ssl", "0", "1", "1"],
        ):  # fmt: skip
            self.assertIn(wanted, bench.sim.settings)
        bench.link.close()
        bench.opened()
        self.assertEqual(len([line for line in bench.uart.lines if line.startswith(b"AT+QFUPL")]), 1)

    def test_a_client_certificate_means_level_2(self):
        bench = Bench(broker={"ca": PEM, "cert": PEM + "2", "key": PEM + "3", "ignore_local_time": True})
        bench.opened()
        self.assertEqual(len(bench.sim.files), 3)
        for wanted in (["seclevel", "1", "2"], ["ignorelocaltime", "1", "1"]):
            self.assertIn(wanted, bench.sim.settings)

    def test_nothing_is_opened_without_verification(self):
        sim = SimModem()
        sim.answers[b'AT+QSSLCFG="seclevel",1,1'] = reply(final="ERROR")
        bench = Bench(sim, broker={"ca": PEM})
        self.assertIn("seclevel", error_of(bench.opened))
        self.assertEqual(sim.opened, 0)
        for bad in ("/nowhere/ca.pem", "-----BEG"):
            self.assertTrue(error_of(Bench(broker={"ca": bad}).opened))

    def test_an_upload_that_arrived_otherwise_is_an_error(self):
        sim = SimModem()
        bench = Bench(sim, broker={"ca": PEM})
        take = sim._upload

        def spoilt(arguments):
            out = take(arguments)
            done = sim.uart._on_data
            sim.uart._on_data = lambda data: done(data).replace(b"+QFUPL: ", b"+QFUPL: 1")
            return out

        sim._upload = spoilt
        self.assertIn("whole", error_of(bench.opened))

    def test_the_checksum_is_the_modems(self):
        for data in (b"", b"a", b"ab", b"abc", bytes(range(255))):
            self.assertEqual(checksum(data), xor16(data))


class TestSession(unittest.TestCase):
    def opened(self, sim=None):
        bench = Bench(sim)
        bench.opened()
        return bench

    def test_messages_are_read_one_by_one_with_any_bytes(self):
        bench = self.opened()
        for buffer in range(5):
            bench.sim.deliver("t/%d" % buffer, ALL_BYTES[buffer:], buffer)
        self.assertEqual(bench.messages(), [("t/%d" % n, ALL_BYTES[n:]) for n in range(5)])
        self.assertEqual(bench.malformed, 0)

    def test_a_message_whose_notice_was_lost_is_found(self):
        bench = self.opened()
        bench.sim.answers[b"AT+QMTCONN?"] = reply("+QMTCONN: 0,3")
        bench.sim.answers[b"AT+QMTRECV?"] = lambda: reply(
            "+QMTRECV: 0," + ",".join(["0" if one is None else "1" for one in bench.sim.buffers])
        )
        bench.sim.buffers[3] = ("a", b"lost")
        self.assertEqual(bench.messages(100000), [("a", b"lost")])

    def test_a_session_that_is_silently_gone_is_noticed(self):
        bench = self.opened()
        bench.sim.answers[b"AT+QMTCONN?"] = reply("+QMTCONN: 0,1")
        self.assertIn("no session", error_of(lambda: bench.messages(100000)))

    if UNICODE:

        def test_a_topic_that_is_not_utf8_is_dropped_and_counted(self):
            bench = self.opened()
            bench.sim.answers[b"AT+QMTRECV=0,0"] = b'\r\n+QMTRECV: 0,1,"\xff\xfe",2,"ab"\r\n' + reply()
            bench.sim.deliver("", b"")
            self.assertEqual(bench.messages(), [])
            self.assertEqual(bench.malformed, 1)

    def test_a_message_over_the_cap_ends_the_connection(self):
        bench = self.opened()
        bench.sim.deliver("a", bytes(MAX_WIRE_BYTES + 1))
        self.assertTrue(error_of(lambda: bench.messages()))
        self.assertEqual(bench.malformed, 1)

    def test_a_topic_that_shifts_the_length_ends_the_connection_and_is_not_believed(self):
        bench = self.opened()
        bench.sim.deliver('a",2,"', b"xx\r\nOK\r\n+QMTRECV: 0,4\r\nRDY\r\n")
        self.assertTrue(error_of(lambda: bench.messages()))
        self.assertEqual((bench.malformed, bench.modem.boots), (1, 0))

    def test_a_flood_of_messages_is_bounded(self):
        sim = SimModem()
        sim.answers[b'AT+QMTCFG="recv/mode",0,1,1'] = reply(final="ERROR")
        bench = self.opened(sim)
        for _ in range(MAX_INBOX + 1):
            bench.uart.say(frame("a", b"x"))
        for _ in range(10):
            bench.at.pump()
        self.assertIn("inbox", error_of(bench.link.poll))

    def test_every_status_of_the_session_is_a_loss(self):
        for code in (1, 2, 3, 4, 5, 6, 7, 99):
            bench = self.opened()
            bench.uart.say(b"\r\n+QMTSTAT: 0,%d\r\n" % code)
            self.assertTrue(error_of(bench.link.poll))
            bench.link.close()
            bench.opened()

    def test_a_restart_of_the_modem_is_a_loss(self):
        bench = self.opened()
        bench.uart.say(b"\r\nRDY\r\n")
        self.assertIn("restarted", error_of(bench.link.poll))

    def test_another_clients_news_are_not_ours(self):
        bench = self.opened()
        bench.uart.say(b"\r\n+QMTSTAT: 1,1\r\n\r\n+QMTPUBEX: 1,1,2\r\n")
        self.assertEqual(error_of(bench.link.poll), "")

    def test_a_message_that_was_not_sent_is_told_at_the_next_poll(self):
        bench = self.opened()
        bench.sim.publish_result = 2
        bench.link.publish("a", b"x")
        self.assertIn("not sent", error_of(lambda: bench.messages(500)))

    def test_no_more_than_five_messages_are_under_way(self):
        bench = self.opened()
        bench.sim.publish_result = 1
        for _ in range(5):
            bench.link.publish("a", b"x")
        begin = bench.uart.ms
        self.assertIn("under way", error_of(lambda: bench.link.publish("a", b"x")))
        self.assertTrue(bench.uart.ms - begin <= 11000)
        self.assertEqual(len(bench.sim.published), 5)

    def test_a_lost_prompt_costs_some_seconds_and_the_next_connection_works(self):
        bench = self.opened()
        bench.sim.prompts = False
        begin = bench.uart.ms
        self.assertTrue(error_of(lambda: bench.link.publish("a", bytes(1400))))
        self.assertTrue(bench.uart.ms - begin <= 6000)
        bench.sim.prompts = True
        bench.link.close()
        bench.opened()
        bench.link.publish("a", b"x")
        self.assertEqual(bench.sim.published, [("a", b"x")])

    def test_a_refused_subscription_is_an_error(self):
        for grant in ("0,128", "2"):
            bench = self.opened()
            bench.sim.grant = grant
            self.assertIn("refused", error_of(lambda bench=bench: bench.link.subscribe("a")))
        bench = self.opened()
        bench.link.subscribe("quell/1/a/ack")
        self.assertEqual(bench.sim.topics, ["quell/1/a/ack"])

    def test_topics_that_would_end_the_command_are_refused(self):
        bench = self.opened()
        before = len(bench.uart.lines)
        for topic in ('a"', "a\r\nAT+QPOWD", "a\\b", "x" * 200):
            self.assertTrue(error_of(lambda topic=topic: bench.link.subscribe(topic)))
            self.assertTrue(error_of(lambda topic=topic: bench.link.publish(topic, b"x")))
        self.assertEqual(len(bench.uart.lines), before)

    def test_nothing_goes_when_it_is_not_open(self):
        bench = Bench()
        for call in (bench.link.poll, lambda: bench.link.publish("a", b"x"), lambda: bench.link.subscribe("a")):
            self.assertIn("not connected", error_of(call))
        bench.link.close()

    def test_closing_a_dead_modem_raises_nothing_and_ends(self):
        bench = self.opened()
        bench.uart.answer = lambda line: b""
        begin = bench.uart.ms
        bench.link.close()
        self.assertTrue(bench.uart.ms - begin <= 2000)

    def test_a_slow_command_of_others_delays_a_publish_but_does_not_block_it_for_ever(self):
        bench = self.opened()
        bench.sim.answers[b"AT+COPS?"] = b""
        bench.at.start("AT+COPS?", "+COPS", 180000)
        bench.uart.say(reply('+COPS: 0,0,"Net"'), 3000)
        bench.link.publish("a", b"x")
        bench.at.start("AT+COPS?", "+COPS", 180000)
        begin = bench.uart.ms
        self.assertIn("busy", error_of(lambda: bench.link.publish("a", b"x")))
        self.assertTrue(bench.uart.ms - begin <= 6000)


class TestFuzz(unittest.TestCase):
    def test_a_session_goes_on_under_splits_echo_and_lines_at_every_boundary(self):
        random = dice(11)
        urcs = (b"RING", b'+QIND: "csq",1,2', b"+CREG: 1", b"+QMTPING: 0,0", b'+CMTI: "SM",1', b"+CSQN: 1")
        for round_ in range(6):
            sim = SimModem(("pubex", "pub", "inline")[round_ % 3])
            sim.urcs = lambda: urcs[random.getrandbits(8) % len(urcs)]
            sim.echo = bool(round_ & 1)
            sim.uart.piece = lambda: 1 + random.getrandbits(5)
            bench = Bench(sim)
            bench.opened()
            sent = []
            for n in range(8):
                payload = bytes([random.getrandbits(8) for _ in range(random.getrandbits(9) + 1)])
                bench.link.publish("a/b", payload)
                sent.append(("a/b", payload))
                bench.sim.deliver("c", payload, n % 5)
                self.assertEqual(bench.messages(400), [("c", payload)])
            self.assertEqual(sim.published, sent)
            self.assertEqual(bench.malformed, 0)

    def test_random_bytes_in_a_session_raise_nothing_but_link_errors(self):
        random = dice(13)
        parts = (
            b'+QMTRECV: 0,1,"a",', b'9,"', b"+QMTRECV: 0,2", b"+QMTSTAT: 0,", b"+QMTPUBEX: 0,1,2", b"\r\n", b"OK\r\n", b'"',
            b"+QMTSUB: 0,", b"+QMTOPEN: ", b"+QMTCONN:", b"+QIURC:\r\n", b"ERROR\r\n", b"> ", b"+QMTRECV:\r\n", b"+QMTSUB: 0\r\n",
        )  # fmt: skip
        for _ in range(40):
            bench = Bench()
            bench.opened()
            for _ in range(6):
                for _ in range(random.getrandbits(4)):
                    n = random.getrandbits(5)
                    bench.uart.say(parts[n] if n < len(parts) else bytes([random.getrandbits(8) for _ in range(n)]))
                begin = bench.uart.ms
                call = (bench.link.poll, lambda b=bench: b.link.publish("a", b"xyz"), lambda b=bench: b.link.subscribe("a"))
                error_of(call[random.getrandbits(8) % 3])
                self.assertTrue(bench.uart.ms - begin <= 30000)
                bench.modem.step()


if __name__ == "__main__":
    unittest.main()
