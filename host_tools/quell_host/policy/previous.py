# SPDX-License-Identifier: MIT
"""Compare a checked policy with the one before it: ids never change, versions only rise."""

from collections.abc import Sequence
from typing import Any

from quell_host.policy.check import Checked
from quell_host.policy.document import Document
from quell_host.policy.model import Field, Policy, Purpose, Template
from quell_host.policy.vocabulary import Action


def compare(checked: Checked, previous: Document) -> tuple[bytes, ...]:
    """Add to `checked.findings` what must not follow `previous`.

    Returns the digests of the previous purposes that purposes which say `narrows = true` only
    narrow. `checked.policy` must be there.
    """
    policy, old, findings = checked.policy, previous.policy, checked.findings
    if policy is None:
        return ()
    line = checked.source.line
    if policy.name != old.name:
        findings.error(line("name"), f'the previous policy is named "{old.name}"', "compare with its own")
    if policy.version <= old.version:
        findings.error(
            line("version"),
            f"version {policy.version} does not rise above {old.version}, the previous one",
            f"write version = {old.version + 1}",
        )
    _compare_ids(checked, "purpose", policy.purposes, old.purposes)
    _compare_ids(checked, "field", policy.fields, old.fields)
    return _narrows(checked, policy, old)


def _compare_ids(checked: Checked, kind: str, new: Sequence[Any], old: Sequence[Any]) -> None:
    """Both are sequences of purposes or of fields."""
    findings, line = checked.findings, checked.source.line
    old_names = {item.id: item.name for item in old}
    old_ids = {item.name: item.id for item in old}
    for item in new:
        at = line(kind, item.name, "id")
        if item.name in old_ids and old_ids[item.name] != item.id:
            findings.error(
                at,
                f'{kind} "{item.name}" had id {old_ids[item.name]}',
                f"write id = {old_ids[item.name]}: an id never changes",
            )
        elif item.name not in old_ids and item.id in old_names:
            findings.error(
                at,
                f'id {item.id} of {kind} "{item.name}" was that of "{old_names[item.id]}"',
                "give it an id that was never used",
            )
    names = {item.name for item in new}
    key = f"{kind}s"
    for item in old:
        if item.name not in names and item.id not in checked.retired[key]:
            findings.error(
                line("retired", key) if "retired" in checked.source.data else 1,
                f'{kind} "{item.name}" of the previous policy is gone',
                f"add {item.id} to {key} of [retired], so that nobody uses the id again",
            )


def _narrows(checked: Checked, policy: Policy, old: Policy) -> tuple[bytes, ...]:
    digests = []
    for name in sorted(checked.narrowing):
        new = next(item for item in policy.purposes if item.name == name)
        before = next((item for item in old.purposes if item.name == name), None)
        line = checked.source.line("purpose", name, "narrows")
        if before is None:
            checked.findings.error(line, f'purpose "{name}" is new and narrows nothing', "remove narrows")
            continue
        wider = widened(policy, new, old, before)
        if wider:
            checked.findings.error(
                line,
                f'purpose "{name}" does more than narrow: {", ".join(wider)}',
                "undo that, or remove narrows and ask for consent again",
            )
        elif before.digest != new.digest:
            digests.append(before.digest)
    return tuple(sorted(digests))


def widened(policy: Policy, new: Purpose, old_policy: Policy, old: Purpose) -> list[str]:
    """In what a purpose is not narrower than before, in words; empty when it only narrows."""
    checks = {
        "another controller": policy.controller != old_policy.controller,
        "another text": new.text != old.text,
        "another basis": new.basis != old.basis,
        "another region": new.region != old.region,
        "another notice": new.notice != old.notice,
        "new recipients": not set(old.recipients).issuperset(new.recipients),
        "other people who can grant": not set(old.grant_by).issuperset(new.grant_by),
        "finer times": new.granularity_s % old.granularity_s != 0,
        "longer retention": new.retention_s > old.retention_s,
        "longer epochs": new.epoch_s > old.epoch_s,
        "more frequent samples": new.every_s != 0 and not 0 < old.every_s <= new.every_s,
    }
    wider = [what for what, yes in checks.items() if yes]
    before = {field.name: field for field in old_policy.fields_of(old.id)}
    for field in policy.fields_of(new.id):
        known = before.get(field.name)
        if known is None:
            wider.append(f'new field "{field.name}"')
        elif _origin(policy, field) != _origin(old_policy, known):
            wider.append(f'another source of "{field.name}"')
        elif field.category != known.category or not _stricter(field, known):
            wider.append(f'another action or category of "{field.name}"')
    return wider


def _origin(policy: Policy, field: Field) -> tuple[object, ...]:
    """What a source is, apart from ids: names of captures are not in a signed file."""
    if isinstance(field.ref, int):
        return (field.ref,)
    template: Template | None = policy.template(field.ref[0])
    return (template and (template.log, template.ops), field.ref[1])


def _stricter(new: Field, old: Field) -> bool:
    """True when the new action tells the same or less of a value than the old one."""
    if (new.action, new.parameters) == (old.action, old.parameters) or new.action is Action.DROP:
        return True
    if old.action is Action.KEEP:
        return True
    both_widths = new.parameters[:1] == (0,) and old.parameters[:1] == (0,)
    return new.action is old.action is Action.BUCKET and both_widths and new.parameters[1] % old.parameters[1] == 0
