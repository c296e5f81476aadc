# SPDX-License-Identifier: MIT
"""`quell preview` runs the real firmware: what it shows is all that leaves, and no identifier is in it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from quell_host.demo import leaks

STARTER = Path(leaks.__file__).parents[1] / "policy/profiles/starter.toml"
DEVICE = {
    "device.model": "Tracker 7",
    "device.os": "1.13.0",
    "device.machine-id": "4f1c2b8e9d3a47f0a1b2c3d4e5f60718",
    "device.uptime": 90000,
    "device.memory-free": 300000,
    "net.mac": "02:4e:a1:7c:90:5d",
    "net.ipv4": "198.51.100.23",
    "net.ipv6": "2001:db8:85a3::8a2e:370:7334",
    "modem.imei": "490154203237518",
    "modem.imsi": "262011234567890",
    "modem.iccid": "8949021234567890123",
    "modem.phone": "+4915112345678",
    "modem.serial": "MPY23F1234567890",
    "emit": [["reliability", {"jobs": 12, "owner": "owner.canary@example.org"}]],
    "exceptions": [
        [
            "ValueError",
            'Traceback (most recent call last):\n  File "/home/bob.builder/app.py", line 7, in run\n'
            'ValueError: owner.canary@example.org\n  File "490154203237518", line 4901',
        ]
    ],
}
LINES = [
    b"Nov 23 21:12:01 host sshd[99]: Failed password for bob.builder from 203.0.113.77 port 4022 ssh2",
    b"Nov 23 21:12:02 host sshd[99]: Failed password for bob.builder from 203.0.113.77 port 4022 ssh2 and more",
    b"Nov 23 21:12:03 host app: owner.canary@example.org has IMEI 490154203237518",
    b"\x00\xff\xfe binary \x80",
    b"x" * 1_000_000,
    b"",
]
SECRETS = {
    **{name: value for name, value in DEVICE.items() if name.startswith(("net.", "modem.")) or "machine" in name},
    "mail": "owner.canary@example.org",
    "user": "bob.builder",
    "client": "203.0.113.77",
}


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    device, log = tmp_path / "device.json", tmp_path / "auth.log"
    device.write_text(json.dumps(DEVICE))
    log.write_bytes(b"\n".join(LINES))
    return device, log


def preview(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "quell_host.cli", "preview", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=100)


def shown(*arguments: object) -> tuple[list[dict], dict]:
    """(records, summary) of a preview with --json."""
    done = preview(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return [line["record"] for line in lines[:-1]], lines[-1]["summary"]


def test_no_identifier_is_in_what_leaves(files: tuple[Path, Path], tmp_path: Path) -> None:
    device, log = files
    records, summary = shown("--policy", STARTER, "--device", device, "--log", f"auth={log}")
    assert records and summary["records"]["security"] == 1
    out = tmp_path / "out"
    out.write_text(json.dumps(records))
    found, _, _ = leaks.search(SECRETS, [out])
    assert found == []


def test_each_line_that_does_not_leave_is_counted(files: tuple[Path, Path]) -> None:
    device, log = files
    _, summary = shown("--policy", STARTER, "--device", device, "--log", f"auth={log}")
    assert summary["dropped"]["line-too-long"] == 2  # a megabyte, and NUL bytes
    assert summary["dropped"]["no-template"] == 2
    assert summary["dropped"]["unknown-field"] == 1


def test_an_exceptions_message_cannot_forge_a_frame(files: tuple[Path, Path]) -> None:
    records, _ = shown("--policy", STARTER, "--device", files[0])
    fault = next(r["fields"] for r in records if "fault" in r["fields"])
    assert fault == {"fault": "ValueError", "fault-place": "app.py:7"}


def test_without_consent_only_what_needs_none_would_leave(files: tuple[Path, Path]) -> None:
    records, summary = shown("--policy", STARTER, "--device", files[0], "--without-consent")
    assert {record["purpose"] for record in records} == {"operation"}
    assert summary["dropped"]["no-consent"] == 1


def test_a_signed_policy_can_be_previewed_too(files: tuple[Path, Path], tmp_path: Path) -> None:
    environment = {"QUELL_HOME": str(tmp_path / "home"), "PATH": "/usr/bin:/bin"}
    for arguments in (
        ["keys", "new", "--kind", "policy", "publisher"],
        ["policy", "build", str(STARTER), "--key", "publisher", "-o", str(tmp_path / "p.quell")],
    ):
        subprocess.run([sys.executable, "-m", "quell_host.cli", *arguments], check=True, env=environment)
    records, _ = shown("--policy", tmp_path / "p.quell", "--device", files[0])
    assert {record["purpose"] for record in records} >= {"operation", "reliability"}


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ('{\n"net.mac": 1,\n"net.mak": 2}', 3, "net.mac"),
        ('{"net.mac": [1]}', 1, "neither"),
        ('{"emit": [1]}', 1, "emit"),
        ("{\n\n,}", 3, "JSON"),
        ("[]", 1, "object"),
    ],
)
def test_a_wrong_description_is_named_by_file_and_line(tmp_path: Path, text: str, line: int, what: str) -> None:
    device = tmp_path / "device.json"
    device.write_text(text)
    done = preview("--policy", STARTER, "--device", device)
    assert done.returncode == 1 and f"{device}:{line}:" in done.stderr and what in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
