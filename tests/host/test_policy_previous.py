# SPDX-License-Identifier: MIT
"""A new version never changes an id, always rises, and narrows only when it truly does."""

import dataclasses

import pytest
from host.policy_case import POLICY, changed, checked, document

from quell_host.policy.previous import compare

OLD = document()
NEXT = changed("version = 3", "version = 4")


def against_old(text: str) -> tuple[list[str], tuple[bytes, ...]]:
    result = checked(text)
    assert result.policy is not None, result.findings.errors
    narrows = compare(result, OLD)
    return [finding.text("p.toml") for finding in result.findings.errors], narrows


def test_the_next_version_is_good():
    assert against_old(NEXT) == ([], ())


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_version_that_does_not_rise_is_refused(version):
    (error,) = against_old(changed("version = 3", f"version = {version}"))[0]
    assert "does not rise above 3" in error and "write version = 4" in error


def test_the_policy_of_another_name_is_refused():
    (error,) = against_old(changed('name = "small"', 'name = "other"', NEXT))[0]
    assert 'previous policy is named "small"' in error


def test_a_changed_id_is_refused():
    (error,) = against_old(changed("id = 2\nsource", "id = 7\nsource", NEXT))[0]
    assert 'field "user" had id 2' in error
    (error,) = against_old(changed("id = 2\ntext", "id = 7\ntext", NEXT))[0]
    assert 'purpose "study" had id 2' in error


def test_a_reused_id_is_refused():
    errors, _ = against_old(changed("[field.user]", "[field.person]", NEXT))
    assert any('id 2 of field "person" was that of "user"' in error for error in errors)


WITHOUT_TRIES = changed(
    POLICY[POLICY.index("[field.tries]") : POLICY.index("[template.login]")],
    "",
    changed("{tries:int}", "{*:int}", NEXT),
)


def test_a_removed_id_must_be_retired():
    (error,) = against_old(WITHOUT_TRIES)[0]
    assert 'field "tries" of the previous policy is gone' in error and "add 3" in error
    assert against_old(WITHOUT_TRIES + "[retired]\nfields = [3]\n")[0] == []


NARROWS = changed('epoch = "7d"', 'epoch = "7d"\nnarrows = true', NEXT)
NARROWER = [
    ('recipients = ["Ada Ltd", "Bob Ltd"]', 'recipients = ["Ada Ltd"]'),
    ('granularity = "10m"', 'granularity = "20m"'),
    ('epoch = "7d"\n', 'epoch = "1d"\n'),
    ('epoch = "7d"\n', 'epoch = "7d"\ngrant_by = ["subject"]\n'),
    ('action = "hash"', 'action = "drop"'),
    ("width = 10", "width = 100"),
]


@pytest.mark.parametrize(("old", "new"), NARROWER)
def test_a_purpose_that_narrows_lists_the_old_digest(old, new):
    errors, narrows = against_old(changed(old, new, NARROWS))
    assert errors == [] and narrows == (OLD.purpose_by_name("study").digest,)


WIDER = [
    ('recipients = ["Ada Ltd", "Bob Ltd"]', 'recipients = ["Eve Ltd"]', "new recipients"),
    ('text = "Study logins."', 'text = "Study."', "another text"),
    ('notice = "We study."', 'notice = "We."', "another notice"),
    ('name = "Ada Ltd"', 'name = "Eve Ltd"', "another controller"),
    ('granularity = "10m"', 'granularity = "5m"', "finer times"),
    ('granularity = "10m"', 'granularity = "15m"', "finer times"),
    ('epoch = "7d"\n', 'epoch = "8d"\n', "longer epochs"),
    ('epoch = "7d"\n', 'epoch = "7d"\ngrant_by = ["operator"]\n', "other people"),
    ("width = 10", "width = 15", 'another action or category of "tries"'),
    ("bucket = { width = 10 }", "bucket = { bounds = [10] }", "another action or category"),
    ("failed after", "lost after", 'another source of "user"'),
    ('purposes = ["care"]', 'purposes = ["care", "study"]', 'new field "model"'),
]


@pytest.mark.parametrize(("old", "new", "says"), WIDER)
def test_a_purpose_that_does_more_cannot_say_that_it_narrows(old, new, says):
    text = changed(old, new, NARROWS)
    if "model" in says:
        text = changed('epoch = "7d"', 'epoch = "7d"\nevery = "1h"', text)
    errors, narrows = against_old(text)
    assert narrows == () and any(says in error for error in errors)


def test_a_new_purpose_narrows_nothing():
    text = changed("[purpose.study]", "[purpose.studies]", NARROWS)
    text = text.replace('["study"]', '["studies"]')
    errors, _ = against_old(changed("id = 2\ntext", "id = 3\ntext", text))
    assert any("is new and narrows nothing" in error for error in errors)


def test_sampling_that_starts_is_more_than_narrowing():
    from quell_host.policy.previous import widened

    study = OLD.purpose_by_name("study")
    often = dataclasses.replace(study, every_s=900)
    seldom = dataclasses.replace(study, every_s=3600)
    assert widened(OLD.policy, often, OLD.policy, study) == ["more frequent samples"]
    assert widened(OLD.policy, often, OLD.policy, seldom) == ["more frequent samples"]
    assert widened(OLD.policy, seldom, OLD.policy, often) == []
    assert widened(OLD.policy, study, OLD.policy, often) == []
