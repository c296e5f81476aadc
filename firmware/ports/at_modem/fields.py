# SPDX-License-Identifier: MIT
"""The parameters of an AT line: split, unquoted, as text and numbers; and text that may stand in a command."""

from ports.settings import plain
from quell.errors import LinkError


def text(data):
    """bytes -> str; what is not printable ASCII becomes `?`."""
    out = bytearray(data)
    for i in range(len(out)):
        if not 32 <= out[i] < 127:
            out[i] = 0x3F
    return str(bytes(out), "ascii")


def split(line):
    """`0,"a,b",5` (bytes) -> ["0", "a,b", "5"]: at commas outside quotes, blanks and quotes cut off."""
    out, part, quoted = [], "", False
    for c in text(line):
        if c == '"':
            quoted = not quoted
        elif c == "," and not quoted:
            out.append(part.strip())
            part = ""
        else:
            part += c
    out.append(part.strip())
    return out


def number(part):
    """A str of at most nine digits, perhaps with a sign -> int, or None."""
    digits = part[1:] if part[:1] in ("-", "+") else part
    if not 1 <= len(digits) <= 9:
        return None
    for c in digits:
        if not "0" <= c <= "9":
            return None
    return -int(digits) if part[:1] == "-" else int(digits)


def numbers(line):
    """The parameters of a line (bytes) as a list of ints, None for each that is no number."""
    return [number(part) for part in split(line)]


def quoted(value, most=256):
    """`value` (str) in quotes for a command. Raises LinkError if it is longer than `most` or not plain: AT commands
    have no escape that every firmware knows.
    """
    if len(value) > most or not plain(value):
        raise LinkError("a text that an AT command cannot carry")
    return '"' + value + '"'
