# SPDX-License-Identifier: MIT
"""Who may import whom: the core stays portable, its stages apart, and firmware and host strangers (firmware/DESIGN.md)."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CORE = ROOT / "firmware/quell"
HARDWARE = {
    "machine", "network", "socket", "usocket", "asyncio", "uasyncio", "_thread", "ports", "os", "uos", "time", "utime", "select",
    "uselect", "ssl", "ussl", "umqtt", "logging",
}  # fmt: skip
STAGES = ("collect", "decide", "transform", "encode", "ring", "uplink", "ack")
# the stage that a stage may lean on
STAGE_NEEDS = {"collect": {"match"}, "uplink": {"encode"}, "match": {"values"}, "transform": {"values"}}
PURE = ("data/decide.py", "data/transform.py", "data/encode.py", "data/match.py", "data/values.py", "control/command.py", "control/verify.py")
IMPURE = ("quell.state.slots", "quell.state.clock", "quell.state.keys", "quell.store", "quell.port", "quell.session", "quell.agent")


def imports(path: Path) -> set[str]:
    """Every module that a file imports, `from a import b` also as a.b."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
            found |= {f"{node.module}.{name.name}" for name in node.names}
    return found


def files(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def test_the_core_imports_no_hardware_network_or_thread() -> None:
    for path in files("firmware/quell"):
        found = {name.split(".")[0] for name in imports(path)}
        assert not found & HARDWARE, path


def test_firmware_and_host_never_import_each_other() -> None:
    for path in files("firmware"):
        assert not {name for name in imports(path) if name.split(".")[0] == "quell_host"}, path
    for path in files("host_tools"):
        assert not {name for name in imports(path) if name.split(".")[0] in ("quell", "ports")}, path


def test_data_stages_do_not_import_each_other() -> None:
    for path in sorted((CORE / "data").glob("*.py")):
        allowed = STAGE_NEEDS.get(path.stem, set())
        for name in imports(path):
            parts = name.split(".")
            if parts[:2] == ["quell", "data"] and len(parts) > 2:
                assert parts[2] in allowed, f"{path} imports {name}"


def test_control_stages_do_not_import_later_ones() -> None:
    order = {"command": 0, "verify": 1, "inbox": 2, "apply": 2, "fetch": 2, "receipt": 2, "purge": 2}
    for path in sorted((CORE / "control").glob("*.py")):
        for name in imports(path):
            parts = name.split(".")
            if parts[:2] == ["quell", "control"] and len(parts) > 2 and path.stem != "__init__":
                assert order[parts[2]] < order[path.stem] or parts[2] == path.stem, f"{path} imports {name}"


@pytest.mark.parametrize("name", PURE)
def test_pure_stages_reach_no_flash_clock_or_port(name: str) -> None:
    found = imports(CORE / name)
    assert not {one for one in found if one.startswith(IMPURE)}, name


def test_the_store_and_the_codec_know_nothing_above_them() -> None:
    for folder, above in (("codec", ("state", "store", "data", "control")), ("store", ("state", "data", "control"))):
        for path in sorted((CORE / folder).glob("*.py")):
            for layer in above:
                assert not {one for one in imports(path) if one.startswith("quell." + layer)}, path


def test_the_paths_meet_only_in_state() -> None:
    for path in sorted((CORE / "data").glob("*.py")):
        assert not {one for one in imports(path) if one.startswith("quell.control")}, path
    for path in sorted((CORE / "control").glob("*.py")):
        assert not {one for one in imports(path) if one.startswith("quell.data")}, path


def test_every_stage_is_a_file() -> None:
    for stage in STAGES:
        assert (CORE / "data" / f"{stage}.py").exists()
    for stage in ("command", "verify", "apply", "purge", "receipt"):
        assert (CORE / "control" / f"{stage}.py").exists()
