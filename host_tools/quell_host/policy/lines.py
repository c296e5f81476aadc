# SPDX-License-Identifier: MIT
"""On which line of a TOML text each key stands: tomllib does not say.

The text has been parsed by tomllib before, so this scanner only has to find its way, not to judge.
It knows strings, comments and brackets; keys inside an inline table have the line of the table.
"""

import re

Path = tuple[str, ...]
"""A key with the tables around it: ("purpose", "reliability", "basis")."""

_KEY_PART = re.compile(r"""\s*(?:"((?:[^"\\\n]|\\.)*)"|'([^'\n]*)'|([A-Za-z0-9_-]+))\s*""")
_SKIP = re.compile(r"[^\"'#\[\]{}\n]+")


class LineIndex:
    """Lines of the keys and tables of one TOML text. Lines count from 1."""

    def __init__(self, text: str) -> None:
        self._lines: dict[Path, int] = {}
        self._scan(text)

    def line(self, *path: str) -> int:
        """The line of this key, or of the nearest table around it that has one; else 1."""
        while path:
            if path in self._lines:
                return self._lines[path]
            path = path[:-1]
        return 1

    def _scan(self, text: str) -> None:
        at, line = 0, 1
        table: Path = ()
        while at < len(text):
            char = text[at]
            if char == "\n":
                at, line = at + 1, line + 1
            elif char in " \t\r":
                at += 1
            elif char == "#":
                at = _end_of_line(text, at)
            elif char == "[":
                table, _ = _key(text, at + (2 if text.startswith("[[", at) else 1))
                self._lines.setdefault(table, line)
                at = _end_of_line(text, at)
            else:
                key, after = _key(text, at)
                for length in range(1, len(key) + 1):
                    self._lines.setdefault(table + key[:length], line)
                end = _end_of_value(text, max(after, at + 1))
                line += text.count("\n", at, end)
                at = end


def _end_of_line(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end


def _key(text: str, at: int) -> tuple[Path, int]:
    parts: list[str] = []
    while match := _KEY_PART.match(text, at):
        parts.append(next(part for part in match.groups() if part is not None))
        at = match.end()
        if not text.startswith(".", at):
            break
        at += 1
    return tuple(parts), at


def _end_of_value(text: str, at: int) -> int:
    """Where the value that starts at or after `at` ends: a newline outside all brackets."""
    depth = 0
    while at < len(text):
        char = text[at]
        if char == "\n" and depth <= 0:
            return at
        if char in "\"'":
            at = _end_of_string(text, at)
        elif char == "#":
            at = _end_of_line(text, at)
        else:
            depth += (char in "[{") - (char in "]}")
            skip = _SKIP.match(text, at + 1)
            at = skip.end() if skip else at + 1
    return at


def _end_of_string(text: str, at: int) -> int:
    quote = text[at]
    mark = quote * 3 if text.startswith(quote * 3, at) else quote
    at += len(mark)
    while at < len(text):
        if quote == '"' and text[at] == "\\":
            at += 2
        elif text.startswith(mark, at):
            # A multi-line string may end in up to two quotes of its own before the mark.
            while len(mark) == 3 and text.startswith(quote, at + 3):
                at += 1
            return at + len(mark)
        elif text[at] == "\n" and len(mark) == 1:
            return at
        else:
            at += 1
    return at
