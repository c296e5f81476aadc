# SPDX-License-Identifier: MIT
"""One AT command taken apart: its name, its form, its arguments; and the errors with which it may end."""

import enum
import re
from collections.abc import Iterator
from dataclasses import dataclass

NOT_ALLOWED = 3
UNSUPPORTED = 4
NO_SIM = 10
SIM_PIN = 11
SIM_PUK = 12
WRONG_PIN = 16
NO_SERVICE = 30
BAD_PARAMETER = 50
NO_FILE = 405
FILE_EXISTS = 407
NO_SPACE = 409
FILE_TIMEOUT = 421

WORDS = {
    NOT_ALLOWED: "operation not allowed",
    UNSUPPORTED: "operation not supported",
    NO_SIM: "SIM not inserted",
    SIM_PIN: "SIM PIN required",
    SIM_PUK: "SIM PUK required",
    13: "SIM failure",
    14: "SIM busy",
    WRONG_PIN: "incorrect password",
    NO_SERVICE: "no network service",
    31: "network timeout",
    BAD_PARAMETER: "incorrect parameters",
    NO_FILE: "file not found",
    FILE_EXISTS: "file already existed",
    NO_SPACE: "no space left",
    FILE_TIMEOUT: "operation timeout",
}


_BASIC = re.compile(r"(&?[A-Za-z])([0-9]{0,3})(?![?=])")


class AtError(Exception):
    """The command fails: `+CME ERROR` with `code`, in the form that AT+CMEE asks for, or plain ERROR."""

    def __init__(self, code: int | None = None) -> None:
        super().__init__(code)
        self.code = code


class Form(enum.Enum):
    """How the command was written: AT+X, AT+X=?, AT+X?, AT+X=…"""

    RUN = ""
    TEST = "=?"
    READ = "?"
    SET = "="


@dataclass(frozen=True)
class Command:
    """`name` in upper case without AT: "+CSQ", "I", "E"; `args` as written, without quotes, None where empty."""

    name: str
    form: Form
    args: tuple[str | None, ...] = ()

    def has(self, index: int) -> bool:
        """Whether the argument was given."""
        return index < len(self.args) and self.args[index] is not None

    def raw(self, index: int, most: int) -> bytes:
        """An argument's bytes. Raises AtError when absent or too long."""
        value = self.args[index] if index < len(self.args) else None
        data = b"" if value is None else value.encode("utf-8", "surrogateescape")
        if value is None or len(data) > most:
            raise AtError
        return data

    def text(self, index: int, most: int = 4096) -> str:
        """A text argument. Raises AtError when absent, too long, or no UTF-8."""
        try:
            return self.raw(index, most).decode()
        except UnicodeDecodeError:
            raise AtError from None

    def number(self, index: int, low: int, high: int, default: int | None = None) -> int:
        """A number in low..high; `default` where it is absent. Raises AtError."""
        if not self.has(index):
            if default is None:
                raise AtError
            return default
        text = self.text(index, 12)
        digits = text.removeprefix("-")
        if not (digits.isascii() and digits.isdigit()):
            raise AtError
        value = int(text)
        if not low <= value <= high:
            raise AtError
        return value

    def at_most(self, count: int) -> None:
        """Raises AtError where more than `count` arguments were given."""
        if len(self.args) > count:
            raise AtError


def split(line: str, mark: str) -> list[str]:
    """The parts of `line` between `mark`s outside quotes."""
    parts, quoted, start = [], False, 0
    for at, letter in enumerate(line):
        if letter == '"':
            quoted = not quoted
        elif letter == mark and not quoted:
            parts.append(line[start:at])
            start = at + 1
    if quoted:
        raise AtError
    return [*parts, line[start:]]


def _unquoted(text: str) -> str | None:
    text = text.strip()
    if not text:
        return None
    if text[0] != '"':
        if '"' in text:
            raise AtError
        return text
    if len(text) < 2 or text[-1] != '"' or '"' in text[1:-1]:
        raise AtError
    return text[1:-1]


def _extended(text: str) -> Command:
    name, equals, rest = text.partition("=")
    if not equals:
        if text.endswith("?"):
            return Command(text[:-1].upper(), Form.READ)
        return Command(text.upper(), Form.RUN)
    if rest.strip() == "?":
        return Command(name.upper(), Form.TEST)
    return Command(name.upper(), Form.SET, tuple(_unquoted(part) for part in split(rest, ",")))


def _commands(text: str) -> Iterator[Command]:
    """E0V1, &W, I: a letter and a number, one after the other; +X takes all the rest."""
    while text and not text.startswith("+"):
        found = _BASIC.match(text)
        if found is None:
            raise AtError(UNSUPPORTED)
        name, number = found.groups()
        yield Command(name.upper(), Form.RUN, (number,) if number else ())
        text = text[found.end() :].lstrip()
    if text:
        yield _extended(text)


def parse(line: str) -> list[Command]:
    """The commands of a line that begins with AT; `;` stands between them. Raises AtError."""
    rest = line[2:].strip()
    if not rest:
        return []
    return [command for part in split(rest, ";") for command in _commands(part.strip())]
