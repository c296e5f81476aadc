# SPDX-License-Identifier: MIT
"""Hostile images: whatever the bytes are, `inspect` and `fsck` end soon, with words, and never with a traceback."""

import functools
import json
import os
import random
import subprocess
import time
from pathlib import Path

import pytest
from host import flash_images as made
from host.flash_images import BLANK, SECTOR, Sector
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quell_host import cli, runtime
from quell_host.errors import ExitCode, QuellError
from quell_host.flash import fsck, inspect, listing, littlefs, sectors, segments, shape, slots, stores
from quell_host.flash.content import read_content
from quell_host.wire import cbor

SLOW = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

_MAKE_LITTLE = """
import os, sys
class Blocks:
    data = bytearray(b"\\xff" * 4096 * 24)
    def readblocks(self, n, buf, off=0):
        buf[:] = self.data[n * 4096 + off : n * 4096 + off + len(buf)]
    def writeblocks(self, n, buf, off=0):
        self.data[n * 4096 + off : n * 4096 + off + len(buf)] = buf
    def ioctl(self, op, arg):
        if op == 6:
            self.data[arg * 4096 : arg * 4096 + 4096] = b"\\xff" * 4096
        return {4: 24, 5: 4096}.get(op, 0)
vfs = (os.VfsLfs1 if sys.argv[1] == "1" else os.VfsLfs2)
blocks = Blocks()
vfs.mkfs(blocks)
os.mount(vfs(blocks), "/fs")
os.mkdir("/fs/app")
os.mkdir("/fs/q")
source = sys.argv[3]
for name in os.listdir(source):
    with open(source + "/" + name, "rb") as file, open("/fs/q/" + name, "wb") as copy:
        copy.write(file.read())
with open("/fs/app/i0", "wb") as file:
    file.write(b"not ours")
with open("/fs/main.py", "wb") as file:
    file.write(b"print(1)")
os.umount("/fs")
with open(sys.argv[2], "wb") as file:
    file.write(blocks.data)
"""


def look(path: Path) -> None:
    """All that the commands do with an image; only QuellError may come."""
    try:
        content = read_content(path)
    except QuellError as error:
        assert str(error)
        return
    assert list(inspect.overview(content))
    for listed in listing.records(content):
        inspect.record_line(content, listed)
    json.dumps(shape.shape(content, True, None))
    for item in fsck.check(content).findings.items:
        assert item.where and item.what and item.means


@functools.cache
def little(version: int, folder: Path) -> bytes:
    """A real littlefs with the files of a device."""
    source = made.write_folder(folder / f"source{version}", made.device_files())
    target = folder / f"lfs{version}.img"
    command = [str(runtime.micropython()), "-X", "heapsize=4M", "-c", _MAKE_LITTLE, str(version), str(target), str(source)]
    subprocess.run(command, check=True, timeout=30)
    return target.read_bytes()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("hostile")


def test_the_helper_makes_a_littlefs_that_is_sound(folder):
    for version in (1, 2):
        (path := folder / "x.img").write_bytes(little(version, folder))
        content = read_content(path)
        assert (content.image.folder, content.image.kind) == ("/q", f"littlefs-{version}")
        assert "app" in content.image.notes[0]
        assert fsck.check(content).findings.items == []


patches = st.lists(st.tuples(st.integers(0, 1 << 20), st.binary(min_size=1, max_size=12)), min_size=1, max_size=8)


def patched(data: bytes, changes: list[tuple[int, bytes]]) -> bytes:
    """`data` with bytes put over it."""
    changed = bytearray(data)
    for at, put in changes:
        at %= len(changed)
        changed[at : at + len(put)] = put[: len(changed) - at]
    return bytes(changed)


@SLOW
@given(changes=patches, cut=st.integers(0, 17 * SECTOR))
def test_raw_nor_with_changed_bytes(changes, cut, folder):
    (path := folder / "nor.img").write_bytes(patched(made.nor_image(), changes)[: cut if cut % 5 == 0 else None])
    look(path)


@SLOW
@given(name=st.sampled_from(sorted(made.device_files())), changes=patches, cut=st.integers(0, 700))
def test_a_folder_with_changed_bytes(name, changes, cut, folder):
    files = made.device_files()
    files[name] = patched(files[name], changes)[: cut if cut % 3 == 0 else None]
    target = made.write_folder(folder / "device", files)
    look(target)


@settings(SLOW, max_examples=60)
@given(version=st.sampled_from([1, 2]), block=st.integers(0, 23), changes=patches)
def test_littlefs_with_changed_bytes(version, block, changes, folder):
    data = little(version, folder)
    inside = patched(data[block * 4096 : (block + 1) * 4096], changes)
    (path := folder / "lfs.img").write_bytes(data[: block * 4096] + inside + data[(block + 1) * 4096 :])
    look(path)


@SLOW
@given(start=st.sampled_from([b"", b"QN\x01\0", b"QS\x01\x02", b"QR\x02\0", b"\xff" * 8, bytes(8) + b"littlefs", bytes(40) + b"littlefs"]), data=st.binary(max_size=9000))
def test_random_bytes(start, data, folder):
    (path := folder / "random.img").write_bytes(start + data)
    look(path)


headers = st.tuples(*[st.integers(0, 0xFFFFFFFF)] * 6)


@SLOW
@given(values=headers, purpose=st.integers(0, 65535), sequences=st.lists(st.integers(0, 0xFFFFFFFF), max_size=6), body=st.binary(max_size=9))
def test_numbers_of_any_size_in_headers_that_verify(values, purpose, sequences, body, folder):
    generation, number, first, acked, lost, age_s = values
    sector = Sector(0, number, first, purpose, generation, acked=acked, lost=lost, age_s=age_s, version=values[1])
    for sequence in sequences:
        sector.frame(sequence % 4, sequence, body, age_s)
    (path := folder / "numbers.img").write_bytes(sector.bytes() + made.nor_stores())
    look(path)
    records = [(first, b"x")]
    other = {"next": acked, "count": purpose, "age_s": age_s}
    segment = made.segment(number, records, purpose, generation, acked=lost, lost=acked, version=values[1], **other)
    look(made.write_folder(folder / "numbers", {"r020": segment, "i1": segment[:40]}))


@SLOW
@given(data=st.binary(max_size=300))
def test_parsers_take_any_bytes(data):
    slots.parse(data, "x", "state")
    segments.parse_inline(data)
    segments.parse(data)
    sector = data.ljust(SECTOR, b"\xff")
    sectors.parse_header(sector)
    assert len(sectors.frames(sector, 1)) <= 1010


json_like = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 1 << 40) | st.binary(max_size=40) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.integers(0, 300), inner, max_size=18),
    max_leaves=30,
)


@SLOW
@given(content=json_like, kind=st.sampled_from([made.STATE, made.KEYS, made.PROV]), key=st.integers(0, 16))
def test_payloads_of_any_shape(content, kind, key, folder):
    parts = cbor.decode({made.STATE: made.state(), made.KEYS: made.keys()}.get(kind, made.provisioning()))
    for payload in (content, {**parts, key: content}):
        try:
            data = made.slot(kind, 9, cbor.encode(payload))
        except cbor.CborError:
            continue
        read = stores.read([slots.parse(data, "x")])
        assert read.slots[0].valid
        (path := folder / "payload.img").write_bytes(made.nor_file(data) + made.nor_image()[SECTOR:])
        look(path)


def crafted() -> bytes:
    """A sector in which every 4 bytes are the head of a frame that does not verify."""
    data = bytearray(random.Random(1).randbytes(SECTOR))
    for at in range(56, SECTOR - 16, 4):
        data[at : at + 3] = (SECTOR - at - 24).to_bytes(2, "little") + b"\x01" if at < SECTOR - 24 else b"\0\0\x01"
    for at in range(56, SECTOR - 16, 4):
        data[at + 11] = made.crc(bytes(data[at : at + 11])) & 255
    return bytes(data)


def test_time_is_bounded_in_the_size_of_the_image(tmp_path, capsys):
    bad = crafted()
    count = 256
    image = b"".join(bytes(Sector(n, n + 1).data) + bad[56:] for n in range(count))
    (path := tmp_path / "crafted.img").write_bytes(image)
    start = time.monotonic()
    assert cli.main(["flash", "fsck", str(path)]) == ExitCode.FINDINGS
    assert time.monotonic() - start < 60  # some seconds; without bounds it would be hours
    out = capsys.readouterr().out
    assert len(out.splitlines()) <= 1001


def circle(data: bytes, empty: bool) -> tuple[bytes, int]:
    """A littlefs 1 in which every directory goes on in itself, `empty`: without an entry; and how many there are."""
    made_of, found = bytearray(data), 0
    for start in range(0, len(data), 4096):
        size = int.from_bytes(data[start + 4 : start + 8], "little") & 0x7FFFFFFF
        body = data[start : start + size - 4]
        if not 20 <= size <= 4096 or ~made.crc(body) & 0xFFFFFFFF != int.from_bytes(data[start + size - 4 : start + size], "little"):
            continue
        if body[40:48] == b"littlefs":
            continue  # the superblock's, without which nothing mounts
        rest = b"" if empty else body[16:]
        pair = made.u32(start // 4096) * 2
        changed = body[:4] + made.u32(0x80000000 | len(rest) + 20) + pair + rest
        changed += made.u32(~made.crc(changed) & 0xFFFFFFFF)
        made_of[start : start + len(changed)] = changed
        found += 1
    return bytes(made_of), found


@pytest.mark.parametrize("empty", [False, True])
def test_a_littlefs_that_leads_in_circles_ends(empty, folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(littlefs, "_TIMEOUT_S", 2)
    data, found = circle(little(1, folder), empty)
    assert found >= 2
    (path := tmp_path / "circle.img").write_bytes(data)
    assert cli.main(["flash", "fsck", str(path)]) == ExitCode.FINDINGS
    assert ("it leads in circles" if empty else "its folders do not end") in capsys.readouterr().out


def test_what_is_no_file_in_a_folder_is_passed_over(tmp_path):
    folder = made.write_folder(tmp_path / "device", made.device_files())
    os.mkfifo(folder / "i3")
    (folder / "r02f").mkdir()
    (folder / "state.c").symlink_to("/dev/zero")
    content = read_content(folder)
    assert fsck.check(content).findings.items == []


def test_a_fifo_or_device_is_no_image(tmp_path, capsys):
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", Path("/dev/zero")):
        assert cli.main(["flash", "inspect", str(path)]) == ExitCode.USAGE
        assert capsys.readouterr().err.count("\n") == 1


def test_a_name_that_is_no_unicode_is_shown(tmp_path, capsys):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.img"))
    path.write_bytes(BLANK)
    assert cli.main(["flash", "inspect", str(path)]) == ExitCode.OK
    assert "\ufffd.img: raw NOR" in capsys.readouterr().out
