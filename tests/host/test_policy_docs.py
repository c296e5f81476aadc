# SPDX-License-Identifier: MIT
"""docs/policy.md says what the code does."""

from pathlib import Path

from quell_host.policy import check, limits, read_fields, read_purposes, read_templates
from quell_host.policy.catalogue import catalogue
from quell_host.policy.reader import period_text
from quell_host.policy.templates import CAPTURE_TYPES
from quell_host.policy.vocabulary import ACTIONS, BASES

DOCS = Path(__file__).parents[2] / "host_tools" / "docs" / "policy.md"
TEXT = DOCS.read_text(encoding="utf-8")


def sources_table() -> str:
    """The table of sources as it must stand in the docs."""
    rows = ["| source | type | unit | category | what it is |", "|---|---|---|---|---|"]
    for source in catalogue().sources.values():
        cells = (f"`{source.name}`", source.type.label, source.unit, source.category, source.text)
        rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows)


def test_the_table_of_sources_is_the_catalogue():
    assert sources_table() in TEXT


def test_every_key_of_the_language_is_documented():
    for keys in (check.KEYS, read_purposes.KEYS, read_fields.KEYS, read_templates.KEYS):
        for key in keys:
            assert f"`{key}`" in TEXT or f"`[{key}" in TEXT, key


def test_every_action_basis_category_and_capture_type_is_documented():
    for word in (*ACTIONS, *BASES, *catalogue().categories, *CAPTURE_TYPES):
        assert word in TEXT, word


def test_the_documented_ranges_are_the_limits():
    for low, high in (
        (limits.MIN_GRANULARITY_S, limits.MAX_GRANULARITY_S),
        (limits.MIN_RETENTION_S, limits.MAX_RETENTION_S),
        (limits.MIN_EVERY_S, limits.MAX_EVERY_S),
        (limits.MIN_EPOCH_S, limits.MAX_EPOCH_S),
    ):
        assert f"{period_text(low)} to {period_text(high)}" in TEXT
    assert f"1 to {limits.MAX_VERSION};" in TEXT
    assert f"up to {limits.MAX_TEXT_CHARACTERS} characters" in TEXT
    assert str(limits.LATEST_EXPIRY) in TEXT
