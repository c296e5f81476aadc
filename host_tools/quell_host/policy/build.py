# SPDX-License-Identifier: MIT
"""From TOML to a signed policy file, in one call; the same input gives the same bytes."""

import dataclasses
import datetime
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from quell_host.errors import ExitCode, QuellError
from quell_host.keys.files import Signer
from quell_host.policy.check import Checked, check
from quell_host.policy.document import Document
from quell_host.policy.encode import sign_policy
from quell_host.policy.findings import Findings
from quell_host.policy.previous import compare
from quell_host.policy.source import read_source


class CheckFailedError(QuellError):
    """The policy has errors; `findings` holds all of them."""

    def __init__(self, file: str, findings: Findings) -> None:
        count = len(findings.errors)
        noun = "error" if count == 1 else "errors"
        super().__init__(f"{count} {noun} in {file}", "correct the lines named above", ExitCode.FINDINGS)
        self.findings = findings


@dataclass(frozen=True)
class Built:
    """A built policy: the opened document and the check that it passed."""

    document: Document
    checked: Checked


def check_file(path: Path, today: datetime.date) -> Checked:
    """Check FILE.toml as of `today`. Raises QuellError when it cannot be read or parsed."""
    return check(read_source(path), today)


def build(path: Path, signer: Signer, previous: Document | None, today: datetime.date) -> Built:
    """Check and sign FILE.toml.

    previous: the policy before it, whose ids must not change. Raises CheckFailedError when there
    are errors, QuellError when the file cannot be read, is too large, or the key signs no policy.
    """
    checked = check_file(path, today)
    if checked.policy is None:
        raise CheckFailedError(str(path), checked.findings)
    policy = checked.policy
    if previous is not None:
        policy = dataclasses.replace(policy, narrows=compare(checked, previous))
    else:
        for name in sorted(checked.narrowing):
            checked.findings.error(
                checked.source.line("purpose", name, "narrows"),
                f'purpose "{name}" narrows a previous policy, and none is given',
                "give it with --previous, or remove narrows",
            )
    if checked.findings.errors:
        raise CheckFailedError(str(path), checked.findings)
    signed = sign_policy(policy, signer)
    # Opened as a device's host would: what cannot be opened is never handed out.
    document = Document.open(signed, {signer.kid: signer.public})
    return Built(document, checked)


def write_document(document: Document, path: Path) -> None:
    """Write the policy file whole or not at all. Raises QuellError when it cannot be written."""
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=path.name, delete=False) as file:
            temporary = Path(file.name)
            file.write(document.data)
            file.flush()
            os.fsync(file.fileno())
        # A policy is for everybody to read, unlike what mkstemp thinks of its files.
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        raise QuellError(f"cannot write {path}: {error.strerror}", "name another with -o") from None
