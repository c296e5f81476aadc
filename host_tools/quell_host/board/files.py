# SPDX-License-Identifier: MIT
"""The files of a board, over its raw REPL: words and answers are checked at both ends, and said again if wrong."""

import binascii
import hashlib
from dataclasses import dataclass
from pathlib import Path

from quell_host.errors import QuellError
from quell_host.flash.board import Board, BoardError

TRIES = 3
PIECE_BYTES = 768
_SCRIPT = Path(__file__).parent / "on_device/put_files.py"
_CABLE = "try another cable, or a lower --baud"
_FULL = (28, -28)
_LOAD = """
try:
    import uhashlib as _quell_hashlib, ubinascii as _quell_ascii
except ImportError:
    import hashlib as _quell_hashlib, binascii as _quell_ascii
print(str(_quell_ascii.hexlify(_quell_hashlib.sha256(_quell_source.encode()).digest()), "ascii"))
"""


class FullError(Exception):
    """The board's file system has no room."""


@dataclass(frozen=True)
class FileSystem:
    """What the board says. `free`: bytes, -1 when it does not know; `mpy`: version of .mpy files, 0 likewise."""

    root: str
    free: int
    block: int
    mpy: int
    versions: tuple[str, ...]


def text_sum(text: str) -> str:
    """The check that both ends make of words and answers."""
    return hashlib.sha256(text.encode()).hexdigest()[:8]


class BoardFiles:
    """Reads and writes files below one folder of a board. Every method raises QuellError when the board cannot."""

    def __init__(self, board: Board, root: str) -> None:
        self._board = board
        self._root = root
        self._load()
        self.found = self._start()

    def _start(self) -> FileSystem:
        said: dict[str, str] = {}
        versions = []
        for line in self._say("start", self._root):
            letter, _, rest = line.partition(" ")
            if letter == "V":
                versions.append(rest)
            else:
                said[letter] = rest
        try:
            return FileSystem(said["R"], int(said["F"]), max(1, int(said["B"])), int(said["P"]), tuple(versions))
        except (KeyError, ValueError):
            hint = "is its MicroPython 1.13 or newer?"
            raise QuellError("the board does not describe its file system", hint) from None

    def look_again(self) -> FileSystem:
        """What the board says of its file system now."""
        self.found = self._start()
        return self.found

    def holds(self, path: str, data: bytes) -> bool:
        """Whether the file in the flash has exactly this content."""
        return self._one("look", path) == f"H {len(data)} {hashlib.sha256(data).hexdigest()}"

    def text(self, path: str, most: int) -> bytes | None:
        """The first bytes of a file, or None when there is none."""
        answer = self._one("text", path, str(most)).removeprefix("T ")
        try:
            return None if answer == "-" else binascii.a2b_base64(answer)
        except ValueError:
            raise QuellError(f"{path}: the board's answer cannot be read", _CABLE) from None

    def put(self, path: str, data: bytes) -> None:
        """Write a file under a temporary name, have the board read it back, and rename it. Raises FullError besides."""
        digest = hashlib.sha256(data).hexdigest()
        for _ in range(TRIES):
            self._one("open", path)
            for start in range(0, len(data), PIECE_BYTES):
                piece = data[start : start + PIECE_BYTES]
                answer = self._one("add", str(start), binascii.b2a_base64(piece, newline=False).decode())
                if answer != f"K {start + len(piece)}":
                    break  # the board began anew meanwhile
            if self._one("done", path, digest) == "K":
                return
        hint = "the board's flash is worn, or its file system damaged"
        raise QuellError(f"{path} does not read back as it was written", hint)

    def keep(self, path: str, other: str, word: str) -> bool:
        """Rename a file that has not `word` in its first bytes; False when there is one of the other name already."""
        return self._one("keep", path, other, word) == "K"

    def drop(self, version: str) -> None:
        """Remove the folder of a version."""
        self._one("drop", version)

    def _load(self) -> None:
        source = _SCRIPT.read_text(encoding="utf-8")
        wanted = hashlib.sha256(source.encode()).hexdigest()
        why = ""
        for _ in range(TRIES):
            try:
                if self._board.run(f"_quell_source = {source!r}\n{_LOAD}").split() == [wanted]:
                    self._board.run("exec(_quell_source, globals())\ndel _quell_source\n")
                    return
                why = "it came mutilated"
            except BoardError as error:
                why = str(error)
        raise QuellError(f"the board cannot take the script that writes files: {why}", _CABLE)

    def _one(self, *words: str) -> str:
        return (self._say(*words) or [""])[0]

    def _say(self, *words: str) -> list[str]:
        call = ", ".join(repr(word) for word in (text_sum("\n".join(words)), *words))
        why = ""
        for _ in range(TRIES):
            try:
                lines = self._board.run(f"_quell_do({call})\n").splitlines()
            except BoardError as error:
                why = str(error)
                continue
            if not lines or lines[-1] != "= " + text_sum("\n".join(lines[:-1])) or lines[0] == "M":
                why = "words came mutilated"
                continue
            if lines[0].startswith("E "):
                _refused(words, lines[0][2:])
            return lines[:-1]
        raise QuellError(f"the line to the board is not clean: {why}", _CABLE)


def _refused(words: tuple[str, ...], number: str) -> None:
    if number in map(str, _FULL):
        raise FullError
    path = f" {words[1][:80]}" if len(words) > 1 else ""
    what = f"the board's file system refuses to {words[0]}{path}: error {number}"
    raise QuellError(what, "is it mounted, and writable?")
