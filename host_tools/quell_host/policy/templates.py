# SPDX-License-Identifier: MIT
"""Templates of log lines: `{name:type}` captures, `{*:type}` and `{*}` match and throw away.

A template must be exact enough that nobody's free text slips through it: it has a literal of some
length, two captures never touch, and no capture can swallow the literal behind it.
"""

import re
from dataclasses import dataclass

from quell_host.policy.findings import shown, suggest
from quell_host.policy.limits import (
    MAX_CAPTURES,
    MAX_ENUM_VALUES,
    MAX_TEMPLATE_BYTES,
    MIN_LITERAL_CHARACTERS,
)
from quell_host.policy.model import Op
from quell_host.policy.vocabulary import Type

CAPTURE_TYPES: dict[str, Type] = {
    kind.label: kind
    for kind in (
        Type.INT,
        Type.HEX,
        Type.WORD,
        Type.LEVEL,
        Type.ENUM,
        Type.IP,
        Type.IPV4,
        Type.IPV6,
        Type.MAC,
        Type.DURATION,
    )
}
"""What a capture can be, by its word."""

_WORD = "A-Za-z0-9_.-"
# By type: how a literal behind a capture must not begin, since the capture would take that too.
# An address takes all that addresses are made of, and gives back the signs that end a sentence.
_ADDRESS = re.compile(r"[.:-]*[0-9A-Fa-f]|[.:-]+\Z")
_SWALLOWS: dict[Type, re.Pattern[str]] = {
    Type.INT: re.compile(r"[0-9]"),
    Type.HEX: re.compile(r"[0-9A-Fa-f]"),
    Type.WORD: re.compile(rf"[{_WORD}]"),
    Type.LEVEL: re.compile(rf"[{_WORD}]"),
    Type.ENUM: re.compile(rf"[{_WORD}]"),
    Type.IP: _ADDRESS,
    Type.IPV4: _ADDRESS,
    Type.IPV6: _ADDRESS,
    Type.MAC: _ADDRESS,
    Type.DURATION: re.compile(rf"[{_WORD}]"),
}
_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]|[^{}]+")
_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")
_ENUM = re.compile(r"enum\((.*)\)")
_ENUM_VALUE = re.compile(rf"[{_WORD}]{{1,32}}")


@dataclass(frozen=True)
class Compiled:
    """The ops of a template (SPEC §7) and its captures: name → type, in order of their index."""

    ops: tuple[Op, ...]
    captures: dict[str, Type]


class TemplateError(ValueError):
    """A template that is not allowed: what is wrong, and what to do."""

    def __init__(self, what: str, do: str) -> None:
        super().__init__(what)
        self.what = what
        self.do = do


def compile_template(line: str) -> Compiled:
    """Compile the text of a template. Raises TemplateError with the first thing wrong in it."""
    if len(line.encode("utf-8", "surrogatepass")) > MAX_TEMPLATE_BYTES:
        raise TemplateError(f"the line is over {MAX_TEMPLATE_BYTES} bytes", "make it shorter")
    if not line.isprintable():
        raise TemplateError("the line holds a control character", "write {*} where it stands")
    captures: dict[str, Type] = {}
    ops: list[Op] = []
    literal = ""
    for match in _TOKEN.finditer(line):
        token = match.group(0)
        if token in ("{{", "}}"):
            literal += token[0]
        elif token in ("{", "}"):
            raise TemplateError(f'a single "{token}"', f'write "{token * 2}" for the character')
        elif match.group(1) is None:
            literal += token
        else:
            if literal:
                ops.append(literal.encode())
                literal = ""
            ops.append(_capture(match.group(1), captures))
    if literal:
        ops.append(literal.encode())
    _check_order(ops)
    return Compiled(tuple(ops), captures)


def _capture(inside: str, captures: dict[str, Type]) -> Op:
    if inside == "*":
        return (int(Type.ANY), -1, None)
    name, colon, word = inside.partition(":")
    if not colon or not name:
        raise TemplateError(
            f"the capture {shown('{' + inside + '}')} has no name or no type",
            "write {name:type}, or {*} for what is thrown away",
        )
    kind, parameter = _capture_type(word)
    if name == "*":
        return (int(kind), -1, parameter)
    if not _NAME.fullmatch(name):
        raise TemplateError(
            f"the capture name {shown(name)} is not allowed",
            "use a-z, then up to 31 of a-z, 0-9 and hyphen",
        )
    if name in captures:
        raise TemplateError(f'the capture "{name}" stands twice', "give each its own name")
    if len(captures) >= MAX_CAPTURES:
        raise TemplateError(f"more than {MAX_CAPTURES} captures", "capture less")
    captures[name] = kind
    return (int(kind), len(captures) - 1, parameter)


def _capture_type(word: str) -> tuple[Type, tuple[bytes, ...] | None]:
    if match := _ENUM.fullmatch(word):
        values = match.group(1).split(",")
        if not all(_ENUM_VALUE.fullmatch(value) for value in values):
            raise TemplateError(
                f"the values of {shown(word)} are not allowed",
                "use 1 to 32 of A-Z, a-z, 0-9, _ . - for each, commas between, no spaces",
            )
        if len(set(values)) != len(values) or len(values) > MAX_ENUM_VALUES:
            raise TemplateError(
                f"{shown(word)} repeats a value or has over {MAX_ENUM_VALUES}",
                "list each value once",
            )
        return Type.ENUM, tuple(value.encode() for value in values)
    if word == "enum":
        raise TemplateError('"enum" without its values', "write enum(a,b,c)")
    if word not in CAPTURE_TYPES:
        known = ", ".join(CAPTURE_TYPES)
        raise TemplateError(f"unknown capture type {shown(word)}", suggest(word, CAPTURE_TYPES, f"use {known}"))
    return CAPTURE_TYPES[word], None


def _check_order(ops: list[Op]) -> None:
    literals = [op.decode() for op in ops if isinstance(op, bytes)]
    if not any(len(text.strip()) >= MIN_LITERAL_CHARACTERS for text in literals):
        raise TemplateError(
            f"no fixed text of at least {MIN_LITERAL_CHARACTERS} characters",
            "add the words by which the line is known",
        )
    for index, (op, after) in enumerate(zip(ops, ops[1:], strict=False)):
        if isinstance(op, bytes):
            continue
        if not isinstance(after, bytes):
            raise TemplateError("two captures touch", "put the text that stands between them there")
        # At the end of a line the signs behind an address are given back whatever follows.
        last = index + 2 == len(ops)
        _check_swallow(Type(op[0]), after.decode() + (" " if last else ""))


def _check_swallow(kind: Type, behind: str) -> None:
    swallows = _SWALLOWS.get(kind)
    if swallows and swallows.match(behind):
        raise TemplateError(
            f'a capture of type {kind.label} also takes the "{behind[0]}" behind it',
            "let the text behind it begin with another character",
        )


def ops_text(ops: tuple[Op, ...], names: dict[int, str]) -> str:
    """A template as text again, with the given names for its captures, for people to read."""
    parts = []
    for op in ops:
        if isinstance(op, bytes):
            parts.append(op.decode("utf-8", "replace"))
        elif op[1] < 0:
            parts.append("…")
        else:
            parts.append("{" + names.get(op[1], Type(op[0]).label) + "}")
    return "".join(parts)
