# SPDX-License-Identifier: MIT
"""Read and check the [template.NAME] tables."""

from dataclasses import dataclass, field

from quell_host.policy import limits
from quell_host.policy.findings import Findings, shown
from quell_host.policy.model import Template
from quell_host.policy.reader import NAME, NAME_RULE, Table, named_tables, unique_ids
from quell_host.policy.source import PolicySource
from quell_host.policy.templates import Compiled, TemplateError, compile_template

KEYS = ("id", "log", "line")


@dataclass
class ReadTemplates:
    """What was read. `made` and `compiled` hold, by name, only templates without errors."""

    tables: dict[str, Table]
    ids: dict[str, int | None] = field(default_factory=dict)
    made: dict[str, Template] = field(default_factory=dict)
    compiled: dict[str, Compiled] = field(default_factory=dict)


def read_templates(source: PolicySource, findings: Findings) -> ReadTemplates:
    """All templates of the policy."""
    tables = named_tables(source, findings, "template", limits.MAX_TEMPLATES)
    read = ReadTemplates(tables)
    seen: dict[tuple[str, str], str] = {}
    for name, table in tables.items():
        table.only(KEYS)
        number = read.ids[name] = table.integer("id", 1, limits.MAX_TEMPLATE_ID)
        log = table.text("log", 32)
        if log is not None and not NAME.fullmatch(log):
            table.error("log", f"the log name {shown(log)} is not allowed", NAME_RULE)
            log = None
        line = table.text("line", limits.MAX_TEMPLATE_BYTES)
        compiled = None if line is None else _compiled(table, line)
        if log is None or line is None or compiled is None:
            continue
        if (log, line) in seen:
            table.error(
                "line",
                f'{table.label} has the line of "{seen[log, line]}"',
                "remove one: the first that matches takes the line",
            )
        seen.setdefault((log, line), name)
        if number is not None:
            read.compiled[name] = compiled
            read.made[name] = Template(number, name, log, compiled.ops, line, tuple(compiled.captures))
    unique_ids(tables, read.ids)
    return read


def _compiled(table: Table, line: str) -> Compiled | None:
    try:
        return compile_template(line)
    except TemplateError as error:
        table.error("line", f"{table.label}: {error.what}", error.do)
        return None


def report_unused(read: ReadTemplates, used: set[tuple[str, str]]) -> None:
    """Report captures that no field stores; `used` holds pairs of template and capture name."""
    for name, template in read.made.items():
        table = read.tables[name]
        if not any(pair[0] == name for pair in used):
            table.error("", f"no field uses {table.label}", "remove it, or add a field")
            continue
        for capture in template.captures:
            if (name, capture) not in used:
                kind = read.compiled[name].captures[capture].label
                table.error(
                    "line",
                    f'no field uses the capture "{capture}" of {table.label}',
                    f"write {{*:{kind}}} to match it and throw it away, or add a field",
                )
