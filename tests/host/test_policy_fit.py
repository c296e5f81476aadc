# SPDX-License-Identifier: MIT
"""`quell policy check` and `build` with `--board`: what fits, what does not and why, for people and scripts."""

import json
import re
from pathlib import Path

import pytest
from host.policy_case import POLICY, SIGNER, changed, checked, line_of

from quell_host import cli
from quell_host.errors import ExitCode
from quell_host.policy.boards import find_board, reference_boards
from quell_host.policy.encode import encode_payload, sign_policy
from quell_host.policy.findings import Findings
from quell_host.policy.fit import SIGNATURE_BYTES, check_fit, span

DOCS = Path(__file__).parents[2] / "host_tools/docs/policy.md"
README = Path(__file__).parents[2] / "host_tools/README.md"
LATER = POLICY.replace("2027-01-01", "2099-01-01")


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """`quell WORDS…` in an empty folder -> (stdout, stderr)."""
    monkeypatch.setenv("QUELL_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.chdir(tmp_path)

    def command(*words, code=ExitCode.OK):
        capsys.readouterr()
        assert cli.main(list(words)) == code
        return capsys.readouterr()

    return command


@pytest.fixture
def fleet(run):
    """The policy that `quell policy new` makes."""
    run("policy", "new", "fleet.toml")
    return "fleet.toml"


def policy_of(purposes):
    """A policy with so many sampled purposes."""
    body = LATER[LATER.index("[purpose.care]") : LATER.index("[purpose.study]")]
    text = LATER[: LATER.index("[purpose.care]")]
    for n in range(1, purposes + 1):
        text += body.replace("care]", f"p{n}]").replace("id = 1", f"id = {n}")
    names = ", ".join(f'"p{n}"' for n in range(1, purposes + 1))
    return text + f'[field.model]\nid = 1\nsource = "device.model"\npurposes = [{names}]\naction = "keep"\n'


def widths(text):
    """The longest line, those aside that name a file and a line: editors read them whole."""
    return max(len(line) for line in text.splitlines() if not re.match(r"\S+\.toml:\d+: ", line))


@pytest.mark.parametrize("name", ["unix", "littlefs1-200k", "littlefs1-400k", "littlefs2-200k", "NOR-256K"])
def test_a_small_fleet_fits_on_these_boards(run, fleet, name):
    out, err = run("policy", "check", fleet, "--board", name)
    assert out.startswith("fleet.toml: good: 3 purposes") and err == ""
    assert ": it fits\n" in out and "operation" in out and widths(out) <= 80


def test_segments_of_four_blocks_do_not_fit_in_200_kib_but_in_276(run, fleet):
    out, _ = run("policy", "check", fleet, "--board", "littlefs1-400k", "--flash-kib", "200", code=ExitCode.FINDINGS)
    assert "needs 69 blocks of 4 KiB, the board has 50: 19 too few" in out
    assert "take a board with 276 KiB for Quell, or take the agent's code off" in out
    assert "good" not in out and widths(out) <= 80
    run("policy", "check", fleet, "--board", "littlefs1-400k", "--flash-kib", "276")
    run("policy", "check", fleet, "--board", "littlefs1-400k", "--flash-kib", "275", code=ExitCode.FINDINGS)


def test_100_kib_are_refused_with_the_arithmetic(run, fleet):
    out, err = run("policy", "check", fleet, "--board", "littlefs2-200k", "--flash-kib", "100", code=ExitCode.FINDINGS)
    line = line_of(Path(fleet).read_text(), "[purpose.operation]")
    assert out.startswith(f"fleet.toml:{line}: the rings do not fit on littlefs2-200k: ")
    rows = re.findall(r"^(package|file system|folder|prov|keys|state|policy|reserve|spare|rings) +(\d+)  ", out, re.M)
    assert [int(blocks) for _, blocks in rows] == [24, 2, 2, 2, 2, 4, 2, 1, 2, 6]
    assert out.endswith("needs 47 blocks of 4 KiB, the board has 25: 22 too few\n")
    assert err == "error: 1 error in fleet.toml; correct the lines named above\n"


def test_what_to_do_says_how_many_purposes_to_keep(run, tmp_path):
    (tmp_path / "p.toml").write_text(policy_of(16))
    out, _ = run("policy", "check", "p.toml", "--board", "littlefs2-200k", code=ExitCode.FINDINGS)
    assert "too few; keep 4 purposes, or take a board with 312 KiB for Quell" in out
    run("policy", "check", "p.toml", "--board", "littlefs2-200k", "--flash-kib", "312")
    run("policy", "check", "p.toml", "--board", "unix")
    (tmp_path / "p.toml").write_text(policy_of(4))
    run("policy", "check", "p.toml", "--board", "littlefs2-200k")


def test_a_board_json_is_read_where_it_is(run, fleet, tmp_path):
    row = {"store": "files", "file_system": "littlefs2", "flash_kib": 200, "block_bytes": 4096, "segment_blocks": 1}
    row.update(package_blocks=24, inline_bytes=128, flushes_per_day=1000, flush_after_s=900)
    (tmp_path / "EC800M").mkdir()
    (tmp_path / "EC800M/board.json").write_text(json.dumps({"geometry": row}))
    mine = run("policy", "check", fleet, "--board", "EC800M/board.json").out
    assert mine == run("policy", "check", fleet, "--board", "littlefs2-200k").out
    del row["flush_after_s"]
    (tmp_path / "EC800M/board.json").write_text(json.dumps({"geometry": row}))
    _, err = run("policy", "check", fleet, "--board", "EC800M/board.json", code=ExitCode.USAGE)
    assert err == 'error: EC800M/board.json: geometry: no "flush_after_s"; see boards/README.md\n'


def test_an_unknown_board_is_one_line_and_code_2(run, fleet):
    for command in (["check"], ["build", "--key", "publisher"]):
        out, err = run("policy", command[0], fleet, *command[1:], "--board", "ec800m", code=ExitCode.USAGE)
        assert out == "" and err.count("\n") == 1
        assert all(name in err for name in reference_boards())


def test_a_size_without_a_board_is_a_usage_error(run, fleet):
    assert "--board" in run("policy", "check", fleet, "--flash-kib", "200", code=ExitCode.USAGE).err
    run("policy", "check", fleet, "--board", "unix", "--flash-kib", "0", code=ExitCode.USAGE)


def test_a_policy_with_other_errors_is_not_planned(run, tmp_path):
    (tmp_path / "p.toml").write_text(changed('basis = "consent"', 'basis = "consnet"', LATER))
    out, _ = run("policy", "check", "p.toml", "--board", "unix", code=ExitCode.FINDINGS)
    assert out.count("\n") == 1
    shape = json.loads(run("policy", "check", "p.toml", "--board", "unix", "--json", code=ExitCode.FINDINGS).out)
    assert shape["ok"] is False and shape["board"] is None


def test_without_a_board_the_json_is_as_it_was(run, fleet):
    assert set(json.loads(run("policy", "check", fleet, "--json").out)) == {"schema", "file", "ok", "findings"}


def test_the_json_has_the_documented_shape(run, fleet):
    shape = json.loads(run("policy", "check", fleet, "--board", "littlefs2-200k", "--json").out)
    board = shape["board"]
    assert shape["ok"] is True and board["fits"] is True
    assert (board["name"], board["blocks"], board["needed_blocks"], board["ram_bytes"]) == (
        "littlefs2-200k",
        50,
        47,
        19008,
    )
    assert sum(part["blocks"] for part in board["parts"]) == 50
    assert board["parts"][0] == {"what": "package", "blocks": 24}
    assert board["purposes"][0] == {
        "id": 1, "name": "operation", "weight": 20, "units": 2, "records": 70, "lasts_s": 252000,
        "lost_at_cut_records": 1,
    }  # fmt: skip
    assert (board["lost_at_cut_records"], board["lost_at_cut_s"]) == (71, 900)
    text = README.read_text()
    for key in (*board, *board["purposes"][0]):
        assert f"`{key}`" in text or f"`{key}[]`" in text, key


def test_the_json_of_what_does_not_fit_has_the_same_keys(run, fleet):
    words = ("policy", "check", fleet, "--board", "littlefs2-200k", "--json")
    good = json.loads(run(*words).out)["board"]
    bad = json.loads(run(*words, "--flash-kib", "100", code=ExitCode.FINDINGS).out)
    assert bad["findings"][0]["level"] == "error" and "22 too few" in bad["findings"][0]["what"]
    board = bad["board"]
    assert set(board) == set(good) and set(board["purposes"][0]) == set(good["purposes"][0])
    assert board["fits"] is False and sum(part["blocks"] for part in board["parts"]) == board["needed_blocks"] == 47
    assert {board[key] for key in ("lost_at_cut_records", "lost_at_cut_s", "ram_bytes")} == {None}


def test_build_refuses_what_does_not_fit_and_writes_nothing(run, fleet, tmp_path):
    run("keys", "new", "--kind", "policy", "publisher")
    words = ("policy", "build", fleet, "--key", "publisher", "--board", "littlefs2-200k")
    out, err = run(*words, "--flash-kib", "100", code=ExitCode.FINDINGS)
    assert out == "" and "22 too few" in err and "package" in err and not (tmp_path / "fleet.quell").exists()
    out, err = run(*words)
    assert out.endswith("  littlefs2-200k: needs 47 blocks of 4 KiB, the board has 50: it fits\n")
    assert (tmp_path / "fleet.quell").exists()
    assert "board" not in json.loads(run(*words, "--json").out)


def test_the_estimate_before_signing_is_never_too_low():
    policy = checked().policy
    assert 0 <= len(encode_payload(policy)) + SIGNATURE_BYTES - len(sign_policy(policy, SIGNER)) <= 40


def fit(text, name, flash_kib=None):
    """(plan, findings) of a policy's text on a board."""
    result = checked(text)
    findings = Findings()
    return check_fit(result.source, findings, result.policy, find_board(name, flash_kib)), findings.items


def test_a_purpose_that_fills_its_segments_too_fast_is_a_warning():
    # 145 records a segment, 48 segments a day for two purposes: 24 × 145 = 3,480 records, one in 24.8 s
    slow, fast = (changed('every = "15m"', f'every = "{n}s"') for n in (25, 24))
    assert fit(slow, "littlefs1-400k", 400)[1] == []
    plan, (warning,) = fit(fast, "littlefs1-400k", 400)
    assert plan.fits and warning.level == "warning" and warning.line == line_of(POLICY, "every =")
    assert 'purpose "care" fills 25 segments a day' in warning.what and "may write is 24" in warning.what
    assert warning.do == 'sample it no oftener than every = "25s"'
    assert warning.text("p.toml").startswith(f"p.toml:{warning.line}: warning: ")


def test_a_warning_does_not_stop_a_check(run, tmp_path):
    (tmp_path / "p.toml").write_text(changed('every = "15m"', 'every = "10s"', LATER))
    out, _ = run("policy", "check", "p.toml", "--board", "littlefs1-400k", "--flash-kib", "400")
    assert "p.toml:17: warning: offline, " in out and "p.toml: good" in out


def test_a_copy_on_raw_nor_that_is_too_small_is_an_error(run, fleet, tmp_path):
    row = {
        "store": "nor",
        "file_system": None,
        "flash_kib": 256,
        "block_bytes": 4096,
        "segment_blocks": 1,
        "package_blocks": 0,
    }
    row.update(inline_bytes=0, flushes_per_day=0, flush_after_s=900, state_sectors=1, keys_sectors=1, policy_sectors=2)
    row.update(prov_sectors=1, copies=2)
    (tmp_path / "board.json").write_text(json.dumps({"geometry": row}))
    out, _ = run("policy", "check", fleet, "--board", "board.json", code=ExitCode.FINDINGS)
    assert (
        "the state needs 2 sectors a copy" in out and "set state_sectors to 2" in out and "a copy is too small" in out
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            ["littlefs2-200k"],
            "8 of up to 102 bytes wait in files of their own; another costs one of 1,000 segment writes a day",
        ),
        (
            ["littlefs1-400k", "--flash-kib", "400"],
            "each costs one of 48 segment writes a day, and is not durable when none is left.",
        ),
        (["unix"], "none is lost; each costs a write of its segment."),
        (["nor-256k"], "loses no record: each is in flash as soon as it is stored."),
        (
            ["unix"],
            "at most 71 records in all: of each purpose one segment of 35, or what came in 15 minutes if that is less.",
        ),
        (
            ["littlefs1-400k", "--flash-kib", "400"],
            "48 segment writes a day are too few to write each purpose's segment 1 hour after",
        ),
    ],
)
def test_what_a_cut_loses_is_said_in_words(run, fleet, words, says):
    assert says in " ".join(run("policy", "check", fleet, "--board", *words).out.split())


def test_long_names_and_many_purposes_stay_in_80_columns(run, tmp_path):
    text = policy_of(16).replace("p16", "a-name-that-is-as-long-as-it-can")
    (tmp_path / "p.toml").write_text(text.replace("[field.model]", "[rates]\n[field.model]"))
    for name in reference_boards():
        out = run("policy", "check", "p.toml", "--board", name, "--flash-kib", "1048576").out
        assert widths(out) <= 80 and "at most 16 segments" in " ".join(out.split()) or name == "nor-256k"


def test_spans_are_said_in_whole_units():
    assert [span(s) for s in (60, 3599, 7199, 7200, 172799, 172800, 400000)] == [
        "1 minute", "59 minutes", "119 minutes", "2 hours", "47 hours", "2 days", "4 days",
    ]  # fmt: skip


def test_the_docs_show_what_the_command_prints(run, fleet):
    text = DOCS.read_text()
    fits = (
        "$ quell policy check fleet.toml --board littlefs2-200k\n"
        + run("policy", "check", fleet, "--board", "littlefs2-200k").out
    )
    words = ("policy", "check", fleet, "--board", "littlefs2-200k", "--flash-kib", "100")
    not_ = f"$ quell {' '.join(words)}\n" + run(*words, code=ExitCode.FINDINGS).out
    for mark, shown in (("fit", fits), ("no fit", not_)):
        block = re.search(rf"<!-- {mark}\b[^\n]*-->\n```\n(.*?)```\n<!-- end of {mark} -->", text, re.S)
        assert block and block.group(1) == shown, shown
