# SPDX-License-Identifier: MIT
"""The simulated modem keeps files, and its TLS verifies for real what AT+QSSLCFG says to verify."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.certificates import Authority
from host.modem_sim_case import Line, Sim

from quell_host.demo.servers import Broker, running_broker


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def broker(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with running_broker(tmp_path_factory.mktemp("broker"), tls=authority.server("broker.example")) as broker:
        yield broker


@pytest.fixture(scope="module")
def line(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    with Sim(tmp_path_factory.mktemp("sim"), "--broker", f"127.0.0.1:{broker.port}") as sim:
        line = sim.booted()
        line.say("AT+QIACT=1")
        yield line


def upload(line: Line, name: str, data: bytes) -> str:
    line.send(f'AT+QFUPL="{name}",{len(data)}')
    line.until("CONNECT\r\n")
    line.send(data)
    lines = line.reply()
    assert lines[-1] == "OK"
    return lines[0]


def opened(line: Line, host: str = "broker.example") -> int:
    """The result of opening client 1 over context 2; it is closed again."""
    line.say('AT+QMTCFG="ssl",1,1,2', f'AT+QMTOPEN=1,"{host}",8883')
    result = int(line.until(r"\+QMTOPEN: 1,-?\d\r\n").split(b",")[1])
    line.say("AT+QMTCLOSE=1")
    line.until(r"\+QMTCLOSE: 1,-?\d\r\n")
    return result


def settings(line: Line, **values: object) -> None:
    line.say('AT+QSSLCFG="ciphersuite",2,0XFFFF', *(f'AT+QSSLCFG="{name}",2,{value}' for name, value in values.items()))


def test_files_are_uploaded_listed_and_deleted(line: Line) -> None:
    assert upload(line, "UFS:a.bin", b"\x12\x34\x01\x00\x80") == "+QFUPL: 5,9334"
    line.send('AT+QFUPL="a.bin",5')
    assert line.reply() == ["+CME ERROR: 407"]
    assert line.ask('AT+QFLST="UFS:a*"') == ['+QFLST: "UFS:a.bin",5', "OK"]
    line.say('AT+QFDEL="a.bin"')
    assert line.ask('AT+QFDEL="a.bin"') == ["+CME ERROR: 405"] and line.ask("AT+QFLST") == ["OK"]


def test_an_upload_that_does_not_come_ends_in_time(line: Line) -> None:
    line.send('AT+QFUPL="b.bin",5,1')
    line.until("CONNECT\r\n")
    line.send(b"ab")
    assert line.reply() == ["+CME ERROR: 421"] and line.ask("AT+QFLST") == ["OK"]


def test_settings_are_asked_for_in_their_form(line: Line) -> None:
    line.say('AT+QSSLCFG="seclevel",3,1', 'AT+QSSLCFG="cacert",3,"UFS:ca.pem"', 'AT+QSSLCFG="ciphersuite",3,0XC02F')
    assert line.ask('AT+QSSLCFG="seclevel",3')[0] == '+QSSLCFG: "seclevel",3,1'
    assert line.ask('AT+QSSLCFG="cacert",3')[0] == '+QSSLCFG: "cacert",3,"UFS:ca.pem"'
    assert line.ask('AT+QSSLCFG="ciphersuite",3')[0] == '+QSSLCFG: "ciphersuite",3,0XC02F'
    for wrong in ('"seclevel",3,3', '"seclevel",6,1', '"nonsense",0,1', '"ciphersuite",0,0X1234'):
        assert line.ask(f"AT+QSSLCFG={wrong}") == ["ERROR"]


def test_level_0_takes_any_certificate(line: Line) -> None:
    settings(line, seclevel=0, sni=1)
    assert opened(line, "other.example") == 0


def test_level_1_needs_the_right_authority(line: Line, authority: Authority, tmp_path: Path) -> None:
    settings(line, seclevel=1, sni=0, cacert='"UFS:ca.pem"')
    assert opened(line) == 5  # no such file
    upload(line, "ca.pem", Authority(tmp_path, "stranger").ca.read_bytes())
    assert opened(line) == 5
    line.say('AT+QFDEL="ca.pem"')
    upload(line, "ca.pem", authority.ca.read_bytes())
    assert opened(line) == 0


def test_level_1_verifies_the_name_where_sni_is_on(line: Line, authority: Authority) -> None:
    upload(line, "ca1.pem", authority.ca.read_bytes())
    settings(line, seclevel=1, sni=1, cacert='"UFS:ca1.pem"')
    assert opened(line) == 0 and opened(line, "other.example") == 5
    settings(line, sni=0)
    assert opened(line, "other.example") == 0


def test_level_2_shows_a_certificate_of_its_own(line: Line, authority: Authority) -> None:
    upload(line, "ca2.pem", authority.ca.read_bytes())
    settings(line, seclevel=2, sni=1, cacert='"ca2.pem"', clientcert='"mine.pem"', clientkey='"mine.key"')
    assert opened(line) == 5
    _, certificate, key = authority.server("device")
    upload(line, "mine.pem", certificate.read_bytes())
    upload(line, "mine.key", key.read_bytes())
    assert opened(line) == 0


def test_the_modems_clock_counts_unless_it_is_ignored(line: Line, authority: Authority) -> None:
    upload(line, "ca3.pem", authority.ca.read_bytes())
    settings(line, seclevel=1, sni=1, cacert='"ca3.pem"', ignorelocaltime=0)
    now = line.ask("AT+CCLK?")[0].split('"')[1]
    line.say('AT+CCLK="04/01/01,00:00:00+00"')
    assert opened(line) == 5
    settings(line, ignorelocaltime=1)
    assert opened(line) == 0
    settings(line, ignorelocaltime=0)
    line.say(f'AT+CCLK="{now}"')
    assert opened(line) == 0


def test_the_version_and_the_suite_that_were_set_are_used(line: Line) -> None:
    settings(line, seclevel=0, sslversion=0)
    assert opened(line) == 5
    settings(line, sslversion=3)
    line.say('AT+QSSLCFG="ciphersuite",2,0XC02F')  # for RSA; the broker's key is of a curve
    assert opened(line) == 5
    line.say('AT+QSSLCFG="ciphersuite",2,0XC02B')
    assert opened(line) == 0


def test_plain_tls_bytes_do_not_open_without_tls(line: Line) -> None:
    line.say('AT+QMTCFG="ssl",1,0', 'AT+QMTOPEN=1,"broker.example",8883')
    line.until(r"\+QMTOPEN: 1,0\r\n")
    line.say('AT+QMTCONN=1,"x"')
    line.until(r"\+QMTSTAT: 1,1\r\n")
