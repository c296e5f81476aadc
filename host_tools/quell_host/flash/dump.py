# SPDX-License-Identifier: MIT
"""Save an image of a board's block device: block by block, each line checked, wrong ones read again."""

import binascii
import hashlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from quell_host.errors import ExitCode, QuellError
from quell_host.flash.board import Board, BoardError
from quell_host.flash.limits import MAX_IMAGE_BYTES

TRIES = 3
_SCRIPT = Path(__file__).parent / "on_device/read_blocks.py"
_MODULE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
_BLOCK_BYTES = range(128, 65537)
_HINT = "check --device and --imports"


@dataclass(frozen=True)
class Dumped:
    """What was saved. `repeated`: blocks that had to be read again."""

    blocks: int
    block_bytes: int
    sha256: bytes
    repeated: int


@dataclass(frozen=True)
class Geometry:
    """What the device says of itself."""

    blocks: int
    block_bytes: int


def prepare(board: Board, device: str, imports: list[str]) -> Geometry:
    """Make the device on the board. Raises QuellError when it has none, or one that cannot be as it says."""
    lines = [f"import {module}" for module in checked_imports(imports)]
    lines.append(f"_quell_device = ({checked_expression(device)})")
    try:
        board.run("\n".join(lines) + "\n")
        board.run(_SCRIPT.read_text(encoding="utf-8"))
        words = board.run("_quell_size()").split()
    except BoardError as error:
        raise QuellError(f"the board has no such device: {error}", _HINT) from None
    try:
        marker, blocks, size = words[0], int(words[1]), int(words[2])
    except (IndexError, ValueError):
        hint = f"it needs ioctl(4) and ioctl(5); {_HINT}"
        raise QuellError("the device does not say how large it is", hint) from None
    if marker != "S" or blocks < 1 or size not in _BLOCK_BYTES or blocks * size > MAX_IMAGE_BYTES:
        raise QuellError(f"the device says that it has {blocks} blocks of {size} bytes: no flash has", _HINT)
    try:
        board.run(f"_quell_buffers({size})")
    except BoardError as error:
        raise QuellError(f"the board cannot hold two blocks of {size} bytes: {error}", "free memory on it") from None
    return Geometry(blocks, size)


def checked_imports(names: list[str]) -> list[str]:
    """Names of modules, given one by one or with commas. Raises QuellError for what is none."""
    found = [name.strip() for given in names for name in given.split(",") if name.strip()]
    for name in found:
        if not _MODULE.fullmatch(name):
            raise QuellError(f"--imports {name!r} is no name of a module", "give names, with commas", ExitCode.USAGE)
    return found


def checked_expression(text: str) -> str:
    """One expression on one line. Raises QuellError otherwise; whether it is right only the board knows."""
    if not text.strip() or not text.isprintable():
        hint = "give one Python expression, such as 'esp32.Partition(\"quell\")'"
        raise QuellError("--device is no expression", hint, ExitCode.USAGE)
    return text.strip()


def save(board: Board, geometry: Geometry, target: Path, step: Callable[[], None]) -> Dumped:
    """Read every block into the new file `target`, mode 0600. `step` is called behind each.

    Raises QuellError when a block cannot be read, or the file cannot be written; then nothing is left behind.
    """
    try:
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise QuellError(f"{target} exists", "choose another name", ExitCode.USAGE) from None
    except OSError as error:
        raise QuellError(f"cannot make {target}: {error.strerror}", "choose another place", ExitCode.USAGE) from None
    digest, repeated = hashlib.sha256(), 0
    done = False
    try:
        with os.fdopen(handle, "wb") as file:
            for number in range(geometry.blocks):
                block, tries = _read(board, geometry, number)
                file.write(block)
                digest.update(block)
                repeated += tries > 1
                step()
        done = True
    except OSError as error:
        raise QuellError(f"cannot write {target}: {error.strerror}") from None
    finally:
        if not done:
            target.unlink(missing_ok=True)
    return Dumped(geometry.blocks, geometry.block_bytes, digest.digest(), repeated)


def _read(board: Board, geometry: Geometry, number: int) -> tuple[bytes, int]:
    """One block, and how many tries it took."""
    why = ""
    for attempt in range(1, TRIES + 1):
        try:
            output = board.run(f"_quell_read({number})")
        except BoardError as error:
            why = str(error)
            continue
        block, why = parse(output, geometry, number)
        if block is not None:
            return block, attempt
    what = f"block {number} of the {geometry.blocks} that the device says it has cannot be read: {why}"
    raise QuellError(what, "the device is shorter than it says, or its driver fails")


def parse(output: str, geometry: Geometry, number: int) -> tuple[bytes | None, str]:
    """The block in what the board printed, or None and why there is none. A line that does not check is not taken."""
    block = bytearray()
    for line in output.splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "E":
            why = rest.partition(" ")[2]
            return None, "it reads other bytes each time" if why == "unstable" else _printable(why)
        words = rest.split(" ")
        try:
            place, start, check = int(words[0]), int(words[1]), int(words[2])
            piece = binascii.a2b_base64(words[3], strict_mode=True)
        except (IndexError, ValueError):
            return None, "a line came mutilated"
        if (kind, place, start) != ("B", number, len(block)) or binascii.crc_hqx(piece, 0xFFFF) != check:
            return None, "a line came mutilated"
        block += piece
    if len(block) != geometry.block_bytes:
        return None, f"{len(block)} of {geometry.block_bytes} bytes came"
    return bytes(block), ""


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text)[:80]
