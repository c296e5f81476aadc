# SPDX-License-Identifier: MIT
"""The plan: a JSON list of faults of calls and of changes of the world; checked here, carried out by the fakes."""

import difflib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from quell_host.errors import ExitCode, QuellError
from quell_host.policy.source import read_file
from quell_host.quecpython_sim.facts import checked_change
from quell_host.quecpython_sim.failures import FAILURES, Effect, matching

_MAX_BYTES = 256 * 1024
_MAX_MS = 86_400_000
KINDS = ("fail", "return", "raise", "block", "hang", "cut", "cut-after")
ERRORS = (
    "AssertionError", "FileNotFoundError", "MQTTException", "MemoryError", "OSError", "RuntimeError", "TypeError",
    "ValueError",
)  # fmt: skip
_ARGUMENTS = {"fail": ("as",), "return": ("value",), "raise": ("error", "argument"), "block": ("ms",)}
_OWN_ERRORS = {"FileNotFoundError": "ql_fs.", "MQTTException": "umqtt."}


@dataclass
class Plan:
    """`faults`: as qpysim.faults takes them; `changes`: [{"after_ms", "values"}]."""

    faults: list[dict[str, Any]] = field(default_factory=list)
    changes: list[dict[str, Any]] = field(default_factory=list)

    def __add__(self, other: "Plan") -> "Plan":
        return Plan(self.faults + other.faults, self.changes + other.changes)


def _count(name: str, value: Any, low: int, high: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise ValueError(f'"{name}" is a number from {low} to {high}')
    return value


def _effects(names: list[str], kind: str, given: dict[str, Any]) -> Iterator[tuple[str, Effect]]:
    """(function, what happens to it), for each function that is named."""
    for name in names:
        if kind == "fail":
            known = FAILURES[name]
            way = given.get("as", next(iter(known), None))
            if way in known:
                yield name, known[way]
            elif len(names) == 1:
                ways = ", ".join(known) or "nothing that is documented"
                raise ValueError(f'"{name}" cannot fail as "{way}"; it can as: {ways}')
        elif kind == "return":
            yield name, {"do": kind, "value": given.get("value")}
        elif kind == "raise":
            error = given.get("error")
            if error not in ERRORS or not name.startswith(_OWN_ERRORS.get(error, "")):
                raise ValueError(f'"error" is one of {", ".join(ERRORS)}; the second for ql_fs, the third for umqtt')
            yield name, {"do": kind, "error": error} | ({"argument": given["argument"]} if "argument" in given else {})
        elif kind == "block":
            yield name, {"do": kind, "ms": _count("ms", given.get("ms", 5000), 0, _MAX_MS)}
        else:
            yield name, {"do": kind}


def _faults(entry: dict[str, Any]) -> Iterator[dict[str, Any]]:
    given = dict(entry)
    at, kind = given.pop("at"), given.pop("do", "fail")
    if not isinstance(at, str) or not (names := list(matching(at))):
        near = difflib.get_close_matches(str(at), FAILURES, 1)
        hint = f"; did you mean {near[0]}?" if near else ", such as net.getState or net.*"
        raise ValueError(f'"at" names no function{hint}')
    if kind not in KINDS:
        raise ValueError(f'"do" is one of {", ".join(KINDS)}')
    counts = {name: _count(name, given.pop(name), 1, 1 << 29) for name in ("nth", "every") if name in given}
    if len(counts) > 1:
        raise ValueError('"nth" or "every", not both')
    for name in given:
        known = _ARGUMENTS.get(kind, ())
        if name not in known:
            raise ValueError(f'"{kind}" has no "{name}"; it has {", ".join(known) or "no arguments"}')
    effects = list(_effects(names, kind, given))
    if not effects:
        raise ValueError(f'nothing of "{at}" can fail as "{given.get("as")}"')
    for name, effect in effects:
        yield {"at": name, **counts, **effect}


def checked_plan(entries: Any) -> Plan:
    """The plan of a JSON list. Raises ValueError that names the entry."""
    if not isinstance(entries, list):
        raise ValueError("is no JSON list")
    plan = Plan()
    for number, entry in enumerate(entries, 1):
        try:
            if not isinstance(entry, dict) or ("at" in entry) == ("after_s" in entry):
                raise ValueError('it is an object with "at" (a fault) or "after_s" (a change)')
            if "at" in entry:
                plan.faults += _faults(entry)
                continue
            after_s = entry["after_s"]
            if not isinstance(after_s, int | float) or isinstance(after_s, bool) or not 0 <= after_s <= _MAX_MS // 1000:
                raise ValueError('"after_s" is a number of seconds')
            values = checked_change({key: value for key, value in entry.items() if key != "after_s"})
            plan.changes.append({"after_ms": int(after_s * 1000), "values": values})
        except ValueError as error:
            raise ValueError(f"entry {number}: {error}") from None
    return plan


def read_plan(path: Path) -> Plan:
    """Read and check a plan. Raises QuellError that names the file and the entry."""
    try:
        shaped = json.loads(read_file(path, _MAX_BYTES, "plan").decode("utf-8"))
    except json.JSONDecodeError as error:
        what = f"{path}:{error.lineno}: not JSON: {error.msg}"
        raise QuellError(what, "write a list of objects", ExitCode.USAGE) from None
    except (UnicodeDecodeError, RecursionError):
        raise QuellError(f"{path} is not JSON in UTF-8", "write a list of objects", ExitCode.USAGE) from None
    try:
        return checked_plan(shaped)
    except ValueError as error:
        raise QuellError(f"{path}: {error}", "correct the entry", ExitCode.USAGE) from None
