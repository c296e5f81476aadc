# SPDX-License-Identifier: MIT
"""`quell flash inspect` shows what is in an image: of raw NOR, of a whole chip, of a folder; keys are never shown."""

import json
import random
import re
from pathlib import Path

import pytest
from host import flash_images as made
from host.flash_images import BLANK, KEY, KEY2, SECTOR, STUDY, Sector

from quell_host import cli
from quell_host.errors import ExitCode
from quell_host.flash import units

README = (Path(__file__).parents[2] / "host_tools/README.md").read_text()


@pytest.fixture
def inspect(tmp_path, capsys):
    """Inspect bytes, a folder's files, or what is at a path; gives what is on stdout."""

    def run(what, *words, code=ExitCode.OK) -> str:
        if isinstance(what, dict):
            path = made.write_folder(tmp_path / "device", what)
        elif isinstance(what, bytes):
            path = tmp_path / "flash.img"
            path.write_bytes(what)
        else:
            path = what
        assert cli.main(["flash", "inspect", str(path), *map(str, words)]) == code
        out, run.err = capsys.readouterr()
        for key in (KEY, KEY2, b"K" * 32, b"V" * 32, b"D" * 32, b"S" * 32):
            assert key.hex() not in out + run.err and repr(key) not in out + run.err
        return out

    return run


@pytest.fixture
def shape(inspect):
    """The JSON of an inspection."""
    return lambda what, *words: json.loads(inspect(what, "--json", *words))


def by_place(units: list[dict]) -> dict[str, dict]:
    return {unit["place"]: unit for unit in units}


def test_a_chip_is_shown_in_80_columns(inspect):
    out = inspect(made.nor_image())
    assert max(map(len, out.splitlines()[1:])) <= 80
    assert "partition of the rings: begins at sector 9 (0x9000), last used sector 13" in out
    assert "policy in force: small, version 3" in out
    assert "purpose 2 study, generation 4, in force" in out
    assert re.search(r"10 +1 +0\.\.9 +9 +1 +2 +0 +3 +60 s +live", out)
    assert "gaps: 9" in out
    assert re.search(r"4 sectors +blank: 9, 14\.\.16", out)


def test_the_partition_is_found_wherever_it_begins(shape):
    rings = b"".join(made.ring_sectors())
    for before in (b"", BLANK * 3, random.Random(1).randbytes(SECTOR * 5)):
        found = shape(before + rings + BLANK)
        at = len(before) // SECTOR
        assert found["partition"] == {"sector": at, "offset": at * SECTOR, "last_used": at + 4}
        assert [unit["sector"] for unit in found["sectors"]] == [at + 1, at + 2, at + 3, at + 4]
        assert found["kind"] == "raw-nor" and found["damaged"] == []


def test_offset_and_size_pick_a_part(shape, inspect):
    whole = random.Random(1).randbytes(SECTOR * 5) + b"".join(made.ring_sectors())
    found = shape(whole, "--offset", "0x5000", "--size", 8 * SECTOR)
    assert found["partition"] == {"sector": 0, "offset": 5 * SECTOR, "last_used": 4}
    assert found["bytes"] == 8 * SECTOR
    for words in (["--offset", len(whole)], ["--size", 0], ["--offset", -1], ["--offset", "x"]):
        inspect(whole, *words, code=ExitCode.USAGE)
    inspect(whole, "--size", len(whole) + 1, code=ExitCode.FAILED)
    assert "it ends 1 bytes before the part" in inspect.err


def test_the_stores_and_which_slot_is_in_force(shape):
    stores = shape(made.nor_image())["stores"]
    assert [(one["store"], one["slot"], one["counter"], one["in_force"]) for one in stores] == [
        ("state", "sector 6", 5, False),
        ("state", "sector 7", 6, True),
        ("keys", "sector 0", 1, False),
        ("keys", "sector 1", 2, True),
        ("policy", "sector 2", 1, False),
        ("policy", "sector 3", 2, True),
        ("prov", "sector 4", 1, True),
    ]
    assert all(one["valid"] and one["why"] is None for one in stores)


def test_the_policy_in_force_is_the_one_that_the_state_names(shape):
    files = made.device_files()
    files["policy.b"] = made.slot(made.POLICY_KIND, 9, made.POLICY.data + b"newer")
    force = {one["slot"]: one["in_force"] for one in shape(files)["stores"]}
    assert force["policy.a"] and not force["policy.b"]


def test_a_slot_that_does_not_verify_says_why(inspect):
    files = made.device_files()
    files["state.b"] = files["state.b"][:-1] + b"\0"
    files["keys.a"] = files["keys.a"][:40]
    files["prov.a"] = made.slot(made.PROV, 1, made.provisioning(), version=9)
    out = " ".join(inspect(files).split())
    assert "state.b 6" in out and "its CRC does not match" in out
    assert "it is cut short: 40 of" in out
    assert "format version 9: written by another version of Quell" in out


def test_segments_of_a_folder(shape):
    found = shape(made.device_files())
    assert found["kind"] == "folder"
    units = by_place(found["segments"])
    assert {name: unit["state"] for name, unit in units.items()} == {
        "r010": "live", "r020": "superseded", "r021": "live", "r022": "live",
    }  # fmt: skip
    assert (units["r022"]["first"], units["r022"]["next"], units["r022"]["records"]) == (6, 12, 6)
    assert found["inline"][0]["state"] == "live"
    ring = found["rings"][1]
    assert (ring["purpose"], ring["records"], ring["waiting"], ring["next"], ring["acked"]) == ("study", 13, 11, 13, 2)


def test_what_is_acknowledged_or_of_a_gone_generation(shape):
    acked = {made.STUDY: [4, 1024, 12, 3], made.CARE: [0, 1024, 0, 0]}
    files = made.device_files(k12=acked)
    files["r023"] = made.segment(1, [(0, made.record(0))], generation=3)
    found = shape(files)
    states = {name: (unit["state"], unit["why"]) for name, unit in by_place(found["segments"]).items()}
    assert states["r021"] == ("acknowledged", None)
    assert states["r023"] == ("free", "its generation is gone")
    assert [ring["in_force"] for ring in found["rings"]] == [True, False, True]
    assert found["rings"][2]["lost"] == 3


def test_without_a_state_the_newest_generation_is_taken(shape, inspect):
    sectors = made.ring_sectors()
    sectors[5] = Sector(5, 5, 0, STUDY, 2).records(0, 3).bytes()  # numbers rise, generations may begin anew
    found = shape(b"".join(sectors))
    assert [(ring["generation"], ring["in_force"]) for ring in found["rings"]] == [(0, None), (2, None), (4, False)]
    assert "the newest here" in inspect(b"".join(sectors))


def test_the_newest_sector_without_a_frame_is_free_but_its_header_holds(shape):
    sectors = made.ring_sectors()
    sectors[5] = Sector(5, 5, 22, acked=16, lost=7).bytes()
    found = shape(b"".join(sectors))
    states = {unit["sector"]: unit["state"] for unit in found["sectors"]}
    assert states == {1: "acknowledged", 2: "acknowledged", 3: "live", 4: "live", 5: "free"}
    assert (found["rings"][1]["acked"], found["rings"][1]["lost"]) == (16, 7)


def test_acknowledgement_frames_tell_what_was_acknowledged_and_lost(shape):
    sectors = made.ring_sectors()
    sectors[4] = Sector(4, 4, 16).records(16, 21).ack(18, 5).bytes()
    ring = shape(b"".join(sectors))["rings"][1]
    assert (ring["acked"], ring["lost"], ring["waiting"]) == (18, 5, 4)


def test_damaged_frames_and_sectors_are_counted(shape):
    sectors = made.ring_sectors()
    damaged = bytearray(sectors[2])
    damaged[120] ^= 1
    sectors[2] = bytes(damaged)
    sectors[5] = b"QN" + random.Random(2).randbytes(SECTOR - 2)
    sectors[6] = random.Random(3).randbytes(SECTOR)
    found = shape(b"".join(sectors))
    unit = next(unit for unit in found["sectors"] if unit["sector"] == 2)
    assert (unit["records"], unit["damaged"], unit["state"]) == (5, 1, "live")
    assert [one["sector"] for one in found["damaged"]] == [5, 6]


def test_records_without_keys_are_sealed(shape, inspect):
    out = inspect(made.nor_image(with_keys=False), "--records")
    assert out.count("sealed, ") == 22 and "generation 4  16  sector 13 at 0x038  sealed, " in out
    records = shape(made.nor_image(with_keys=False), "--records")["records"]
    assert {one["state"] for one in records} == {"sealed"} and {one["fields"] for one in records} == {None}
    assert len(records) == 22


def test_records_are_opened_with_the_keys_and_policy_of_the_image(inspect):
    lines = inspect(made.nor_image(), "--records").splitlines()
    assert lines[0].startswith("1 care  generation 0  0  sector 12 at 0x038  ")
    assert lines[0].endswith("model=EC200U")
    study = [line for line in lines if line.startswith("2 study")]
    assert len(study) == 21
    assert study[-1].endswith("2027-01-15T11:30:00Z  trust authenticated  epoch 3  user=0000000000000000  tries=0..9")
    assert sum("acknowledged" in line for line in study) == 2


@pytest.mark.parametrize("source", ["file", "folder", "image"])
def test_keys_may_come_from_elsewhere(source, shape, tmp_path):
    if source == "file":
        (keys := tmp_path / "keys.a").write_bytes(made.slot(made.KEYS, 1, made.keys(), 1100))
    elif source == "folder":
        keys = made.write_folder(tmp_path / "other", {"keys.b": made.slot(made.KEYS, 1, made.keys())})
    else:
        (keys := tmp_path / "other.img").write_bytes(BLANK + made.nor_stores())
    records = shape(b"".join(made.ring_sectors()), "--records", "--keys", keys)["records"]
    assert {one["state"] for one in records} == {"opened"}
    assert records[0]["fields"] == {"1": "EC200U"} and records[0]["time"] is None


def test_a_policy_file_gives_the_names(shape, tmp_path):
    (policy := tmp_path / "p.quell").write_bytes(made.POLICY.data)
    (keys := tmp_path / "keys.a").write_bytes(made.slot(made.KEYS, 1, made.keys()))
    record = shape(b"".join(made.ring_sectors()), "--records", "--keys", keys, "--policy", policy)["records"][0]
    assert record["fields"] == {"model": "EC200U"} and record["time"] == "2027-01-15T08:00:00Z"


def test_a_record_without_a_clock_shows_boot_and_uptime(shape, inspect):
    files = made.device_files()
    files["i0"] = made.inline(12, made.record(12, trust=0))
    last = shape(files, "--records")["records"][-1]
    assert (last["trust"], last["boot"], last["uptime_s"], last["time"]) == ("none", 9, 7200, None)
    assert "boot 9 +7200 s" in inspect(files, "--records")


def test_text_from_a_device_does_not_steer_the_terminal(inspect):
    sectors = made.ring_sectors()
    evil = made.record(0, {made.MODEL: "\x1b[2J", 900: "\x1b]0;x\x07", 901: b"\xff"})
    sectors[3] = Sector(3, 3, 0, made.CARE, 0, KEY).record(0, evil).bytes()
    out = inspect(made.nor_stores() + b"".join(sectors), "--records")
    assert "\x1b" not in out and "901=ff" in out


def test_keys_that_are_none_are_one_error(inspect, tmp_path):
    (bad := tmp_path / "keys.a").write_bytes(made.slot(made.STATE, 1, made.state()))
    inspect(made.nor_image(), "--keys", bad, code=ExitCode.USAGE)
    assert "no key store that verifies" in inspect.err
    inspect(made.nor_image(), "--keys", tmp_path / "none", code=ExitCode.USAGE)
    inspect(made.nor_image(), "--policy", tmp_path / "none", code=ExitCode.FAILED)


def test_erase_counts_are_drawn(inspect, tmp_path, shape):
    (counts := tmp_path / "wear.json").write_text(json.dumps({"wear": [*range(16), 40]}))
    out = inspect(made.nor_image(), "--wear", counts)
    assert "     0  ░░░░░░░░░░░░░░▒▒█\n" in out
    assert "min 0, max 40, mean 9.4" in out and "spread: 40" in out
    wear = shape(made.nor_image(), "--wear", counts)["wear"]
    assert (wear["by"], wear["min"], wear["max"], wear["mean"]) == ("erase counts", 0, 40, 9.412)


def test_without_counts_the_numbers_are_drawn_and_it_says_so(inspect, shape):
    out = inspect(b"".join(made.ring_sectors()), "--wear")
    assert "     0  ·░▒▓█···\n" in out and "no erase counts were given" in out and "mean" not in out
    wear = shape(b"".join(made.ring_sectors()), "--wear")["wear"]
    assert wear["by"] == "sector numbers" and wear["sectors"][:3] == [None, 1, 2] and wear["mean"] is None


def test_sixty_four_sectors_a_line(inspect):
    sectors = [Sector(n, n + 1, n * 2).record(n * 2).bytes() for n in range(130)]
    grid = [line for line in inspect(b"".join(sectors), "--wear").splitlines() if re.match(r" +\d+  [░▒▓█]", line)]
    assert [len(line) - 8 for line in grid] == [64, 64, 2]


@pytest.mark.parametrize("text", ["", "[1]", '{"wear": 3}', '{"wear": []}', '{"wear": [1, -1]}', '{"wear": [true]}', '{"wear": [1]}'])
def test_wrong_counts_are_one_error(text, inspect, tmp_path):
    (counts := tmp_path / "wear.json").write_text(text)
    assert inspect(made.nor_image(), counts, "--wear", code=ExitCode.USAGE) == ""
    assert inspect.err.count("\n") == 1


def test_wear_needs_something_to_draw(inspect, tmp_path):
    inspect(made.device_files(), "--wear", code=ExitCode.USAGE)
    inspect(made.nor_stores(), "--wear", code=ExitCode.USAGE)
    (counts := tmp_path / "wear.json").write_text('{"wear": [1]}')
    inspect(made.nor_image(), counts, code=ExitCode.USAGE)


def test_a_blank_flash_is_blank(inspect, shape):
    assert "blank: every bit is set" in inspect(BLANK * 4)
    assert shape(BLANK * 4)["blank"] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "what, words",
    [
        (b"", "0 bytes"),
        (random.Random(4).randbytes(10 * SECTOR), "nothing in it was written by Quell"),
        (bytes(8 * SECTOR), "nothing in it was written by Quell"),
        (made.slot(made.KEYS, 1, made.keys()), "one file of a device"),
        (made.segment(1, [(0, b"x")]), "one file of a device"),
        ({"other": b"x"}, "no file in this folder"),
    ],
)
def test_what_is_none_of_ours_is_one_line(what, words, inspect, tmp_path, capsys):
    path = made.write_folder(tmp_path / "d", what) if isinstance(what, dict) else tmp_path / "x.img"
    if isinstance(what, bytes):
        path.write_bytes(what)
    assert cli.main(["flash", "inspect", str(path)]) == ExitCode.FAILED
    out, err = capsys.readouterr()
    assert out == "" and words in err and err.count("\n") == 1


def test_an_image_that_is_too_large_or_not_there_is_refused(tmp_path, capsys):
    with (tmp_path / "large.img").open("wb") as file:
        file.truncate(64 * 1024 * 1024 + 1)
    for name in ("large.img", "none.img", "\0"):
        assert cli.main(["flash", "inspect", str(tmp_path / name)]) == ExitCode.USAGE
        assert capsys.readouterr().err.count("\n") == 1


def test_the_parts_of_the_json_shape_are_those_of_the_page(shape, tmp_path):
    page = (Path(__file__).parents[2] / "host_tools/docs/flash.md").read_text().split("## JSON")[1]
    (counts := tmp_path / "wear.json").write_text(json.dumps({"wear": [0] * 17}))
    found = shape(made.nor_image(), "--records", "--wear", counts)
    files = shape(made.device_files())
    found |= {"segments": files["segments"], "inline": files["inline"]}
    found["damaged"] = shape(b"".join(made.ring_sectors()[:5]) + bytes(SECTOR))["damaged"]
    told = {}
    for names, keys in re.findall(r"^\| (`[^|]*) \| ([^|]*) \|$", page, re.M):
        keys = re.sub(r"\([^)]*\)", "", keys).split(": ")[-1]
        told |= {name: re.findall(r"`([a-z_]+)(?:\[\])?`", keys) for name in re.findall(r"`([a-z]+)(?:\[\])?`", names)}
    assert len(told) == 9
    for name, keys in told.items():
        item = found[name][0] if isinstance(found[name], list) else found[name]
        assert keys == list(item), name


def test_the_states_of_the_page_are_those_that_are_shown():
    page = (Path(__file__).parents[2] / "host_tools/docs/flash.md").read_text()
    rows = re.findall(r"^\| `([a-z]+)` \|", page.split("| state | what |")[1].split("\n\n")[0], re.M)
    assert rows == [units.LIVE, units.SUPERSEDED, units.ACKNOWLEDGED, units.DAMAGED, units.BLANK, units.FREE]


def test_the_json_shape_is_the_one_in_the_readme(shape):
    row = re.search(r"^\| `flash inspect` \| (.*) \|\n\| … and \| (.*);", README, re.M)
    assert row and re.findall(r"`([a-z_]+)(?:\[\])?`", row.group(1) + row.group(2)) == list(shape(made.nor_image()))[1:]
