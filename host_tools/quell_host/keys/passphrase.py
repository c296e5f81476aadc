# SPDX-License-Identifier: MIT
"""Where a passphrase comes from: the environment or a prompt, never the command line.

An argument would stand in the list of processes and in the shell's history.
"""

import getpass
import os
import sys

from quell_host.errors import ExitCode, QuellError

VARIABLE = "QUELL_PASSPHRASE"
MIN_PASSPHRASE_CHARACTERS = 12


class KeyLockedError(QuellError):
    """The key file is encrypted and no passphrase was given."""

    def __init__(self, path: object) -> None:
        super().__init__(f"{path} needs a passphrase", f"run on a terminal or set {VARIABLE}")


def check_passphrase(passphrase: str | None) -> None:
    """Raise QuellError when the passphrase of a new key is too short. None means: no passphrase."""
    if passphrase is not None and len(passphrase) < MIN_PASSPHRASE_CHARACTERS:
        raise QuellError(
            f"the passphrase has fewer than {MIN_PASSPHRASE_CHARACTERS} characters",
            "choose a longer one, such as four words",
            ExitCode.USAGE,
        )


def passphrase_for_new_key() -> str:
    """From QUELL_PASSPHRASE, else asked twice on the terminal. Raises QuellError without either."""
    given = os.environ.get(VARIABLE)
    if given:
        return given
    first = _prompt("Passphrase for the new key: ")
    if _prompt("The same again: ") != first:
        raise QuellError("the two passphrases differ", "try again", ExitCode.USAGE)
    return first


def passphrase_for(path: object) -> str:
    """From QUELL_PASSPHRASE, else asked on the terminal. Raises QuellError without either."""
    return os.environ.get(VARIABLE) or _prompt(f"Passphrase of {path}: ")


def _prompt(text: str) -> str:
    if not sys.stdin.isatty():
        raise QuellError("a passphrase is needed and there is no terminal", f"set {VARIABLE}")
    return getpass.getpass(text, stream=sys.stderr)
