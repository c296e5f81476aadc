# SPDX-License-Identifier: MIT
"""One receiver per ledger: two with one client id would take each other's session."""

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from quell_host.errors import QuellError


@contextlib.contextmanager
def only_receiver(ledger_path: Path) -> Iterator[None]:
    """Hold the lock of this ledger's receiver; it goes with the process, however that ends.

    Raises QuellError when another process holds it.
    """
    path = ledger_path.with_suffix(".receiver.lock")
    try:
        file = path.open("a")
    except OSError as error:
        raise QuellError(f"cannot open {path}: {error.strerror}") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            what = f"another receiver runs on {ledger_path}"
            raise QuellError(what, "stop it first, or use that one") from None
        yield
