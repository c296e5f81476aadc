# SPDX-License-Identifier: MIT
"""`quell demo` holds the promises that README makes, and leaves what it captured for others to search."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from quell_host.demo import leaks
from quell_host.demo.report import KEYS


@pytest.mark.timeout(240)
@pytest.mark.parametrize("board", ["UNIX", "QUECPYTHON_SIM"])
def test_the_demo_holds_its_promises(board: str, tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    command = [sys.executable, "-m", "quell_host.cli", "demo", "--board", board, "--dir", str(folder), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=220)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert set(report) == {"schema", *KEYS}
    assert json.loads((folder / "report.json").read_text()) == report
    assert report["records_collected"] == report["records_delivered"] > 50
    assert report["records_lost"] == 0
    assert report["delivered_without_consent"] == report["delivered_after_withdrawal"] == 0
    assert report["leaks_found"] == 0 and len(report["leak_forms_searched"]) == len(leaks.FORMS)
    assert report["receipt_verified"] is True and report["erase_level"] == "logical"
    assert report["dropped"]["no-consent"] > 0 and report["dropped"]["unknown-field"] > 0
    assert report["bytes_per_record"] < report["json_bytes_per_record"]
    assert (folder / "wire.bin").stat().st_size > 10_000
    # another run may empty the folder, but nothing else is ever emptied
    (folder / ".quell-demo").unlink()
    refused = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert refused.returncode == 2 and "holds something else" in refused.stderr


@pytest.mark.parametrize("form", leaks.FORMS)
def test_the_leak_search_finds_each_form_it_names(form: str, tmp_path: Path) -> None:
    for value in ("02:4E:a1:7c:90:5d", "198.51.100.23", "0f3a9c1b22d84e55a1b2c3d4e5f60718"):
        for needle in leaks.forms(value)[form]:
            file = tmp_path / "bytes"
            file.write_bytes(b"\x00\x01 before " + needle + b" after \xff")
            found, _, _ = leaks.search({"it": value}, [file])
            assert form in {leak.form for leak in found}


def test_base64_is_found_wherever_the_identifier_begins(tmp_path: Path) -> None:
    import base64

    for shift in range(6):
        file = tmp_path / "bytes"
        file.write_bytes(base64.b64encode(b"x" * shift + b"owner.canary@example.org" + b"y" * 7))
        found, _, _ = leaks.search({"it": "owner.canary@example.org"}, [file])
        assert "base64" in {leak.form for leak in found}, shift


def test_this_machine_is_identified_by_something() -> None:
    assert leaks.machine_identifiers()
