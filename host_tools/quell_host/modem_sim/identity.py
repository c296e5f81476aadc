# SPDX-License-Identifier: MIT
"""Commands that tell who the modem and its SIM card are, the PIN, the supply and the clock."""

import datetime
import re
from typing import TYPE_CHECKING

from quell_host.modem_sim.line import NO_SIM, NOT_ALLOWED, SIM_PUK, WRONG_PIN, AtError, Command, Form
from quell_host.modem_sim.state import Sim

if TYPE_CHECKING:
    from quell_host.modem_sim.modem import Modem

_CLOCK = re.compile(r"(\d\d)/(\d\d)/(\d\d),(\d\d):(\d\d):(\d\d)([+-]\d\d)$")


def given(value: str | None) -> str:
    """`value`; raises AtError where the modem does not say."""
    if value is None:
        raise AtError
    return value


def _bare(name: str):
    async def handler(modem: "Modem", command: Command) -> list[str] | None:
        if command.form is Form.TEST:
            return None
        if command.form is not Form.RUN:
            raise AtError
        return [given(getattr(modem.facts, name))]

    return handler


async def _cgsn(modem: "Modem", command: Command) -> list[str] | None:
    if command.form is Form.TEST:
        return ["+CGSN: (0,1)"]
    if command.form is Form.RUN:
        return [given(modem.facts.imei)]
    if command.number(0, 0, 1):
        return [f'+CGSN: "{given(modem.facts.imei)}"']
    return [f'+CGSN: "{given(modem.facts.serial)}"']


async def _egmr(modem: "Modem", command: Command) -> list[str]:
    if command.form is Form.TEST:
        return ["+EGMR: (0,1),(5,7)"]
    if command.number(0, 0, 1):
        raise AtError(NOT_ALLOWED)  # writing
    what = command.number(1, 5, 7)
    if what == 6:
        raise AtError
    return [f'+EGMR: "{given(modem.facts.serial if what == 5 else modem.facts.imei)}"']


async def _ati(modem: "Modem", command: Command) -> list[str]:
    command.number(0, 0, 0, 0)
    return ["Quectel", given(modem.facts.model), f"Revision: {given(modem.facts.firmware)}"]


async def _maker(modem: "Modem", command: Command) -> list[str] | None:
    return None if command.form is Form.TEST else ["Quectel"]


async def _cimi(modem: "Modem", command: Command) -> list[str] | None:
    if command.form is Form.TEST:
        return None
    modem.need_sim()
    return [given(modem.facts.imsi)]


async def _qccid(modem: "Modem", command: Command) -> list[str] | None:
    if command.form is Form.TEST:
        return None
    if modem.sim is Sim.ABSENT:
        raise AtError(NO_SIM)
    return [f"+QCCID: {given(modem.facts.iccid)}"]


async def _cnum(modem: "Modem", command: Command) -> list[str] | None:
    if command.form is Form.TEST:
        return None
    modem.need_sim()
    if modem.facts.phone is None:
        return None
    return [f'+CNUM: ,"{modem.facts.phone}",{145 if modem.facts.phone.startswith("+") else 129}']


async def _cpin(modem: "Modem", command: Command) -> list[str] | None:
    if command.form is Form.TEST:
        return None
    if modem.sim is Sim.ABSENT:
        raise AtError(NO_SIM)
    if command.form is Form.READ:
        return [f"+CPIN: {modem.sim_word}"]
    if modem.sim is Sim.READY:
        raise AtError(NOT_ALLOWED)
    code = command.text(0, 8)
    if modem.sim is Sim.PUK:
        if code != modem.facts.puk or not command.text(1, 8).isdigit():
            raise AtError(WRONG_PIN)
        modem.facts.pin = command.text(1, 8)
    elif code != modem.facts.pin:
        modem.pin_tries -= 1
        if modem.pin_tries > 0:
            raise AtError(WRONG_PIN)
        modem.facts.sim = "puk"
        raise AtError(SIM_PUK)
    modem.pin_tries = 3

    def ready() -> None:
        with modem.world_changes():
            modem.facts.sim = "ready"

    modem.afterwards(ready)
    return None


async def _cbc(modem: "Modem", command: Command) -> list[str]:
    if command.form is Form.TEST:
        return ["+CBC: (0-2),(0-100),(0-65535)"]
    if modem.facts.battery_mv is None:
        raise AtError
    share = max(0, min(100, (modem.facts.battery_mv - 3300) // 9))
    return [f"+CBC: 0,{share},{modem.facts.battery_mv}"]


def _local(modem: "Modem") -> datetime.datetime:
    zone = datetime.timezone(datetime.timedelta(minutes=15 * modem.clock.quarters))
    return datetime.datetime.fromtimestamp(modem.clock.now(), zone)


async def _cclk(modem: "Modem", command: Command) -> list[str] | None:
    if command.form is Form.TEST:
        return None
    if command.form is Form.READ:
        return [f'+CCLK: "{_local(modem):%y/%m/%d,%H:%M:%S}{modem.clock.quarters:+03d}"']
    found = _CLOCK.match(command.text(0))
    if found is None:
        raise AtError
    *parts, zone = found.groups()
    year, month, day, hour, minute, second = map(int, parts)
    try:
        offset = datetime.timezone(datetime.timedelta(minutes=15 * int(zone)))
        moment = datetime.datetime(2000 + year, month, day, hour, minute, second, tzinfo=offset)
    except ValueError:
        raise AtError from None
    modem.clock.set(moment.timestamp())
    modem.clock.quarters = int(zone)
    return None


async def _qlts(modem: "Modem", command: Command) -> list[str]:
    if command.form is Form.TEST:
        return ["+QLTS: (0-2)"]
    mode = command.number(0, 0, 2, 0)
    if not modem.registered:
        return ['+QLTS: ""']
    local = mode == 2
    moment = _local(modem) if local else datetime.datetime.fromtimestamp(modem.clock.now(), datetime.UTC)
    return [f'+QLTS: "{moment:%Y/%m/%d,%H:%M:%S}{modem.clock.quarters:+03d},0"']


COMMANDS = {
    "I": _ati,
    "+CGSN": _cgsn,
    "+EGMR": _egmr,
    "+GSN": _bare("imei"),
    "+CGMI": _maker,
    "+GMI": _maker,
    "+CGMM": _bare("model"),
    "+GMM": _bare("model"),
    "+CGMR": _bare("firmware"),
    "+GMR": _bare("firmware"),
    "+CIMI": _cimi,
    "+QCCID": _qccid,
    "+CNUM": _cnum,
    "+CPIN": _cpin,
    "+CBC": _cbc,
    "+CCLK": _cclk,
    "+QLTS": _qlts,
}
