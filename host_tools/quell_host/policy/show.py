# SPDX-License-Identifier: MIT
"""Show a policy: in words at any width for a privacy officer, or as JSON."""

from dataclasses import dataclass
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from quell_host.policy import words
from quell_host.policy.model import Policy, Purpose, Template
from quell_host.policy.templates import ops_text
from quell_host.policy.vocabulary import Action


@dataclass(frozen=True)
class Signature:
    """What is known of who signed a policy; all of it empty for a TOML file."""

    hash: bytes = b""
    kid: bytes = b""
    verified: bool = False

    def text(self) -> str:
        """In words."""
        if not self.kid:
            return "not signed yet"
        how = "verified" if self.verified else "NOT verified: give --trust with the signer's key"
        return f"by key {self.kid.hex()}, {how}"


def shape(policy: Policy, signature: Signature) -> dict[str, Any]:
    """The JSON shape of `quell policy show --json`, without "schema"."""
    names = {purpose.id: purpose.name for purpose in policy.purposes}
    return {
        "policy": {
            "name": policy.name,
            "version": policy.version,
            "expires": policy.expires,
            "controller": {"name": policy.controller[0], "contact": policy.controller[1]},
            "hash": signature.hash.hex() or None,
            "kid": signature.kid.hex() or None,
            "verified": signature.verified,
        },
        "purposes": [_purpose_shape(policy, purpose) for purpose in policy.purposes],
        "fields": [
            {
                "id": field.id,
                "name": field.name,
                "source": field.source,
                "type": field.type.label,
                "category": field.category,
                "purposes": [names[number] for number in field.purposes],
                "action": field.action.label,
                "parameters": list(field.parameters),
                "required": field.required,
                "stored": words.stored(field),
            }
            for field in policy.fields
        ],
        "templates": [
            {
                "id": template.id,
                "name": template.name,
                "log": template.log,
                "line": template_text(policy, template),
            }
            for template in policy.templates
        ],
        "rates_per_min": dict(sorted(policy.rates.items())),
        "narrows": [digest.hex() for digest in policy.narrows],
    }


def _purpose_shape(policy: Policy, purpose: Purpose) -> dict[str, Any]:
    return {
        "id": purpose.id,
        "name": purpose.name,
        "text": purpose.text,
        "basis": purpose.basis.label,
        "grant_by": words.role_names(purpose.grant_by),
        "granularity_s": purpose.granularity_s,
        "retention_s": purpose.retention_s,
        "every_s": purpose.every_s,
        "epoch_s": purpose.epoch_s,
        "weight": purpose.weight,
        "recipients": list(purpose.recipients),
        "region": purpose.region,
        "notice_sha256": purpose.notice.hex(),
        "digest": purpose.digest.hex(),
        "fields": [field.name for field in policy.fields_of(purpose.id)],
    }


def template_text(policy: Policy, template: Template) -> str:
    """A template as a line, its captures named by the fields that use them."""
    names: dict[int, str] = {}
    for field in policy.fields:
        if isinstance(field.ref, tuple) and field.ref[0] == template.id:
            names.setdefault(field.ref[1], field.name)
    return ops_text(template.ops, names)


def render_policy(policy: Policy, signature: Signature) -> Group:
    """The policy in words, to be printed at any width."""
    facts = [
        ("Controller", ", ".join(policy.controller)),
        ("Valid", f"until {words.date(policy.expires)} begins (UTC)"),
        ("Signed", signature.text()),
    ]
    if signature.hash:
        facts.append(("Hash", signature.hash.hex()))
    parts: list[RenderableType] = [
        Text(f"Policy {policy.name}, version {policy.version}", style="bold"),
        _facts(facts),
    ]
    for purpose in policy.purposes:
        parts += ["", *_purpose(policy, purpose)]
    parts += ["", *_logs(policy)]
    rates = ", ".join(f"{group} {rate}" for group, rate in sorted(policy.rates.items()))
    parts.append(_facts([("At most", f"{rates} events per minute")]))
    parts.append(Text("Whatever is not named here is not collected.", style="italic"))
    return Group(*parts)


def _purpose(policy: Policy, purpose: Purpose) -> list[RenderableType]:
    fields = policy.fields_of(purpose.id)
    times = f"times are rounded down to {words.period(purpose.granularity_s)}"
    facts = [
        ("Basis", words.basis(purpose)),
        ("Kept", f"{words.period(purpose.retention_s)}; {times}"),
        ("Seen by", "; ".join(purpose.recipients)),
        ("Region", purpose.region),
    ]
    if purpose.every_s:
        facts.append(("Sampled", words.interval(purpose.every_s)))
    if any(field.action is Action.HASH for field in fields):
        epoch = words.period(purpose.epoch_s)
        facts.append(("Pseudonyms", f"can be linked for {epoch}, then they change for good"))
    facts.append(("Notice", f"SHA-256 {purpose.notice.hex()[:32]}…"))
    facts.append(("Digest", f"{purpose.digest.hex()[:32]}…"))
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("field", overflow="fold", min_width=14)
    table.add_column("what it is", overflow="fold", ratio=1)
    table.add_column("what is stored", overflow="fold", ratio=1)
    for field in fields:
        table.add_row(Text(field.name), Text(words.origin(policy, field)), Text(words.stored(field)))
    return [
        Text(f"Purpose {purpose.id}: {purpose.name}", style="bold"),
        _indented(Text(purpose.text)),
        _indented(_facts(facts)),
        _indented(table),
    ]


def _logs(policy: Policy) -> list[RenderableType]:
    if not policy.templates:
        return []
    parts: list[RenderableType] = [
        Text("Forms of log lines", style="bold"),
        _indented(Text("Other lines are thrown away; … is thrown away too.")),
    ]
    for template in policy.templates:
        parts.append(_indented(Text(f"{template.name} (log {template.log})")))
        parts.append(_indented(Text(template_text(policy, template)), 4))
    return [*parts, ""]


def _indented(what: RenderableType, columns: int = 2) -> Padding:
    return Padding(what, (0, 0, 0, columns))


def _facts(facts: list[tuple[str, str]]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(min_width=10, no_wrap=True)
    table.add_column(overflow="fold", ratio=1)
    for name, value in facts:
        table.add_row(Text(name, style="dim"), Text(value))
    return table
