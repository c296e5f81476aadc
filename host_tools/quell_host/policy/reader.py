# SPDX-License-Identifier: MIT
"""Take typed values out of a TOML table; whatever is wrong becomes a finding with its line."""

import re
from collections.abc import Iterable
from typing import Any

from quell_host.policy.findings import Findings, shown, suggest
from quell_host.policy.source import PolicySource

NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")
NAME_RULE = "use a-z, then up to 31 of a-z, 0-9 and hyphen"
UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_PERIOD = re.compile(r"([1-9][0-9]{0,8})([a-z]{1,4})")


def period_s(text: str) -> int | None:
    """Seconds of a period such as "15m" or "30d"; None if it is none."""
    match = _PERIOD.fullmatch(text)
    if match is None or match.group(2) not in UNITS_S:
        return None
    return int(match.group(1)) * UNITS_S[match.group(2)]


def period_text(seconds: int) -> str:
    """The shortest way to write a period: 5400 → "90m", 0 → "0s"."""
    for unit, size in reversed(UNITS_S.items()):
        if unit != "w" and seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


class Table:
    """One table of the policy. Each getter returns None after it has reported a finding."""

    def __init__(self, source: PolicySource, findings: Findings, path: tuple[str, ...]) -> None:
        self.source, self.findings, self.path = source, findings, path
        self.label = ".".join(path) or "the policy"
        data: Any = source.data
        for part in path:
            data = data[part]
        self.data: dict[str, Any] = data if isinstance(data, dict) else {}
        if not isinstance(data, dict):
            self.error("", f"{self.label} is not a table", f"write [{self.label}] and its keys")

    def line(self, key: str = "") -> int:
        """The line of a key of this table, or of the table."""
        return self.source.line(*self.path, *([key] if key else []))

    def error(self, key: str, what: str, do: str) -> None:
        """Report an error at this key."""
        self.findings.error(self.line(key), what, do)

    def only(self, known: Iterable[str]) -> None:
        """Report every key that is not one of these."""
        names = list(known)
        for key in self.data:
            if key not in names:
                todo = suggest(key, names, "remove it, or use one of: " + ", ".join(names))
                self.error(key, f"unknown key {shown(key)} in {self.label}", todo)

    def _get(self, key: str, kind: type, word: str, default: Any) -> Any:
        if key not in self.data:
            if default is None:
                self.error("", f'{self.label} has no "{key}"', f"add {key} = {word}")
            return default
        value = self.data[key]
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            self.error(key, f'"{key}" of {self.label} is not {word}', f"write {key} = {word}")
            return None
        return value

    def text(self, key: str, most: int, default: str | None = None) -> str | None:
        """A printable string of 1 to `most` characters."""
        value = self._get(key, str, '"text"', default)
        if value is None or value is default:
            return value
        if not value.strip() or len(value) > most or not value.isprintable():
            self.error(
                key,
                f'"{key}" of {self.label} is empty, over {most} characters, or not one line',
                "write one line of plain text",
            )
            return None
        return value

    def flag(self, key: str) -> bool:
        """true or false; false when absent."""
        return bool(self._get(key, bool, "true or false", False))

    def integer(self, key: str, low: int, high: int, default: int | None = None) -> int | None:
        """An integer from `low` to `high`."""
        value = self._get(key, int, "a whole number", default)
        if value is not None and not low <= value <= high:
            bounds = f"use {low} to {high}" if low < high else f"use {low}"
            self.error(key, f'"{key}" of {self.label} is out of range', bounds)
            return None
        return value

    def period(self, key: str, low_s: int, high_s: int, default: int | None = None) -> int | None:
        """A period in seconds, written like "15m"."""
        if key not in self.data and default is not None:
            return default
        text = self._get(key, str, 'a period such as "15m"', None)
        if text is None:
            return None
        seconds = period_s(text)
        if seconds is None:
            units = ", ".join(UNITS_S)
            self.error(
                key,
                f'"{key}" of {self.label} is not a period: {shown(text)}',
                f'write a number and one of {units}, such as "15m"',
            )
            return None
        if not low_s <= seconds <= high_s:
            self.error(
                key,
                f'"{key}" of {self.label} is out of range: {shown(text)}',
                f"use {period_text(low_s)} to {period_text(high_s)}",
            )
            return None
        return seconds

    def choice(self, key: str, known: Iterable[str], what: str) -> str | None:
        """One of the known words."""
        value = self._get(key, str, '"word"', None)
        return None if value is None else self.known(key, value, known, what)

    def known(self, key: str, value: str, known: Iterable[str], what: str) -> str | None:
        """`value` if it is one of the known words, else a finding that suggests the nearest."""
        names = list(known)
        if value in names:
            return value
        fallback = "use one of: " + ", ".join(names) if names else f"there is no {what} yet"
        self.error(key, f"unknown {what} {shown(value)}", suggest(value, names, fallback))
        return None

    def texts(self, key: str, most: int, default: list[str] | None = None) -> list[str] | None:
        """A list of 1 to `most` strings, none twice."""
        values = self._get(key, list, '["…"]', default)
        if values is None or values is default:
            return values
        if not all(isinstance(value, str) for value in values):
            self.error(key, f'"{key}" of {self.label} holds more than strings', "use strings only")
            return None
        if not 1 <= len(values) <= most or len(set(values)) != len(values):
            self.error(
                key,
                f'"{key}" of {self.label} is empty, has over {most} entries or one twice',
                "list each entry once",
            )
            return None
        return values


def named_tables(source: PolicySource, findings: Findings, group: str, most: int) -> dict[str, Table]:
    """The tables [group.NAME], by name; wrong names and too many of them are reported."""
    outer = source.data.get(group, {})
    if not isinstance(outer, dict):
        findings.error(source.line(group), f'"{group}" is not a table', f"write [{group}.NAME]")
        return {}
    if len(outer) > most:
        findings.error(
            source.line(group, list(outer)[most]),
            f"more than {most} {group} tables",
            f"keep at most {most}",
        )
    tables = {}
    for name in list(outer)[:most]:
        if not NAME.fullmatch(name):
            line = source.line(group, name)
            findings.error(line, f"the {group} name {shown(name)} is not allowed", NAME_RULE)
        tables[name] = Table(source, findings, (group, name))
    return tables


def unique_ids(tables: dict[str, Table], ids: dict[str, int | None]) -> None:
    """Report every id that an earlier table of the same kind has too."""
    owner: dict[int, str] = {}
    for name, number in ids.items():
        if number is None:
            continue
        if number in owner:
            tables[name].error(
                "id",
                f'id {number} of {tables[name].label} is also that of "{owner[number]}"',
                "give it an id that was never used",
            )
        owner.setdefault(number, name)
