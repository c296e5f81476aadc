# SPDX-License-Identifier: MIT
"""Every fault of a plan does to the line what its name says, when the plan says it, and nothing else."""

import json
import time
from pathlib import Path

import pytest
from host.modem_sim_case import Line, Sim, online

from quell_host import cli
from quell_host.demo.servers import running_broker
from quell_host.errors import ExitCode

CSQ = b"\r\n+CSQ: 24,99\r\n\r\nOK\r\n"


def raw(line: Line, command: str, wait_s: float = 0.2) -> bytes:
    """All that comes after a command."""
    line.send(command)
    end = time.monotonic() + wait_s
    while time.monotonic() < end:
        line.quiet(0.05)
    found, line.rest = line.rest, b""
    return found


def test_faults_of_the_reply(tmp_path: Path) -> None:
    plan = [
        {"at": "AT+CSQ", "nth": 1, "do": "urc", "text": "+QIND: sneaky"},
        {"at": "AT+CSQ", "nth": 2, "do": "bare-lf"},
        {"at": "AT+CSQ", "nth": 3, "do": "echo"},
        {"at": "AT+CSQ", "nth": 4, "do": "cme", "code": 14},
        {"at": "AT+CSQ", "nth": 5, "do": "error"},
        {"at": "AT+CSQ", "nth": 6, "do": "drop", "bytes": 3, "from": 2},
        {"at": "AT+CSQ", "nth": 7, "do": "garbage", "bytes": 8, "seed": 1},
        {"at": "AT+CSQ", "nth": 8, "do": "silent"},
        {"at": "AT+CSQ", "nth": 9, "do": "slow", "ms": 150},
        {"at": "AT+CSQ", "nth": 10, "do": "split", "bytes": 5, "ms": 1},
        {"at": "AT+CSQ", "nth": 11, "do": "merge", "ms": 600},
    ]
    with Sim(tmp_path, plan=plan) as sim:
        line = sim.booted()
        assert raw(line, "AT+CSQ") == b"\r\n+QIND: sneaky\r\n" + CSQ
        assert raw(line, "at+csq") == CSQ.replace(b"\r\n", b"\n")
        assert raw(line, "AT+CSQ") == b"AT+CSQ\r" + CSQ
        assert raw(line, "AT+CSQ") == b"\r\n+CME ERROR: 14\r\n"
        assert raw(line, "AT+CSQ") == b"\r\nERROR\r\n"
        assert raw(line, "AT+CSQ") == CSQ[:2] + CSQ[5:]
        spoilt = raw(line, "AT+CSQ")
        assert spoilt.endswith(CSQ) and len(spoilt) == len(CSQ) + 8
        assert raw(line, "AT+CSQ") == b""
        begin = time.monotonic()
        line.send("AT+CSQ")
        assert line.until("OK\r\n") == CSQ and time.monotonic() - begin >= 0.15
        assert raw(line, "AT+CSQ") == CSQ
        line.send("AT+CSQ")
        assert line.quiet(0.15)
        line.send("AT")
        line.socket.settimeout(5)
        assert line.socket.recv(4096) == CSQ + b"\r\nOK\r\n"
        assert raw(line, "AT+CSQ") == CSQ
        assert sim.event("fault") == {"schema": 1, "event": "fault", "at": "AT+CSQ", "do": "urc"}


def test_every_counts_all_commands_with_a_star(tmp_path: Path) -> None:
    with Sim(tmp_path, plan=[{"at": "*", "every": 3, "do": "error"}]) as sim:
        line = sim.booted()
        assert [line.ask("AT")[-1] for _ in range(5)] == ["OK", "ERROR", "OK", "OK", "ERROR"]


def test_a_reset_in_mid_command_forgets_what_was_not_kept(tmp_path: Path) -> None:
    with Sim(tmp_path, plan=[{"at": "AT+CBC", "do": "reset"}, {"at": "+CFUN", "nth": 3, "do": "silent"}]) as sim:
        line = sim.booted()
        line.say("AT+CREG=1", "AT+QIACT=1")
        line.send("AT+CBC")
        said = line.until("SMS DONE\r\n")
        assert b"CBC" not in said and said.startswith(b"\r\nRDY\r\n")
        line.say("ATE0")
        assert line.ask("AT+CREG?")[0] == "+CREG: 0,1" and line.ask("AT+QIACT?") == ["OK"]


def test_faults_of_publishing(tmp_path: Path) -> None:
    publish = 'AT+QMTPUBEX=0,1,1,0,"t",3'
    plan = [
        {"at": "AT+QMTPUBEX", "nth": 1, "do": "no-prompt"},
        {"at": "AT+QMTPUBEX", "nth": 2, "do": "prompt-lost"},
        {"at": "+QMTPUBEX", "nth": 2, "do": "silent"},
        {"at": "AT+QMTPUBEX", "nth": 4, "do": "stat", "code": 6},
        {"at": "AT+QMTPUBEX", "nth": 5, "do": "reset", "prompt": True},
    ]
    with running_broker(tmp_path / "broker") as broker, Sim(tmp_path, "--broker", f"127.0.0.1:{broker.port}", plan=plan) as sim:
        line = sim.booted()
        online(line)
        assert raw(line, publish) == b""
        line.say("AT")  # It takes commands, as it asked for no data.
        assert raw(line, publish) == b""
        line.send(b"abc")  # It took this for data.
        line.until(r"OK\r\n\r\n\+QMTPUBEX: 0,1,0\r\n")
        line.send(publish)
        line.until("> ")
        line.send(b"abc")
        line.until("OK\r\n")
        assert line.quiet(0.3)  # The result was published, its URC lost.
        line.send(publish)
        line.until("> ")
        line.send(b"abc")
        assert b"OK\r\n" in line.until(r"\+QMTSTAT: 0,6\r\n")
        assert line.ask("AT+QMTCONN?") == ["OK"]
        line.say('AT+QMTOPEN=0,"x.example",1')
        line.until(r"QMTOPEN: 0,0\r\n")
        line.say('AT+QMTCONN=0,"tester"')
        line.until(r"QMTCONN: 0,0,0\r\n")
        line.send(publish)
        assert line.until("RDY\r\n") == b"\r\n> \r\nRDY\r\n"


def test_a_line_that_was_closed_can_be_opened_again(tmp_path: Path) -> None:
    with Sim(tmp_path, plan=[{"at": "AT+CBC", "nth": 1, "do": "close"}]) as sim:
        line = sim.booted()
        line.send("AT+CBC")
        assert line.ended()
        sim.event("detached")
        line = sim.dial()
        assert line.ask("AT+CBC")[0].startswith("+CBC: ")


def test_garbage_for_ever_ends_only_with_a_reset(tmp_path: Path) -> None:
    with Sim(tmp_path, "--control", plan=[{"at": "AT+CBC", "nth": 1, "do": "garbage-forever", "bytes": 10, "ms": 10}]) as sim:
        line = sim.booted()
        noise = raw(line, "AT+CBC", 0.2) + raw(line, "AT", 0.2)
        assert len(noise) > 100 and b"OK" not in noise
        sim.control(reset=True)
        line.until("SMS DONE\r\n")
        line.say("AT", "AT+CBC")


def test_the_world_changes_when_the_plan_says(tmp_path: Path) -> None:
    plan = [{"after_s": 0.6, "registration": 3, "rssi": 99}, {"after_s": 0, "rssi": 9, "operator": "First"}]
    with Sim(tmp_path, plan=plan) as sim:
        line = sim.booted()
        line.say("AT+CREG=1")
        assert line.ask("AT+CSQ;+COPS?")[:2] == ["+CSQ: 9,99", '+COPS: 0,0,"First",7']
        line.until(r"\+CREG: 3\r\n")
        assert line.ask("AT+CSQ")[0] == "+CSQ: 99,99"


def test_the_control_gives_urcs_faults_and_the_end_of_a_connection(tmp_path: Path) -> None:
    with running_broker(tmp_path / "broker") as broker, Sim(tmp_path, "--control", "--broker", f"127.0.0.1:{broker.port}") as sim:
        line = sim.booted()
        online(line)
        sim.control(urc='+QIND: "x"', faults=[{"at": "AT+CBC", "do": "cme", "code": 3}])
        line.until('QIND: "x"\r\n')
        assert line.ask("AT+CBC") == ["+CME ERROR: 3"]
        sim.control(nonsense=1)
        sim.control(stat=4, client=0)
        line.until(r"\+QMTSTAT: 0,4\r\n")
        assert "no \"nonsense\" here" in sim.process.stderr.readline()
        sim.control(power_off=True)
        line.until("POWERED DOWN\r\n")


@pytest.mark.parametrize(
    "plan, words",
    [
        ("{}", "not a JSON list"),
        ("[\n1,", ":2: not JSON"),
        ([1], "entry 1: it is an object"),
        ([{"at": "AT", "do": "error"}, {"at": "AT", "do": "explode"}], 'entry 2: "do" is one of split, merge'),
        ([{"at": "AT", "do": "error", "nth": 0}], '"nth" is a number'),
        ([{"at": "AT", "do": "error", "nth": 1, "every": 2}], "not both"),
        ([{"at": "AT", "do": "slow", "seconds": 1}], '"slow" has no "seconds"; it has ms'),
        ([{"at": "+QMTRECV", "do": "cme"}], "needs \"at\" to be a command"),
        ([{"after_s": -1, "rssi": 1}], '"after_s" is a number of seconds'),
        ([{"after_s": 1}], "nothing changes"),
        ([{"after_s": 1, "rssi": "loud"}], '"rssi" is a number'),
        ([{"after_s": 0, "reset": True}], "happen after 0 s"),
    ],
)
def test_a_wrong_plan_is_one_line_and_code_2(plan: object, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "plan.json"
    path.write_text(plan if isinstance(plan, str) else json.dumps(plan))
    assert cli.main(["modem-sim", "--seconds", "0", "--faults", str(path)]) == ExitCode.USAGE
    said = capsys.readouterr()
    assert words in said.err and said.err.count("\n") == 1 and not said.out
