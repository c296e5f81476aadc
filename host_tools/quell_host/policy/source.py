# SPDX-License-Identifier: MIT
"""Read the TOML of a policy: bounded, with the line of every key."""

import re
import stat
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quell_host.errors import QuellError
from quell_host.policy.findings import Findings
from quell_host.policy.limits import MAX_NOTICE_BYTES, MAX_SOURCE_BYTES
from quell_host.policy.lines import LineIndex

_WHERE = re.compile(r"\s*\(at (?:line (\d+), column \d+|end of document)\)$")


@dataclass(frozen=True)
class PolicySource:
    """A parsed TOML file. `folder` is where its notice files are looked up."""

    name: str
    folder: Path
    data: dict[str, Any]
    lines: LineIndex

    def line(self, *path: str) -> int:
        """The line of this key, or of what is nearest around it."""
        return self.lines.line(*path)


def read_file(path: Path, limit_bytes: int, what: str) -> bytes:
    """The bytes of a regular file of at most `limit_bytes`. Raises QuellError otherwise."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise QuellError(f"{path} is not a regular file", f"name a {what} file")
        with path.open("rb") as file:
            data = file.read(limit_bytes + 1)
    except FileNotFoundError:
        raise QuellError(f"no {what} file {path}", "check the name") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "the name is not a path"
        raise QuellError(f"cannot read {path}: {reason}") from None
    if len(data) > limit_bytes:
        raise QuellError(f"{path} is over {limit_bytes} bytes, the most for a {what}", "make it smaller")
    return data


def read_source(path: Path) -> PolicySource:
    """Read and parse FILE.toml.

    Raises QuellError when the file cannot be read or is too large. What is wrong inside it is a
    matter of `parse_source`.
    """
    return parse_source(read_file(path, MAX_SOURCE_BYTES, "policy"), str(path), path.parent)


def parse_source(data: bytes, name: str, folder: Path) -> PolicySource:
    """Parse the bytes of a TOML policy. Raises SourceError, with one finding, if they are none."""
    findings = Findings()
    if len(data) > MAX_SOURCE_BYTES:
        findings.error(1, f"the file is over {MAX_SOURCE_BYTES} bytes", "make it smaller")
        raise SourceError(name, findings)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        findings.error(line, "the file is not UTF-8", "save it as UTF-8")
        raise SourceError(name, findings) from None
    # TOML allows CR LF; one kind of line end is enough for the scanner.
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    try:
        parsed = tomllib.loads(text)
    except RecursionError:
        findings.error(1, "the file is nested too deeply", "see quell policy new for the form")
        raise SourceError(name, findings) from None
    except ValueError as error:
        line, what = _toml_error(str(error), text)
        findings.error(line, f"not valid TOML: {what}", "correct this line or the one before")
        raise SourceError(name, findings) from None
    return PolicySource(name, folder, parsed, LineIndex(text))


def _toml_error(message: str, text: str) -> tuple[int, str]:
    match = _WHERE.search(message)
    what = _WHERE.sub("", message)
    what = "".join(char if char.isprintable() else "?" for char in what[:120])
    if match is None:
        return 1, what
    return int(match.group(1) or text.count("\n") + 1), what


def read_notice(source: PolicySource, name: str) -> bytes:
    """The bytes of a notice file beside the policy. Raises QuellError when it cannot be read."""
    return read_file(source.folder / name, MAX_NOTICE_BYTES, "notice")


class SourceError(QuellError):
    """The TOML text cannot be parsed at all; `findings` says where."""

    def __init__(self, name: str, findings: Findings) -> None:
        from quell_host.errors import ExitCode

        super().__init__(findings.items[0].text(name), code=ExitCode.FINDINGS)
        self.findings = findings
