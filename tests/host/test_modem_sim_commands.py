# SPDX-License-Identifier: MIT
"""The simulated modem says who and where it is, in the forms that a Quectel modem has for it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from host.modem_sim_case import Line, Sim

DEVICE = {
    "modem.imei": "356938035643809", "modem.imsi": "001019876543210", "modem.iccid": "8988300000000000001", "modem.model": "EG915U",
    "modem.firmware": "EG915UEUABR03A01M08", "modem.operator": "Lab", "modem.rssi": -73, "modem.mcc": 262, "modem.mnc": 7,
    "modem.cell-id": "ABCDEF1", "modem.lac": "C0DE", "modem.battery-mv": 4100, "modem.serial": None, "time.now": 1780000000,
}  # fmt: skip


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    with Sim(tmp_path_factory.mktemp("sim"), device=DEVICE) as sim:
        yield sim.booted()


@pytest.mark.parametrize(
    "command, lines",
    [
        ("AT", []),
        ("at", []),
        ("AT+CGSN", ["356938035643809"]),
        ("AT+CGSN=1", ['+CGSN: "356938035643809"']),
        ("AT+EGMR=0,7", ['+EGMR: "356938035643809"']),
        ("AT+GSN", ["356938035643809"]),
        ("AT+CIMI", ["001019876543210"]),
        ("AT+QCCID", ["+QCCID: 8988300000000000001"]),
        ("AT+CGMM", ["EG915U"]),
        ("AT+GMR", ["EG915UEUABR03A01M08"]),
        ("ATI", ["Quectel", "EG915U", "Revision: EG915UEUABR03A01M08"]),
        ("AT+CPIN?", ["+CPIN: READY"]),
        ("AT+CSQ", ["+CSQ: 20,99"]),
        ("AT+COPS?", ['+COPS: 0,0,"Lab",7']),
        ("AT+COPS=?", ['+COPS: (2,"Lab","Lab","26207",7),,(0-4),(0-2)']),
        ("AT+CREG?", ["+CREG: 0,1"]),
        ("AT+CGREG=?", ["+CGREG: (0-2)"]),
        ("AT+QNWINFO", ['+QNWINFO: "FDD LTE","26207","LTE BAND 3",1650']),
        ("AT+CBC", ["+CBC: 0,88,4100"]),
        ("AT+CGATT?", ["+CGATT: 1"]),
        ("AT+CFUN?", ["+CFUN: 1"]),
        ('AT+QURCCFG="urcport"', ['+QURCCFG: "urcport","uart1"']),
        ("AT+CSQ;+CFUN?", ["+CSQ: 20,99", "+CFUN: 1"]),
    ],
)
def test_a_query_gives_what_the_description_says(line: Line, command: str, lines: list[str]) -> None:
    assert line.ask(command) == [*lines, "OK"]


def test_the_serving_cell_is_that_of_the_description(line: Line) -> None:
    reply, final = line.ask('AT+QENG="servingcell"')
    assert '"LTE","FDD",262,07,ABCDEF1,' in reply and final == "OK"


def test_what_the_description_calls_null_is_an_error(line: Line) -> None:
    assert line.ask("AT+CGSN=0") == ["ERROR"]


def test_errors_have_the_form_that_cmee_asks_for(line: Line) -> None:
    for form, words in ((0, "ERROR"), (2, "+CME ERROR: operation not supported"), (1, "+CME ERROR: 4")):
        line.say(f"AT+CMEE={form}")
        assert line.ask("AT+NONSENSE") == [words]


@pytest.mark.parametrize("command", ['AT+QICSGP="', "AT+CMEE=3", "AT+QIACT=0", "AT+QMTOPEN=6,\"x\",1", "AT+COPS=9", "AT+QURCCFG=1", "ATE2", "ATE0V7", "AT+CGSN=1x"])
def test_a_wrong_argument_is_an_error(line: Line, command: str) -> None:
    assert line.ask(command) == ["ERROR"]


def test_what_does_not_begin_with_at_has_no_reply(line: Line) -> None:
    line.send("hello")
    assert line.quiet()


def test_the_echo_and_the_short_forms_follow_their_settings(line: Line) -> None:
    line.send("ATE1")
    line.until("OK\r\n")
    line.send("AT+CSQ")
    assert line.until("OK\r\n") == b"AT+CSQ\r\r\n+CSQ: 20,99\r\n\r\nOK\r\n"
    line.send("ATE0V0")
    assert line.until("0\r0\r$") == b"ATE0V0\r0\r"
    line.send("AT+CSQ")
    assert line.until("0\r$") == b"+CSQ: 20,99\r\n0\r"
    line.send("ATV1")
    line.until("OK\r\n")
    line.send("ATQ1")
    line.send("AT")
    assert line.quiet()
    line.say("ATQ0")


def test_the_clock_begins_where_the_description_says_and_can_be_set(line: Line) -> None:
    assert line.ask("AT+CCLK?")[0].startswith('+CCLK: "26/05/28,20:26:')
    assert re.fullmatch(r'\+QLTS: "2026/05/28,20:2\d:\d\d\+00,0"', line.ask("AT+QLTS=1")[0])
    line.say('AT+CCLK="24/02/29,12:00:00+08"')
    assert line.ask("AT+CCLK?")[0].startswith('+CCLK: "24/02/29,12:00:0')
    assert line.ask("AT+QLTS=1")[0].startswith('+QLTS: "2024/02/29,10:00:0')
    assert line.ask('AT+CCLK="24/02/30,12:00:00+08"') == ["ERROR"]


def test_packet_data_goes_up_and_down(line: Line) -> None:
    assert line.ask("AT+QIACT?") == ["OK"]
    line.say('AT+QICSGP=1,1,"internet","u","p",1', "AT+QIACT=1")
    assert line.ask("AT+QIACT?") == ['+QIACT: 1,1,1,"10.64.0.2"', "OK"]
    assert line.ask("AT+CGPADDR=1") == ['+CGPADDR: 1,"10.64.0.2"', "OK"]
    assert line.ask("AT+QICSGP=1") == ['+QICSGP: 1,"internet","u","p",1', "OK"]
    line.say('AT+QNTP=1,"pool.example"')
    assert b'+QNTP: 0,"' in line.until(r"\+QNTP: [^\r]*\r\n")
    line.say("AT+QIDEACT=1")
    assert line.ask("AT+QIACT?") == ["OK"]


def test_reports_of_registration_come_in_the_form_that_was_asked_for(tmp_path: Path) -> None:
    with Sim(tmp_path, "--control") as sim:
        line = sim.booted()
        line.say("AT+CREG=1", "AT+CEREG=2", 'AT+QICSGP=1,1,"x"', "AT+QIACT=1")
        sim.control(registration=2, rssi=99)
        said = line.until(r'pdpdeact",1\r\n')
        assert b"+CREG: 2\r\n" in said and b"+CEREG: 2\r\n" in said and b"+CGREG" not in said
        assert line.ask("AT+CSQ") == ["+CSQ: 99,99", "OK"] and line.ask("AT+QIACT?") == ["OK"]
        assert line.ask("AT+QIACT=1") == ["+CME ERROR: 30"] and line.ask("AT+COPS?") == ["+COPS: 0", "OK"]
        sim.control(registration=5)
        assert b'+CEREG: 5,"1A2B","01C0FFEE",7\r\n' in line.until("CEREG[^\r]*\r\n")


def test_a_sim_card_that_is_absent_or_locked_stands_in_the_way(tmp_path: Path) -> None:
    with Sim(tmp_path, "--control", device={"modem.sim-status": 2}) as sim:
        line = sim.dial()
        assert b"+CPIN: SIM PIN" in line.until(r"\+CFUN: 1\r\n")
        line.say("ATE0")
        assert line.ask("AT+CIMI") == ["+CME ERROR: 11"] and line.ask("AT+CREG?") == ["+CREG: 0,0", "OK"]
        assert [line.ask("AT+CPIN=9999") for _ in range(3)] == [["+CME ERROR: 16"]] * 2 + [["+CME ERROR: 12"]]
        assert line.ask("AT+CPIN?") == ["+CPIN: SIM PUK", "OK"] and line.ask("AT+CIMI") == ["+CME ERROR: 12"]
        line.say('AT+CPIN="12345678","4321"')
        line.until(r"\+CPIN: READY\r\n")
        sim.control(sim="absent")
        line.until(r"\+CPIN: NOT INSERTED\r\n")
        for command in ("AT+CPIN?", "AT+CIMI", "AT+QCCID", "AT+COPS?"):
            assert line.ask(command) == ["+CME ERROR: 10"], command


def test_it_says_what_a_broken_modem_says(tmp_path: Path) -> None:
    wrong = {"modem.imei": "49015420323751X", "modem.iccid": "", "modem.phone": "", "modem.mcc": 1120, "modem.mnc": 0, "time.now": 315964800}
    with Sim(tmp_path, "--control", device=wrong) as sim:
        line = sim.booted()
        assert line.ask("AT+CGSN") == ["49015420323751X", "OK"] and line.ask("AT+QCCID") == ["+QCCID: ", "OK"]
        assert line.ask("AT+CNUM") == ['+CNUM: ,"",129', "OK"]
        assert line.ask("AT+QNWINFO")[0] == '+QNWINFO: "FDD LTE","112000","LTE BAND 3",1650'
        assert line.ask("AT+CCLK?")[0].startswith('+CCLK: "80/01/06,')
        sim.control(imei="", time=4070908800)
        sim.control(urc="+X: 1")
        line.until(r"\+X: 1\r\n")
        assert line.ask("AT+CGSN") == ["OK"] and line.ask("AT+QLTS=1")[0].startswith('+QLTS: "2099/01/01,')


def test_urcs_stay_away_until_this_port_is_theirs_and_a_reset_does_not_change_that(tmp_path: Path) -> None:
    with Sim(tmp_path, "--control", urcs=False) as sim:
        line = sim.booted()
        line.say("AT+CREG=1", "AT+CMEE=2", "AT&W", "ATE1")
        line.rest = b""
        sim.control(registration=3)
        assert line.quiet()
        line.say('AT+QURCCFG="urcport","uart1"')
        sim.control(registration=1)
        line.until(r"\+CREG: 1\r\n")
        line.say("AT+CFUN=1,1")
        said = line.until("QIND: SMS DONE\r\n")
        assert re.findall(rb"[^\r\n]+", said) == [b"RDY", b"APP RDY", b"+CPIN: READY", b"+CFUN: 1", b"+QIND: SMS DONE"]
        line.say("AT+CREG?")  # The profile that AT&W kept has no echo.
        assert line.ask("AT+CMEE?") == ["+CMEE: 2", "OK"]


def test_powered_down_it_is_silent_until_it_gets_power(tmp_path: Path) -> None:
    with Sim(tmp_path, "--control") as sim:
        line = sim.booted()
        line.say("AT+QPOWD=1")
        line.until("POWERED DOWN\r\n")
        line.send("AT")
        assert line.quiet()
        sim.control(reset=True)
        line.until("RDY\r\n")
