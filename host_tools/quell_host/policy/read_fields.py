# SPDX-License-Identifier: MIT
"""Read and check the [field.NAME] tables: source, category, purposes and the one action."""

from dataclasses import dataclass

from quell_host.policy import limits
from quell_host.policy.actions import read_action
from quell_host.policy.catalogue import catalogue
from quell_host.policy.findings import Findings, shown, suggest
from quell_host.policy.model import Field
from quell_host.policy.read_purposes import ReadPurposes
from quell_host.policy.read_templates import ReadTemplates
from quell_host.policy.reader import Table, named_tables, unique_ids
from quell_host.policy.source import PolicySource
from quell_host.policy.vocabulary import IDENTIFIER_TYPES, Action, Type

KEYS = ("id", "source", "category", "purposes", "action", "required")


@dataclass
class ReadFields:
    """What was read. `made` holds only fields without errors, by id."""

    tables: dict[str, Table]
    ids: dict[str, int | None]
    made: list[Field]


@dataclass(frozen=True)
class _From:
    """Where a field's value comes from."""

    source: str
    ref: int | tuple[int, int]
    type: Type
    category: str
    own: bool
    """True for the device's own data, which its device id names anyway."""


def read_fields(
    source: PolicySource, findings: Findings, purposes: ReadPurposes, templates: ReadTemplates
) -> ReadFields:
    """All fields of the policy, in the order of their ids."""
    tables = named_tables(source, findings, "field", limits.MAX_FIELDS)
    if not tables:
        findings.error(source.line("field"), "there is no field", "add a [field.NAME] table")
    ids: dict[str, int | None] = {}
    made: list[Field] = []
    for name, table in tables.items():
        table.only(KEYS)
        ids[name] = table.integer("id", 1, limits.MAX_FIELD_ID)
        field = _field(name, table, ids[name], purposes, templates)
        if field is not None:
            made.append(field)
    unique_ids(tables, ids)
    return ReadFields(tables, ids, sorted(made, key=lambda item: item.id))


def _field(
    name: str,
    table: Table,
    number: int | None,
    purposes: ReadPurposes,
    templates: ReadTemplates,
) -> Field | None:
    origin = _origin(table, templates)
    category = _category(table, origin)
    used_by = _purposes(table, purposes)
    required = table.flag("required")
    acted = read_action(table, origin.type if origin else None)
    if acted is None or number is None or origin is None or category is None or used_by is None:
        return None
    if required and acted[0] is Action.DROP:
        table.error("required", f"{table.label} is required and dropped", "remove one of the two")
        return None
    if acted[0] is Action.HASH and origin.own and origin.type in IDENTIFIER_TYPES:
        table.findings.note(
            table.line("action"),
            f"{table.label} is a pseudonym of the device itself",
            'use action = "drop": the device id already tells devices apart',
        )
    if acted[0] is Action.KEEP and origin.source in ("app.enum", "app.version", "app.hex"):
        table.findings.note(
            table.line("action"),
            f"{table.label} keeps whatever text the application puts there",
            "see that it can only be one of a few words, or use hash",
        )
    return Field(
        id=number,
        name=name,
        source=origin.source,
        ref=origin.ref,
        category=category,
        purposes=used_by,
        action=acted[0],
        parameters=acted[1],
        required=required,
        type=origin.type,
    )


def _category(table: Table, origin: _From | None) -> str | None:
    """The category named; of the device's own data it is the catalogue's and may be left out."""
    fixed = origin.category if origin and origin.own else ""
    if fixed and "category" not in table.data:
        return fixed
    category = table.choice("category", catalogue().categories, "category")
    if category and fixed and category != fixed:
        table.error(
            "category",
            f'{table.label} is of category "{fixed}", not "{category}"',
            f'write category = "{fixed}", or leave it out',
        )
        return None
    return category


def _origin(table: Table, templates: ReadTemplates) -> _From | None:
    source = table.text("source", 128)
    if source is None:
        return None
    if source.startswith("log."):
        return _captured(table, source, templates)
    known = catalogue().sources
    found = known.get(source)
    if found is None:
        todo = suggest(source, known, "see the list of sources in docs/policy.md")
        table.error("source", f"unknown source {shown(source)}", todo)
        return None
    return _From(source, found.id, found.type, found.category, found.group != "app")


def _captured(table: Table, source: str, templates: ReadTemplates) -> _From | None:
    parts = source.split(".")
    if len(parts) != 3:
        table.error("source", f"{shown(source)} names no capture", 'write "log.TEMPLATE.CAPTURE"')
        return None
    _, name, capture = parts
    if name not in templates.tables:
        todo = suggest(name, templates.tables, f"add a [template.{name}] table")
        table.error("source", f"unknown template {shown(name)}", todo)
        return None
    if name not in templates.made:
        return None
    kinds = templates.compiled[name].captures
    if capture not in kinds:
        fallback = f"add {{{capture}:type}} to its line"
        table.error(
            "source",
            f'unknown capture {shown(capture)} of template "{name}"',
            suggest(capture, kinds, fallback),
        )
        return None
    index = list(kinds).index(capture)
    return _From(source, (templates.made[name].id, index), kinds[capture], "", False)


def _purposes(table: Table, purposes: ReadPurposes) -> tuple[int, ...] | None:
    names = table.texts("purposes", limits.MAX_PURPOSES)
    if names is None:
        return None
    known = [table.known("purposes", name, purposes.tables, "purpose") for name in names]
    numbers = [purposes.ids.get(name) for name in known if name is not None]
    if None in known or None in numbers:
        return None
    return tuple(sorted(number for number in numbers if number is not None))
