# SPDX-License-Identifier: MIT
"""The plan: a JSON list of faults of the line and of changes of the world over time; checked here, nothing done."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from quell_host.errors import ExitCode, QuellError
from quell_host.modem_sim import state
from quell_host.policy.source import read_file

_MAX_BYTES = 256 * 1024
URC_PORTS = ("usbat", "usbmodem", "uart1", "all")
_MS = (0, 600_000)

# kind → {argument: (lowest, highest, default)}; a text has (None, None, default), a switch (False, True, default)
KINDS: dict[str, dict[str, tuple[Any, Any, Any]]] = {
    "split": {"bytes": (1, 4096, 1), "ms": (*_MS, 5)},
    "merge": {"ms": (*_MS, 300)},
    "urc": {"text": (None, None, '+QIND: "csq",20,99')},
    "bare-lf": {},
    "echo": {},
    "cme": {"code": (0, 999, 4)},
    "error": {},
    "drop": {"bytes": (1, 1 << 20, 1), "from": (0, 1 << 20, 0)},
    "garbage": {"bytes": (1, 65536, 16), "seed": (0, 1 << 32, 0)},
    "garbage-forever": {"bytes": (1, 4096, 64), "ms": (1, 600_000, 50), "seed": (0, 1 << 32, 0)},
    "silent": {},
    "slow": {"ms": (*_MS, 500)},
    "reset": {"prompt": (False, True, False)},
    "no-prompt": {},
    "prompt-lost": {},
    "stat": {"code": (1, 255, 1), "client": (0, 5, 0)},
    "close": {},
}
# what is done to a URC (`at` not beginning with AT)
URC_KINDS = ("split", "merge", "bare-lf", "drop", "garbage", "silent", "slow", "reset", "close")


@dataclass
class Fault:
    """`at`: what the command line, or the URC, begins with; `seen`: how many did."""

    at: str
    kind: str
    args: dict[str, Any]
    nth: int | None = None
    every: int | None = None
    seen: int = 0
    dice: random.Random = field(default_factory=random.Random)

    def matches(self, text: str, urc: bool) -> bool:
        """Whether it looks at this command (or URC) at all."""
        if self.at == "*":
            return not urc
        return text.upper().startswith(self.at.upper())

    def fires(self) -> bool:
        """Count one that matched; whether it is this one's turn."""
        self.seen += 1
        if self.nth is not None:
            return self.seen == self.nth
        return self.every is None or self.seen % self.every == 0


@dataclass(frozen=True)
class Change:
    """What changes `after_s` seconds after the start of the simulator. `values`: see `checked_change`."""

    after_s: float
    values: dict[str, Any]


@dataclass
class Plan:
    """What goes wrong, and when the world changes."""

    faults: list[Fault] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)

    def fault(self, text: str, urc: bool = False) -> Fault | None:
        """The fault for a command line or URC: the first whose turn it is; all that match count it."""
        found = [fault for fault in self.faults if fault.matches(text, urc) and fault.fires()]
        return found[0] if found else None


def _argument(name: str, value: Any, low: Any, high: Any) -> Any:
    if low is None:
        if not isinstance(value, str) or not value or len(value) > 4096:
            raise ValueError(f'"{name}" is a text')
    elif isinstance(low, bool):
        if not isinstance(value, bool):
            raise ValueError(f'"{name}" is true or false')
    elif not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise ValueError(f'"{name}" is a number from {low} to {high}')
    return value


def checked_fault(entry: dict[str, Any]) -> Fault:
    """A fault from its JSON. Raises ValueError with the reason."""
    given = dict(entry)
    at, kind = given.pop("at"), given.pop("do", None)
    if not isinstance(at, str) or not at:
        raise ValueError('"at" is the beginning of a command or URC, or "*"')
    if kind not in KINDS:
        raise ValueError(f'"do" is one of {", ".join(KINDS)}')
    if at != "*" and not at.upper().startswith("AT") and kind not in URC_KINDS:
        raise ValueError(f'"{kind}" needs "at" to be a command: URCs know {", ".join(URC_KINDS)}')
    counts = {name: _argument(name, given.pop(name), 1, 1 << 30) for name in ("nth", "every") if name in given}
    if len(counts) > 1:
        raise ValueError('"nth" or "every", not both')
    known = KINDS[kind]
    for name in given:
        if name not in known:
            raise ValueError(f'"{kind}" has no "{name}"; it has {", ".join(known) or "no arguments"}')
    args = {name: _argument(name, given.get(name, default), low, high) for name, (low, high, default) in known.items()}
    return Fault(at, kind, args, counts.get("nth"), counts.get("every"), dice=random.Random(args.get("seed", 0)))


def checked_change(values: dict[str, Any]) -> dict[str, Any]:
    """Changes of the world as `Modem.change` takes them. Raises ValueError with the reason.

    Keys: those of `state.Facts`; "urcport"; "reset", "power_off", "close" (true); "stat" (code; "client" with it);
    "urc" (text); "faults" (a list that takes the place of the plan's).
    """
    found: dict[str, Any] = {}
    for key, value in values.items():
        if key == "urcport":
            if value not in URC_PORTS:
                raise ValueError(f'"urcport" is one of {", ".join(URC_PORTS)}')
        elif key in ("reset", "power_off", "close"):
            if value is not True:
                raise ValueError(f'"{key}" can only be true')
        elif key == "stat":
            _argument(key, value, 1, 255)
        elif key == "client":
            _argument(key, value, 0, 5)
        elif key == "urc":
            _argument(key, value, None, None)
        elif key == "faults":
            value = list(_faults(value))
        else:
            value = state.check(key, value)
        found[key] = value
    if not found:
        raise ValueError("nothing changes")
    return found


def _faults(value: Any) -> Iterator[Fault]:
    if not isinstance(value, list):
        raise ValueError('"faults" is a list')
    for entry in value:
        if not isinstance(entry, dict) or "at" not in entry:
            raise ValueError('a fault is an object with "at" and "do"')
        yield checked_fault(entry)


def _entry(plan: Plan, entry: Any) -> None:
    if not isinstance(entry, dict) or ("at" in entry) == ("after_s" in entry):
        raise ValueError('it is an object with "at" (a fault) or "after_s" (a change)')
    if "at" in entry:
        plan.faults.append(checked_fault(entry))
        return
    after_s = entry["after_s"]
    if not isinstance(after_s, int | float) or isinstance(after_s, bool) or not 0 <= after_s <= 1e6:
        raise ValueError('"after_s" is a number of seconds')
    plan.changes.append(
        Change(after_s, checked_change({key: value for key, value in entry.items() if key != "after_s"}))
    )


def read_plan(path: Path) -> Plan:
    """Read and check a plan. Raises QuellError that names the file and the entry."""
    try:
        shaped = json.loads(read_file(path, _MAX_BYTES, "plan").decode("utf-8"))
    except json.JSONDecodeError as error:
        raise QuellError(
            f"{path}:{error.lineno}: not JSON: {error.msg}", "write a list of objects", ExitCode.USAGE
        ) from None
    except (UnicodeDecodeError, RecursionError):
        raise QuellError(f"{path} is not JSON in UTF-8", "write a list of objects", ExitCode.USAGE) from None
    if not isinstance(shaped, list):
        raise QuellError(f"{path}: not a JSON list", "write [{…}, …]", ExitCode.USAGE)
    plan = Plan()
    for number, entry in enumerate(shaped, 1):
        try:
            _entry(plan, entry)
        except ValueError as error:
            raise QuellError(f"{path}: entry {number}: {error}", "correct the entry", ExitCode.USAGE) from None
    plan.changes.sort(key=lambda change: change.after_s)
    return plan
