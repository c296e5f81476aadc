# SPDX-License-Identifier: MIT
"""Commands that set how the modem talks, its power, and the profile that survives a reset."""

from typing import TYPE_CHECKING

from quell_host.modem_sim.line import NOT_ALLOWED, AtError, Command, Form
from quell_host.modem_sim.plan import URC_PORTS
from quell_host.modem_sim.state import Settings

if TYPE_CHECKING:
    from quell_host.modem_sim.modem import Modem


def _switch(name: str):
    async def handler(modem: "Modem", command: Command) -> None:
        setattr(modem.settings, name, bool(command.number(0, 0, 1, 0)))

    return handler


async def _cmee(modem: "Modem", command: Command) -> list[str] | None:
    if command.form is Form.TEST:
        return ["+CMEE: (0-2)"]
    if command.form is Form.READ:
        return [f"+CMEE: {modem.settings.cmee}"]
    modem.settings.cmee = command.number(0, 0, 2, 0)
    return None


async def _save(modem: "Modem", command: Command) -> None:
    command.number(0, 0, 0, 0)
    modem.saved = modem.settings.copy()


async def _restore(modem: "Modem", command: Command) -> None:
    command.number(0, 0, 0, 0)
    modem.settings = modem.saved.copy()


async def _factory(modem: "Modem", command: Command) -> None:
    command.number(0, 0, 0, 0)
    modem.settings = Settings()


async def _urccfg(modem: "Modem", command: Command) -> list[str] | None:
    if command.form is Form.TEST:
        return ['+QURCCFG: "urcport",({})'.format(",".join(f'"{name}"' for name in URC_PORTS))]
    if command.form is not Form.SET or command.text(0).lower() != "urcport":
        raise AtError
    if not command.has(1):
        return [f'+QURCCFG: "urcport","{modem.urc_port}"']
    if command.text(1) not in URC_PORTS:
        raise AtError
    modem.urc_port = command.text(1)
    return None


async def _cfun(modem: "Modem", command: Command) -> list[str] | None:
    if command.form is Form.TEST:
        return ["+CFUN: (0,1,4),(0,1)"]
    if command.form is Form.READ:
        return [f"+CFUN: {modem.function}"]
    function = command.number(0, 0, 4)
    if function not in (0, 1, 4):
        raise AtError
    if command.number(1, 0, 1, 0):
        if function != 1:
            raise AtError(NOT_ALLOWED)
        # The reply leaves before the modem does.
        modem.afterwards(lambda: modem.wire.send(b"", then=modem.reset))
        return None
    with modem.world_changes():
        modem.function = function
    return None


async def _powd(modem: "Modem", command: Command) -> None:
    command.number(0, 0, 1, 1)
    modem.afterwards(modem.power_off)


COMMANDS = {
    "E": _switch("echo"),
    "V": _switch("verbose"),
    "Q": _switch("quiet"),
    "Z": _restore,
    "&W": _save,
    "&F": _factory,
    "+CMEE": _cmee,
    "+QURCCFG": _urccfg,
    "+CFUN": _cfun,
    "+QPOWD": _powd,
}
