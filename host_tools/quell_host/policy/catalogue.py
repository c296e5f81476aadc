# SPDX-License-Identifier: MIT
"""The source catalogue: what a device can give, by name and by id. The data is catalogue.toml."""

import functools
import importlib.resources
import tomllib
from dataclasses import dataclass

from quell_host.policy.vocabulary import EVENT_GROUPS, TYPES, Type


@dataclass(frozen=True)
class Source:
    """One datum that a device can give. `unit` is empty where there is none."""

    id: int
    name: str
    type: Type
    unit: str
    category: str
    text: str

    @property
    def group(self) -> str:
        """The first part of the name; rates are set per group."""
        return self.name.partition(".")[0]

    @property
    def sampled(self) -> bool:
        """True when the agent asks for it every `every_s`; False when it comes with an event."""
        return self.group not in EVENT_GROUPS


@dataclass(frozen=True)
class Catalogue:
    """All sources and categories."""

    sources: dict[str, Source]
    categories: dict[str, int]

    @functools.cached_property
    def by_id(self) -> dict[int, Source]:
        """Sources by id."""
        return {source.id: source for source in self.sources.values()}

    @functools.cached_property
    def category_names(self) -> dict[int, str]:
        """Category names by number."""
        return {number: name for name, number in self.categories.items()}

    @functools.cached_property
    def groups(self) -> tuple[str, ...]:
        """All source groups, `log` included, which has templates instead of sources."""
        return tuple(sorted({source.group for source in self.sources.values()} | {"log"}))


@functools.cache
def catalogue() -> Catalogue:
    """The catalogue of this version of Quell."""
    file = importlib.resources.files("quell_host.policy") / "catalogue.toml"
    data = tomllib.loads(file.read_text(encoding="utf-8"))
    sources = {
        name: Source(
            id=row["id"],
            name=name,
            type=TYPES[row["type"]],
            unit=row.get("unit", ""),
            category=row["category"],
            text=row["text"],
        )
        for name, row in data["source"].items()
    }
    return Catalogue(sources, data["categories"])
