# SPDX-License-Identifier: MIT
"""Where the host tool keeps its things: `$QUELL_HOME`, else `~/.quell`."""

import os
from pathlib import Path

from quell_host.errors import QuellError

HOME_VARIABLE = "QUELL_HOME"


def home() -> Path:
    """The folder of the ledger and the keys. It need not exist."""
    given = os.environ.get(HOME_VARIABLE)
    return Path(given) if given else Path.home() / ".quell"


def keys_dir() -> Path:
    """The folder of the key files."""
    return home() / "keys"


def ledger_path() -> Path:
    """The ledger's database file."""
    return home() / "ledger.sqlite"


def make_home() -> Path:
    """The folder `home()`, made with mode 0700 when it is missing. Raises QuellError."""
    folder = home()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        hint = f"set {HOME_VARIABLE} to a folder of yours"
        raise QuellError(f"cannot make {folder}: {error.strerror}", hint) from None
    return folder
