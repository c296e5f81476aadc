# SPDX-License-Identifier: MIT
"""Check a policy: read every part, then what holds between the parts. All errors at once."""

import dataclasses
import datetime
from dataclasses import dataclass

from quell_host.policy import limits
from quell_host.policy.catalogue import catalogue
from quell_host.policy.digest import purpose_digest
from quell_host.policy.findings import Findings, shown, suggest
from quell_host.policy.model import Field, Policy, Template
from quell_host.policy.read_fields import ReadFields, read_fields
from quell_host.policy.read_purposes import ReadPurposes, read_purposes
from quell_host.policy.read_templates import ReadTemplates, read_templates, report_unused
from quell_host.policy.reader import NAME, NAME_RULE, Table
from quell_host.policy.source import PolicySource
from quell_host.policy.vocabulary import EVENT_GROUPS, Action

SCHEMA = 1
KEYS = (
    "schema",
    "name",
    "version",
    "expires",
    "controller",
    "purpose",
    "field",
    "template",
    "rates",
    "retired",
)


@dataclass(frozen=True)
class Checked:
    """The result of a check. `policy` is None when there are errors.

    `narrowing`: names of purposes that say `narrows = true`. `retired`: kind → ids that were used
    once and never are again.
    """

    source: PolicySource
    findings: Findings
    policy: Policy | None
    narrowing: frozenset[str]
    retired: dict[str, frozenset[int]]


def check(source: PolicySource, today: datetime.date) -> Checked:
    """Check a parsed policy as of `today`. Raises nothing: all that is wrong is in `findings`."""
    findings = Findings()
    top = Table(source, findings, ())
    top.only(KEYS)
    top.integer("schema", SCHEMA, SCHEMA)
    name = _name(top)
    version = top.integer("version", 1, limits.MAX_VERSION)
    expires = _expires(top, today)
    controller = _controller(source, findings)
    purposes = read_purposes(source, findings)
    templates = read_templates(source, findings)
    fields = read_fields(source, findings, purposes, templates)
    retired = _retired(source, findings, purposes, fields)
    rates = _rates(source, findings, fields.made, templates)
    _check_use(purposes, fields, templates)
    policy = None
    if not findings.errors and name and version and expires and controller:
        made = tuple(sorted(templates.made.values(), key=lambda item: item.id))
        policy = _with_digests(
            Policy(
                name=name,
                version=version,
                expires=expires,
                controller=controller,
                purposes=tuple(purposes.made),
                fields=tuple(fields.made),
                templates=made,
                rates=rates,
            )
        )
    return Checked(source, findings, policy, frozenset(purposes.narrowing), retired)


def _with_digests(policy: Policy) -> Policy:
    digested = tuple(
        dataclasses.replace(purpose, digest=purpose_digest(policy, purpose)) for purpose in policy.purposes
    )
    return dataclasses.replace(policy, purposes=digested)


def _name(top: Table) -> str | None:
    name = top.text("name", 32)
    if name is not None and not NAME.fullmatch(name):
        top.error("name", f"the policy name {shown(name)} is not allowed", NAME_RULE)
        return None
    return name


def _expires(top: Table, today: datetime.date) -> int | None:
    value = top.data.get("expires")
    form = "write expires = YYYY-MM-DD, without quotes"
    if value is None:
        top.error("", 'the policy has no "expires"', form)
        return None
    if not isinstance(value, datetime.date) or isinstance(value, datetime.datetime):
        top.error("expires", '"expires" is not a date', form)
        return None
    if value <= today:
        top.error("expires", f"the policy expired on {value}", "choose a day to come")
        return None
    if value > limits.LATEST_EXPIRY:
        latest = limits.LATEST_EXPIRY
        top.error("expires", '"expires" is too far away', f"use {latest} at the latest")
        return None
    midnight = datetime.datetime(value.year, value.month, value.day, tzinfo=datetime.UTC)
    return int(midnight.timestamp())


def _controller(source: PolicySource, findings: Findings) -> tuple[str, str] | None:
    if "controller" not in source.data:
        findings.error(1, "there is no controller", "add [controller] with name and contact")
        return None
    table = Table(source, findings, ("controller",))
    table.only(("name", "contact"))
    name = table.text("name", limits.MAX_CONTACT_CHARACTERS)
    contact = table.text("contact", limits.MAX_CONTACT_CHARACTERS)
    return (name, contact) if name and contact else None


def _retired(
    source: PolicySource, findings: Findings, purposes: ReadPurposes, fields: ReadFields
) -> dict[str, frozenset[int]]:
    """[retired]: ids of what was removed, so that nobody uses them again."""
    if "retired" not in source.data:
        return {"purposes": frozenset(), "fields": frozenset()}
    table = Table(source, findings, ("retired",))
    table.only(("purposes", "fields"))
    retired = {}
    for key, read in (("purposes", purposes), ("fields", fields)):
        value = table.data.get(key, [])
        if not isinstance(value, list) or not all(type(item) is int for item in value):
            table.error(key, f'"{key}" of retired is no list of ids', f"write {key} = [3, 4]")
            value = []
        retired[key] = frozenset(value)
        for name, number in read.ids.items():
            if number in retired[key]:
                label = read.tables[name].label
                read.tables[name].error("id", f"id {number} of {label} is retired", "give it one never used")
    return retired


def _rates(source: PolicySource, findings: Findings, fields: list[Field], templates: ReadTemplates) -> dict[str, int]:
    """The rate of every source group in use: as written, else the default."""
    made = {template.id: template for template in templates.made.values()}
    rates = {}
    for group in {source_group(field, made) for field in fields}:
        rates[group] = limits.DEFAULT_RATES_PER_MIN.get(group, limits.DEFAULT_SAMPLED_RATE_PER_MIN)
    if "rates" not in source.data:
        return rates
    table = Table(source, findings, ("rates",))
    for group in table.data:
        if group not in catalogue().groups:
            known = ", ".join(catalogue().groups)
            todo = suggest(group, catalogue().groups, f"use {known}")
            table.error(group, f"unknown source group {shown(group)}", todo)
            continue
        rate = table.integer(group, 1, limits.MAX_RATE_PER_MIN)
        if rate is not None and group not in rates and not findings.errors:
            table.error(group, f'no field comes from "{group}"', "remove its rate")
        if rate is not None:
            rates[group] = rate
    return rates


def source_group(field: Field, templates: dict[int, Template]) -> str:
    """The source group of a field; `templates` by id."""
    if isinstance(field.ref, int):
        return catalogue().by_id[field.ref].group
    return "exception" if templates[field.ref[0]].log == "exception" else "log"


def _check_use(purposes: ReadPurposes, fields: ReadFields, templates: ReadTemplates) -> None:
    """Purposes without fields, sampling without an interval, captures without a field."""
    written = [table.data for table in fields.tables.values()]
    for name, table in purposes.tables.items():
        users = [data for data in written if name in _strings(data.get("purposes"))]
        if not users:
            table.error("", f"no field uses {table.label}", "remove it, or add a field")
        elif all(data.get("action") == Action.DROP.label for data in users):
            table.error("", f"{table.label} drops all that it collects", "remove it")
        sampled = any(_sampled(data.get("source")) for data in users)
        if sampled and "every" not in table.data:
            what = f"{table.label} samples the device and does not say how often"
            table.error("", what, 'add every = "15m"')
        if users and not sampled and "every" in table.data:
            table.error(
                "every",
                f"nothing in {table.label} is sampled, its fields come with events",
                "remove every",
            )
    used = set()
    for data in written:
        parts = str(data.get("source", "")).split(".")
        if len(parts) == 3 and parts[0] == "log":
            used.add((parts[1], parts[2]))
    report_unused(templates, used)


def _strings(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _sampled(source: object) -> bool:
    found = catalogue().sources.get(source) if isinstance(source, str) else None
    return found is not None and found.group not in EVENT_GROUPS
