# SPDX-License-Identifier: MIT
"""`quell flash fsck` finds whatever does not fit SPEC §10, says where, and finds nothing in what is sound."""

import json
import random
import struct

import pytest
from host import flash_images as made
from host.flash_images import BLANK, CARE, KEY, KEY2, SECTOR, STUDY, TRIES, USER, Sector, record, segment

from quell_host import cli
from quell_host.errors import ExitCode


@pytest.fixture
def fsck(tmp_path, capsys):
    """The findings of a check of bytes or of a folder's files, each a line; none when it is sound."""

    def run(what, *words) -> list[str]:
        if isinstance(what, dict):
            path = made.write_folder(tmp_path / "device", what)
        else:
            path = tmp_path / "flash.img"
            path.write_bytes(what)
        code = cli.main(["flash", "fsck", str(path), *map(str, words)])
        out, run.err = capsys.readouterr()
        lines = out.splitlines()
        assert KEY.hex() not in out and KEY2.hex() not in out
        if code == ExitCode.OK:
            assert len(lines) == 1 and ": sound: " in lines[0]
            run.words = lines[0]
            return []
        assert code == ExitCode.FINDINGS and lines
        return lines

    return run


def rings(**changed: bytes) -> bytes:
    """The sound partition, with the sectors s0…s7 changed."""
    sectors = made.ring_sectors()
    for name, data in changed.items():
        sectors[int(name[1:])] = data
    return b"".join(sectors)


def flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def files(**changed: bytes | None) -> dict[str, bytes]:
    """The sound device, with files changed; `_` is a dot, None removes one."""
    found = made.device_files()
    for name, data in changed.items():
        found[name.replace("_", ".")] = data
    return {name: data for name, data in found.items() if data is not None}


def test_what_is_sound_has_no_findings(fsck):
    assert fsck(made.nor_image()) == []
    assert fsck.words.endswith("7 slots, 4 segments, sectors and inline files, 22 records")
    assert fsck(made.nor_image(with_keys=False)) == []
    assert "22 records stay sealed: no key for them" in fsck.err
    assert fsck(made.device_files()) == []
    assert fsck(rings()) == []
    assert fsck(BLANK * 4) == []
    assert fsck(random.Random(1).randbytes(9 * SECTOR) + made.nor_image()) == []


# each: what is checked, a part of the only line that may come
NOR = {
    "a frame's body": (lambda: rings(s2=flipped(made.ring_sectors()[2], 80)), "at 0x038: the frame of record 10 does not"),
    "a frame's head": (lambda: rings(s2=flipped(made.ring_sectors()[2], 60)), "at 0x038: bytes up to"),
    "a torn frame": (lambda: rings(s4=made.ring_sectors()[4][:300] + b"\xff" * 3796), "sector 4 at 0x"),
    "a header": (lambda: rings(s2=flipped(made.ring_sectors()[2], 20)), "sector 2: its header does not match its CRC"),
    "another sector's header": (lambda: rings(s6=Sector(5, 9, 22).record(22).bytes()), "sector 6: its header is that of index 5"),
    "no header": (lambda: rings(s6=b"\0" * SECTOR), "sector 6: it holds bytes, but no header"),
    "another version": (lambda: rings(s5=Sector(5, 9, 22, format=2).bytes()), "sector 5: format version 2: written by another"),
    "frames out of order": (
        lambda: rings(s5=Sector(5, 5, 22).record(23).record(22).bytes()), "record 22 stands behind 23; frames out of order",
    ),
    "a record below the first": (lambda: rings(s5=Sector(5, 5, 22).record(22).record(3, record(3)).bytes()), "record 3 is below"),
    "sectors out of order": (lambda: rings(s5=Sector(5, 5, 18).bytes()), "sector 5: its first sequence 18 is below 22"),
    "a sequence twice": (
        lambda: rings(s5=Sector(5, 5, 22).record(22).record(22, record(22, {USER: bytes(8)})).bytes()), "sequence 22 was given twice",
    ),
    "a number twice": (lambda: rings(s5=Sector(5, 4, 22, salt=bytes(16)).record(22).bytes()), "its number 4 is also that of sector 4"),
    "a salt twice": (
        lambda: rings(s5=Sector(5, 5, 22, salt=Sector(4, 4).salt).record(22).bytes()), "its salt is also that of sector 4",
    ),
    "number 0": (lambda: rings(s0=Sector(0, 0, 0, CARE, 7).record(0).bytes()), "it has number 0"),
    "purpose 0": (lambda: rings(s5=Sector(5, 5, 0, 0).record(0).bytes()), "it is of purpose 0"),
    "acked ahead in a header": (lambda: rings(s5=Sector(5, 5, 22, acked=30).record(22).bytes()), "acked 30 is ahead of the next sequence 23"),
    "acked ahead in a frame": (lambda: rings(s4=Sector(4, 4, 16).records(16, 21).ack(99).bytes()), "acked 99 is ahead"),
    "acked ahead of the next sector": (lambda: rings(s2=Sector(2, 2, 10).records(10, 15).ack(17).bytes()), "sector 2: acked 17 is ahead"),
    "an acknowledgement without its body": (
        lambda: rings(s4=Sector(4, 4, 16).records(16, 21).frame(2, 18, b"").bytes()), "an acknowledgement with a body of 0 bytes",
    ),
    "a kind of frame": (lambda: rings(s4=Sector(4, 4, 16).records(16, 21).frame(3, 1, b"new").bytes()), "a frame of kind 3: written by"),
    "a record without a tag": (lambda: rings(s5=Sector(5, 5, 22).record(22).frame(1, 23, b"x").bytes()), "record 23 has 1 bytes"),
    "half a sector": (lambda: rings() + b"\xff" * 100, "no whole number of sectors: 100 bytes"),
    "a truncated image": (lambda: rings()[:-1], "no whole number of sectors: 4,095 bytes"),
}  # fmt: skip


@pytest.mark.parametrize("name", NOR)
def test_in_sectors(name, fsck):
    make, words = NOR[name]
    found = fsck(make())
    assert len(found) == 1 and words in found[0], found


SOUND = made.device_files()
FILES = {
    "a slot": ({"state_b": flipped(SOUND["state.b"], 40)}, "state.b: state slot: its CRC does not match"),
    "a slot cut short": ({"keys_b": SOUND["keys.b"][:30]}, "keys.b: keys slot: it is cut short: 30 of"),
    "an empty slot": ({"keys_b": b""}, "keys.b: keys slot: it is shorter than a slot's head"),
    "a slot of another kind": ({"state_b": SOUND["keys.a"]}, "state.b: state slot: it is of kind 2"),
    "a slot of another version": ({"state_b": made.slot(1, 6, made.state(), version=2)}, "format version 2: written by another version"),
    "no slot": ({"prov_a": flipped(SOUND["prov.a"], 20), "prov_b": b"QS"}, "prov: no slot of it verifies"),
    "a counter twice": ({"state_b": made.slot(1, 5, made.state())}, "state.a and state.b: slots of state have the same counter"),
    "counter 0": ({"prov_b": made.slot(4, 0, made.provisioning())}, "prov: a slot has counter 0"),
    "a state that is none": ({"state_b": made.slot(1, 6, b"\xa0")}, "state.b: state slot: a state record has other parts"),
    "a state with a wrong part": ({"state_b": made.slot(1, 6, made.state(k12={1: [0]}))}, "state.b: state slot: an entry has another length"),
    "keys that are none": ({"keys_b": made.slot(2, 2, made.keys({1: [0, b"short"]}))}, "keys.b: keys slot: a ring key has not 32 bytes"),
    "a policy that is none": ({"policy_b": made.slot(3, 2, b"policy")}, "policy.b: policy slot: it holds no signed policy"),
    "a policy that is not there": ({"policy_a": made.slot(3, 2, made.POLICY.data + b"x")}, "no policy slot holds the policy that the state names"),
    "state acked ahead": (
        {"state_b": made.slot(1, 6, made.state(k12={1: [0, 1024, 0, 0], 2: [4, 1024, 1025, 0]}))}, "state.b: purpose 2, generation 4: acked 1025",
    ),
    "an erased key": (
        {"keys_b": made.slot(2, 2, made.keys({1: [0, KEY], 2: [5, KEY2]}, {2: 4}))}, "keys.a: it still holds the ring key of purpose 2, generation 4",
    ),
    "a segment's header": ({"r022": flipped(SOUND["r022"], 9)}, "r022: its header does not match its CRC"),
    "a segment's body": ({"r021": flipped(SOUND["r021"], 90)}, "r021: its body does not match its CRC"),
    "a segment cut short": ({"r021": SOUND["r021"][:-9]}, "r021: it is cut short: "),
    "a segment cut very short": ({"r021": SOUND["r021"][:9]}, "r021: it is shorter than a segment's header"),
    "a segment of another version": ({"r023": segment(9, [(30, record(0))], format=1)}, "r023: format version 1: written by another version"),
    "a segment of another purpose": ({"r030": segment(9, [(30, record(0))])}, "r030: it is of purpose 2, which its name is not"),
    "bytes behind a segment": ({"r021": SOUND["r021"] + b"x"}, "r021: 1 bytes follow its body"),
    "a count": ({"r023": segment(9, [(30, record(0))], count=2)}, "r023: its body does not hold its 2 records"),
    "an empty segment": ({"r023": segment(9, [])}, "r023: it has no records"),
    "records out of order": ({"r023": segment(9, [(31, record(1)), (30, record(0)), (32, record(2))], first=30)}, "record 30 stands behind 31"),
    "a record beyond next": ({"r023": segment(9, [(30, record(0)), (31, record(1))], next=31)}, "record 31 is not below next 31"),
    "next beyond the last": ({"r023": segment(9, [(30, record(0))], next=40)}, "next is 40, but its last record is 30"),
    "a segment acked ahead": ({"r023": segment(9, [(30, record(0))], acked=32)}, "r023: acked 32 is ahead of next 31"),
    "a number of segments twice": ({"r023": segment(3, [(30, record(0))], salt=bytes(16))}, "r023: its number 3 is also that of r022"),
    "a sequence of segments twice": (
        {"r023": segment(9, [(11, record(0, {USER: bytes(8)})), (12, record(12))])}, "r023: sequence 11 was given twice, with other bytes at r022",
    ),
    "an inline file of another version": ({"i3": made.inline(13, record(13), form=2)}, "i3: format version 2: written by another version"),
    "an inline file cut short": ({"i3": made.inline(13, record(13))[:20]}, "i3: it is shorter than an inline file"),
    "an inline file": ({"i0": flipped(SOUND["i0"], 30)}, "i0: record 12 does not open"),
    "a huge file": ({"r023": bytes(70000)}, "r023: it is over 65,536 bytes"),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_in_files(name, fsck):
    changed, words = FILES[name]
    found = fsck(files(**changed))
    assert any(words in line for line in found), found
    assert len(found) <= 4, found


def test_every_record_is_opened_with_keys(fsck):
    other = made.slot(made.KEYS, 3, made.keys({CARE: [0, KEY], STUDY: [4, KEY]}), 1100)
    found = fsck(files(keys_b=other))
    assert [line.partition(";")[0] for line in found] == [
        "r021: none of its 6 records opens",
        "r020: none of its 3 records opens",
        "r022: none of its 6 records opens",
        "i0: record 12 does not open",
    ]


def test_a_record_at_another_place_or_sequence_does_not_open(fsck):
    sector = Sector(5, 5, 22).records(22, 23)
    body = made.seal(KEY2, sector.salt, STUDY, 4, made.VERSION, 0, 24, record(24))
    found = fsck(made.nor_stores() + rings(s5=sector.frame(1, 24, body).bytes()))
    assert len(found) == 1 and "record 24 does not open" in found[0]


def test_what_a_record_holds_must_be_in_its_policy(fsck):
    sector = Sector(5, 5, 22).record(22, record(22, {99: 1})).record(23, record(23, {made.MODEL: "x"}))
    sector.record(24, record(24, {TRIES: 7})).record(25, b"\x80").record(26, b"\xff")
    found = fsck(made.nor_stores() + rings(s5=sector.bytes()))
    for line, words in zip(found, ("holds field 99, which", "holds field 1, which", "field tries", "opens, but", "opens, but"), strict=True):
        assert words in line


def test_what_was_erased_may_not_be_there(fsck):
    left = fsck(made.nor_stores(with_keys=False)[: 2 * SECTOR] + made.nor_image()[2 * SECTOR :])
    assert left == []
    erased = made.nor_file(made.slot(made.KEYS, 3, made.keys({CARE: [0, KEY]}, {STUDY: 4})))
    found = fsck(erased + BLANK + made.nor_image()[2 * SECTOR :])
    assert len(found) == 3 and all("generation 4, which was erased; the key is gone" in line for line in found)
    intent = {STUDY: [4, bytes(32), 1, 21, 0, 0]}
    found = fsck(erased + BLANK + made.nor_image(k8=intent)[2 * SECTOR :])
    assert len(found) == 3 and all("its purge is not finished" in line for line in found)


def test_files_on_raw_nor_are_found_by_their_prefix(fsck):
    stores = made.nor_stores()
    unfinished = b"\xff" * 8 + stores[8:SECTOR]
    broken = flipped(stores, 3)[:SECTOR]
    assert "it has no prefix: its write was cut" in fsck(unfinished + stores[SECTOR:])[0]
    assert "its prefix does not match its complement" in fsck(broken + stores[SECTOR:])[0]
    cut = struct.pack("<II", 40000, 40000 ^ 0xFFFFFFFF) + stores[8:SECTOR]
    assert "sector 6: a slot: it is cut short: 4088 of 40000 bytes" in fsck(stores[: 6 * SECTOR] + cut)[0]
    long = made.nor_file(made.slot(made.POLICY_KIND, 3, bytes(9000)), 3)
    found = fsck(stores + long)
    assert len(found) == 1 and found[0].startswith("sector 9: policy slot: it holds no signed policy")


def test_in_a_part_of_a_chip_all_behind_the_first_sector_of_a_ring_should_be_ours(fsck):
    chip = made.nor_image() + bytes(SECTOR) + BLANK
    assert fsck(chip) == []
    assert fsck(BLANK + chip, "--offset", SECTOR, "--size", 17 * SECTOR) == []
    found = fsck(BLANK + chip, "--offset", "0x1000")
    assert len(found) == 1 and "sector 17: it holds bytes, but no header" in found[0]


def test_many_damaged_frames_are_one_line(fsck):
    sector = bytearray(Sector(5, 5, 22).records(22, 60).bytes())
    for place in range(56 + 40, len(sector.rstrip(b"\xff")), 60):
        sector[place] ^= 1
    found = fsck(rings(s5=bytes(sector)))
    assert sum("frames do not match their CRC" in line for line in found) == 1


@pytest.mark.parametrize(
    "data, words",
    [
        (b"", "it has 0 bytes"),
        (random.Random(1).randbytes(16 * SECTOR), "nothing in it was written by Quell"),
        (random.Random(1).randbytes(1000), "nothing in it was written by Quell"),
        (bytes(4 * SECTOR), "nothing in it was written by Quell"),
        (b"\xff" * 100, "nothing in it was written by Quell"),
    ],
)
def test_what_is_no_image_is_one_finding(data, words, fsck):
    found = fsck(data)
    assert len(found) == 1 and words in found[0]


def test_an_image_of_another_version_of_quell_says_so(fsck):
    found = fsck(b"".join(Sector(n, n + 1, format=7).bytes() for n in range(3)))
    assert len(found) == 3 and all("format version 7: written by another version of Quell" in line for line in found)


def test_an_empty_folder_is_one_finding(fsck):
    assert "no file in this folder" in fsck({})[0]


def test_json_has_the_documented_shape(tmp_path, capsys):
    (path := tmp_path / "x.img").write_bytes(rings(s6=b"\0" * SECTOR))
    assert cli.main(["flash", "fsck", str(path), "--json"]) == ExitCode.FINDINGS
    shape = json.loads(capsys.readouterr().out)
    assert list(shape) == [
        "schema", "image", "kind", "sound", "findings", "findings_left_out", "slots", "units", "records", "opened", "sealed",
    ]  # fmt: skip
    assert shape["findings"][0].keys() == {"where", "what", "means"}
    assert (shape["sound"], shape["kind"], shape["sealed"]) == (False, "raw-nor", 22)
    path.write_bytes(b"")
    assert cli.main(["flash", "fsck", str(path), "--json"]) == ExitCode.FINDINGS
    assert json.loads(capsys.readouterr().out)["kind"] is None
