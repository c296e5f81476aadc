# SPDX-License-Identifier: MIT
"""What the documents name is there, and what is there they name: files, commands, numbers, versions."""

import json
import re
import tomllib
from pathlib import Path

import pytest
import typer
from ports import reasons

import quell
import quell_host
from quell import counters, limits, outcomes
from quell.codec import cbor
from quell_host import cli
from quell_host.wire.receipt import Outcome

ROOT = Path(__file__).resolve().parents[2]
SPEC = (ROOT / "firmware/SPEC.md").read_text()
HOST_README = ROOT / "host_tools/README.md"
DOCUMENTS = sorted({*ROOT.glob("*.md"), *ROOT.glob("boards/**/*.md"), *ROOT.glob("host_tools/**/*.md"), ROOT / "firmware/DESIGN.md"})


def section(text: str, title: str) -> str:
    """The text below the heading `## title`, up to the next of its level."""
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", text, re.S | re.M)
    assert found, title
    return found.group(1)


def constants(module) -> dict[int, str]:
    """number → name as the documents write it, of a module's constants."""
    return {value: name.lower().replace("_", "-") for name, value in vars(module).items() if name.isupper() and name[0] != "_" and isinstance(value, int)}


def commands() -> dict[str, set[str]]:
    """Every command of the host tool → its subcommands, none where it is no group."""
    top = typer.main.get_command(cli.app).commands
    return {name: set(getattr(item, "commands", {})) for name, item in top.items()}


def code(text: str) -> str:
    """Fenced blocks and code spans of a Markdown text, a line each."""
    blocks = re.findall(r"^ *```[^\n]*\n(.*?)^ *```", text, re.S | re.M)
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^ *```.*?^ *```", "", text, flags=re.S | re.M))
    return "\n".join(blocks + spans)


def test_the_counters_of_spec_are_those_of_the_agent() -> None:
    rows = re.findall(r"^\| (\d+) \| ([a-z-]+) \|", section(SPEC, "11. Reasons"), re.M)
    assert [(int(n), name) for n, name in rows] == list(enumerate(reasons.NAMES))[1:]
    assert constants(counters) == {int(n): name for n, name in rows}


def test_the_limits_in_spec_are_those_of_the_agent() -> None:
    text = " ".join(SPEC.split())
    for words in (
        f"{limits.MAX_MESSAGE_BYTES:,} bytes for a message, {limits.MAX_POLICY_BYTES:,} for a policy, {limits.MAX_RECORD_BYTES} for a record",
        f"{limits.MAX_STATE_BYTES:,} for the state, {limits.MAX_KEYS_BYTES:,} for the keys, {limits.MAX_PROVISIONING_BYTES:,} for a provisioning",
        f"inside {cbor.MAX_DEPTH} others",
        f"more than {cbor.MAX_ITEMS:,} items",
        f"At most {limits.MAX_ANCHORS} signers",
        f"0 to {limits.MAX_COMMANDS} commands",
        f"of exactly {limits.POLICY_CHUNK_BYTES:,} bytes",
        f"[1*{limits.MAX_PURPOSES} purpose]",
        f"[*{limits.MAX_FIELDS} field]",
        f"[*{limits.MAX_TEMPLATES} template]",
        f"has {limits.DEFAULT_RATE_PER_MIN} per minute",
        f"at most {limits.MAX_BATCH_RECORDS}, of which no two neighbours are more than {limits.MAX_GAP} numbers apart",
        f"(it keeps {limits.MAX_POLICY_HASHES})",
        f"sent again after {limits.ANSWER_TIMEOUT_MS // 1000} s",
        f"sent again after {limits.ACK_TIMEOUT_MS // 1000} s",
        f"a receipt again every {limits.RECEIPT_RETRY_MS // 1000} s",
        f"gives up after {limits.FETCH_TIMEOUT_MS // 1000} s",
        f"tried again every {limits.PURGE_RETRY_MS // 1000} s",
        f"check per {limits.UNGATED_CHECK_MS // 1000} s",
        f"While {limits.MAX_RECEIPTS} receipts wait",
        f"a block of {limits.SEQUENCE_BLOCK:,}",
        f"over the queue of {limits.MAX_WAITING_COMMANDS}",
    ):
        assert words in text, words


def test_the_outcomes_of_spec_are_those_of_the_agent_and_the_host() -> None:
    paragraph = re.search(r"^Outcomes: (.*?)\n\n", section(SPEC, "9. Receipt"), re.S | re.M)
    assert paragraph
    assert {int(n): name for n, name in re.findall(r"\b(\d+) `([a-z-]+)`", paragraph.group(1))} == constants(outcomes)
    assert {int(outcome): outcome.name.lower().replace("_", "-") for outcome in Outcome} == constants(outcomes)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_command_that_a_document_names_exists(path: Path) -> None:
    known = commands()
    for first, second in re.findall(r"(?<![\w./-])quell ([a-z][a-z-]*)(?: ([a-z][a-z-]*)\b)?", code(path.read_text())):
        assert first in known, first
        assert not known[first] or not second or second in known[first], f"{first} {second}"


def test_every_command_is_in_the_table_of_the_host_tool() -> None:
    rows = re.findall(r"^\| (`quell [^|]+)\|", HOST_README.read_text(), re.M)
    named: dict[str, set[str]] = {}
    for row in rows:
        first, *more = re.findall(r"`(?:quell )?([^`]+)`", row)
        group, _, command = first.partition(" ")
        named.setdefault(group, set()).update([command, *more] if command else [])
    assert named == commands()


def test_every_option_that_the_host_tools_documents_name_exists() -> None:
    def options(item) -> set[str]:
        own = {name for parameter in item.params for name in (*parameter.opts, *parameter.secondary_opts)}
        return own.union(*(options(one) for one in getattr(item, "commands", {}).values()))

    known = options(typer.main.get_command(cli.app)) | {"--help"}
    for path in (HOST_README, *sorted((ROOT / "host_tools/docs").glob("*.md"))):
        lines = [line for line in code(path.read_text()).splitlines() if line.startswith(("quell ", "--"))]
        assert set(re.findall(r"(?<!\S)--[a-z][a-z-]*", "\n".join(lines))) <= known, path


def test_design_lists_the_files_of_the_agent() -> None:
    listed = re.findall(r"^((?:quell|ports)/\S+\.py) +\S", (ROOT / "firmware/DESIGN.md").read_text(), re.M)
    firmware = ROOT / "firmware"
    there = {path.relative_to(firmware).as_posix() for folder in ("quell", "ports") for path in (firmware / folder).rglob("*.py")}
    packages = {name for name in there if name.endswith("/__init__.py")} - {"quell/__init__.py"}
    assert len(listed) == len(set(listed))
    assert set(listed) == there - packages


def test_files_that_design_and_the_readmes_link_to_exist() -> None:
    for path in (*DOCUMENTS, ROOT / "tests/README.md"):
        for target in re.findall(r"\]\(([^)#:]+?)(?:#[^)]*)?\)", path.read_text()):
            if not target.startswith("../../"):  # of the repository's own site
                assert (path.parent / target).exists(), f"{path.relative_to(ROOT)}: {target}"


def test_files_that_design_names_exist() -> None:
    text = section((ROOT / "firmware/DESIGN.md").read_text(), "What must never break")
    for name in re.findall(r"`((?:quell|ports|quell_host|tests)/[\w/.]*)`", text):
        top = {"quell_host": ROOT / "host_tools", "tests": ROOT}.get(name.split("/")[0], ROOT / "firmware")
        assert (top / name).exists(), name


def test_the_readme_of_the_tests_lists_their_folders() -> None:
    listed = re.findall(r"^\| `(\w+)/` \|", (ROOT / "tests/README.md").read_text(), re.M)
    there = {path.name for path in (ROOT / "tests").iterdir() if path.is_dir() and any(path.glob("*.py"))}
    assert set(listed) == there


def test_the_version_is_one() -> None:
    project = tomllib.loads((ROOT / "host_tools/pyproject.toml").read_text())["project"]
    top = re.search(r"^## \[(\d[^\]]*)\]", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert top
    package = json.loads((ROOT / "firmware/package.json").read_text())
    manifest = re.search(r"version=\"([^\"]+)\"", (ROOT / "firmware/manifest.py").read_text())
    found = {quell_host.__version__, project["version"], top.group(1), package["version"], manifest.group(1)}
    assert found == {quell.__version__}
