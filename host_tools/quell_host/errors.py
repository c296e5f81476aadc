# SPDX-License-Identifier: MIT
"""The one error that a user meets, and the exit codes of every command."""

import enum


class ExitCode(enum.IntEnum):
    """What `quell` exits with. The table in host_tools/README.md is this enum."""

    OK = 0
    FAILED = 1
    """The operation failed: a file cannot be read, a key does not open."""
    USAGE = 2
    """The command line is wrong."""
    NOT_VERIFIED = 3
    """A signature, hash or receipt does not verify."""
    UNREACHABLE = 4
    """Device, broker or receiver unreachable, or no answer in time."""
    FINDINGS = 5
    """A check of a policy or of a flash image found errors."""
    PENDING = 6
    """Not finished yet: no challenge yet, a withdrawal without its receipt."""
    INTERRUPTED = 130
    """Ctrl-C."""


class QuellError(Exception):
    """Something that the user can act on.

    message: what is wrong and where, one line, without a final full stop.
    hint: what to do about it, one line; may be empty.
    code: the exit code of the command.

    `cli.main` prints `str(error)` on stderr and exits with `code`. Neither text may hold a secret.
    """

    def __init__(self, message: str, hint: str = "", code: ExitCode = ExitCode.FAILED) -> None:
        super().__init__(message, hint, code)
        self.message = message
        self.hint = hint
        self.code = code

    def __str__(self) -> str:
        """One line: `message; hint`. Line breaks in either become spaces."""
        text = f"{self.message}; {self.hint}" if self.hint else self.message
        return " ".join(text.split())
