# SPDX-License-Identifier: MIT
"""`quell policy` and `quell keys` as a person or a script meets them."""

import json
import re

import pytest
import typer
from host.policy_case import POLICY, changed
from typer.testing import CliRunner

from quell_host.commands import keys, policy
from quell_host.errors import ExitCode, QuellError
from quell_host.policy.words import interval, period

APP = typer.Typer()
APP.add_typer(keys.app, name="keys")
APP.add_typer(policy.app, name="policy")


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("QUELL_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("QUELL_PASSPHRASE", raising=False)
    monkeypatch.chdir(tmp_path)
    runner = CliRunner()

    def command(*words: str, code: int = 0):
        result = runner.invoke(APP, list(words))
        error = result.exception
        if isinstance(error, QuellError):
            assert error.code == code, str(error)
            assert "\n" not in str(error)
        elif error is not None and not isinstance(error, SystemExit):
            raise error
        else:
            assert result.exit_code == code, result.output
        return result

    return command


def build(run, tmp_path, text=POLICY, name="p"):
    """A signed policy of this text, valid from whatever day the test runs on."""
    later = re.sub(r"expires = \S+", "expires = 2099-01-01", text)
    (tmp_path / f"{name}.toml").write_text(later)
    if not (tmp_path / "home" / "keys" / "pub.key").exists():
        run("keys", "new", "--kind", "policy", "pub")
    run("policy", "build", f"{name}.toml", "--key", "pub")
    return tmp_path / f"{name}.quell"


def test_from_new_to_show_it_just_works(run, tmp_path):
    run("policy", "new", "fleet.toml")
    assert "good: 3 purposes" in run("policy", "check", "fleet.toml").stdout
    run("keys", "new", "--kind", "policy", "pub")
    built = json.loads(run("policy", "build", "fleet.toml", "--key", "pub", "--json").stdout)
    assert built["schema"] == 1 and built["file"] == "fleet.quell"
    shown = run("policy", "show", "fleet.quell", "--trust", "pub").stdout
    assert "verified" in shown and "Purpose 3: reliability" in shown


def test_a_made_policy_expires_in_a_year(run, tmp_path):
    import datetime

    run("policy", "new", "fleet.toml")
    today = datetime.datetime.now(datetime.UTC).date()
    days = [today + datetime.timedelta(days=n) for n in (364, 365, 366)]
    text = (tmp_path / "fleet.toml").read_text()
    assert any(f"expires = {day}" in text for day in days)


def test_new_never_overwrites(run, tmp_path):
    (tmp_path / "fleet.toml").write_text("precious")
    run("policy", "new", "fleet.toml", code=ExitCode.FAILED)
    assert (tmp_path / "fleet.toml").read_text() == "precious"


def test_an_unknown_profile_is_a_usage_error(run):
    run("policy", "new", "fleet.toml", "--profile", "strater", code=ExitCode.USAGE)


def test_check_says_file_and_line_and_exits_5(run, tmp_path):
    (tmp_path / "p.toml").write_text(changed('basis = "consent"', 'basis = "consnet"'))
    result = run("policy", "check", "p.toml", code=ExitCode.FINDINGS)
    assert 'p.toml:21: unknown basis "consnet"; did you mean "consent"?' in result.stdout


def test_check_as_json_has_the_documented_shape(run, tmp_path):
    (tmp_path / "p.toml").write_text("a = ")
    result = run("policy", "check", "p.toml", "--json", code=ExitCode.FINDINGS)
    shape = json.loads(result.stdout)
    assert (shape["schema"], shape["ok"], shape["findings"][0]["line"]) == (1, False, 1)
    assert set(shape["findings"][0]) == {"line", "level", "what", "do"}


def test_a_policy_with_errors_is_not_built(run, tmp_path):
    run("keys", "new", "--kind", "policy", "pub")
    (tmp_path / "p.toml").write_text(changed('basis = "consent"', 'basis = "consnet"'))
    result = run("policy", "build", "p.toml", "--key", "pub", code=ExitCode.FINDINGS)
    assert "p.toml:21:" in result.stderr and result.stdout == ""
    assert not (tmp_path / "p.quell").exists()


def test_building_with_the_previous_policy_checks_the_ids(run, tmp_path):
    build(run, tmp_path)
    text = re.sub(r"expires = \S+", "expires = 2099-01-01", POLICY)
    (tmp_path / "n.toml").write_text(text.replace("version = 3", "version = 4"))
    run("policy", "build", "n.toml", "--key", "pub", "--previous", "p.quell")
    bad = run(
        "policy",
        "build",
        "p.toml",
        "--key",
        "pub",
        "--previous",
        "n.quell",
        code=ExitCode.FINDINGS,
    )
    assert "does not rise above 4" in bad.stderr


def test_a_previous_policy_that_was_tampered_with_is_refused(run, tmp_path):
    path = build(run, tmp_path)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    run(
        "policy",
        "build",
        "p.toml",
        "--key",
        "pub",
        "--previous",
        "p.quell",
        code=ExitCode.NOT_VERIFIED,
    )


def test_narrows_without_a_previous_policy_is_an_error(run, tmp_path):
    run("keys", "new", "--kind", "policy", "pub")
    text = changed('epoch = "7d"', 'epoch = "7d"\nnarrows = true')
    (tmp_path / "p.toml").write_text(text.replace("2027-01-01", "2099-01-01"))
    bad = run("policy", "build", "p.toml", "--key", "pub", code=ExitCode.FINDINGS)
    assert "--previous" in bad.stderr


def test_a_key_of_another_kind_signs_no_policy(run, tmp_path):
    run("keys", "new", "--kind", "operator", "op")
    (tmp_path / "p.toml").write_text(POLICY.replace("2027-01-01", "2099-01-01"))
    run("policy", "build", "p.toml", "--key", "op", code=ExitCode.FAILED)


def test_show_fits_80_columns_and_names_everything(run, tmp_path):
    build(run, tmp_path)
    for file in ("p.quell", "p.toml"):
        shown = run("policy", "show", file).stdout
        assert max(len(line) for line in shown.splitlines()) <= 80
        for part in ("care", "study", "model", "user", "tries", "Bob Ltd", "30 days", "7 days"):
            assert part in shown, part
    assert "NOT verified" in run("policy", "show", "p.quell").stdout


def test_show_as_json_has_the_documented_shape(run, tmp_path):
    build(run, tmp_path)
    shape = json.loads(run("policy", "show", "p.quell", "--trust", "pub", "--json").stdout)
    assert shape["schema"] == 1 and shape["policy"]["verified"] is True
    assert [item["name"] for item in shape["purposes"]] == ["care", "study"]
    assert shape["purposes"][1]["grant_by"] == ["subject", "guardian"]
    assert shape["templates"][0]["line"] == "login of {user} failed after {tries} tries"


def test_show_refuses_a_policy_of_an_untrusted_signer(run, tmp_path):
    build(run, tmp_path)
    run("keys", "new", "--kind", "policy", "other")
    run("policy", "show", "p.quell", "--trust", "other", code=ExitCode.NOT_VERIFIED)


def test_a_passphrase_comes_from_the_environment_never_a_flag(run, tmp_path, monkeypatch):
    monkeypatch.setenv("QUELL_PASSPHRASE", "correct horse battery")
    made = run("keys", "new", "--kind", "policy", "pub", "--passphrase", "--json")
    assert "horse" not in made.output
    assert b"ENCRYPTED" in (tmp_path / "home" / "keys" / "pub.key").read_bytes()
    build(run, tmp_path)
    monkeypatch.delenv("QUELL_PASSPHRASE")
    result = run("policy", "build", "p.toml", "--key", "pub", code=ExitCode.FAILED)
    assert "QUELL_PASSPHRASE" in str(result.exception)


@pytest.mark.parametrize("kind", ["policy", "operator", "subject", "guardian", "region"])
def test_a_key_of_every_kind_is_made_and_listed(run, kind):
    made = json.loads(run("keys", "new", "--kind", kind, "one", "--json").stdout)
    listed = json.loads(run("keys", "list", "--json").stdout)["keys"]
    assert [(item["name"], item["kind"], item["kid"]) for item in listed] == [("one", kind, made["kid"])]
    run("keys", "new", "--kind", kind, "one", code=ExitCode.FAILED)


def test_every_command_has_an_example_in_its_help():
    for app in (keys.app, policy.app):
        for command in app.registered_commands:
            assert "Example: quell " in command.help, command.name


def test_periods_are_said_in_words():
    assert [period(s) for s in (1, 90, 3600, 86400, 5400)] == [
        "1 second",
        "90 seconds",
        "1 hour",
        "1 day",
        "90 minutes",
    ]
    assert (interval(3600), interval(900)) == ("every hour", "every 15 minutes")
