# SPDX-License-Identifier: MIT
"""A file that one process holds: it goes with the process, however that ends."""

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from quell_host.errors import QuellError


@contextlib.contextmanager
def only_one(path: Path, what: str, hint: str) -> Iterator[None]:
    """Hold the lock `path`, which is made. Raises QuellError(what, hint) when another process holds it."""
    try:
        file = path.open("a")
    except OSError as error:
        raise QuellError(f"cannot open {path}: {error.strerror}") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise QuellError(what, hint) from None
        yield
