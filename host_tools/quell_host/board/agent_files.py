# SPDX-License-Identifier: MIT
"""The files of the agent as a board gets them: the core, what the board adds, compiled if it wants that."""

import hashlib
import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quell_host import runtime
from quell_host.errors import ExitCode, QuellError

BOOT = "main.py"
"""The boot piece: in the root of the board's file system, beside the versions."""

_COMPILER_S = 60
_KEYS = {"mpy", "files", "root"}


@dataclass(frozen=True)
class AgentFile:
    """One file. `path`: below the folder of the version, with `/`."""

    path: str
    data: bytes

    @property
    def sha256(self) -> str:
        """Of its content, in hex."""
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True)
class Package:
    """What a board gets. `root`: the folder of its file system, "." for the one that it starts in."""

    board: str
    version: str
    files: tuple[AgentFile, ...]
    boot: AgentFile
    root: str
    mpy: int

    @property
    def hash(self) -> str:
        """sha256 over the files' hashes and paths, in hex."""
        return list_hash([(file.sha256, file.path) for file in self.files])

    @property
    def folder(self) -> str:
        """The name of the folder of this version on the board."""
        return f"quell-{self.version}-{self.hash[:8]}"

    def marker(self, number: int) -> bytes:
        """The content of `complete`: each file's hash, size and path, and a hash over all that."""
        body = f"quell-complete 1 {number}\n"
        body += "".join(f"{file.sha256} {len(file.data)} {file.path}\n" for file in self.files)
        return (body + f"end {hashlib.sha256(body.encode()).hexdigest()}\n").encode()


def active(folder: str) -> bytes:
    """The content of `quell.active`: the folder's name and a check of it."""
    return f"{folder}\n{hashlib.sha256(folder.encode()).hexdigest()[:8]}\n".encode()


def list_hash(entries: list[tuple[str, str]]) -> str:
    """The hash over an agent, from (sha256 in hex, path) of its files: of their lines, in the order of the paths."""
    lines = "".join(f"{sha256} {path}\n" for sha256, path in sorted(entries, key=lambda entry: entry[1]))
    return hashlib.sha256(lines.encode()).hexdigest()


def source_hash(firmware: Path) -> tuple[str, str]:
    """The version and the hash of the agent's sources, as a frozen board states them in VERSION and HASH."""
    version, core = _core(firmware)
    return version, list_hash([(file.sha256, file.path) for file in core])


def package(board: str, firmware: Path) -> Package:
    """What the board named `board` gets from the checkout that holds `firmware`. Raises QuellError."""
    folder, settings = board_folder(board, firmware)
    version, files = _core(firmware)
    for pattern in settings.get("files", []):
        found = sorted(path for path in firmware.glob(pattern) if path.is_file())
        if not found:
            raise _wrong(folder, f'"flash.files" names {pattern}, which {firmware} has not')
        files += [AgentFile(path.relative_to(firmware).as_posix(), _content(path)) for path in found]
    own = [path for path in sorted(folder.glob("*.py")) if path.name != "manifest.py"]
    files += [AgentFile(path.name, _content(path)) for path in own]
    if not any(file.path == "quell_board.py" for file in files):
        raise _wrong(folder, "no quell_board.py, and the agent is not frozen")
    if len({file.path for file in files}) != len(files):
        raise _wrong(folder, '"flash.files" names a file twice')
    boot = AgentFile(BOOT, _content(firmware / BOOT))
    mpy = 0
    if settings.get("mpy"):
        files = [_compiled(file) for file in files]
        mpy = files[0].data[1]
    ordered = tuple(sorted(files, key=lambda file: file.path))
    return Package(board, version, ordered, boot, settings.get("root", "."), mpy)


def board_folder(board: str, firmware: Path) -> tuple[Path, dict[str, Any]]:
    """The folder of a board, and what its board.json says under "flash". Raises QuellError (USAGE)."""
    boards = firmware.parent / "boards"
    path = boards / board / "board.json"
    known = sorted(file.parent.name for file in boards.glob("*/board.json"))
    if board not in known:
        raise QuellError(f"no board {board} in {boards}", f"there are: {', '.join(known) or 'none'}", ExitCode.USAGE)
    try:
        settings = json.loads(path.read_text(encoding="utf-8")).get("flash", {})
        unknown = set(settings) - _KEYS
        texts = [settings.get("root", "."), *settings.get("files", [])]
    except (OSError, ValueError, AttributeError, TypeError):
        raise _wrong(path.parent, "board.json cannot be read") from None
    if unknown or not isinstance(settings.get("mpy", False), bool) or not all(isinstance(text, str) for text in texts):
        raise _wrong(path.parent, f'"flash" may hold {", ".join(sorted(_KEYS))}: true or false, names, a folder')
    return path.parent, settings


def _core(firmware: Path) -> tuple[str, list[AgentFile]]:
    path = firmware / "package.json"
    try:
        said = json.loads(_content(path))
        version = str(said["version"])
        names = [str(target) for target, _ in said["urls"]]
    except (ValueError, KeyError, TypeError):
        raise QuellError(f"{path} is no list of the agent's files", "give --from a checkout's firmware/") from None
    if not version.replace(".", "").isalnum() or any(".." in name or name.startswith("/") for name in names):
        raise QuellError(f"{path} is no list of the agent's files", "give --from a checkout's firmware/")
    return version, [AgentFile(name, _content(firmware / name)) for name in names]


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise QuellError(f"cannot read {path}: {error.strerror}", "see --from", ExitCode.USAGE) from None


def _compiled(file: AgentFile) -> AgentFile:
    compiler = runtime.mpy_cross()
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.py", Path(folder) / "out.mpy"
        source.write_bytes(file.data)
        # The name inside is that of the file, so that the same source gives the same bytes everywhere.
        command = [str(compiler), "-s", file.path, "-o", str(target), str(source)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_COMPILER_S, check=False)
        except (OSError, subprocess.TimeoutExpired):
            raise QuellError(f"{compiler} does not run", "run make setup again") from None
        if done.returncode != 0:
            line = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise QuellError(f"{file.path} does not compile: {line[:200]}")
        return AgentFile(file.path.removesuffix(".py") + ".mpy", target.read_bytes())


def _wrong(folder: Path, what: str) -> QuellError:
    return QuellError(f"board {folder.name}: {what}", f"see {folder / 'README.md'}", ExitCode.USAGE)
