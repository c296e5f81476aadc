# SPDX-License-Identifier: MIT
"""The CBOR payload of SPEC §7 back into a policy; whatever is not exactly that is refused."""

import re
from typing import Any

from quell_host.policy import limits
from quell_host.policy.catalogue import catalogue
from quell_host.policy.model import Field, Op, Policy, Purpose, Template
from quell_host.policy.vocabulary import Action, Basis, Type
from quell_host.wire import cbor

_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")
_PURPOSE_KEYS = set(range(14))
_FIELD_KEYS = set(range(9))
_TEMPLATE_KEYS = set(range(4))


class PayloadError(ValueError):
    """A payload that is no policy of schema 1. Its text says which part."""


def decode_payload(payload: bytes) -> Policy:
    """Decode a payload. Raises PayloadError; a purpose's digest is taken as it stands."""
    try:
        top = cbor.decode(payload)
    except cbor.CborError as error:
        raise PayloadError(f"not CBOR: {error}") from None
    _map(top, set(range(10)), "the policy")
    if top[0] != 1 or isinstance(top[0], bool):
        raise PayloadError("another schema than 1")
    templates = tuple(_template(item) for item in _list(top[7], limits.MAX_TEMPLATES, "templates"))
    purposes = tuple(_purpose(item) for item in _list(top[5], limits.MAX_PURPOSES, "purposes"))
    fields = tuple(
        _field(item, {template.id: template for template in templates})
        for item in _list(top[6], limits.MAX_FIELDS, "fields")
    )
    for what, items in (("purposes", purposes), ("fields", fields), ("templates", templates)):
        _rising([item.id for item in items], what)
        _distinct([item.name for item in items], what)
    known = {purpose.id for purpose in purposes}
    if any(not known.issuperset(field.purposes) for field in fields):
        raise PayloadError("a field of an unknown purpose")
    controller = _list(top[4], 2, "controller")
    if len(controller) != 2:
        raise PayloadError("controller")
    return Policy(
        name=_name(top[1], "name"),
        version=_int(top[2], 1, limits.MAX_VERSION, "version"),
        expires=_int(top[3], 0, 253402300799, "expires"),
        controller=(_text(controller[0], "controller"), _text(controller[1], "controller")),
        purposes=purposes,
        fields=fields,
        templates=templates,
        rates=_rates(top[8]),
        narrows=tuple(_bytes(item, 32, "narrows") for item in _list(top[9], 64, "narrows")),
    )


def _purpose(item: Any) -> Purpose:
    _map(item, _PURPOSE_KEYS, "purpose")
    grant_by = [_int(role, 0, 2, "grant_by") for role in _list(item[9], 3, "grant_by")]
    _rising(grant_by, "grant_by")
    day_s = limits.DAY_S
    return Purpose(
        id=_int(item[0], 1, limits.MAX_PURPOSE_ID, "purpose id"),
        name=_name(item[1], "purpose name"),
        text=_text(item[2], "purpose text"),
        basis=Basis(_int(item[3], 0, 3, "basis")),
        granularity_s=_int(item[4], 1, 400 * day_s, "granularity"),
        retention_s=_int(item[5], 1, 36600 * day_s, "retention"),
        recipients=tuple(_text(name, "recipient") for name in _list(item[6], limits.MAX_RECIPIENTS, "recipients")),
        region=_text(item[7], "region"),
        notice=_bytes(item[8], 32, "notice"),
        grant_by=tuple(grant_by),
        digest=_bytes(item[10], 32, "digest"),
        every_s=_int(item[11], 0, 400 * day_s, "every"),
        weight=_int(item[12], 1, 100, "weight"),
        epoch_s=_int(item[13], 1, 36600 * day_s, "epoch"),
    )


def _field(item: Any, templates: dict[int, Template]) -> Field:
    _map(item, _FIELD_KEYS, "field")
    kind = Type(_int(item[8], 0, len(Type) - 1, "type"))
    ref, source = _source(item[2], kind, templates)
    purposes = [
        _int(number, 1, limits.MAX_PURPOSE_ID, "purposes of a field")
        for number in _list(item[4], limits.MAX_PURPOSES, "purposes of a field")
    ]
    _rising(purposes, "purposes of a field")
    action = Action(_int(item[5], 0, len(Action) - 1, "action"))
    category = catalogue().category_names.get(_int(item[3], 0, 255, "category"))
    if category is None:
        raise PayloadError("unknown category")
    if not purposes or not isinstance(item[7], bool):
        raise PayloadError("field")
    return Field(
        id=_int(item[0], 1, limits.MAX_FIELD_ID, "field id"),
        name=_name(item[1], "field name"),
        source=source,
        ref=ref,
        category=category,
        purposes=tuple(purposes),
        action=action,
        parameters=_parameters(action, item[6]),
        required=item[7],
        type=kind,
    )


def _source(value: Any, kind: Type, templates: dict[int, Template]) -> tuple[int | tuple[int, int], str]:
    if isinstance(value, list):
        if len(value) != 2:
            raise PayloadError("source")
        number = _int(value[0], 1, limits.MAX_TEMPLATE_ID, "source")
        index = _int(value[1], 0, limits.MAX_CAPTURES - 1, "source")
        template = templates.get(number)
        if template is None or not any(
            not isinstance(op, bytes) and op[1] == index and op[0] == kind for op in template.ops
        ):
            raise PayloadError("a source that is no capture")
        return (number, index), f"log.{template.name}.{index}"
    found = catalogue().by_id.get(_int(value, 1, 65535, "source"))
    if found is None or found.type is not kind:
        raise PayloadError("unknown source, or one of another type")
    return found.id, found.name


def _parameters(action: Action, value: Any) -> tuple[int, ...]:
    most = limits.MAX_BUCKET_NUMBER
    numbers = tuple(
        _int(item, -most, most, "parameters") for item in _list(value, limits.MAX_BUCKET_BOUNDS + 1, "parameters")
    )
    if action is not Action.BUCKET:
        good = not numbers
    elif numbers[:1] == (0,):
        good = len(numbers) == 2 and numbers[1] > 0
    else:
        good = numbers[:1] == (1,) and len(numbers) > 1
        _rising(list(numbers[1:]), "bounds")
    if not good:
        raise PayloadError("parameters of an action")
    return numbers


def _template(item: Any) -> Template:
    _map(item, _TEMPLATE_KEYS, "template")
    ops = tuple(_op(op) for op in _list(item[3], 2 * limits.MAX_TEMPLATE_BYTES, "ops"))
    captures = [op[1] for op in ops if not isinstance(op, bytes) and op[1] >= 0]
    if captures != list(range(len(captures))) or len(captures) > limits.MAX_CAPTURES:
        raise PayloadError("captures of a template")
    return Template(
        id=_int(item[0], 1, limits.MAX_TEMPLATE_ID, "template id"),
        name=_name(item[1], "template name"),
        log=_name(item[2], "log"),
        ops=ops,
    )


def _op(op: Any) -> Op:
    if isinstance(op, bytes) and op:
        return op
    if not isinstance(op, list) or len(op) != 3:
        raise PayloadError("op of a template")
    kind = Type(_int(op[0], 0, len(Type) - 1, "op of a template"))
    capture = _int(op[1], -1, limits.MAX_CAPTURES - 1, "op of a template")
    if kind is Type.ENUM:
        values = _list(op[2], limits.MAX_ENUM_VALUES, "enum")
        if not values or not all(isinstance(value, bytes) and value for value in values):
            raise PayloadError("enum")
        return (int(kind), capture, tuple(values))
    if op[2] is not None or (kind is Type.ANY and capture >= 0):
        raise PayloadError("op of a template")
    return (int(kind), capture, None)


def _rates(value: Any) -> dict[str, int]:
    if not isinstance(value, dict) or not catalogue().groups:
        raise PayloadError("rates")
    if not set(catalogue().groups).issuperset(value):
        raise PayloadError("rate of an unknown source group")
    return {group: _int(rate, 1, 2**31, "rate") for group, rate in value.items()}


def _map(value: Any, keys: set[int], what: str) -> None:
    if not isinstance(value, dict) or set(value) != keys or any(type(key) is bool for key in value):
        raise PayloadError(f"keys of {what}")


def _list(value: Any, most: int, what: str) -> list[Any]:
    if not isinstance(value, list) or len(value) > most:
        raise PayloadError(what)
    return value


def _int(value: Any, low: int, high: int, what: str) -> int:
    if type(value) is not int or not low <= value <= high:
        raise PayloadError(what)
    return value


def _text(value: Any, what: str) -> str:
    # Printable only: a policy from elsewhere must not steer the terminal that shows it.
    if not isinstance(value, str) or not value.isprintable() or len(value) > 1024:
        raise PayloadError(what)
    return value


def _name(value: Any, what: str) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise PayloadError(what)
    return value


def _bytes(value: Any, length: int, what: str) -> bytes:
    if not isinstance(value, bytes) or len(value) != length:
        raise PayloadError(what)
    return value


def _rising(numbers: list[int], what: str) -> None:
    if any(low >= high for low, high in zip(numbers, numbers[1:], strict=False)):
        raise PayloadError(f"order of {what}")


def _distinct(names: list[str], what: str) -> None:
    if len(set(names)) != len(names):
        raise PayloadError(f"two {what} of one name")
