# SPDX-License-Identifier: MIT
"""Whatever is wrong in a policy is an error with its line and what to do; all errors at once."""

import pytest
from host.policy_case import POLICY, changed, checked, errors, line_of
from hypothesis import given
from hypothesis import strategies as st

from quell_host.policy.catalogue import catalogue
from quell_host.policy.profiles import profile_names, profile_text
from quell_host.policy.source import SourceError


def test_the_small_policy_is_good():
    assert errors(POLICY) == []
    assert checked().policy.version == 3


@pytest.mark.parametrize("name", profile_names())
def test_every_profile_is_good_and_without_notes(name):
    from host.policy_case import TODAY

    assert checked(profile_text(name, TODAY)).findings.items == []


WRONG = [
    # what is written, what it becomes, what the error must say
    ("schema = 1", "schema = 2", "use 1"),
    ('name = "small"', 'name = "Small"', "not allowed"),
    ('name = "small"', 'name = "sm_all"', "not allowed"),
    ("version = 3", "version = 0", "out of range"),
    ("version = 3", "version = true", "not a whole number"),
    ("version = 3", "", 'no "version"'),
    ("expires = 2027-01-01", "expires = 2026-06-01", "expired on 2026-06-01"),
    ("expires = 2027-01-01", "expires = 2999-01-01", "2100-01-01 at the latest"),
    ("expires = 2027-01-01", 'expires = "2027-01-01"', "not a date"),
    ("expires = 2027-01-01", "expires = 2027-01-01T00:00:00Z", "not a date"),
    ("version = 3", "version = 3\ncolour = 1", 'unknown key "colour"'),
    ("[controller]", "[controler]", 'did you mean "controller"?'),
    ('contact = "ada@example.org"', "", 'no "contact"'),
    ('basis = "consent"', 'basis = "consnet"', 'did you mean "consent"?'),
    ('granularity = "10m"', 'granularity = "10 m"', "not a period"),
    ('granularity = "10m"', 'granularity = "10y"', "not a period"),
    ('granularity = "10m"', 'granularity = "99d"', "out of range"),
    ('granularity = "10m"', "granularity = 600", "not a period"),
    ('recipients = ["Ada Ltd"]', "recipients = []", "is empty"),
    ('recipients = ["Ada Ltd"]', 'recipients = ["Ada Ltd", "Ada Ltd"]', "twice"),
    ('recipients = ["Ada Ltd"]', "recipients = [1]", "more than strings"),
    ('notice = "We care."', "notice = 5", "neither text nor file"),
    ('notice = "We care."', 'notice = { file = "none.md" }', "no notice file"),
    ('notice = "We care."', 'notice = { file = "." }', "not a regular file"),
    ('notice = "We care."', "", 'no "notice"'),
    ('epoch = "7d"', 'epoch = "7d"\nweight = 101', "use 1 to 100"),
    ('basis = "contract"', 'basis = "contract"\ngrant_by = ["subject"]', "only consent"),
    ('epoch = "7d"', 'grant_by = ["policy"]', "unknown role"),
    ('epoch = "7d"', 'every = "15m"', "nothing in purpose.study is sampled"),
    ('every = "15m"', "", "does not say how often"),
    ("id = 2\ntext", "id = 1\ntext", 'also that of "care"'),
    ("id = 2\ntext", "id = 256\ntext", "use 1 to 255"),
    ("id = 2\nsource", "id = 1\nsource", 'also that of "model"'),
    ("id = 2\nsource", "id = 65536\nsource", "use 1 to 65535"),
    ('source = "device.model"', 'source = "device.modle"', 'did you mean "device.model"?'),
    ('source = "device.model"', 'source = "log.logon.user"', 'did you mean "login"?'),
    ('source = "device.model"', 'source = "log.login.usr"', 'did you mean "user"?'),
    ('source = "device.model"', 'source = "log.login"', "names no capture"),
    ('category = "third-party"', 'category = "third-prty"', 'did you mean "third-party"?'),
    ('category = "third-party"', "", 'no "category"'),
    ('purposes = ["care"]', 'purposes = ["cure"]', 'did you mean "care"?'),
    ('purposes = ["care"]', 'purposes = "care"', "is not"),
    ('purposes = ["care"]', 'purposes = ["care"]\ncategory = "usage"', 'of category "device"'),
    ('purposes = ["care"]', 'purposes = ["care"]\nrequired = 1', "true or false"),
    ('action = "hash"', 'action = "hsah"', 'did you mean "hash"?'),
    ('action = "hash"', "", 'no "action"'),
    ('action = "hash"', "action = 3", "not an action"),
    ('action = "hash"', 'action = "scrub"', "not in this version"),
    ('action = "hash"', 'action = "randomize"', "not in this version"),
    ('action = "hash"', 'action = "bucket"', "no width or bounds"),
    ('action = "hash"', 'action = "drop"\nrequired = true', "required and dropped"),
    ('action = "keep"', 'action = "drop"', "drops all that it collects"),
    ("width = 10", "width = 1", "not a range"),
    ("width = 10", "width = 0", "not a range"),
    ("width = 10", "width = true", "not a range"),
    ("width = 10", 'width = "1h"', "not a range"),
    ("width = 10", "width = 10, bounds = [1]", "no width or bounds"),
    ("width = 10", "bounds = []", "not rising"),
    ("width = 10", "bounds = [1, 1]", "not rising"),
    ("width = 10", "bounds = [2, 1]", "not rising"),
    ("width = 10", "bounds = [1.5]", "not rising"),
    ("bucket = { width = 10 }", "round = 10", 'unknown action "round"'),
    ('log = "auth"', 'log = "Auth"', "not allowed"),
    ("[template.login]", "[rates]\nlogs = 5\n[template.login]", 'did you mean "log"?'),
    ("[template.login]", "[rates]\nlog = 0\n[template.login]", "out of range"),
    ("[template.login]", "[rates]\nmodem = 5\n[template.login]", 'no field comes from "modem"'),
    ("[template.login]", "[retired]\nfields = [2]\n[template.login]", "is retired"),
    ("[template.login]", "[retired]\nfield = [9]\n[template.login]", "did you mean"),
    ("[field.model]", "[field.Model]", "field name"),
    ("[purpose.care]", '[purpose."a b"]', "purpose name"),
    ("[controller]", "purpose = 1\n[controler]", "not valid TOML"),
]


@pytest.mark.parametrize(("old", "new", "says"), WRONG)
def test_a_wrong_policy_is_refused_with_a_reason(old, new, says):
    text = changed(old, new)
    if says == "not valid TOML":
        with pytest.raises(SourceError, match=says):
            errors(text)
        return
    found = errors(text)
    assert any(says in error for error in found), found
    assert checked(text).policy is None


def test_every_error_names_the_line_and_what_to_do():
    text = changed('basis = "consent"', 'basis = "consnet"')
    (error,) = errors(text)
    assert error == f'p.toml:{line_of(text, "consnet")}: unknown basis "consnet"; did you mean "consent"?'


def test_all_errors_come_at_once_and_in_order():
    text = POLICY
    for old, new in (("version = 3", "version = -1"), ('action = "keep"', 'action = "kep"')):
        text = changed(old, new, text)
    text = changed('log = "auth"', 'log = "A"', text)
    lines = [int(error.split(":")[1]) for error in errors(text)]
    assert len(lines) >= 3 and lines == sorted(lines)


def test_a_purpose_that_no_field_uses_is_an_error():
    text = changed('purposes = ["care"]', 'purposes = ["study"]')
    assert any("no field uses purpose.care" in error for error in errors(text))


def test_too_many_purposes_are_an_error():
    body = POLICY[POLICY.index("id = 1\ntext") : POLICY.index("[purpose.study]")]
    more = "".join(f"[purpose.p{n}]\n{body.replace('id = 1', f'id = {n}')}" for n in range(10, 30))
    assert any("more than 16 purpose tables" in error for error in errors(POLICY + more))


NEVER_KEPT = ["text", "word", "ipv4", "ipv6", "ip", "mac", "imei", "imsi", "iccid", "phone", "id"]


@pytest.mark.parametrize("kind", NEVER_KEPT)
def test_keep_is_refused_on_free_text_and_identifiers(kind):
    text = changed('source = "device.model"', f'source = "app.{kind}"\ncategory = "usage"').replace(
        'every = "15m"\n', ""
    )
    (error,) = errors(text)
    assert f'"keep" is not allowed on field.model, which is of type {kind}' in error
    assert ("scrubber" in error) == (kind in ("text", "word"))


KEPT = ["int", "bool", "enum", "version", "hex", "time", "duration"]


@pytest.mark.parametrize("kind", KEPT)
def test_keep_is_allowed_on_what_names_nobody(kind):
    text = changed('source = "device.model"', f'source = "app.{kind}"\ncategory = "usage"').replace(
        'every = "15m"\n', ""
    )
    assert errors(text) == []


@pytest.mark.parametrize("kind", [*NEVER_KEPT, *KEPT])
def test_hash_truncate_and_bucket_follow_the_type(kind):
    base = changed('source = "device.model"', f'source = "app.{kind}"\ncategory = "usage"').replace(
        'every = "15m"\n', ""
    )
    allowed = {
        '"hash"': kind not in ("text", "bool"),
        '"truncate"': kind in ("ipv4", "ipv6", "ip", "mac", "imei", "imsi", "iccid", "phone"),
        "{ bucket = { bounds = [5] } }": kind in ("int", "time", "duration"),
    }
    for action, good in allowed.items():
        assert (errors(changed('action = "keep"', f"action = {action}", base)) == []) == good


def test_periods_are_widths_of_times_and_durations():
    base = POLICY.replace('every = "15m"\n', "")
    for kind, width in (("time", 3600), ("duration", 3600000)):
        text = changed('source = "device.model"', f'source = "app.{kind}"\ncategory = "usage"', base)
        text = changed('action = "keep"', 'action = { bucket = { width = "1h" } }', text)
        field = checked(text).policy.fields[0]
        assert field.parameters == (0, width)


def test_a_pseudonym_of_the_device_itself_is_a_note_not_an_error():
    text = changed('source = "device.model"', 'source = "device.machine-id"')
    text = changed('action = "keep"', 'action = "hash"', text)
    (note,) = checked(text).findings.items
    assert note.level == "note" and 'use action = "drop"' in note.do


def test_text_from_the_application_that_is_kept_is_a_note():
    text = changed('source = "device.model"', 'source = "app.enum"\ncategory = "usage"')
    (note,) = checked(text.replace('every = "15m"\n', "")).findings.items
    assert note.level == "note" and "whatever text" in note.what


def test_consent_that_the_operator_grants_is_a_note():
    found = checked(changed('epoch = "7d"', 'grant_by = ["operator"]')).findings.items
    assert [item.level for item in found] == ["note"]


def test_without_grant_by_the_subject_or_the_guardian_grants():
    assert checked().policy.purposes[1].grant_by == (1, 2)
    assert checked().policy.purposes[0].grant_by == ()


def test_every_group_in_use_has_a_rate():
    assert set(checked().policy.rates) == {"device", "log"}


@pytest.mark.parametrize(
    ("data", "line", "says"),
    [
        (b"a = 1\nb = \n", 2, "not valid TOML"),
        (b"a = 1\n\na = 2\n", 3, "Cannot overwrite"),
        (b"[a]\n[b]\n[a]\n", 3, "not valid TOML"),
        (b"a = 1\n# \xff\n", 2, "not UTF-8"),
        (b"a = " + b"[" * 20000, 1, "nested too deeply"),
        (b"a = " + b"9" * 5000, 1, "not valid TOML"),
        (b"a = 2026-99-99", 1, "not valid TOML"),
        (b"#" * (1024 * 1024), 1, "over 262144 bytes"),
        (b'a = "\x1b[31m"', 1, "not valid TOML"),
    ],
)
def test_what_is_no_toml_is_refused_with_its_line(data, line, says):
    from pathlib import Path

    from quell_host.policy.source import parse_source

    with pytest.raises(SourceError) as caught:
        parse_source(data, "p.toml", Path("."))
    text = str(caught.value)
    assert text.startswith(f"p.toml:{line}: ") and says in text and text.isprintable()


_VALUES = st.recursive(
    st.one_of(
        st.booleans().map(lambda value: "true" if value else "false"),
        st.integers(-(2**70), 2**70).map(str),
        st.sampled_from(['""', '"x"', '"15m"', '"keep"', "1.5", "nan", "2027-01-01", "07:00:00"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: "[" + ", ".join(items) + "]"),
        inner.map(lambda item: "{ bucket = " + item + " }"),
        inner.map(lambda item: "{ width = " + item + " }"),
    ),
    max_leaves=4,
)
_LINES = [line for line in POLICY.splitlines() if " = " in line]


@given(st.sampled_from(range(len(_LINES))), _VALUES)
def test_any_value_at_any_key_is_checked_and_never_crashes(index, value):
    line = _LINES[index]
    text = POLICY.replace(line, f"{line.partition(' = ')[0]} = {value}")
    try:
        result = checked(text)
    except SourceError:
        return
    assert (result.policy is None) == bool(result.findings.errors)
    for finding in result.findings.items:
        assert 1 <= finding.line <= text.count("\n") + 1
        assert finding.text("p.toml").isprintable()


@given(st.dictionaries(st.text(max_size=12), st.integers(), max_size=3))
def test_any_unknown_key_is_an_error(extra):
    import json

    known = {"schema", "name", "version", "expires"}
    keys = [key for key in extra if key not in known and key.isprintable()]
    keys = [key for key in keys if key not in ("controller", "purpose", "field", "template")]
    keys = [key for key in keys if key not in ("rates", "retired")]
    head = "".join(f"{json.dumps(key, ensure_ascii=False)} = 1\n" for key in keys)
    assert len(errors(head + POLICY)) == len(keys)


def test_catalogue_ids_are_unique_and_categories_known():
    sources = catalogue().sources.values()
    assert len({source.id for source in sources}) == len(sources)
    assert {source.category for source in sources} <= set(catalogue().categories)
    assert len(set(catalogue().categories.values())) == len(catalogue().categories)
