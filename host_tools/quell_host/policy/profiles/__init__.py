# SPDX-License-Identifier: MIT
"""Policies to start from: each *.toml here is one profile, named as its file."""

import datetime
import importlib.resources
import re

from quell_host.errors import ExitCode, QuellError

_EXPIRES = re.compile(r"^expires = \d{4}-\d{2}-\d{2}", re.MULTILINE)
VALID_DAYS = 365
"""How long a policy made from a profile is valid, from the day on which it is made."""


def profile_names() -> list[str]:
    """The names of all profiles."""
    folder = importlib.resources.files(__name__)
    names = [file.name for file in folder.iterdir() if file.name.endswith(".toml")]
    return sorted(name.removesuffix(".toml") for name in names)


def profile_text(name: str, today: datetime.date) -> str:
    """The TOML of a profile that expires VALID_DAYS after `today`. Raises QuellError."""
    known = profile_names()
    if name not in known:
        raise QuellError(f'there is no profile "{name[:40]}"', f"use {', '.join(known)}", ExitCode.USAGE)
    file = importlib.resources.files(__name__) / f"{name}.toml"
    text = file.read_text(encoding="utf-8")
    ends = today + datetime.timedelta(days=VALID_DAYS)
    return _EXPIRES.sub(f"expires = {ends.isoformat()}", text, count=1)
