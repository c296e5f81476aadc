# SPDX-License-Identifier: MIT
"""What the modem is and where it stands: facts of the device, the network around it, and its settings."""

import enum
import time
from dataclasses import dataclass, field, fields
from typing import Any

from quell_host.errors import ExitCode, QuellError
from quell_host.policy.catalogue import catalogue
from quell_host.preview.description import Description


class Sim(enum.Enum):
    """State of the SIM card, by the number that `modem.sim-status` has for it."""

    ABSENT = 0
    READY = 1
    PIN = 2
    PUK = 3


HOME, ROAMING = 1, 5
UNKNOWN_SIGNAL = 99


@dataclass
class Facts:
    """What the device and its network are. None: the modem does not say. The fields are keys of plan and control."""

    imei: str | None = "490154203237518"
    imsi: str | None = "001010123456789"
    iccid: str | None = "8988211000000000014"
    phone: str | None = "+15550100"
    serial: str | None = "E1X20AB00000001"
    model: str | None = "EC200U"
    firmware: str | None = "EC200UCNAAR03A01M08"
    operator: str | None = "Test Network"
    mcc: int | None = 1
    mnc: int | None = 1
    lac: str | None = "1A2B"
    cell: str | None = "01C0FFEE"
    act: int = 7
    band: str = "LTE BAND 3"
    channel: int = 1650
    ip: str = "10.64.0.2"
    registration: int = HOME
    rssi: int = 24
    ber: int = UNKNOWN_SIGNAL
    battery_mv: int | None = 3900
    sim: str = "ready"
    pin: str = "1234"
    puk: str = "12345678"
    time: int | None = None
    """Seconds since 1970 that the clock shows when the modem is made; None: the host's clock."""

    @property
    def registered(self) -> bool:
        return self.registration in (HOME, ROAMING)

    @property
    def plmn(self) -> str:
        """Country and network, such as 00101."""
        return f"{self.mcc or 0:03d}{self.mnc or 0:02d}"


_SOURCES = {
    "modem.imei": "imei", "modem.imsi": "imsi", "modem.iccid": "iccid", "modem.phone": "phone",
    "modem.serial": "serial", "modem.model": "model", "modem.firmware": "firmware", "modem.operator": "operator",
    "modem.registration": "registration", "modem.mcc": "mcc", "modem.mnc": "mnc", "modem.cell-id": "cell",
    "modem.lac": "lac", "modem.battery-mv": "battery_mv", "time.now": "time",
}  # fmt: skip
_NULLABLE = {
    "imei", "imsi", "iccid", "phone", "serial", "model", "firmware", "operator", "mcc", "mnc", "lac", "cell",
    "battery_mv", "time",
}  # fmt: skip
_NUMBERS = {
    "mcc": (0, 9999),  # of four digits: as a firmware that prints the hexadecimal 460 says 1120
    "mnc": (0, 999), "act": (0, 13), "channel": (0, 262143), "registration": (0, 5),
    "rssi": (0, 199), "ber": (0, 99), "battery_mv": (0, 60000), "time": (0, 4102444800),
}  # fmt: skip


def check(key: str, value: Any) -> Any:
    """`value` as the field `key` of Facts holds it. Raises ValueError with the reason."""
    if key not in {item.name for item in fields(Facts)}:
        raise ValueError(f'no "{key}" here')
    if value is None and key in _NULLABLE:
        return None
    if key in _NUMBERS:
        low, high = _NUMBERS[key]
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise ValueError(f'"{key}" is a number from {low} to {high}')
        return value
    if key == "sim" and (not isinstance(value, str) or value.upper() not in Sim.__members__):
        raise ValueError('"sim" is "ready", "absent", "pin" or "puk"')
    if isinstance(value, int) and not isinstance(value, bool) and key in ("lac", "cell"):
        value = f"{value:X}"
    least = 0 if key in _NULLABLE else 1
    if not isinstance(value, str) or not least <= len(value) <= 128 or not value.isprintable() or '"' in value:
        raise ValueError(f'"{key}" is a text of {least} to 128 printable characters without quotes')
    return value


def facts_of(description: Description) -> Facts:
    """The facts of a device description; what it does not name is the test modem's. Raises QuellError."""
    facts = Facts()
    named = {
        name: description.sources[source.id]
        for name, source in catalogue().sources.items()
        if source.id in description.sources
    }
    for name, value in named.items():
        try:
            if name in _SOURCES:
                setattr(facts, _SOURCES[name], check(_SOURCES[name], value))
            elif name == "modem.rssi" and value is not None:
                facts.rssi = check("rssi", max(0, min(31, (int(value) + 113) // 2)))
            elif name == "modem.sim-status" and value is not None:
                facts.sim = Sim(value).name.lower()
        except (ValueError, TypeError) as error:
            raise QuellError(f'the description\'s "{name}": {error}', "correct the value", ExitCode.USAGE) from None
    return facts


@dataclass
class Settings:
    """What AT commands set and a reset undoes, unless AT&W kept it."""

    echo: bool = True
    verbose: bool = True
    quiet: bool = False
    cmee: int = 1
    reports: dict[str, int] = field(default_factory=lambda: {"CREG": 0, "CGREG": 0, "CEREG": 0})
    cops_format: int = 0
    cops_mode: int = 0

    def copy(self) -> "Settings":
        mine = {item.name: getattr(self, item.name) for item in fields(self)}
        return Settings(**{**mine, "reports": dict(self.reports)})


@dataclass
class Pdp:
    """One packet data context."""

    kind: int = 1
    apn: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    auth: int = 0
    active: bool = False


class Clock:
    """The modem's clock: the host's, or one that began at a given time; AT+CCLK sets it."""

    def __init__(self, begin: int | None) -> None:
        self._ahead = 0.0 if begin is None else begin - time.time()
        self.quarters = 0

    def now(self) -> float:
        """Seconds since 1970, UTC."""
        return time.time() + self._ahead

    def set(self, seconds: float) -> None:
        self._ahead = seconds - time.time()
