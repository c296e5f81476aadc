# SPDX-License-Identifier: MIT
"""Results go to stdout, the rest to stderr; an error is one line."""

import json

import pytest

from quell_host import output
from quell_host.errors import ExitCode, QuellError


def test_json_begins_with_its_schema_and_bytes_are_hex(capsys):
    output.print_json({"kid": b"\x01\xff", "name": "ä"})
    out, err = capsys.readouterr()
    assert list(json.loads(out)) == ["schema", "kid", "name"] and err == ""
    assert json.loads(out) == {"schema": 1, "kid": "01ff", "name": "ä"}
    output.print_json_line({"a": 1})
    assert capsys.readouterr().out == '{"schema": 1, "a": 1}\n'


def test_what_json_does_not_know_is_refused():
    with pytest.raises(TypeError):
        output.print_json({"key": object()})


def test_notes_go_to_stderr_without_markup(capsys):
    output.note("[bold]not markup[/bold]")
    output.warn("a [red]word")
    out, err = capsys.readouterr()
    assert out == ""
    assert "[bold]not markup[/bold]" in err and "warning: a [red]word" in err


def test_progress_says_nothing_without_a_terminal(capsys):
    with output.progress("working"):
        pass
    assert capsys.readouterr() == ("", "")


def test_output_without_a_terminal_has_80_columns_and_no_trailing_blanks(capsys, monkeypatch):
    from rich.table import Table

    monkeypatch.delenv("COLUMNS", raising=False)
    table = Table(box=None)
    table.add_column("a")
    table.add_column("b", ratio=1)
    table.add_row("x", "word " * 60)
    output.print_trimmed(table)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80 and all(line == line.rstrip() for line in lines)


def test_an_error_is_one_line_with_its_hint_and_code():
    error = QuellError("no key\nfile", "make one", ExitCode.USAGE)
    assert str(error) == "no key file; make one" and error.code == 2
    assert str(QuellError("no key")) == "no key" and QuellError("x").code == ExitCode.FAILED
