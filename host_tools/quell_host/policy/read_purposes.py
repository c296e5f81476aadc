# SPDX-License-Identifier: MIT
"""Read and check the [purpose.NAME] tables."""

import hashlib
import re
from dataclasses import dataclass

from quell_host.errors import QuellError
from quell_host.policy import limits
from quell_host.policy.findings import Findings, shown
from quell_host.policy.model import Purpose
from quell_host.policy.reader import Table, named_tables, period_text, unique_ids
from quell_host.policy.source import PolicySource, read_notice
from quell_host.policy.vocabulary import BASES, GRANT_ROLES, Basis

KEYS = (
    "id",
    "text",
    "basis",
    "granularity",
    "retention",
    "recipients",
    "region",
    "notice",
    "grant_by",
    "every",
    "weight",
    "epoch",
    "narrows",
)
DEFAULT_GRANT_BY = ["subject", "guardian"]
_REGION = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?")


@dataclass
class ReadPurposes:
    """What was read. `made` holds only purposes without errors; `tables` all of them."""

    tables: dict[str, Table]
    ids: dict[str, int | None]
    made: list[Purpose]
    narrowing: set[str]


def read_purposes(source: PolicySource, findings: Findings) -> ReadPurposes:
    """All purposes of the policy, in the order of their ids."""
    tables = named_tables(source, findings, "purpose", limits.MAX_PURPOSES)
    if not tables:
        findings.error(source.line("purpose"), "there is no purpose", "add a [purpose.NAME] table")
    ids: dict[str, int | None] = {}
    made: list[Purpose] = []
    for name, table in tables.items():
        table.only(KEYS)
        ids[name] = table.integer("id", 1, limits.MAX_PURPOSE_ID)
        purpose = _purpose(name, table, ids[name])
        if purpose is not None:
            made.append(purpose)
    unique_ids(tables, ids)
    narrowing = {name for name, table in tables.items() if table.flag("narrows")}
    return ReadPurposes(tables, ids, sorted(made, key=lambda item: item.id), narrowing)


def _purpose(name: str, table: Table, number: int | None) -> Purpose | None:
    text = table.text("text", limits.MAX_TEXT_CHARACTERS)
    word = table.choice("basis", BASES, "basis")
    basis = BASES.get(word or "")
    granularity_s = table.period("granularity", limits.MIN_GRANULARITY_S, limits.MAX_GRANULARITY_S)
    retention_s = table.period("retention", limits.MIN_RETENTION_S, limits.MAX_RETENTION_S)
    recipients = _recipients(table)
    region = _region(table)
    notice = _notice(table)
    grant_by = _grant_by(table, basis)
    every_s = table.period("every", limits.MIN_EVERY_S, limits.MAX_EVERY_S, default=0)
    weight = table.integer("weight", 1, 100, limits.DEFAULT_WEIGHT)
    epoch_s = table.period("epoch", limits.MIN_EPOCH_S, limits.MAX_EPOCH_S, limits.DEFAULT_EPOCH_S)
    if granularity_s and retention_s and granularity_s > retention_s:
        table.error(
            "retention",
            f"{table.label} keeps records for less than its granularity",
            f"use at least {period_text(granularity_s)}, or a finer granularity",
        )
        return None
    # Written out, so that the type checker and a reader see that nothing is missing below.
    if (
        number is None
        or text is None
        or basis is None
        or granularity_s is None
        or retention_s is None
        or recipients is None
        or region is None
        or notice is None
        or grant_by is None
        or every_s is None
        or weight is None
        or epoch_s is None
    ):
        return None
    return Purpose(
        id=number,
        name=name,
        text=text,
        basis=basis,
        granularity_s=granularity_s,
        retention_s=retention_s,
        recipients=tuple(recipients),
        region=region,
        notice=notice,
        grant_by=grant_by,
        every_s=every_s,
        weight=weight,
        epoch_s=epoch_s,
    )


def _recipients(table: Table) -> list[str] | None:
    values = table.texts("recipients", limits.MAX_RECIPIENTS)
    for value in values or []:
        if not value.strip() or len(value) > limits.MAX_RECIPIENT_CHARACTERS or not value.isprintable():
            table.error(
                "recipients",
                f"recipient {shown(value)} is empty, too long or not one line",
                f"use at most {limits.MAX_RECIPIENT_CHARACTERS} characters of plain text",
            )
            return None
    return values


def _region(table: Table) -> str | None:
    value = table.text("region", 6)
    if value is not None and not _REGION.fullmatch(value):
        table.error(
            "region",
            f'"region" of {table.label} is not a region: {shown(value)}',
            'use a two-letter code such as "DE", "EU" or "CN", or a part such as "CN-SH"',
        )
        return None
    return value


def _notice(table: Table) -> bytes | None:
    """SHA-256 of the notice: of the text itself, or of the bytes of the file that is named."""
    value = table.data.get("notice")
    todo = 'write notice = "the text" or notice = { file = "NAME" }'
    if isinstance(value, str) and value.strip():
        return hashlib.sha256(value.encode("utf-8", "surrogatepass")).digest()
    if isinstance(value, dict) and list(value) == ["file"] and isinstance(value["file"], str):
        try:
            return hashlib.sha256(read_notice(table.source, value["file"])).digest()
        except QuellError as error:
            table.error("notice", error.message, "name a file beside the policy")
            return None
    missing = "notice" not in table.data
    what = f'{table.label} has no "notice"' if missing else f'"notice" of {table.label} is neither'
    table.error("" if missing else "notice", what + ("" if missing else " text nor file"), todo)
    return None


def _grant_by(table: Table, basis: Basis | None) -> tuple[int, ...] | None:
    if basis is not Basis.CONSENT:
        if "grant_by" in table.data and basis is not None:
            table.error(
                "grant_by",
                f'"grant_by" in {table.label}, whose basis is {basis.label}',
                "remove it: only consent is granted",
            )
            return None
        return ()
    words = table.texts("grant_by", len(GRANT_ROLES), DEFAULT_GRANT_BY)
    if words is None:
        return None
    known = [table.known("grant_by", word, GRANT_ROLES, "role") for word in words]
    if None in known:
        return None
    if "operator" in words:
        table.findings.note(
            table.line("grant_by"),
            f"the operator can grant consent for {table.label}",
            "such consent is shown as operator-attested everywhere; be able to prove it",
        )
    return tuple(sorted(GRANT_ROLES[word] for word in words))
