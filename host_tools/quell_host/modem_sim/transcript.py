# SPDX-License-Identifier: MIT
"""The transcript: every byte of the line in both directions, with its time, in a file that only its owner reads."""

import datetime
import os
from pathlib import Path
from typing import TextIO

from quell_host.errors import QuellError

_NAMES = {0x0D: "\\r", 0x0A: "\\n", 0x09: "\\t", 0x5C: "\\\\"}


def shown(data: bytes) -> str:
    """`data` as printable ASCII with \\r, \\n, \\xNN."""
    return "".join(_NAMES.get(byte) or (chr(byte) if 0x20 <= byte < 0x7F else f"\\x{byte:02x}") for byte in data)


class Transcript:
    """`file` None: nothing is written."""

    def __init__(self, file: Path | None) -> None:
        self._stream: TextIO | None = None
        if file is None:
            return
        try:
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            os.fchmod(handle, 0o600)
            self._stream = os.fdopen(handle, "w", encoding="ascii")
        except OSError as error:
            raise QuellError(f"cannot write {file}: {error.strerror}", "give another --transcript") from None

    def line(self, direction: str, data: bytes) -> None:
        """`direction`: `>` to the modem, `<` from it, `#` a note."""
        if self._stream is not None:
            now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
            self._stream.write(f"{now} {direction} {shown(data)}\n")
            self._stream.flush()

    def note(self, text: str) -> None:
        """Something that happened beside the line."""
        self.line("#", text.encode("ascii", "replace"))

    def close(self) -> None:
        """Finish the file."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None
