# SPDX-License-Identifier: MIT
"""What a check finds: errors, warnings and notes, each with file, line, what is wrong and what to do."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field

from quell_host.policy.limits import MAX_FINDINGS

ERROR = "error"
WARNING = "warning"
NOTE = "note"


@dataclass(frozen=True, order=True)
class Finding:
    """One thing found. `level` is `error`, `warning` or `note`."""

    line: int
    what: str
    do: str
    level: str = ERROR

    def text(self, file: str) -> str:
        """`FILE:LINE: what; what to do`."""
        mark = "" if self.level == ERROR else f"{self.level}: "
        return " ".join(f"{file}:{self.line}: {mark}{self.what}; {self.do}".split())

    def shape(self) -> dict[str, object]:
        """The JSON shape of a finding."""
        return {"line": self.line, "level": self.level, "what": self.what, "do": self.do}


@dataclass
class Findings:
    """Collects findings; past MAX_FINDINGS further ones are left out."""

    items: list[Finding] = field(default_factory=list)

    def error(self, line: int, what: str, do: str) -> None:
        """Something that must be changed before the policy can be built."""
        self._add(Finding(line, what, do))

    def warning(self, line: int, what: str, do: str) -> None:
        """Something that loses data on a board where the policy can be used all the same."""
        self._add(Finding(line, what, do, WARNING))

    def note(self, line: int, what: str, do: str) -> None:
        """Something that a careful author would think about."""
        self._add(Finding(line, what, do, NOTE))

    def _add(self, finding: Finding) -> None:
        if len(self.items) < MAX_FINDINGS and finding not in self.items:
            self.items.append(finding)

    @property
    def errors(self) -> list[Finding]:
        """Errors only, by line."""
        return [item for item in self.sorted() if item.level == ERROR]

    def sorted(self) -> list[Finding]:
        """All findings, by line."""
        return sorted(self.items)


def suggest(word: object, known: Iterable[str], fallback: str) -> str:
    """`did you mean "x"?` when a known word is near, else `fallback`."""
    near = difflib.get_close_matches(str(word)[:64].lower(), list(known), n=1, cutoff=0.6)
    return f'did you mean "{near[0]}"?' if near else fallback


def shown(value: object) -> str:
    """A value of the author's as it may stand in a message: short, one line, printable."""
    text = value if isinstance(value, str) else repr(value)
    text = "".join(char if char.isprintable() else "?" for char in text[:60])
    return f'"{text}"'
