# SPDX-License-Identifier: MIT
"""Shows the receiver's events as they happen: one line each, or one JSON line each."""

import time

from rich.text import Text

from quell_host import output
from quell_host.receiver.events import Event, Statistics

_STYLES = {"refused": "red", "dropped": "yellow", "warning": "yellow", "withdrawal": "bold"}


class Lines:
    """For people: time, device, what happened; at most the width of the terminal."""

    def __call__(self, event: Event) -> None:
        moment = time.strftime("%H:%M:%S")
        text = Text(f"{moment}  {event.device[:12]:<12}  ")
        text.append(event.words, style=_STYLES.get(event.kind, ""))
        console = output.stdout()
        if console.is_terminal:
            console.print(text, no_wrap=True, overflow="ellipsis")
        else:
            console.print(text, soft_wrap=True)


class JsonLines:
    """For programs."""

    def __call__(self, event: Event) -> None:
        output.print_json_line({"time_s": int(time.time()), **event.shape()})


def summary(statistics: Statistics) -> str:
    """What a run came to, in one line."""
    shape = statistics.shape()
    words = f"{shape['records']} records stored"
    for name in ("repeated", "lost", "unfit"):
        words += f", {shape[name]} {name}" if shape[name] else ""
    dropped = ", ".join(f"{reason} {count}" for reason, count in shape["dropped"].items())
    return words + (f"; dropped or refused: {dropped}" if dropped else "")
