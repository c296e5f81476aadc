# SPDX-License-Identifier: MIT
"""Commands of the mobile network: signal, operator, registration, cell, packet data, time from the network."""

import datetime
from typing import TYPE_CHECKING

from quell_host.modem_sim import mqtt
from quell_host.modem_sim.identity import given
from quell_host.modem_sim.line import BAD_PARAMETER, NO_SERVICE, AtError, Command, Form
from quell_host.modem_sim.state import UNKNOWN_SIGNAL

if TYPE_CHECKING:
    from quell_host.modem_sim.modem import Modem

_LINK_DOWN = 7
_ACTS = {0: "GSM", 1: "GSM", 2: "WCDMA", 3: "EDGE", 7: "FDD LTE", 8: "eMTC", 9: "NBIoT", 13: "FDD LTE"}


async def _csq(modem: "Modem", command: Command) -> list[str]:
    if command.form is Form.TEST:
        return ["+CSQ: (0-31,99),(0-7,99)"]
    if modem.function != 1:
        return [f"+CSQ: {UNKNOWN_SIGNAL},{UNKNOWN_SIGNAL}"]
    return [f"+CSQ: {modem.facts.rssi},{modem.facts.ber}"]


async def _cops(modem: "Modem", command: Command) -> list[str] | None:
    facts, settings = modem.facts, modem.settings
    modem.need_sim()
    if command.form is Form.TEST:
        name = given(facts.operator)
        return [f'+COPS: (2,"{name}","{name[:8]}","{facts.plmn}",{facts.act}),,(0-4),(0-2)']
    if command.form is Form.READ:
        if not modem.registered:
            return [f"+COPS: {settings.cops_mode}"]
        name = facts.plmn if settings.cops_format == 2 else given(facts.operator)
        shown = name[:8] if settings.cops_format == 1 else name
        return [f'+COPS: {settings.cops_mode},{settings.cops_format},"{shown}",{facts.act}']
    mode = command.number(0, 0, 4)
    if mode == 3:
        settings.cops_format = command.number(1, 0, 2)
        return None
    if mode in (1, 4) and command.text(2) not in (facts.operator, facts.plmn):
        raise AtError(NO_SERVICE)
    settings.cops_mode = mode
    settings.cops_format = command.number(1, 0, 2, settings.cops_format)
    return None


def _place(modem: "Modem", mode: int) -> str:
    facts = modem.facts
    if mode < 2 or not modem.registered or facts.lac is None or facts.cell is None:
        return ""
    return f',"{facts.lac}","{facts.cell}",{facts.act}'


def report(modem: "Modem", name: str) -> str | None:
    """The URC of AT+CREG, AT+CGREG, AT+CEREG (`name` without AT+), None where it is switched off."""
    mode = modem.settings.reports[name]
    return f"+{name}: {modem.registration}{_place(modem, mode)}" if mode else None


def _registration(name: str):
    async def handler(modem: "Modem", command: Command) -> list[str] | None:
        if command.form is Form.TEST:
            return [f"+{name}: (0-2)"]
        mode = modem.settings.reports[name]
        if command.form is Form.READ:
            return [f"+{name}: {mode},{modem.registration}{_place(modem, mode)}"]
        modem.settings.reports[name] = command.number(0, 0, 2, 0)
        return None

    return handler


async def _qnwinfo(modem: "Modem", command: Command) -> list[str] | None:
    if command.form is Form.TEST:
        return None
    if not modem.registered:
        return ["+QNWINFO: No Service"]
    facts = modem.facts
    return [f'+QNWINFO: "{_ACTS.get(facts.act, "FDD LTE")}","{facts.plmn}","{facts.band}",{facts.channel}']


async def _qeng(modem: "Modem", command: Command) -> list[str] | None:
    if command.form is Form.TEST:
        return ['+QENG: ("servingcell","neighbourcell")']
    if command.text(0).lower() != "servingcell":
        raise AtError
    if not modem.registered:
        return ['+QENG: "servingcell","SEARCH"']
    facts = modem.facts
    rsrp = -140 if facts.rssi == UNKNOWN_SIGNAL else 2 * min(facts.rssi, 31) - 113 - 27
    network = (
        f"{facts.mcc or 0:03d},{facts.mnc or 0:02d},{given(facts.cell)},258,{facts.channel},3,5,5,{given(facts.lac)}"
    )
    return [f'+QENG: "servingcell","NOCONN","LTE","FDD",{network},{rsrp},-9,{rsrp + 27},14,33']


def _cid(command: Command) -> int:
    return command.number(0, 1, 16)


async def _qicsgp(modem: "Modem", command: Command) -> list[str] | None:
    if command.form is Form.TEST:
        return ["+QICSGP: (1-16),(1-3),<APN>,<username>,<password>,(0-3)"]
    pdp = modem.pdps[_cid(command)]
    if len(command.args) == 1:
        return [f'+QICSGP: {pdp.kind},"{pdp.apn}","{pdp.user}","{pdp.password}",{pdp.auth}']
    command.at_most(6)
    if pdp.active:
        raise AtError
    kind = command.number(1, 1, 3)
    apn, user, password = (command.text(at, 127) if command.has(at) else "" for at in (2, 3, 4))
    pdp.auth = command.number(5, 0, 3, 0)
    pdp.kind, pdp.apn, pdp.user, pdp.password = kind, apn, user, password
    return None


async def _qiact(modem: "Modem", command: Command) -> list[str] | None:
    if command.form is Form.TEST:
        return ["+QIACT: (1-16)"]
    if command.form is Form.READ:
        active = ((cid, pdp) for cid, pdp in modem.pdps.items() if pdp.active)
        return [f'+QIACT: {cid},1,{pdp.kind},"{modem.facts.ip}"' for cid, pdp in active]
    pdp = modem.pdps[_cid(command)]
    modem.need_network()
    if pdp.active:
        raise AtError
    pdp.active = True
    return None


async def _qideact(modem: "Modem", command: Command) -> list[str] | None:
    if command.form is Form.TEST:
        return ["+QIDEACT: (1-16)"]
    cid = _cid(command)
    modem.pdps[cid].active = False
    modem.afterwards(lambda: mqtt.lose(modem, cid, _LINK_DOWN))
    return None


async def _cgatt(modem: "Modem", command: Command) -> list[str] | None:
    if command.form is Form.TEST:
        return ["+CGATT: (0,1)"]
    if command.form is Form.READ:
        return [f"+CGATT: {int(modem.registered)}"]
    if command.number(0, 0, 1):
        modem.need_network()
    else:
        modem.afterwards(modem.network_lost)
    return None


async def _cgpaddr(modem: "Modem", command: Command) -> list[str]:
    if command.form is Form.TEST:
        return ["+CGPADDR: (1-16)"]
    wanted = [_cid(command)] if command.has(0) else [cid for cid, pdp in modem.pdps.items() if pdp.apn or pdp.active]
    return [f'+CGPADDR: {cid},"{modem.facts.ip if modem.pdps[cid].active else "0.0.0.0"}"' for cid in wanted]


async def _qntp(modem: "Modem", command: Command) -> list[str] | None:
    if command.form is Form.TEST:
        return ["+QNTP: (1-16),<server>,(1-65535),(0,1)"]
    cid = _cid(command)
    command.text(1, 100)
    command.number(2, 1, 65535, 123)
    if not modem.pdps[cid].active:
        raise AtError(BAD_PARAMETER)

    async def answer() -> None:
        now = datetime.datetime.fromtimestamp(modem.clock.now(), datetime.UTC)
        modem.urc(f'+QNTP: 0,"{now:%Y/%m/%d,%H:%M:%S}+00"')

    modem.start(answer())
    return None


COMMANDS = {
    "+CSQ": _csq,
    "+COPS": _cops,
    "+CREG": _registration("CREG"),
    "+CGREG": _registration("CGREG"),
    "+CEREG": _registration("CEREG"),
    "+QNWINFO": _qnwinfo,
    "+QENG": _qeng,
    "+QICSGP": _qicsgp,
    "+QIACT": _qiact,
    "+QIDEACT": _qideact,
    "+CGATT": _cgatt,
    "+CGPADDR": _cgpaddr,
    "+QNTP": _qntp,
}
