# SPDX-License-Identifier: MIT
"""What the receiver tells a person or a program: one event per thing that happened."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Event:
    """Something that happened. `kind` and `details` are documented in host_tools/README.md.

    `device` is the title of a known device, else empty: an unknown id is not worth a line of its
    own. `words` is for people; no event holds a value of a record.
    """

    kind: str
    words: str
    device: str = ""
    details: dict[str, Any] = field(default_factory=dict)

    def shape(self) -> dict[str, Any]:
        """The event as JSON shows it."""
        return {"event": self.kind, "device": self.device or None, **self.details}


class Statistics:
    """Counts by kind of event, and of what was dropped by reason. Bounded: both are closed sets."""

    def __init__(self) -> None:
        self.events: Counter[str] = Counter()
        self.dropped: Counter[str] = Counter()
        self.records = 0
        self.repeated = 0
        self.unfit = 0
        self.lost = 0

    def take(self, event: Event) -> None:
        """Count one event."""
        self.events[event.kind] += 1
        if event.kind in ("dropped", "refused"):
            self.dropped[str(event.details["reason"])] += 1
        if event.kind == "batch":
            self.records += event.details["stored"]
            self.repeated += event.details["repeated"]
            self.unfit += event.details["unfit"]
            self.lost += event.details["lost"]

    def shape(self) -> dict[str, Any]:
        """The counts as JSON shows them."""
        return {
            "records": self.records,
            "repeated": self.repeated,
            "unfit": self.unfit,
            "lost": self.lost,
            "events": dict(sorted(self.events.items())),
            "dropped": dict(sorted(self.dropped.items())),
        }
