# SPDX-License-Identifier: MIT
"""The agent's configuration on a Linux host: a JSON file, checked before the agent starts.

Keys: dir, broker {host, port, user, password, ca, server_name, keepalive_s}, logs {name: path},
withdraw_file, app, poll_ms. `dir` and `broker.host` are required.
"""

import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quell_host.errors import ExitCode, QuellError

MAX_CONFIG_BYTES = 65536


def _text(value: Any) -> str:
    return "" if isinstance(value, str) and value and "\0" not in value else "a text"


def _number(least: int, most: int) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        fits = isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
        return "" if fits else f"a number of {least} to {most}"

    return check


def _logs(value: Any) -> str:
    fits = isinstance(value, dict) and not any(_text(path) for path in value.values())
    return "" if fits else "a map of log names to paths"


def _map(value: Any) -> str:
    return "" if isinstance(value, dict) else "a map"


_KEYS: dict[str, Callable[[Any], str]] = {
    "dir": _text,
    "broker": _map,
    "logs": _logs,
    "withdraw_file": _text,
    "app": _text,
    "poll_ms": _number(1, 60_000),
}
_BROKER_KEYS: dict[str, Callable[[Any], str]] = {
    "host": _text,
    "port": _number(1, 65535),
    "user": _text,
    "password": _text,
    "ca": _text,
    "server_name": _text,
    "keepalive_s": _number(1, 65535),
}


@dataclass(frozen=True)
class AgentConfig:
    """A checked configuration. `values` is what the file holds, `folder` the device's folder."""

    path: Path
    values: dict[str, Any]

    @property
    def folder(self) -> Path:
        """The device's folder."""
        return Path(self.values["dir"])


def read_config(path: Path) -> AgentConfig:
    """Read and check a configuration. Raises QuellError (usage) that names file, line and key."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_CONFIG_BYTES + 1)
        text = data.decode()
    except OSError as error:
        raise QuellError(f"cannot read {path}: {error.strerror}", "", ExitCode.USAGE) from None
    except UnicodeDecodeError:
        raise QuellError(f"{path} is not UTF-8", "save it as UTF-8", ExitCode.USAGE) from None
    if len(data) > MAX_CONFIG_BYTES:
        raise QuellError(f"{path} is over {MAX_CONFIG_BYTES} bytes", "", ExitCode.USAGE)
    try:
        values = json.loads(text)
    except json.JSONDecodeError as error:
        raise _wrong(path, error.lineno, error.msg, "correct the JSON") from None
    except RecursionError:
        raise _wrong(path, 1, "nested too deep", "correct the JSON") from None
    if not isinstance(values, dict):
        raise _wrong(path, 1, "not a map", "begin it with {")
    _check(path, text, values, _KEYS, "")
    for needed in ("dir", "broker"):
        if needed not in values:
            raise _wrong(path, 1, f'"{needed}" is missing', "add it")
    _check(path, text, values["broker"], _BROKER_KEYS, "broker.")
    if "host" not in values["broker"]:
        raise _wrong(path, _line(text, "broker"), '"broker.host" is missing', "add it")
    _check_mode(path, values)
    return AgentConfig(path, values)


def _check(
    path: Path,
    text: str,
    values: dict[str, Any],
    known: dict[str, Callable[[Any], str]],
    prefix: str,
) -> None:
    for key, value in values.items():
        if key not in known:
            hint = f"known are: {', '.join(known)}"
            raise _wrong(path, _line(text, key), f'unknown key "{prefix}{key}"', hint)
        wanted = known[key](value)
        if wanted:
            what = f'"{prefix}{key}" is not {wanted}'
            raise _wrong(path, _line(text, key), what, "correct it")


def _check_mode(path: Path, values: dict[str, Any]) -> None:
    others = os.name == "posix" and path.stat().st_mode & 0o077
    if "password" in values["broker"] and others:
        what = f"{path} holds a password and can be read by others"
        raise QuellError(what, f"run: chmod 600 {path}", ExitCode.USAGE)


def _line(text: str, key: str) -> int:
    match = re.search(re.escape(json.dumps(key, ensure_ascii=False)) + r"\s*:", text)
    return text.count("\n", 0, match.start()) + 1 if match else 1


def _wrong(path: Path, line: int, what: str, hint: str) -> QuellError:
    return QuellError(f"{path}:{line}: {what}", hint, ExitCode.USAGE)
