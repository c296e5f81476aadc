# SPDX-License-Identifier: MIT
"""Read and check the action of a field: which action is allowed on which type (SPEC §7, §8)."""

from typing import Any

from quell_host.policy.findings import shown, suggest
from quell_host.policy.limits import MAX_BUCKET_BOUNDS, MAX_BUCKET_NUMBER
from quell_host.policy.reader import Table, period_s
from quell_host.policy.vocabulary import (
    ACTIONS,
    BUCKET_TYPES,
    FREE_TEXT_TYPES,
    KEEP_TYPES,
    LATER_ACTIONS,
    TRUNCATE_TYPES,
    UNHASHED_TYPES,
    Action,
    Type,
)

ReadAction = tuple[Action, tuple[int, ...]]
_FORM = 'write a word such as "keep", or { bucket = { width = 10 } }'
_UNITS_PER_S = {Type.TIME: 1, Type.DURATION: 1000}


def read_action(table: Table, kind: Type | None) -> ReadAction | None:
    """The action and its parameters; `kind` is the type of the value, None when unknown."""
    value = table.data.get("action")
    if value is None:
        table.error("", f'{table.label} has no "action"', _FORM)
        return None
    if isinstance(value, dict):
        if list(value) != ["bucket"]:
            word = next(iter(value), "")
            table.error("action", f"unknown action {shown(word)} with parameters", _FORM)
            return None
        return _bucket(table, value["bucket"], kind)
    if not isinstance(value, str):
        table.error("action", f'"action" of {table.label} is not an action', _FORM)
        return None
    action = ACTIONS.get(value)
    if action is None:
        known = [name for name, item in ACTIONS.items() if item not in LATER_ACTIONS]
        todo = suggest(value, known, "use one of: " + ", ".join(known))
        table.error("action", f"unknown action {shown(value)}", todo)
        return None
    if action is Action.BUCKET:
        table.error("action", f"bucket of {table.label} has no width or bounds", _FORM)
        return None
    if not _allowed(table, action, kind):
        return None
    return action, ()


def _allowed(table: Table, action: Action, kind: Type | None) -> bool:
    if action in LATER_ACTIONS:
        table.error(
            "action",
            f'"{action.label}" is not in this version',
            'use "drop", "hash", "truncate" or a bucket',
        )
        return False
    if kind is None:
        return True
    refused = {
        Action.KEEP: kind not in KEEP_TYPES,
        Action.HASH: kind in UNHASHED_TYPES,
        Action.TRUNCATE: kind not in TRUNCATE_TYPES,
    }.get(action, False)
    if not refused:
        return True
    what = f'"{action.label}" is not allowed on {table.label}, which is of type {kind.label}'
    table.error("action", what, _instead(action, kind))
    return False


def _instead(action: Action, kind: Type) -> str:
    if kind is Type.TEXT:
        return 'use "drop": free text waits for the scrubber'
    if action is Action.KEEP and kind in FREE_TEXT_TYPES:
        return 'use "hash" or "drop", or an enum: free text waits for the scrubber'
    choices = ['"drop"']
    if kind not in UNHASHED_TYPES:
        choices.append('"hash"')
    if kind in TRUNCATE_TYPES:
        choices.append('"truncate"')
    if kind in BUCKET_TYPES:
        choices.append("a bucket")
    if action is not Action.KEEP and kind in KEEP_TYPES:
        choices.append('"keep"')
    return "use " + ", ".join(choices[:-1]) + (" or " if choices[:-1] else "") + choices[-1]


def _bucket(table: Table, value: Any, kind: Type | None) -> ReadAction | None:
    form = "write { bucket = { width = 10 } } or { bucket = { bounds = [10, 50, 100] } }"
    if kind is not None and kind not in BUCKET_TYPES:
        table.error(
            "action",
            f"{table.label} is of type {kind.label}, which has no ranges",
            _instead(Action.BUCKET, kind),
        )
        return None
    if not isinstance(value, dict) or list(value) not in (["width"], ["bounds"]):
        table.error("action", f"bucket of {table.label} has no width or bounds", form)
        return None
    if "width" in value:
        width = _number(value["width"], kind)
        if width is None or not 1 < width <= MAX_BUCKET_NUMBER:
            table.error(
                "action",
                f"width of {table.label} is not a range: {shown(value['width'])}",
                'use a whole number of 2 or more; for times also a period such as "1h"',
            )
            return None
        return Action.BUCKET, (0, width)
    return _bounds(table, value["bounds"], kind)


def _bounds(table: Table, value: Any, kind: Type | None) -> ReadAction | None:
    bounds = [_number(item, kind) for item in value] if isinstance(value, list) else []
    numbers = [item for item in bounds if item is not None]
    if (
        not numbers
        or len(numbers) != len(bounds)
        or len(numbers) > MAX_BUCKET_BOUNDS
        or any(abs(item) > MAX_BUCKET_NUMBER for item in numbers)
        or any(low >= high for low, high in zip(numbers, numbers[1:], strict=False))
    ):
        table.error(
            "action",
            f"bounds of {table.label} are not rising whole numbers",
            f"list 1 to {MAX_BUCKET_BOUNDS} of them, each larger than the one before",
        )
        return None
    return Action.BUCKET, (1, *numbers)


def _number(value: Any, kind: Type | None) -> int | None:
    """A whole number, or for times a period in the unit of the type."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, str) and kind in _UNITS_PER_S:
        seconds = period_s(value)
        return None if seconds is None else seconds * _UNITS_PER_S[kind]
    return None
