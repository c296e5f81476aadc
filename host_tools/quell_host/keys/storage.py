# SPDX-License-Identifier: MIT
"""Secret files: made once, mode 0600, never overwritten, refused when others can read them."""

import os
import re
import stat
from pathlib import Path

from quell_host.errors import ExitCode, QuellError

MAX_KEY_FILE_BYTES = 16384
NAME_RULE = "a letter, then up to 31 letters, digits or hyphens"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,31}")


def check_name(name: str) -> str:
    """Return `name` if a key may have it. Raises QuellError (usage) otherwise."""
    if not _NAME.fullmatch(name):
        raise QuellError(f"key name {name!r} is not allowed", f"use {NAME_RULE}", ExitCode.USAGE)
    return name


def key_path(path: Path) -> Path:
    """The path of the key file, with `.key` added when `path` has no suffix."""
    return path if path.suffix else path.with_suffix(".key")


def enrolment_path(path: Path) -> Path:
    """The enrolment file that belongs to the key file `path`."""
    return key_path(path).with_suffix(".enrol.json")


def make_secret_file(path: Path, data: bytes) -> None:
    """Write `data` to the new file `path`, mode 0600, and sync it.

    Raises QuellError when the file exists or cannot be written; then nothing is left behind.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise QuellError(f"{path} exists and a key is never overwritten", "choose another name") from None
    except OSError as error:
        raise QuellError(f"cannot make {path}: {error.strerror}") from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        path.unlink(missing_ok=True)
        raise QuellError(f"cannot write {path}: {error.strerror}") from None


def read_secret_file(path: Path) -> bytes:
    """The bytes of a secret file.

    Raises QuellError when it is missing, not a regular file, larger than MAX_KEY_FILE_BYTES, or
    readable by group or others.
    """
    try:
        # Non-blocking, because opening a FIFO would otherwise wait for a writer for ever.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(handle, "rb") as file:
            info = os.fstat(file.fileno())
            if not stat.S_ISREG(info.st_mode):
                raise QuellError(f"{path} is not a regular file", "name a key file")
            if os.name == "posix" and info.st_mode & 0o077:
                raise QuellError(f"{path} can be read by others", f"run: chmod 600 {path}")
            data = file.read(MAX_KEY_FILE_BYTES + 1)
    except FileNotFoundError:
        raise QuellError(f"no key file {path}", "see: quell keys list") from None
    except OSError as error:
        raise QuellError(f"cannot read {path}: {error.strerror}") from None
    if len(data) > MAX_KEY_FILE_BYTES:
        raise QuellError(f"{path} is too large to be a key file", "name a key file")
    return data
