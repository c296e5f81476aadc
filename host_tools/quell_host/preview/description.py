# SPDX-License-Identifier: MIT
"""The device description: a JSON file with the value of every source, for previews and simulators.

    {"device.model": "EC200U", "modem.imei": "490154203237518",
     "emit": [["reliability", {"jobs": 12}]],
     "exceptions": [["ValueError", "Traceback (most recent call last):\\n  File \\"a.py\\", line 3\\nValueError: x"]]}

Source names are the catalogue's; a source that is absent gives nothing. `emit` and `exceptions` are optional, and so
is the object `quecpython`, which only `quell quecpython-sim` looks into.
"""

import difflib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from quell_host.errors import QuellError
from quell_host.policy.catalogue import catalogue
from quell_host.policy.source import read_file

_MAX_BYTES = 256 * 1024


@dataclass(frozen=True)
class Description:
    """`sources`: catalogue id → value; `emit`: (purpose, fields); `exceptions`: (type, traceback).

    `quecpython`: what the simulated module checks and reads.
    """

    sources: dict[int, Any]
    emit: list[tuple[str, dict[str, Any]]]
    exceptions: list[tuple[str, str]]
    quecpython: dict[str, Any] = field(default_factory=dict)


def _line_of(text: str, key: str) -> int:
    at = text.find(json.dumps(key))
    return text.count("\n", 0, max(at, 0)) + 1


def _pairs(path: Path, text: str, key: str, value: Any, second: type) -> list[Any]:
    shaped = isinstance(value, list) and all(
        isinstance(item, list)
        and len(item) == 2
        and isinstance(item[0], str)
        and isinstance(item[1], second)
        for item in value
    )
    if not shaped:
        what = "[purpose, {field: value}]" if second is dict else "[type, traceback]"
        raise QuellError(f'{path}:{_line_of(text, key)}: "{key}" is not a list of {what}')
    return [tuple(item) for item in value]


def read_description(path: Path) -> Description:
    """Read and check a description. Raises QuellError naming file and line."""
    data = read_file(path, _MAX_BYTES, "device description")
    try:
        text = data.decode("utf-8")
        shaped = json.loads(text)
    except json.JSONDecodeError as error:
        raise QuellError(f"{path}:{error.lineno}: not JSON: {error.msg}") from None
    except (UnicodeDecodeError, RecursionError):
        raise QuellError(f"{path} is not JSON in UTF-8") from None
    if not isinstance(shaped, dict):
        raise QuellError(f"{path}:1: not a JSON object", "write {source: value, …}")
    ids = {name: source.id for name, source in catalogue().sources.items()}
    emit = _pairs(path, text, "emit", shaped.pop("emit", []), dict)
    exceptions = _pairs(path, text, "exceptions", shaped.pop("exceptions", []), str)
    quecpython = shaped.pop("quecpython", {})
    if not isinstance(quecpython, dict):
        at = _line_of(text, "quecpython")
        raise QuellError(f'{path}:{at}: "quecpython" is not an object', "write {key: value, …}")
    sources = {}
    for name, value in shaped.items():
        if name not in ids:
            near = difflib.get_close_matches(name, ids, 1)
            hint = f'did you mean "{near[0]}"?' if near else "names are those of policy/catalogue.toml"
            raise QuellError(f'{path}:{_line_of(text, name)}: no source "{name}"', hint)
        if value is not None and not isinstance(value, bool | int | str):
            at = _line_of(text, name)
            raise QuellError(f'{path}:{at}: "{name}" is neither number, text, bool nor null')
        sources[ids[name]] = value
    return Description(sources, emit, exceptions, quecpython)
