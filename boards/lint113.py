#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What MicroPython 1.13 lacks or gets wrong, found in the syntax tree: `boards/lint113.py [FILE…]`, `--rules`.

Without names it looks at every file that goes on a module. A line that is right all the same says why:
`x // y  # 1.13: both are below 2^30`. Such a comment where nothing is found is an error too. Shipping QuecPython is
MicroPython 1.13, and neither CPython nor MicroPython 1.25 complains of these things: some fail on a module, some give a
wrong result there. The compiler of 1.13 (tests/check) sees the syntax only.
"""

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

import lint113_values  # noqa: F401 it registers its rules
from lint113_file import File
from lint113_rules import RULES, Rule

_ALLOW = re.compile(r"#\s*1\.13:\s*(.*)")


def problems(text: str) -> list[tuple[int, str, str]]:
    """(line, rule, what and why) for each finding in the text of a file, by line."""
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        return [(error.lineno or 1, "syntax", str(error.msg))]
    allowed, found = _allowed(text), []
    used: set[int] = set()
    for line, last, rule, seen in _seen(tree, text):
        lines = [number for number in (line, last) if allowed.get(number)]
        used.update(lines)
        if not lines:
            found.append((line, rule.name, f"{seen}: {rule.reason} ({rule.source})"))
    for line, reason in allowed.items():
        if not reason:
            found.append((line, "allowed", "1.13: without a reason"))
        elif line not in used:
            found.append((line, "allowed", "nothing here needs it: remove the comment"))
    return sorted(found)


def _seen(tree: ast.Module, text: str) -> Iterator[tuple[int, int, Rule, str]]:
    file = File(tree, text)
    line = 1
    for node in ast.walk(tree):
        line = getattr(node, "lineno", line)
        for rule in RULES.values():
            if isinstance(node, rule.kinds):
                seen = rule.check(node, file)
                if seen:
                    yield line, _last_line(node, line), rule, seen


def _last_line(node: ast.AST, line: int) -> int:
    """The last line of an expression; of a statement with a body, its first."""
    return line if hasattr(node, "body") else getattr(node, "end_lineno", line) or line


def _allowed(text: str) -> dict[int, str]:
    """line → the reason in its comment."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    found = {}
    for token in tokens:
        match = _ALLOW.match(token.string) if token.type == tokenize.COMMENT else None
        if match:
            found[token.start[0]] = match.group(1).strip()
    return found


def rules_table() -> str:
    """Every rule with its reason and source."""
    return "\n".join(f"{rule.name:20s} {rule.reason} ({rule.source})" for rule in RULES.values())


def main(arguments: list[str]) -> int:
    if arguments == ["--rules"]:
        print(rules_table())
        return 0
    if arguments:
        paths = [Path(name) for name in arguments]
    else:
        from module_files import files_on_a_module

        paths = files_on_a_module()
    count = 0
    for path in paths:
        for line, rule, what in problems(path.read_text(encoding="utf-8")):
            print(f"{path}:{line}: {rule}: {what}")
            count += 1
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
