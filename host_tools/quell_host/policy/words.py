# SPDX-License-Identifier: MIT
"""What the parts of a policy mean, in words for people who do not write policies."""

import datetime

from quell_host.policy.catalogue import catalogue
from quell_host.policy.model import Field, Policy, Purpose
from quell_host.policy.render import range_text
from quell_host.policy.vocabulary import GRANT_ROLES, Action, Basis, Type

_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
_ROLE_WORDS = {0: "the operator", 1: "the subject", 2: "the guardian"}
_KEPT_PARTS = {
    Type.IPV4: "the network part only (192.0.2.0/24)",
    Type.IPV6: "the network part only (2001:db8:1::/48)",
    Type.IP: "the network part only (/24 or /48)",
    Type.MAC: "the maker's part only",
    Type.IMEI: "the model's part only (TAC)",
    Type.IMSI: "the country's part only (MCC)",
    Type.ICCID: "the issuer's part only",
    Type.PHONE: "the country code only",
}


def period(seconds: int) -> str:
    """A period in words: 5400 → "90 minutes"."""
    size, word = next((unit for unit in _UNITS if seconds % unit[0] == 0), _UNITS[-1])
    count = seconds // size
    return f"{count} {word}" + ("" if count == 1 else "s")


def interval(seconds: int) -> str:
    """How often, in words: 3600 → "every hour", 900 → "every 15 minutes"."""
    return "every " + period(seconds).removeprefix("1 ")


def date(seconds: int) -> str:
    """The UTC day of a point in time: "2030-01-01"."""
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%d")


def role_names(roles: tuple[int, ...]) -> list[str]:
    """The words for role numbers."""
    names = {number: name for name, number in GRANT_ROLES.items()}
    return [names[role] for role in roles]


def basis(purpose: Purpose) -> str:
    """What the legal basis means for the person concerned."""
    if purpose.basis is Basis.CONSENT:
        who = " or ".join(_ROLE_WORDS[role] for role in purpose.grant_by) or "nobody"
        attested = ""
        if 0 in purpose.grant_by:
            attested = " What the operator grants is shown as operator-attested."
        return (
            f"consent: nothing is collected before {who} agrees. A withdrawal stops it at once "
            f"and erases what was collected.{attested}"
        )
    if purpose.basis is Basis.LEGITIMATE_INTEREST:
        return (
            "legitimate-interest: collected from the start. An objection stops it at once and "
            "erases what was collected."
        )
    return f"{purpose.basis.label}: collected from the start. It cannot be withdrawn."


def origin(policy: Policy, field: Field) -> str:
    """Where a field comes from."""
    if isinstance(field.ref, int):
        found = catalogue().by_id[field.ref]
        return found.text + (f" ({found.unit})" if found.unit else "")
    template = policy.template(field.ref[0])
    if template is None:
        return "unknown"
    if template.log == "exception":
        return f"message of a fault, form {template.name}"
    return f"line of the log {template.log}, form {template.name}"


def stored(field: Field) -> str:
    """What is stored of a field."""
    if field.action is Action.KEEP:
        return "as it is"
    if field.action is Action.DROP:
        return "nothing, it is thrown away"
    if field.action is Action.HASH:
        return "a pseudonym"
    if field.action is Action.TRUNCATE:
        return _KEPT_PARTS.get(field.type, "a part only")
    if field.action is Action.BUCKET:
        return _bucket(field)
    return f"{field.action.label} (not in this version)"


def _bucket(field: Field) -> str:
    kind, *numbers = field.parameters
    if kind == 0:
        return f"a range {_amount(field, numbers[0])} wide"
    edges = [None, *numbers, None]
    ranges = [range_text(field, low, high) for low, high in zip(edges, edges[1:], strict=False)]
    return "one of the ranges " + ", ".join(ranges)


def _amount(field: Field, number: int) -> str:
    if field.type is Type.TIME:
        return period(number)
    if field.type is Type.DURATION:
        return period(number // 1000) if number % 1000 == 0 else f"{number} ms"
    found = catalogue().by_id.get(field.ref) if isinstance(field.ref, int) else None
    return f"{number} {found.unit}" if found and found.unit else str(number)
