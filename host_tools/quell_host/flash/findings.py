# SPDX-License-Identifier: MIT
"""What is wrong with an image: where, what, and what that means."""

from dataclasses import dataclass, field

from quell_host.errors import QuellError
from quell_host.flash.limits import MAX_FINDINGS


@dataclass(frozen=True)
class Finding:
    """`where`: a file's name, a sector, or the image; `what` names no value of a record; `means`: for the device."""

    where: str
    what: str
    means: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}; {self.means}"


@dataclass
class Findings:
    """In the order in which they were found; those over MAX_FINDINGS are only counted."""

    items: list[Finding] = field(default_factory=list)
    more: int = 0

    def add(self, where: str, what: str, means: str) -> None:
        """Note one."""
        if len(self.items) < MAX_FINDINGS:
            self.items.append(Finding(where, what, means))
        else:
            self.more += 1


class UnreadableImage(QuellError):
    """An image in which there is nothing to look at. For `fsck` that is a finding, for others an error."""

    def __init__(self, where: str, what: str, means: str) -> None:
        super().__init__(f"{where}: {what}", means)
        self.finding = Finding(where, what, means)
