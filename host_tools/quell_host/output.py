# SPDX-License-Identifier: MIT
"""Where words go: results on stdout, everything else on stderr.

Colour follows the terminal and `NO_COLOR`; progress shows only when stderr is a terminal. The
consoles are made anew at each call, because a caller may have replaced `sys.stdout`.
"""

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from typing import Any

from rich.console import Console, RenderableType

# Without a terminal nobody tells us a width: piped and recorded output is made for 80 columns.
PLAIN_COLUMNS = 80


def _console(stream: Any, *, stderr: bool) -> Console:
    terminal = stream.isatty()
    width = None if terminal or "COLUMNS" in os.environ else PLAIN_COLUMNS
    return Console(stderr=stderr, width=width, highlight=False, soft_wrap=False, emoji=False)


def stdout() -> Console:
    """The console for results."""
    return _console(sys.stdout, stderr=False)


def stderr() -> Console:
    """The console for notes, warnings, progress and errors."""
    return _console(sys.stderr, stderr=True)


def print_trimmed(renderable: RenderableType) -> None:
    """Print on stdout without the blanks with which rich fills up lines."""
    console = stdout()
    with console.capture() as captured:
        console.print(renderable)
    for line in captured.get().splitlines():
        console.file.write(line.rstrip() + "\n")


def print_json(obj: dict[str, Any]) -> None:
    """Print `obj` on stdout as one JSON document, indented, with `"schema": 1` as its first key.

    bytes become lower-case hex. Raises TypeError for anything else that JSON does not know.
    """
    shaped = {"schema": 1, **obj}
    sys.stdout.write(json.dumps(shaped, indent=2, ensure_ascii=False, default=_plain) + "\n")


def print_json_line(obj: dict[str, Any]) -> None:
    """Like `print_json`, on one line, flushed: for streams of events."""
    shaped = {"schema": 1, **obj}
    sys.stdout.write(json.dumps(shaped, ensure_ascii=False, default=_plain) + "\n")
    sys.stdout.flush()


def _plain(value: Any) -> str:
    if isinstance(value, bytes | bytearray):
        return bytes(value).hex()
    raise TypeError(f"not JSON: {type(value).__name__}")


def note(text: str) -> None:
    """One line on stderr for the person who watches. Never markup, never a secret."""
    stderr().print(text, markup=False, soft_wrap=True)


def warn(text: str) -> None:
    """A warning on stderr."""
    console = stderr()
    console.print("[yellow]warning:[/yellow] ", end="")
    console.print(text, markup=False, soft_wrap=True)


@contextlib.contextmanager
def progress(text: str) -> Iterator[None]:
    """Show `text` with a spinner on stderr while the block runs; silent without a terminal."""
    console = stderr()
    if not console.is_terminal:
        yield
        return
    with console.status(text):
        yield
