# SPDX-License-Identifier: MIT
"""What kind of image it is: raw NOR, littlefs 1 or 2, or a folder of files; and what it holds."""

import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from quell_host.errors import ExitCode, QuellError
from quell_host.flash import littlefs, nor, segments, slots
from quell_host.flash.findings import Finding, UnreadableImage
from quell_host.flash.limits import MAX_FILE_BYTES, MAX_IMAGE_BYTES
from quell_host.flash.sectors import SECTOR_BYTES

RAW_NOR, LITTLEFS1, LITTLEFS2, FOLDER = "raw-nor", "littlefs-1", "littlefs-2", "folder"
SLOT_NAME = re.compile(r"(state|keys|policy|prov)\.[abc]")
RESERVE = "reserve"
_NEW_DEVICE = "a device would begin as a new instance"


@dataclass
class Image:
    """An opened image. Of raw NOR `layout` and `data` say what is there, of all others `files` (name → content).

    `name` is the user's; `offset` and `size_bytes` the part of it that was looked at; `folder`: where in a littlefs the
    files are. `complaints`: what was wrong on the way; `notes`: for the person who looks.
    """

    name: str
    kind: str
    offset: int = 0
    size_bytes: int = 0
    data: bytes = field(default=b"", repr=False)
    layout: nor.Layout | None = None
    files: dict[str, bytes] = field(default_factory=dict, repr=False)
    folder: str = ""
    superblock: littlefs.Superblock | None = None
    complaints: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def complain(self, where: str, what: str, means: str) -> None:
        """Note what is wrong with the image as a whole."""
        self.complaints.append(Finding(where, what, means))


def is_ours(name: str) -> bool:
    """Whether SPEC §10 has a file of this name."""
    patterns = (SLOT_NAME, segments.SEGMENT_NAME, segments.INLINE_NAME)
    return name == RESERVE or any(pattern.fullmatch(name) for pattern in patterns)


def open_image(path: Path, offset: int = 0, size: int | None = None) -> Image:
    """Open a folder, or the `size` bytes from `offset` on of a file (None: all the rest).

    Raises UnreadableImage when nothing of Quell is in it, QuellError when it is not there or too large.
    """
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "the name is not a path"
        raise QuellError(f"cannot read {path}: {reason}", "check the name", ExitCode.USAGE) from None
    if stat.S_ISDIR(mode):
        if offset or size is not None:
            raise QuellError(f"{path} is a folder", "--offset and --size are for image files", ExitCode.USAGE)
        return _open_folder(path)
    if not stat.S_ISREG(mode):
        raise QuellError(f"{path} is neither a file nor a folder", "name an image or a folder", ExitCode.USAGE)
    data = _slice(path, read_bounded(path, MAX_IMAGE_BYTES), offset, size)
    image = Image(_name(path), RAW_NOR, offset, len(data), data)
    superblock = littlefs.superblock(data)
    whole = offset > 0 or size is not None
    layout = None
    if superblock is not None and superblock.size_bytes < len(data):
        layout = nor.layout(data, whole)
    if superblock is not None and (layout is None or not layout.found()):
        return _open_littlefs(image, superblock)
    return _open_nor(image, layout or nor.layout(data, whole))


def _name(path: Path) -> str:
    """The user's name for it, as text that can be written anywhere."""
    return os.fsencode(path).decode("utf-8", "replace")


def read_bounded(path: Path, limit: int) -> bytes:
    """The bytes of a file. Raises QuellError when it is over `limit`, or cannot be read."""
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise QuellError(f"cannot read {path}: {error.strerror}", "check the name", ExitCode.USAGE) from None
    if len(data) > limit:
        hint = "give a part of it: the image of one partition"
        raise QuellError(f"{path} is over {limit // 1024:,} KiB, the most that is read", hint, ExitCode.USAGE)
    return data


def _slice(path: Path, data: bytes, offset: int, size: int | None) -> bytes:
    if not data:
        raise UnreadableImage(str(path), "it has 0 bytes", "nothing was saved: make it again, with quell flash dump")
    if not 0 <= offset < len(data) or (size is not None and size <= 0):
        hint = f"the image has {len(data):,} bytes"
        raise QuellError(f"{path}: --offset or --size lies outside of it", hint, ExitCode.USAGE)
    if size is not None and offset + size > len(data):
        what = f"it is cut short: it ends {offset + size - len(data):,} bytes before the part that was asked for"
        raise UnreadableImage(str(path), what, "make the image again, or correct --offset and --size")
    return data[offset:] if size is None else data[offset : offset + size]


def _open_folder(path: Path) -> Image:
    image = Image(_name(path), FOLDER)
    try:
        found = sorted(item for item in path.iterdir() if is_ours(item.name) and item.is_file())
        for item in found:
            with item.open("rb") as file:
                image.files[item.name] = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise QuellError(f"cannot read {path}: {error.strerror}", "check its mode", ExitCode.USAGE) from None
    if not found:
        raise UnreadableImage(str(path), "no file in this folder is one of Quell's", "give the folder of a device")
    image.size_bytes = sum(len(data) for data in image.files.values())
    _check_sizes(image)
    return image


def _check_sizes(image: Image) -> None:
    for name, data in image.files.items():
        if len(data) > MAX_FILE_BYTES:
            image.complain(name, f"it is over {MAX_FILE_BYTES:,} bytes", "Quell writes none of this size")


def _open_littlefs(image: Image, superblock: littlefs.Superblock) -> Image:
    image.kind = LITTLEFS1 if superblock.version == 1 else LITTLEFS2
    image.superblock = superblock
    missing = superblock.size_bytes - image.size_bytes
    if missing > 0:
        what = f"it is cut short: its littlefs has {superblock.size_bytes:,} bytes, {missing:,} of them are missing"
        image.complain(image.name, what, "make the image again")
    elif missing < 0:
        image.notes.append(f"the {-missing:,} bytes behind the littlefs were not looked at")
    listed = littlefs.read_files(image.data[: superblock.size_bytes], superblock, image.name)
    folders: dict[PurePosixPath, dict[str, bytes]] = {}
    for path, content in listed.contents.items():
        folders.setdefault(path.parent, {})[path.name] = content
    if not folders:
        what = f"littlefs {superblock.version} with {listed.others} files, none of them Quell's"
        what += "; its folders do not end" if listed.cut else ""
        raise UnreadableImage(image.name, what, _NEW_DEVICE)
    # Names like ours may stand elsewhere too; a device has the most of them in one folder.
    chosen = max(sorted(folders), key=lambda folder: len(folders[folder]))
    image.folder, image.files = str(chosen), folders[chosen]
    for folder in sorted(folders):
        if folder != chosen:
            image.notes.append(f"the folder {_printable(folder)} has such files too: not looked at")
    for path in listed.unreadable:
        if path.parent == chosen:
            image.complain(path.name, "littlefs cannot read it", "it counts as damaged")
    if listed.cut:
        image.complain(image.name, "its folders do not end", "not all of them were looked at")
    _check_sizes(image)
    return image


def _printable(path: PurePosixPath) -> str:
    return "".join(char if char.isprintable() else "?" for char in str(path))[:60]


def _open_nor(image: Image, layout: nor.Layout) -> Image:
    image.layout, data = layout, image.data
    if data[:2] in (slots.MAGIC, segments.MAGIC):
        what, hint = "it is one file of a device, not an image", "give its folder; a file of keys goes to --keys"
        raise UnreadableImage(image.name, what, hint)
    if len(data) % SECTOR_BYTES:
        what = f"it is no whole number of sectors: {len(data) % SECTOR_BYTES:,} bytes follow the last one"
        image.complain(image.name, what, "it was cut short, or is none of raw NOR")
    places = _littlefs_places(image)
    if not layout.found() and len(layout.blank) < layout.total or not layout.total:
        what, hint = "nothing in it was written by Quell", "is it the right part of the flash, and not encrypted?"
        if places:
            begin = f"{image.offset + places[0][1]:#x}"
            what += f" outside of a file system, and {places[0][0]} begins at {begin}"
            hint = f"give --offset {begin}"
        raise UnreadableImage(image.name, what, hint)
    for name, place in places:
        image.notes.append(f"{name} begins at {image.offset + place:#x}: give --offset to look into it")
    return image


def _littlefs_places(image: Image) -> list[tuple[str, int]]:
    """Where in raw NOR a littlefs begins: the first of the two blocks that hold its superblock."""
    found: list[tuple[str, int]] = []
    data = image.data
    for start in range(0, len(data) - SECTOR_BYTES + 1, SECTOR_BYTES):
        for version, at in ((2, 8), (1, 40)):
            if data[start + at : start + at + 8] == littlefs.MAGIC:
                if not found or start - found[-1][1] > SECTOR_BYTES:
                    found.append((f"littlefs {version}", start))
    return found[:8]
