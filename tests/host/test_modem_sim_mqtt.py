# SPDX-License-Identifier: MIT
"""The simulated modem speaks MQTT with a real broker, in all dialects, and reports what modems report."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from host.modem_sim_case import Line, Sim, online

from quell_host.demo.servers import Broker, running_broker

PUBEX = 'AT+QMTPUBEX=0,{},{},0,"t/x",{}'


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with running_broker(tmp_path_factory.mktemp("broker")) as broker:
        yield broker


@pytest.fixture
def line(broker: Broker, tmp_path: Path) -> Iterator[Line]:
    with Sim(tmp_path, "--broker", f"127.0.0.1:{broker.port}") as sim:
        yield sim.booted()


def subscribed(line: Line) -> None:
    line.say('AT+QMTSUB=0,1,"t/x",2')
    line.until(r"\+QMTSUB: 0,1,0,2\r\n")


def test_a_published_message_comes_back_whatever_bytes_it_has(line: Line) -> None:
    online(line, 'AT+QMTCFG="recv/mode",0,0,1')
    subscribed(line)
    payload = bytes(range(256)) + b'"\r\nOK\r\n'
    for qos, mid in ((0, 0), (1, 7), (2, 8)):
        line.send(PUBEX.format(mid, qos, len(payload)))
        line.until("> ")
        line.send(payload)
        line.until(b"\r\nOK\r\n")
        said = b""
        while b"+QMTRECV: 0," not in said or b"+QMTPUBEX: 0," not in said:
            said += line.until(rb"\+QMTPUBEX: 0,%d,0\r\n|OK\r\n\"\r\n" % mid)
        assert b',"t/x",%d,"' % len(payload) + payload + b'"\r\n' in said


def test_the_test_and_read_forms_answer(line: Line) -> None:
    assert line.ask("AT+QMTPUBEX=?")[0] == '+QMTPUBEX: (0-5),<msgid>,(0-2),(0,1),"topic","length"'
    assert line.ask("AT+QMTPUB=?") == ["ERROR"]
    assert line.ask("AT+QMTOPEN?") == ["OK"] and line.ask("AT+QMTCONN?") == ["OK"]
    line.say('AT+QMTCFG="timeout",0,9,2,1', 'AT+QMTCFG="will",0,1,1,0,"w","gone"', 'AT+QMTCFG="keepalive",0,30')
    assert line.ask('AT+QMTCFG="timeout",0') == ['+QMTCFG: "timeout",0,9,2,1', "OK"]
    assert line.ask('AT+QMTCFG="will",0') == ['+QMTCFG: "will",0,1,1,0,"w","gone"', "OK"]
    assert line.ask('AT+QMTCFG="keepalive",0,3601') == ["ERROR"]
    online(line)
    assert line.ask("AT+QMTOPEN?")[0] == '+QMTOPEN: 0,"broker.example",1883'
    assert line.ask("AT+QMTCONN?")[0] == "+QMTCONN: 0,3"
    line.say("AT+QMTDISC=0")
    line.until(r"\+QMTDISC: 0,0\r\n")
    line.say("AT+QMTCLOSE=0")
    line.until(r"\+QMTCLOSE: 0,-1\r\n")


def test_opening_needs_packet_data_and_a_free_client(line: Line, broker: Broker) -> None:
    line.say('AT+QMTOPEN=0,"broker.example",1883')
    line.until(r"\+QMTOPEN: 0,3\r\n")
    online(line)
    line.say('AT+QMTOPEN=0,"broker.example",1883')
    line.until(r"\+QMTOPEN: 0,2\r\n")
    line.say("AT+QIDEACT=1")
    line.until(r"\+QMTSTAT: 0,7\r\n")


def test_a_broker_that_is_not_there_is_told(tmp_path: Path) -> None:
    with Sim(tmp_path) as sim, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        line = sim.booted()
        line.say("AT+QIACT=1", f'AT+QMTOPEN=0,"127.0.0.1",{taken.getsockname()[1]}')
        line.until(r"\+QMTOPEN: 0,5\r\n")
        line.say('AT+QMTOPEN=1,"nowhere.invalid",1883')
        line.until(r"\+QMTOPEN: 1,4\r\n")


def test_commands_out_of_order_are_errors(line: Line) -> None:
    for command in ('AT+QMTCONN=0,"x"', 'AT+QMTSUB=0,1,"a",0', PUBEX.format(1, 1, 3), "AT+QMTRECV=0"):
        assert line.ask(command) == ["ERROR"]
    online(line)
    for command in (PUBEX.format(0, 1, 3), PUBEX.format(1, 0, 3), PUBEX.format(1, 1, 4097), 'AT+QMTSUB=0,0,"a",0', 'AT+QMTSUB=0,1,"a"'):
        assert line.ask(command) == ["ERROR"]


def test_buffered_messages_are_read_on_demand_and_a_sixth_is_dropped(line: Line) -> None:
    online(line, 'AT+QMTCFG="recv/mode",0,1,1', 'AT+QMTCFG="send/mode",0,1', 'AT+QMTCFG="dataformat",0,1,1')
    subscribed(line)
    for number in range(6):
        line.send(PUBEX.format(number + 1, 1, 4))
        line.until("> ")
        line.send(b"AB0%d" % number)
        line.until(rb"\+QMTPUBEX: 0,%d,0\r\n" % (number + 1))
    assert line.ask("AT+QMTRECV?")[-2:] == ["+QMTRECV: 0,1,1,1,1,1", "OK"]
    assert line.ask("AT+QMTRECV=0,2")[0].endswith('"t/x",2,"AB02"')
    rest = line.ask("AT+QMTRECV=0")
    assert [text[-5:-1] for text in rest[:-1]] == ["AB00", "AB01", "AB03", "AB04"]
    assert line.ask("AT+QMTRECV=0") == ["OK"]


def test_the_pub_dialect_takes_a_length_or_ctrl_z_and_esc_cancels(broker: Broker, tmp_path: Path) -> None:
    with Sim(tmp_path, "--broker", f"127.0.0.1:{broker.port}", "--dialect", "pub") as sim:
        line = sim.booted()
        assert line.ask("AT+QMTPUB=?") == ['+QMTPUB: (0-5),(0-65535),(0-2),(0,1),"topic",(1-1548)', "OK"]
        assert line.ask("AT+QMTPUBEX=?") == ["ERROR"]
        online(line)
        subscribed(line)
        for ending, data, got in ((",3", b"a\x1ab", b"a\x1ab"), ("", b"cde\x1a", b"cde")):
            line.send(f'AT+QMTPUB=0,3,1,0,"t/x"{ending}')
            line.until("> ")
            line.send(data)
            said = b""
            while b"+QMTPUB: 0,3,0\r\n" not in said or b'"t/x","' + got + b'"\r\n' not in said:
                said += line.until("\r\n")
        line.send('AT+QMTPUB=0,4,1,0,"t/x"')
        line.until("> ")
        line.send(b"no\x1b")
        assert line.reply() == ["ERROR"]


def test_the_inline_dialect_takes_the_message_in_the_command(broker: Broker, tmp_path: Path) -> None:
    with Sim(tmp_path, "--broker", f"127.0.0.1:{broker.port}", "--dialect", "inline") as sim:
        line = sim.booted()
        assert line.ask("AT+QMTPUBEX=?")[0].endswith('"topic","msg"')
        online(line)
        assert line.ask('AT+QMTPUBEX=0,5,1,0,"t/x","hello, you"') == ["OK"]
        line.until(r"\+QMTPUBEX: 0,5,0\r\n")
        assert line.ask('AT+QMTPUBEX=0,5,1,0,"t/x","{}"'.format("x" * 561)) == ["ERROR"]


def test_a_broker_that_closes_is_reported(tmp_path: Path) -> None:
    with running_broker(tmp_path / "broker") as own, Sim(tmp_path, "--broker", f"127.0.0.1:{own.port}") as sim:
        line = sim.booted()
        online(line)
        own.kill()
        line.until(r"\+QMTSTAT: 0,1\r\n")
        assert line.ask("AT+QMTCONN?") == ["OK"]


class MuteBroker:
    """Accepts, answers CONNECT, and nothing else; keeps what came."""

    def __init__(self, connack: bytes = b"\x20\x02\x00\x00") -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self.came = b""
        self._connack = connack
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        connection, _ = self._server.accept()
        while data := connection.recv(4096):
            if data[0] >> 4 == 1:
                connection.sendall(self._connack)
            self.came += data


def test_without_acknowledgement_a_message_is_sent_again_and_then_given_up(tmp_path: Path) -> None:
    mute = MuteBroker()
    with Sim(tmp_path, "--broker", f"127.0.0.1:{mute.port}") as sim:
        line = sim.booted()
        online(line, 'AT+QMTCFG="timeout",0,1,1,1', 'AT+QMTCFG="keepalive",0,1')
        line.send(PUBEX.format(9, 1, 3))
        line.until("> ")
        line.send(b"abc")
        line.until(r"\+QMTPUBEX: 0,9,1,1\r\n")
        said = line.until(r"\+QMTSTAT: 0,2\r\n")
        assert b"+QMTPUBEX: 0,9,0" not in said
        sent = b"\x00\x03t/x\x00\x09abc"
        assert b"\x32\x0a" + sent in mute.came and b"\x3a\x0a" + sent in mute.came and b"\xc0\x00" in mute.came


def test_the_refusal_of_a_broker_is_the_return_code(tmp_path: Path) -> None:
    mute = MuteBroker(b"\x20\x02\x00\x05")
    with Sim(tmp_path, "--broker", f"127.0.0.1:{mute.port}") as sim:
        line = sim.booted()
        line.say("AT+QIACT=1", 'AT+QMTOPEN=0,"x.example",1883')
        line.until(r"\+QMTOPEN: 0,0\r\n")
        line.say('AT+QMTCONN=0,"tester","user","wrong"')
        line.until(r"\+QMTCONN: 0,0,5\r\n")
        assert b"\x00\x04user\x00\x05wrong" in mute.came
