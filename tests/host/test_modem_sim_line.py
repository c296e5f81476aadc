# SPDX-License-Identifier: MIT
"""The line of the simulated modem: TCP, pty, calling out, the transcript, the end; and what no sender may do to it."""

import json
import os
import random
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from host.modem_sim_case import FINAL, WAIT_S, Line, Sim

from quell_host import cli
from quell_host.errors import ExitCode
from quell_host.modem_sim.line import AtError, Form, parse


def test_a_command_is_name_form_and_arguments() -> None:
    one, two, three, four = parse('ATE0V1+X="a,;b",,7;&W')
    assert (one.name, one.args, two.name, two.number(0, 0, 1)) == ("E", ("0",), "V", 1)
    assert (three.name, three.form, three.args, four.name) == ("+X", Form.SET, ("a,;b", None, "7"), "&W")
    assert [parse(f"AT+Y{end}")[0].form for end in ("", "?", "=?", "=1")] == [Form.RUN, Form.READ, Form.TEST, Form.SET]
    for wrong in ('AT+X="a', 'AT+X=a"b"', 'AT+X="a"b', "AT?", "AT=1", "AT%"):
        with pytest.raises(AtError):
            parse(wrong)


def test_one_client_at_a_time_and_the_modem_stays_what_it_was(tmp_path: Path) -> None:
    with Sim(tmp_path) as sim:
        line = sim.booted()
        line.say("AT+CREG=2")
        assert sim.dial().ended()
        line.say("AT")
        line.socket.close()
        sim.event("detached")
        again = sim.dial()
        assert again.ask("AT+CREG?")[0].startswith("+CREG: 2,1,")


def test_a_pty_is_a_line(tmp_path: Path) -> None:
    with Sim(tmp_path, "--pty") as sim:
        handle = os.open(sim.address, os.O_RDWR | os.O_NOCTTY)
        for command, ending in ((b"", b"SMS DONE\r\n"), (b"AT+CGMM\r", b"\r\nEC200U\r\n\r\nOK\r\n")):
            os.write(handle, command)
            said = b""
            while not said.endswith(ending):
                said += os.read(handle, 1000)
        os.close(handle)


def test_it_calls_out_and_calls_again(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        with Sim(tmp_path, "--connect", f"127.0.0.1:{server.getsockname()[1]}") as sim:
            server.settimeout(WAIT_S)
            line = Line(server.accept()[0])
            line.until("SMS DONE\r\n")
            line.say("ATE0", "AT+CREG=1")
            line.socket.close()
            sim.event("detached")
            line = Line(server.accept()[0])
            assert line.ask("AT+CREG?") == ["+CREG: 1,1", "OK"]


def test_the_transcript_has_both_directions_and_is_the_owners(tmp_path: Path) -> None:
    file = tmp_path / "line.log"
    with Sim(tmp_path, "--transcript", str(file)) as sim:
        sim.booted().ask("AT+CGMM")
    text = file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert " > AT+CGMM\\r\n" in text and " < \\r\\nEC200U\\r\\n\\r\\nOK\\r\\n\n" in text


def test_the_address_is_the_first_line_and_signals_end_it_well() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        process = subprocess.Popen([sys.executable, "-m", "quell_host.cli", "modem-sim"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        host, port = process.stdout.readline().strip().split(":")
        with socket.create_connection((host, int(port)), WAIT_S):
            process.send_signal(number)
            out, err = process.communicate(timeout=WAIT_S)
        assert process.returncode == 0 and out == "" and "Traceback" not in err


def test_a_modem_survives_noise_and_goes_on(tmp_path: Path) -> None:
    dice = random.Random(5)
    names = ["+QMTOPEN", "+QMTCFG", "+QSSLCFG", "+QICSGP", "+CPIN", "+COPS", "+CCLK", "+QFLST", "+QMTRECV", "E", "+QMTSUB", "&W", "+QLTS"]
    with Sim(tmp_path) as sim:
        line = sim.booted()
        for _ in range(300):
            tail = bytes(dice.choice(b'=?",;0159\xff\xc3\xa9ab:-') for _ in range(dice.randrange(12)))
            line.send(b"AT" + dice.choice(names).encode() + tail + b"\r")
            line.until(FINAL)
        line.send(dice.randbytes(20000).replace(b"AT", b"xx") + b"\r")
        line.send("ATE0V1Q0")
        line.until("OK\r\n$")
        line.say("AT")


@pytest.mark.parametrize(
    "words",
    [
        ["--pty", "--port", "0"],
        ["--broker", "nowhere"],
        ["--connect", "127.0.0.1:99999"],
        ["--dialect", "morse"],
        ["--urcport", "uart9"],
    ],
    ids=" ".join,
)
def test_a_wrong_option_is_one_line_and_code_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["modem-sim", "--seconds", "0", *words]) == ExitCode.USAGE
    assert capsys.readouterr().err.count("\n") == 1


def test_what_cannot_be_opened_is_one_line_and_code_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert cli.main(["modem-sim", "--seconds", "0", "--port", str(taken.getsockname()[1])]) == ExitCode.FAILED
    assert cli.main(["modem-sim", "--seconds", "0", "--transcript", str(tmp_path / "no" / "file")]) == ExitCode.FAILED
    device = tmp_path / "device.json"
    device.write_text(json.dumps({"modem.registration": 9}))
    assert cli.main(["modem-sim", "--seconds", "0", "--device", str(device)]) == ExitCode.USAGE
    assert capsys.readouterr().err.count("\n") == 3
