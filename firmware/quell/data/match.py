# SPDX-License-Identifier: MIT
"""Log lines against an allow-listed template, in one pass over the line (SPEC §7).

No regular expressions and no backtracking: a literal must stand where it is expected, except behind
`{*}`, where its first occurrence counts. A line that does not fit gives nothing at all.
"""

from quell.data.values import LEVELS, parse_ipv4, parse_ipv6, parse_mac
from quell.state import policy as types

_UNITS = (("ns", 0), ("us", 0), ("ms", 1), ("s", 1000), ("m", 60000), ("h", 3600000))


def _is_digit(c):
    return 48 <= c <= 57


def _is_hex(c):
    return 48 <= c <= 57 or 97 <= c <= 102 or 65 <= c <= 70


def _is_word(c):
    return _is_digit(c) or 97 <= c <= 122 or 65 <= c <= 90 or c in b"_.-"


def _is_address(c):
    return _is_hex(c) or c in b":.-"


def _is_quad(c):
    return _is_digit(c) or c == 46


# type -> (characters, most of them)
_RUNS = {
    types.INT: (_is_digit, 9),
    types.HEX: (_is_hex, 8),
    types.WORD: (_is_word, 32),
    types.LEVEL: (_is_word, 8),
    types.ENUM: (_is_word, 32),
    # one more than an address can have: the sign behind it, which is given back
    types.IP: (_is_address, 46),
    types.IPV4: (_is_quad, 16),
    types.IPV6: (_is_address, 46),
    types.MAC: (_is_address, 18),
}


def _run(line, at, allowed, most):
    """End of the run of allowed characters at `at`; -1 if there is none or it is longer than `most`."""
    end = at
    while end < len(line) and allowed(line[end]):
        end += 1
        if end - at > most:
            return -1
    return end if end > at else -1


def _signed_int(line, at):
    start = at + 1 if at < len(line) and line[at] == 45 else at
    end = _run(line, start, _is_digit, 9)
    return (-1, None) if end < 0 else (end, int(str(line[at:end], "ascii")))


def _duration(line, at):
    end = _run(line, at, _is_digit, 9)
    if end < 0:
        return -1, None
    n = int(str(line[at:end], "ascii"))
    for unit, factor in _UNITS:
        stop = end + len(unit)
        if line[end:stop] == unit.encode() and not (stop < len(line) and _is_word(line[stop])):
            if factor:
                return stop, n * factor
            return stop, n // (1000000 if unit == "ns" else 1000)  # 1.13: n has 9 digits at most
    return -1, None


def _address(kind, text):
    while text:
        if kind == types.MAC:
            good = parse_mac(text)
        elif kind == types.IPV4:
            good = parse_ipv4(text)
        elif kind == types.IPV6:
            good = parse_ipv6(text)
        else:
            good = parse_ipv4(text) or parse_ipv6(text)
        if good is not None:
            return text
        if text[-1] not in ".:-":
            return None
        # a sentence may end behind an address: the dot or colon is not part of it
        text = text[:-1]
    return None


def _capture(line, at, kind, parameter):
    """(end, value) of a capture at `at`; end -1 when it does not fit."""
    if kind == types.INT:
        return _signed_int(line, at)
    if kind == types.DURATION:
        return _duration(line, at)
    if kind not in _RUNS:
        return -1, None
    allowed, most = _RUNS[kind]
    end = _run(line, at, allowed, most)
    if end < 0:
        return -1, None
    text = str(line[at:end], "ascii")
    if kind == types.LEVEL:
        text = text.lower()
        return (end, text) if text in LEVELS else (-1, None)
    if kind == types.ENUM:
        return (end, text) if text.encode() in parameter else (-1, None)
    if kind in (types.IP, types.IPV4, types.IPV6, types.MAC):
        text = _address(kind, text)
        return (-1, None) if text is None else (at + len(text), text)
    return end, text


def match(ops, line):
    """Captures of `line` (bytes) under a template's ops -> {capture index: value}, or None if it does not fit."""
    at = 0
    captures = {}
    gap = False
    for op in ops:
        if isinstance(op, bytes):
            if gap:
                at = line.find(op, at)
                if at < 0:
                    return None
            elif line[at : at + len(op)] != op:
                return None
            at += len(op)
            gap = False
            continue
        kind, capture, parameter = op
        if kind == types.ANY:
            gap = True
            continue
        at, value = _capture(line, at, kind, parameter)
        if at < 0:
            return None
        if capture >= 0:
            captures[capture] = value
    return captures if gap or at == len(line) else None
