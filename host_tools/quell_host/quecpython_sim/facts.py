# SPDX-License-Identifier: MIT
"""What the simulated module is, from the device description: checked here, so that the fakes can rely on it.

The names of the catalogue mean what they mean to `quell preview` and `quell modem-sim`. Everything else stands in the
description's object "quecpython", whose keys are those of `_KEYS`; docs/quecpython-sim.md explains each.
"""

import datetime
import difflib
import re
from collections.abc import Callable
from typing import Any

from quell_host.errors import ExitCode, QuellError
from quell_host.policy.catalogue import catalogue
from quell_host.preview.description import Description

GENERATIONS = ("g1", "g2")
LAST_PROFILE = 3
_G2_ABSENT = ["SecureData", "cellLocator", "ucryptolib", "uhashlib", "ussl", "wifiScan"]
# module → beginnings of the models whose page, or whose source, leaves it out
_NOT_ON = {
    "SecureData": ("BC25", "BG95", "EC200A"),
    "cellLocator": ("BC25", "BG", "EC100Y", "EC200A", "EC600E", "EC600G", "EC600M", "EC800E", "EC800G", "EC800M"),
    "ucryptolib": ("BC25",),
    "uhashlib": ("BC25",),
    "wifiScan": ("BC25", "BG", "EC200A", "EC600E", "EC800E"),
}
_CELL = ("flag", "cid", "mcc", "mnc", "pci", "tac", "earfcn", "rssi", "rsrq")
_CONTEXT = {
    "id": 1, "ip_type": 0, "apn": "", "user": "", "password": "", "auth": 0, "at_boot": False, "reconnects": False,
}  # fmt: skip
_UNAME = ("sysname", "nodename", "release", "version", "machine", "qpyver")
_MAC = re.compile(r"([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}$")
_DAY_S = 86400

Check = Callable[[Any], Any]


def number(low: int, high: int) -> Check:
    """A check: the value is a whole number from `low` to `high`."""

    def check(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise ValueError(f"is no number from {low} to {high}")
        return value

    return check


def text(most: int = 128) -> Check:
    """A check: the value is a printable text of at most `most` characters."""

    def check(value: Any) -> str:
        if not isinstance(value, str) or len(value) > most or not value.isprintable():
            raise ValueError(f"is no text of at most {most} printable characters")
        return value

    return check


def one_of(*known: Any) -> Check:
    """A check: the value is one of these."""

    def check(value: Any) -> Any:
        if not any(value == one and type(value) is type(one) for one in known):
            raise ValueError(f"is none of {', '.join(map(str, known))}")
        return value

    return check


def items(each: Check, most: int = 64) -> Check:
    """A check: the value is a list of at most `most` values, each of which passes."""

    def check(value: Any) -> list[Any]:
        if not isinstance(value, list) or len(value) > most:
            raise ValueError(f"is no list of at most {most}")
        return [each(one) for one in value]

    return check


def _or_null(each: Check) -> Check:
    return lambda value: None if value is None else each(value)


def _object(given: Any, known: dict[str, Any], what: str) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise ValueError(f"is no {what}: an object with {', '.join(known)}")
    for key in given:
        if key not in known:
            raise ValueError(f'has a {what} with "{key}"; it can have {", ".join(known)}')
    return given


def _hex(value: Any) -> int:
    if isinstance(value, str):
        try:
            value = int(value, 16)
        except ValueError:
            raise ValueError("is no hexadecimal number") from None
    return number(0, 0xFFFFFFFF)(value)


def _cell(value: Any) -> list[int | None]:
    given = _object(value, dict.fromkeys(_CELL), "cell")
    return [None if given.get(key) is None else number(-200, 0xFFFFFFF)(given[key]) for key in _CELL]


def _context(value: Any) -> dict[str, Any]:
    given = _object(value, _CONTEXT, "context")
    for key, one in given.items():
        kind = type(_CONTEXT[key])
        if kind is bool:
            one_of(True, False)(one)
        elif kind is int:
            number(0, LAST_PROFILE)(one)
        else:
            text(64)(one)
    found = {**_CONTEXT, **given}
    number(1, LAST_PROFILE)(found["id"])
    return found


def _access_point(value: Any) -> list[Any]:
    if not isinstance(value, list) or len(value) != 2 or not isinstance(value[0], str) or not _MAC.match(value[0]):
        raise ValueError('has an access point that is no ["02:00:00:00:00:01", -60]')
    return [value[0], number(-200, 0)(value[1])]


def _phonebook_entry(value: Any) -> list[Any]:
    if not isinstance(value, list) or len(value) != 3:
        raise ValueError('has an entry that is no [1, "name", "+15550100"]')
    return [number(1, 500)(value[0]), text(30)(value[1]), text(20)(value[2])]


def _location(value: Any) -> list[float] | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 3 or any(type(one) not in (int, float) for one in value):
        raise ValueError("is no [longitude, latitude, metres], nor null")
    return value


def _uart(value: Any) -> dict[str, Any]:
    for key, port in _object(value, {"0": 0, "1": 0, "2": 0, "3": 0, "4": 0}, "port").items():
        _object(port, {"input": "", "loopback": False}, f"port {key}")
        if not isinstance(port.get("input", ""), str) or not isinstance(port.get("loopback", False), bool):
            raise ValueError('has a port whose "input" is no text or whose "loopback" is neither true nor false')
    return value


def _uname(value: Any) -> dict[str, str]:
    given = _object(value, dict.fromkeys(_UNAME), "uname")
    return {key: text(64)(one) for key, one in given.items()}


_FLAG = one_of(True, False)
_NAME = text(128)
# key of "quecpython" → (check, value where it is left out)
_KEYS: dict[str, tuple[Check, Any]] = {
    "generation": (one_of(*GENERATIONS), "g1"),
    "absent": (items(_NAME), []),
    "umqtt": (one_of("2021", "2026"), None),
    "check_msg": (one_of("raises", "quiet"), "raises"),
    "localtime": (one_of(2000, 1970), 2000),
    "uname": (_uname, {}),
    "pin": (text(15), "1234"),
    "puk": (text(15), "12345678"),
    "phonebook": (items(_phonebook_entry, 500), []),
    "operator_short": (_NAME, None),
    "cells": (items(_cell, 16), None),
    "cell_search_ms": (number(0, 600_000), 4000),
    "rsrp": (number(-140, 255), -95),
    "rsrq": (number(-20, 255), -11),
    "sinr": (number(-20, 255), 12),
    "cqi": (number(0, 255), 255),
    "attach_s": (number(0, 3600), 0),
    "contexts": (items(_context, LAST_PROFILE), [{**_CONTEXT, "apn": "internet", "at_boot": True, "reconnects": True}]),
    "ip": (text(39), "10.64.0.2"),
    "ipv6": (text(39), "fd00::2"),
    "dns": (items(text(39), 2), ["10.64.0.1", "10.64.0.1"]),
    "nitz": (_FLAG, True),
    "clock_set": (_FLAG, True),
    "timezone_h": (number(-12, 12), 0),
    "ticks_start": (number(0, 0x3FFFFFFF), 0),
    "wifi": (items(_access_point, 300), []),
    "wifi_scan_ms": (number(0, 600_000), 4000),
    "location": (_location, None),
    "location_ms": (number(0, 300_000), 3000),
    "uart": (_uart, {}),
    "heap_bytes": (number(0, 1 << 24), 2_199_424),
    "usr_kib": (number(16, 65536), 300),
    "power_on_reason": (number(0, 9), 1),
    "power_down_reason": (number(0, 6), 1),
}
# name in the catalogue → (key of the facts, check, value where it is left out); null is what the module does not say
_SOURCES: dict[str, tuple[str, Check, Any]] = {
    "modem.imei": ("imei", _NAME, "490154203237518"),
    "modem.imsi": ("imsi", _NAME, "001010123456789"),
    "modem.iccid": ("iccid", _NAME, "8988211000000000014"),
    "modem.phone": ("phone", _NAME, "+15550100"),
    "modem.serial": ("serial", _NAME, "E1X20AB00000001"),
    "modem.model": ("model", _NAME, "EC200U"),
    "modem.firmware": ("firmware", _NAME, "EC200UEUAAR03A04M08_OCPU_QPY"),
    "modem.operator": ("operator", _NAME, "Test Network"),
    "modem.mcc": ("mcc", number(0, 999), 1),
    "modem.mnc": ("mnc", number(0, 999), 1),
    "modem.lac": ("lac", _hex, 0x1A2B),
    "modem.cell-id": ("cell", _hex, 0x01C0FFEE),
    "modem.registration": ("registration", number(0, 11), 1),
    "modem.rssi": ("rssi_dbm", number(-140, 0), -65),
    "modem.battery-mv": ("battery_mv", number(0, 60000), 3900),
    "modem.sim-status": ("sim_status", number(0, 21), 1),
    "time.now": ("now", number(946684800, 4102444800), None),
}
# what "after_s" entries of a plan and a script may change: name → (key, check), taken from both tables
_NEVER_CHANGES = (
    "generation", "absent", "umqtt", "check_msg", "localtime", "uname", "contexts", "uart", "usr_kib", "ticks_start",
    "attach_s", "clock_set", "timezone_h",
)  # fmt: skip
_UNKNOWN = {"registration": 0, "rssi_dbm": 99, "lac": 0, "cell": 0, "sim_status": 0}  # where the description says null


def _checked(name: str, check: Check, value: Any) -> Any:
    try:
        return check(value)
    except ValueError as error:
        raise QuellError(f'the description\'s "{name}" {error}', "correct the value", ExitCode.USAGE) from None


def _csq(dbm: int | None) -> int:
    return 99 if dbm is None else max(0, min(31, (dbm + 113) // 2))


def facts_of(description: Description | None, generation: str | None = None) -> dict[str, Any]:
    """The facts that the fakes read. Raises QuellError that names the key."""
    described = description or Description({}, [], [])
    given = described.quecpython
    for key in given:
        if key not in _KEYS and key != "faults":
            near = difflib.get_close_matches(key, _KEYS, 1)
            hint = f'did you mean "{near[0]}"?' if near else "the keys are in host_tools/docs/quecpython-sim.md"
            raise QuellError(f'the description\'s "quecpython" has no "{key}"', hint, ExitCode.USAGE)
    facts: dict[str, Any] = {}
    for name, (key, check, default) in _SOURCES.items():
        source = catalogue().sources[name].id
        facts[key] = _checked(name, _or_null(check), described.sources.get(source, default))
    for key, (check, default) in _KEYS.items():
        if key in given:
            facts[key] = _checked(f"quecpython.{key}", check, given[key])
        elif key not in facts:
            facts[key] = default
    facts["generation"] = generation or facts["generation"]
    _complete(facts)
    return facts


def _complete(facts: dict[str, Any]) -> None:
    """Fill in what follows from the rest."""
    newer = facts["generation"] == "g2"
    facts["umqtt"] = facts["umqtt"] or ("2026" if newer else "2021")
    by_model = {module for module, models in _NOT_ON.items() if (facts["model"] or "").startswith(models)}
    facts["absent"] = sorted({*facts["absent"], *by_model, *(_G2_ABSENT if newer else ())})
    facts["csq"] = _csq(facts["rssi_dbm"])
    for key, value in _UNKNOWN.items():
        facts[key] = value if facts[key] is None else facts[key]
    facts["operator_short"] = facts["operator_short"] or facts["operator"]
    facts["modem_fun"] = 1
    serving = [0, facts["cell"], facts["mcc"], facts["mnc"], 378, facts["lac"], 1850, facts["rssi_dbm"], facts["rsrq"]]
    cells = facts["cells"] if facts["cells"] is not None else [[None] * len(_CELL)]
    facts["cells"] = [[own if one is None else one for one, own in zip(cell, serving, strict=True)] for cell in cells]
    contexts = {one["id"]: one for one in facts["contexts"]}
    facts["contexts"] = [
        [int(one) if isinstance(one, bool) else one for one in list(contexts.get(profile, _CONTEXT).values())[1:]]
        for profile in range(1, LAST_PROFILE + 1)
    ]
    facts["dns"] = (facts["dns"] + ["0.0.0.0", "0.0.0.0"])[:2]
    facts["localtime_epoch"] = facts.pop("localtime")
    facts["uname"] = {**_default_uname(facts), **facts["uname"]}
    now = facts.pop("now") or int(datetime.datetime.now(datetime.UTC).timestamp())
    facts["days"], facts["seconds"] = divmod(now, _DAY_S)


def _default_uname(facts: dict[str, Any]) -> dict[str, str]:
    model = facts["model"] or "EC200U"
    release = "1.28.0" if facts["generation"] == "g2" else "1.13.0"
    version = "v1.28 on 2026-09-01" if facts["generation"] == "g2" else "v1.12 on 2024-04-18"
    machine = f"{model} with QUECTEL"
    return dict(zip(_UNAME, (model, model, release, version, machine, "V0001"), strict=True))


def checked_change(values: dict[str, Any]) -> dict[str, Any]:
    """Changes of the world under the names of the description, as facts. Raises ValueError with the reason."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if name in _SOURCES and name != "time.now":
            key, check, _ = _SOURCES[name]
            check = _or_null(check)
        elif name in _KEYS and name not in _NEVER_CHANGES:
            key, check = name, _KEYS[name][0]
        elif name == "uart_input":
            key, check = name, _uart_input
        else:
            raise ValueError(f'"{name}" cannot change')
        try:
            found[key] = check(value)
        except ValueError as error:
            raise ValueError(f'"{name}" {error}') from None
    if not found:
        raise ValueError("nothing changes")
    if "rssi_dbm" in found:
        found["csq"] = _csq(found["rssi_dbm"])
    if "cells" in found:
        found["cells"] = [[one or 0 for one in cell] for cell in found["cells"]]
    return {key: _UNKNOWN.get(key) if value is None else value for key, value in found.items()}


def _uart_input(value: Any) -> dict[str, str]:
    for key, data in _object(value, {"0": 0, "1": 0, "2": 0, "3": 0, "4": 0}, "port").items():
        if not isinstance(data, str):
            raise ValueError(f"has no text for port {key}")
    return value
