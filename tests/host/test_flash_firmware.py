# SPDX-License-Identifier: MIT
"""What the firmware writes is read by the host tool, which was written from SPEC alone: raw NOR, a folder, littlefs 1 and 2."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from ports.catalogue import IDS
from ports.unix.flash import FolderFlash, folder_store
from sim.bare_ring import KEY, BareRing
from sim.device import Device
from sim.sim_board import NorBoard
from sim.sim_host import SUBJECT, field, purpose
from sim.sim_nor import MODES
from sim.sim_port import PowerCut

from quell_host import cli, runtime
from quell_host.errors import ExitCode
from quell_host.flash import fsck, shape
from quell_host.flash.content import read_content
from quell_host.flash.stores import Keys

PURPOSES = [purpose(1, "diagnostics", basis=0), purpose(2, "study")]
FIELDS = [field(1, "code", IDS["app.int"], 0, purposes=(1, 2)), field(2, "mode", IDS["app.int"], 0, purposes=(2,))]
ROOT = Path(__file__).parents[2]

# Run by MicroPython, which has a littlefs: a device that collects, goes off line, and is withdrawn from.
LITTLE = """
import json, sys
sys.path.append(ROOT + "/tests/host")
from sim.device import Device
from sim.sim_board import LittleBoard
from sim.sim_host import SUBJECT, field, purpose
from ports.catalogue import IDS
board = LittleBoard(KIND, blocks=64, segments=8)
device = Device(flash=board, provisioned=False)
device.with_policy(
    [purpose(1, "diagnostics", basis=0), purpose(2, "study")],
    [field(1, "code", IDS["app.int"], 0, purposes=(1, 2)), field(2, "mode", IDS["app.int"], 0, purposes=(2,))],
)
device.granted(2)
for i in range(60):
    if i == 20:
        device.port.link.up = False
    device.agent.emit("diagnostics", {"code": i})
    device.agent.emit("study", {"code": i, "mode": 7})
    device.run(1, 60000)
for number in (1, 2):
    device.agent.rings.ring(number).flush()
file = open(IMAGE, "wb")
file.write(board.chip.data)
file.close()
print(json.dumps({"wear": board.chip.wear}))
"""


def nor_device(sectors: int = 16) -> Device:
    device = Device(flash=NorBoard(ring_sectors=sectors), provisioned=False)
    return device.with_policy(PURPOSES, FIELDS).granted(2)


def collect(device: Device, count: int, start: int = 0) -> None:
    for i in range(start, start + count):
        device.agent.emit("diagnostics", {"code": i})
        device.agent.emit("study", {"code": i, "mode": 7})
        device.run(1, 5000)


def look(path: Path, **more):
    """(JSON shape with records, report of the check) of an image."""
    content = read_content(path, **more)
    return shape.shape(content, True, None), fsck.check(content)


def findings(report) -> list[str]:
    return [str(item) for item in report.findings.items]


def codes(shaped, purpose_id: int, waiting: bool = True) -> list[int]:
    mine = [one for one in shaped["records"] if one["purpose_id"] == purpose_id]
    return [one["fields"]["1"] for one in mine if one["waiting"] or not waiting]


def test_raw_nor_of_a_device(tmp_path):
    device = nor_device()
    collect(device, 150)
    device.port.link.up = False
    collect(device, 100, 150)
    (path := tmp_path / "nor.img").write_bytes(device.board.chip.data)
    device.boot()
    shaped, report = look(path)
    assert findings(report) == []
    assert report.opened == report.records > 150
    assert [one["in_force"] for one in shaped["stores"] if one["store"] == "keys"].count(True) == 1
    for ring in shaped["rings"]:
        there = device.agent.rings.ring(ring["purpose_id"]).stats()
        assert (ring["waiting"], ring["acked"], ring["lost"]) == (there["records"], there["acked"], there["lost"])
        assert codes(shaped, ring["purpose_id"])[-1] == 249
        assert codes(shaped, ring["purpose_id"]) == list(range(ring["acked"], 250))


def test_raw_nor_that_evicted(tmp_path):
    device = nor_device(6)
    device.port.link.up = False
    collect(device, 700)
    (path := tmp_path / "nor.img").write_bytes(device.board.chip.data)
    shaped, report = look(path)
    assert findings(report) == []
    for ring in shaped["rings"]:
        assert ring["lost"] > 0 and ring["lost"] + ring["waiting"] == 700
        assert codes(shaped, ring["purpose_id"])[-1] == 699


def test_a_withdrawal_leaves_nothing_of_the_purpose(tmp_path):
    device = nor_device()
    device.port.link.up = False
    collect(device, 50)
    device.port.link.up = True
    device.host.bundle(SUBJECT, [device.host.withdraw(1, 2)])
    device.agent.session.restart()
    device.run(60, 5000)
    (path := tmp_path / "nor.img").write_bytes(device.board.chip.data)
    shaped, report = look(path)
    assert findings(report) == []
    assert [ring["purpose_id"] for ring in shaped["rings"]] == [1]


@pytest.mark.parametrize("mode", MODES)
def test_after_a_power_cut_only_what_was_torn_is_found(mode, tmp_path):
    torn = ("belong to no frame", "does not match its CRC", "no header", "its write was cut", "no prefix", "slot: ")
    for cut in range(2, 30, 3):
        device = nor_device(8)
        device.board.chip.arm(cut, mode, seed=cut)
        try:
            collect(device, 30)
        except PowerCut:
            pass
        (path := tmp_path / f"{cut}.img").write_bytes(device.board.chip.data)
        _, report = look(path)
        assert all(any(words in line for words in torn) for line in findings(report)), findings(report)


def test_a_folder_of_the_unix_port(tmp_path):
    class Board:
        """As the unix port puts it together."""

        def parts(self):
            flash = FolderFlash(str(tmp_path / "device"))
            return flash, flash, folder_store(flash)

        def reboot(self):
            """Files stay."""

    device = Device(flash=Board(), provisioned=False).with_policy(PURPOSES, FIELDS).granted(2)
    device.port.link.up = False
    collect(device, 300)
    for number in (1, 2):
        device.agent.rings.ring(number).flush()
    shaped, report = look(tmp_path / "device")
    assert findings(report) == [] and shaped["kind"] == "folder"
    assert codes(shaped, 1)[-1] == codes(shaped, 2)[-1] == 299
    assert report.opened == report.records


def test_a_bare_ring_and_its_superseded_segments(tmp_path):
    bare = BareRing()
    folder = tmp_path / "ring"
    folder.mkdir()
    for _ in range(9):
        bare.append(7)
    bare.ring.ack(30)
    bare.append(1)
    for name, data in bare.flash.files.items():
        (folder / name).write_bytes(data)
    content = read_content(folder)
    content.keys = Keys({1: (1, KEY)}, {})
    ring = content.rings[0]
    opened = {}
    for holder in content.holders(ring):
        for one in holder.sealed_records():
            if holder.state != "superseded":
                opened[one.sequence] = content.opener(holder).open(one.place, one.sequence, one.sealed)
    waiting = {sequence: data for sequence, data in opened.items() if sequence >= 30}
    assert waiting == {sequence: data for sequence, data in bare.given.items() if sequence >= 30}
    assert (ring.next, ring.acked) == (64, 30)


@pytest.fixture(scope="module", params=[1, 2])
def little(request, tmp_path_factory):
    """A real littlefs of a device: (version, image, erase counts)."""
    folder = tmp_path_factory.mktemp("little")
    image = folder / "lfs.img"
    names = {"KIND": request.param, "IMAGE": str(image), "ROOT": str(ROOT)}
    (script := folder / "make.py").write_text("".join(f"{key} = {value!r}\n" for key, value in names.items()) + LITTLE)
    path = f"{ROOT}/firmware:{ROOT}/tests:{ROOT}/build/micropython/lib:.frozen"
    command = [str(runtime.micropython()), "-X", "heapsize=32M", str(script)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "MICROPYPATH": path}, timeout=100)
    assert done.returncode == 0, done.stderr
    (counts := folder / "wear.json").write_text(done.stdout.splitlines()[-1])
    return request.param, image, counts


def test_a_littlefs_of_a_device(little):
    version, image, _ = little
    shaped, report = look(image)
    assert findings(report) == []
    assert (shaped["kind"], shaped["folder"]) == (f"littlefs-{version}", "/quell")
    assert codes(shaped, 1)[-1] == codes(shaped, 2)[-1] == 59
    assert codes(shaped, 1) == list(range(shaped["rings"][0]["acked"], 60))
    assert all(one["bytes"] >= 1100 for one in shaped["stores"] if one["store"] == "keys")


def test_a_littlefs_inside_a_larger_image(little, tmp_path, capsys):
    version, image, _ = little
    data = image.read_bytes()
    (path := tmp_path / "chip.img").write_bytes(b"\xff" * 8192 + data + b"\xff" * 4096)
    shaped, report = look(path, offset=8192, size=len(data))
    assert findings(report) == [] and shaped["offset"] == 8192 and shaped["rings"]
    assert look(path, offset=8192)[0]["notes"] == ["the 4,096 bytes behind the littlefs were not looked at"]
    assert cli.main(["flash", "inspect", str(path)]) == ExitCode.FAILED
    error = capsys.readouterr().err
    assert f"littlefs {version} begins at 0x2000" in error and "--offset 0x2000" in error


def test_a_truncated_littlefs_is_a_finding(little, tmp_path, capsys):
    _, image, _ = little
    for kept in (63 * 4096, 40 * 4096 + 1, 8192, 4096):
        (path := tmp_path / "cut.img").write_bytes(image.read_bytes()[:kept])
        assert cli.main(["flash", "fsck", str(path)]) == ExitCode.FINDINGS
        out = capsys.readouterr().out
        assert "it is cut short: its littlefs has 262,144 bytes" in out or "cannot be read" in out


def test_a_damaged_littlefs_is_one_line(little, tmp_path, capsys):
    _, image, _ = little
    data = bytearray(image.read_bytes())
    for place in (*range(48, 4096), *range(4096 + 48, 8192)):
        data[place] ^= 0x55
    (path := tmp_path / "bad.img").write_bytes(data)
    assert cli.main(["flash", "inspect", str(path)]) == ExitCode.FAILED
    assert capsys.readouterr().err.count("\n") == 1
    assert cli.main(["flash", "fsck", str(path)]) == ExitCode.FINDINGS
    assert "a device would format it" in capsys.readouterr().out


def test_the_erase_counts_of_a_littlefs_are_drawn(little, capsys):
    _, image, counts = little
    assert cli.main(["flash", "inspect", str(image), str(counts), "--wear"]) == ExitCode.OK
    out = capsys.readouterr().out
    wear = json.loads(counts.read_text())["wear"]
    assert f"min {min(wear)}, max {max(wear)}, mean {sum(wear) / len(wear):.1f}" in out
    assert cli.main(["flash", "inspect", str(image), "--wear"]) == ExitCode.USAGE
