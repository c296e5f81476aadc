# SPDX-License-Identifier: MIT
"""Every command has help with an example; errors are one line; exit codes are documented."""

import re
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from quell_host import __version__, cli
from quell_host.errors import ExitCode

README = (Path(__file__).parents[2] / "host_tools/README.md").read_text()


def commands():
    """The words of every command."""

    def walk(group, words):
        for name, item in sorted(group.commands.items()):
            if hasattr(item, "commands"):
                yield from walk(item, [*words, name])
            else:
                yield [*words, name]

    return list(walk(typer.main.get_command(cli.app), []))


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_command_has_help_with_an_example_of_itself(words):
    result = CliRunner().invoke(cli.app, [*words, "--help"])
    assert result.exit_code == 0
    text = " ".join(result.output.split())
    assert "Example: quell " + " ".join(words) in text


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_help_fits_80_columns(words):
    output = CliRunner().invoke(cli.app, [*words, "--help"]).output
    assert max(len(line) for line in output.splitlines()) <= 80


def test_every_command_is_in_the_readme():
    for words in commands():
        if words == ["demo"]:
            continue
        group = f"`quell {words[0]}" if len(words) == 1 else f"`quell {words[0]} "
        lines = [line for line in README.splitlines() if line.startswith(f"| {group}")]
        assert any(words[-1] in re.split(r"[`, ]+", line.split("|")[1]) for line in lines), words


def test_the_table_of_exit_codes_is_the_enum():
    table = README.split("## Exit codes")[1].split("\n## ")[0]
    found = re.findall(r"^\| (\d+) \| ([A-Z_]+) \|", table, re.MULTILINE)
    assert found == [(str(code.value), code.name) for code in ExitCode]


def test_without_arguments_help_is_shown(capsys):
    assert cli.main([]) == ExitCode.USAGE
    out, err = capsys.readouterr()
    assert "Usage: quell" in out and "error" not in err


@pytest.mark.parametrize(
    "words",
    [
        ["nonsense"],
        ["consent", "nonsense"],
        ["consent", "grant"],
        ["consent", "grant", "--nonsense"],
        ["receive"],
        ["receive", "--broker", "http://x"],
        ["receive", "--broker", "mqtt://x:99999"],
        ["receive", "--broker", "mqtt://x", "--ca", "none.pem"],
        ["records", "--json", "--csv"],
        ["records", "--since", "yesterday"],
        ["policy", "push", "x.quell", "--signer", "ops"],
        ["agent", "status"],
        ["receipt", "verify", "1", "--key", "xx"],
    ],
    ids=" ".join,
)
def test_a_wrong_command_line_is_one_line_and_code_2(words, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("QUELL_HOME", str(tmp_path))
    monkeypatch.delenv("QUELL_BROKER", raising=False)
    Path(tmp_path / "1").write_bytes(b"00")
    monkeypatch.chdir(tmp_path)
    assert cli.main(words) == ExitCode.USAGE
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("error: ") and err.count("\n") == 1


def test_without_a_ledger_every_reader_says_how_to_get_one(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("QUELL_HOME", str(tmp_path))
    for words in (["device", "list"], ["records"], ["consent", "show"], ["ledger", "check"]):
        assert cli.main(words) == ExitCode.FAILED
        assert "quell provision" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_ctrl_c_is_code_130(capsys, monkeypatch):
    def interrupted(**_):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "app", interrupted)
    assert cli.main(["device", "list"]) == ExitCode.INTERRUPTED
    assert capsys.readouterr().err == "error: interrupted\n"


def test_a_traceback_comes_only_with_debug(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("QUELL_HOME", str(tmp_path))
    cli.main(["device", "list"])
    assert "Traceback" not in capsys.readouterr().err
    cli.main(["--debug", "device", "list"])
    assert "Traceback" in capsys.readouterr().err


def test_the_version_is_the_packages(capsys):
    assert cli.main(["--version"]) == ExitCode.OK
    assert capsys.readouterr().out == f"quell {__version__}\n"
