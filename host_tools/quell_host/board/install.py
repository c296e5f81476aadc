# SPDX-License-Identifier: MIT
"""Put the agent on a board, staged and switched: until `quell.active` is replaced the old version is in force.

Each version is a folder of its own. Its marker `complete` is written when all its files read back as they should; older
folders go only after the switch. Whatever ends this in between, the same command goes on where it ended.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from quell_host.board.agent_files import AgentFile, Package, active
from quell_host.board.files import BoardFiles, FullError
from quell_host.errors import QuellError

ACTIVE = "quell.active"
_OTHERS_BOOT = "main.before-quell.py"
_BOOT_WORD = "Quell's main.py"
_NAME_BYTES = 200


@dataclass(frozen=True)
class Installed:
    """What was done. `switched`: another version was in force before; `removed`: the folders that are gone."""

    copied: int
    copied_bytes: int
    switched: bool
    removed: tuple[str, ...]


def install(files: BoardFiles, package: Package, step: Callable[[int, int], None]) -> Installed:
    """Make `package` the version in force. `step(done, total)`: bytes looked at or copied.

    Raises QuellError when the board cannot take it; then what was in force still is.
    """
    if package.mpy and files.found.mpy and package.mpy != files.found.mpy:
        what = f"the board's MicroPython reads .mpy files of version {files.found.mpy}, these are of {package.mpy}"
        raise QuellError(what, "use the mpy-cross of the board's MicroPython")
    before = _in_force(files)
    for name in files.found.versions:
        if name not in (package.folder, before) and files.text(f"{name}/complete", 1) is None:
            files.drop(name)
    try:
        copied = _stage(files, package, step)
        _finish(files, package, before)
    except FullError:
        if before != package.folder:
            files.drop(package.folder)
        raise _full(files, package) from None
    removed = tuple(name for name in files.look_again().versions if name != package.folder)
    for name in removed:
        files.drop(name)
    return Installed(len(copied), sum(len(file.data) for file in copied), before != package.folder, removed)


def _stage(files: BoardFiles, package: Package, step: Callable[[int, int], None]) -> list[AgentFile]:
    """Copy what is not in the flash already."""
    total, done = sum(len(file.data) for file in package.files), 0
    missing = []
    for file in package.files:
        if files.holds(f"{package.folder}/{file.path}", file.data):
            done += len(file.data)
            step(done, total)
        else:
            missing.append(file)
    there = {_folder(file) for file in package.files if file not in missing}
    if 0 <= files.look_again().free < _room(missing, files.found.block, there):
        raise FullError
    for file in missing:
        files.put(f"{package.folder}/{file.path}", file.data)
        done += len(file.data)
        step(done, total)
    return missing


def _finish(files: BoardFiles, package: Package, before: str | None) -> None:
    """The marker, the boot piece, and the switch."""
    numbers = {name: _number(files, name) for name in files.look_again().versions}
    newest, own = max(numbers.values(), default=0), numbers.get(package.folder, 0)
    marker = f"{package.folder}/complete"
    if own == 0 or own < newest or not files.holds(marker, package.marker(own)):
        files.put(marker, package.marker(newest + 1))
    boot = package.boot
    if not files.holds(boot.path, boot.data):
        if not files.keep(boot.path, _OTHERS_BOOT, _BOOT_WORD):
            what = f"the board has a {boot.path} that is not Quell's, and a {_OTHERS_BOOT} too"
            raise QuellError(what, "save and remove one of them")
        files.put(boot.path, boot.data)
    if before != package.folder:
        files.put(ACTIVE, active(package.folder))


def _in_force(files: BoardFiles) -> str | None:
    """The folder that quell.active names, or None when it is missing or damaged."""
    data = files.text(ACTIVE, _NAME_BYTES)
    name = (data or b"").partition(b"\n")[0].decode("ascii", "replace")
    return name if data == active(name) else None


def _number(files: BoardFiles, version: str) -> int:
    """The number in a version's marker, 0 without one."""
    words = (files.text(f"{version}/complete", _NAME_BYTES) or b"").partition(b"\n")[0].split(b" ")
    return int(words[2]) if len(words) == 3 and words[2].isdigit() else 0


def _room(files: Iterable[AgentFile], block: int, there: Collection[str] = ()) -> int:
    """Bytes that files and their folders take in blocks; littlefs gives a folder two. `there`: folders that exist."""
    listed = list(files)
    folders = {_folder(file) for file in listed} - set(there)
    blocks = sum(-(-len(file.data) // block) for file in listed)
    return (blocks + (2 * len(folders) if block > 1 else 0)) * block


def _folder(file: AgentFile) -> str:
    return file.path.rpartition("/")[0]


def _full(files: BoardFiles, package: Package) -> QuellError:
    found = files.look_again()
    kib = -(-_room(package.files, found.block) // 1024)
    free = f", {found.free // 1024} KiB are free" if found.free >= 0 else ""
    what = f"the board's file system has no room for this version beside the one in force: it takes {kib} KiB{free}"
    return QuellError(what, "remove other files; what was in force still is")
