# SPDX-License-Identifier: MIT
"""AT+QMTCFG: the settings of an MQTT client, each with its ranges, set and asked for."""

from dataclasses import dataclass

from quell_host.modem_sim.line import AtError, Command, Form
from quell_host.modem_sim.packets import Will


@dataclass
class Config:
    """What QMTCFG set for one client."""

    version: int = 4
    pdp: int = 1
    ssl: int = 0
    ssl_context: int = 0
    keepalive_s: int = 120
    clean: int = 1
    timeout_s: int = 5
    retries: int = 3
    notice: int = 0
    will: Will | None = None
    buffered: int = 0
    show_length: int = 0
    send_hex: int = 0
    receive_hex: int = 0
    edit_timeout: int = 0
    edit_timeout_s: int = 120


# setting → (field, lowest, highest) of each argument
_SETTINGS: dict[str, tuple[tuple[str, int, int], ...]] = {
    "version": (("version", 3, 4),),
    "pdpcid": (("pdp", 1, 16),),
    "ssl": (("ssl", 0, 1), ("ssl_context", 0, 5)),
    "keepalive": (("keepalive_s", 0, 3600),),
    "session": (("clean", 0, 1),),
    "timeout": (("timeout_s", 1, 60), ("retries", 0, 10), ("notice", 0, 1)),
    "recv/mode": (("buffered", 0, 1), ("show_length", 0, 1)),
    "send/mode": (("send_hex", 0, 1),),
    "dataformat": (("send_hex", 0, 1), ("receive_hex", 0, 1)),
    "edit/timeout": (("edit_timeout", 0, 1), ("edit_timeout_s", 1, 120)),
}
# settings that a connection reads when it is opened or connected
_BEFORE_OPEN = ("version", "pdpcid", "ssl", "keepalive", "session", "will")
# settings that may leave out their last arguments
_SHORT = ("ssl", "recv/mode", "edit/timeout")


def configure(command: Command, configs: list[Config], states: list[int]) -> list[str] | None:
    """Carry out AT+QMTCFG; the lines that it answers."""
    if command.form is Form.TEST:
        ranges = {name: ",".join(f"({low}-{high})" for _, low, high in fields) for name, fields in _SETTINGS.items()}
        lines = [f'+QMTCFG: "{name}",(0-5),{words}' for name, words in ranges.items()]
        return [*lines, '+QMTCFG: "will",(0-5),(0,1),(0-2),(0,1),"will_topic","will_message"']
    what, index = command.text(0).lower(), command.number(1, 0, len(configs) - 1)
    config = configs[index]
    if what != "will" and what not in _SETTINGS:
        raise AtError
    if not command.has(2):
        values = (
            _will_words(config)
            if what == "will"
            else ",".join(str(getattr(config, name)) for name, _, _ in _SETTINGS[what])
        )
        return [f'+QMTCFG: "{what}",{index},{values}']
    if what in _BEFORE_OPEN and states[index] > 2:
        raise AtError
    if what == "will":
        config.will = _will(command)
        return None
    fields = _SETTINGS[what]
    command.at_most(2 + len(fields))
    found = {}
    for at, (name, low, high) in enumerate(fields):
        default = getattr(config, name) if at and what in _SHORT else None
        found[name] = command.number(2 + at, low, high, default)
    for name, value in found.items():
        setattr(config, name, value)
    return None


def _will_words(config: Config) -> str:
    if config.will is None:
        return "0"
    return f'1,{config.will.qos},{int(config.will.retain)},"{config.will.topic}","{config.will.message.decode()}"'


def _will(command: Command) -> Will | None:
    command.at_most(7)
    if not command.number(2, 0, 1):
        return None
    qos, retain = command.number(3, 0, 2), command.number(4, 0, 1)
    return Will(command.text(5, 256), command.text(6, 256).encode(), qos, bool(retain))
