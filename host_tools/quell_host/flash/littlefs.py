# SPDX-License-Identifier: MIT
"""Read the files of a littlefs 1 or 2 in an image, by MicroPython's own littlefs."""

import os
import struct
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from quell_host import runtime
from quell_host.errors import QuellError
from quell_host.flash.findings import UnreadableImage
from quell_host.flash.limits import MAX_FILE_BYTES

MAGIC = b"littlefs"
_BLOCK_SIZES = (4096, 512, 1024, 2048, 8192, 16384, 32768, 65536, 128, 256)
_MAX_BLOCKS = 1 << 20
_SCRIPT = Path(__file__).parent / "on_device/read_littlefs.py"
_TIMEOUT_S = 30
_HEAP = "4M"


@dataclass(frozen=True)
class Superblock:
    """`version` 1 or 2 of littlefs; what it says of its own size."""

    version: int
    block_bytes: int
    blocks: int

    @property
    def size_bytes(self) -> int:
        """Of the whole file system."""
        return self.block_bytes * self.blocks


@dataclass(frozen=True)
class Files:
    """The files that may be Quell's, by path, and those of them that cannot be read.

    `others`: how many more there are; `cut`: not all could be listed.
    """

    contents: dict[PurePosixPath, bytes]
    unreadable: list[PurePosixPath]
    others: int
    cut: bool


def superblock(data: bytes) -> Superblock | None:
    """The superblock with which `data` begins, in its first or second block."""
    for block_bytes in _BLOCK_SIZES:
        for start in (0, block_bytes):
            # littlefs 2: revision, tag, magic, tag, version, block size, block count
            if data[start + 8 : start + 16] == MAGIC and len(data) >= start + 32:
                said = struct.unpack_from("<II", data, start + 24)
                if start in (0, said[0]):
                    return _sane(2, *said, block_bytes, len(data))
            # littlefs 1: a directory head, an entry, root pair, block size, block count, version, magic
            if data[start + 40 : start + 48] == MAGIC:
                said = struct.unpack_from("<II", data, start + 28)
                if start in (0, said[0]):
                    return _sane(1, *said, block_bytes, len(data))
    return None


def _sane(version: int, block_bytes: int, blocks: int, assumed_bytes: int, length: int) -> Superblock:
    if block_bytes not in _BLOCK_SIZES or not 2 <= blocks <= _MAX_BLOCKS:
        return Superblock(version, assumed_bytes, max(2, length // assumed_bytes))
    return Superblock(version, block_bytes, blocks)


def read_files(data: bytes, found: Superblock, where: str) -> Files:
    """The files in `data`, which begins with the file system. Nothing is written.

    Raises UnreadableImage when it does not mount, QuellError when there is no MicroPython.
    """
    with tempfile.NamedTemporaryFile(prefix="quell-flash-") as image:
        image.write(data)
        image.flush()
        numbers = [found.version, found.block_bytes, found.blocks]
        command = [str(runtime.micropython()), "-X", f"heapsize={_HEAP}", str(_SCRIPT), image.name]
        command += [str(number) for number in [*numbers, MAX_FILE_BYTES]]
        environment = {key: value for key, value in os.environ.items() if not key.startswith("MICROPY")}
        try:
            done = subprocess.run(command, capture_output=True, timeout=_TIMEOUT_S, env=environment)
        except subprocess.TimeoutExpired:
            raise _broken(found, where, "it leads in circles") from None
        except OSError as error:
            raise QuellError(f"MicroPython does not run: {error.strerror}", "run make setup") from None
    return _parse(done.stdout, found, where)


def _broken(found: Superblock, where: str, why: str) -> UnreadableImage:
    what = f"its littlefs {found.version} cannot be read: {why}"
    return UnreadableImage(where, what, "a device would format it, and begin as a new instance")


def _parse(output: bytes, found: Superblock, where: str) -> Files:
    contents: dict[PurePosixPath, bytes] = {}
    unreadable: list[PurePosixPath] = []
    others, ended, cut = 0, False, False
    for line in output.decode("ascii", "replace").splitlines():
        kind, *words = line.split(" ")
        try:
            if kind in ("file", "unreadable"):
                path = PurePosixPath(bytes.fromhex(words[0]).decode("utf-8", "replace"))
                contents[path] = bytes.fromhex(words[1])
                if kind == "unreadable":
                    unreadable.append(path)
            elif kind == "end":
                others, cut, ended = int(words[0]), words[1] == "1", True
            elif kind == "error":
                raise _broken(found, where, "".join(char for char in " ".join(words) if char.isprintable())[:80])
        except (IndexError, ValueError):
            break
    if not ended:
        raise _broken(found, where, "MicroPython gave up on it")
    return Files(contents, unreadable, others, cut)
