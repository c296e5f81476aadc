# SPDX-License-Identifier: MIT
"""Copies of the ledger, made by SQLite while it is in use."""

import os
import sqlite3
from pathlib import Path

from quell_host.errors import ExitCode, QuellError
from quell_host.ledger.database import Ledger


def backup(ledger: Ledger, target: Path) -> int:
    """Copy the ledger to the new file `target`, mode 0600. Returns its size in bytes.

    Raises QuellError when it exists or cannot be written; then nothing is left behind.
    """
    try:
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        raise QuellError(f"{target} exists", "choose another name", ExitCode.USAGE) from None
    except OSError as error:
        raise QuellError(f"cannot make {target}: {error.strerror}") from None
    try:
        source, copy = sqlite3.connect(ledger.path), sqlite3.connect(target)
        try:
            source.backup(copy)
            # One file, not three: a backup is carried about.
            copy.execute("PRAGMA journal_mode=DELETE")
        finally:
            copy.close()
            source.close()
        with target.open("rb") as file:
            os.fsync(file.fileno())
    except (sqlite3.Error, OSError) as error:
        target.unlink(missing_ok=True)
        raise QuellError(f"cannot copy to {target}: {error}") from None
    return target.stat().st_size
