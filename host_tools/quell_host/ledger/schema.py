# SPDX-License-Identifier: MIT
"""The tables of the ledger. Byte strings that name something are lower-case hex, so that a person
with `sqlite3` can read and join them; times are unix seconds in columns that end in `_s`.
"""

from sqlalchemy import (
    BLOB,
    JSON,
    Boolean,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

SCHEMA_VERSION = 1

metadata = MetaData()


def _text(name: str, **options: object) -> Column:
    return Column(name, Text, nullable=bool(options.pop("nullable", False)), **options)


def _int(name: str, **options: object) -> Column:
    return Column(name, Integer, nullable=bool(options.pop("nullable", False)), **options)


def _device(**options: object) -> Column:
    return Column("device", Text, ForeignKey("devices.device"), nullable=False, **options)


settings = Table("settings", metadata, _text("name", primary_key=True), _text("value"))

devices = Table(
    "devices",
    metadata,
    _text("device", primary_key=True),
    Column("label", Text, unique=True),
    _text("region"),
    _text("public_key"),
    _int("provisioned_s"),
    _text("instance", server_default=""),  # the current one, empty before the first
    _text("policy_hash", nullable=True),  # what the device runs, by its last receipt
    _text("wanted_policy", nullable=True),  # what it is to run
    _int("boot", nullable=True),
    _int("receipt_number", nullable=True),  # with boot: how new the last state is
    _text("agent_version", nullable=True),
    _int("last_seen_s", nullable=True),
    Column("counters", JSON, nullable=True),
)

device_keys = Table(
    "device_keys",
    metadata,
    _device(primary_key=True),
    _int("version", primary_key=True),
    _text("region_kid"),
    Column("wrapped", BLOB, nullable=False),
)

signers = Table(
    "signers",
    metadata,
    _text("kid", primary_key=True),
    _text("kind"),
    _int("role"),
    _text("name"),
    _text("public_key"),
)

device_signers = Table(
    "device_signers",
    metadata,
    _device(primary_key=True),
    Column("kid", Text, ForeignKey("signers.kid"), primary_key=True),
    _text("region_kid"),
    Column("wrapped_gate", BLOB, nullable=False),  # empty for signers of policies
)

instances = Table(
    "instances",
    metadata,
    _int("number", primary_key=True, autoincrement=True),  # rises with every instance: their order
    _device(),
    _text("instance"),
    _text("state"),  # offered, current or retired
    _int("since_s"),
    UniqueConstraint("device", "instance"),
    sqlite_autoincrement=True,
)

policies = Table(
    "policies",
    metadata,
    _text("hash", primary_key=True),
    _int("version"),
    _text("name"),
    Column("file", BLOB, nullable=False),
    _int("added_s"),
)

policy_purposes = Table(
    "policy_purposes",
    metadata,
    Column("hash", Text, ForeignKey("policies.hash"), primary_key=True),
    _int("purpose", primary_key=True),
    _text("name"),
    _text("text"),
    _text("basis"),
    _int("granularity_s"),
    _int("retention_s"),
    _text("region"),
    _text("digest"),
)

purpose_states = Table(
    "purpose_states",
    metadata,
    _device(primary_key=True),
    _int("purpose", primary_key=True),
    _text("instance"),
    _int("generation"),
    _text("status"),
    _text("challenge"),
    _text("digest"),
    _int("changed_s"),
)

aliases = Table(
    "aliases",
    metadata,
    _text("alias", primary_key=True),
    _device(),
    _text("instance"),
    _int("purpose"),
    _int("generation"),
    _text("purpose_name"),
    _int("made_s"),
    UniqueConstraint("device", "instance", "purpose", "generation"),
)

positions = Table(
    "positions",
    metadata,
    Column("alias", Text, ForeignKey("aliases.alias"), primary_key=True),
    _int("next"),
    _int("lost"),  # records that the device says it lost: its highest count so far
)

records = Table(
    "records",
    metadata,
    Column("alias", Text, ForeignKey("aliases.alias"), primary_key=True),
    _int("seq", primary_key=True),
    Column("policy_hash", Text, ForeignKey("policies.hash"), nullable=False),
    _int("received_s"),
    _int("time_s", nullable=True),  # null when the device had no clock
    _int("boot"),
    _int("uptime_s", nullable=True),  # in its place, in this boot
    _int("trust"),
    _int("epoch"),
    _int("expires_s"),
    Column("fields", JSON, nullable=False),
    sqlite_with_rowid=False,
)

receipts = Table(
    "receipts",
    metadata,
    _text("hash", primary_key=True),
    _device(),
    _text("instance"),
    _int("number"),
    _text("previous"),
    _int("kind"),
    _int("outcome"),
    _int("purpose", nullable=True),
    _text("command_hash"),
    _int("erased_to", nullable=True),
    _int("received_s"),
    Column("bytes", BLOB, nullable=False),
)



def _commands(name: str) -> Table:
    """A table of signed commands, one per device, signer and slot."""
    return Table(
        name,
        metadata,
        _device(primary_key=True),
        _text("kid", primary_key=True),
        _text("slot", primary_key=True),
        _text("hash"),
        _int("kind"),
        _int("purpose"),
        _int("generation"),
        _text("instance"),  # that a withdrawal names, that another command is bound to
        Column("command", BLOB, nullable=False),
        _int("made_s"),
        ForeignKeyConstraint(
            ["device", "kid"], ["device_signers.device", "device_signers.kid"], ondelete="CASCADE"
        ),
    )


bundle_entries = _commands("bundle_entries")
withdrawals = _commands("withdrawals")
"""The latest withdrawal of each purpose that was not granted since, answered or not."""

bundles = Table(
    "bundles",
    metadata,
    _device(primary_key=True),
    _text("kid", primary_key=True),
    Column("published", Boolean, nullable=False),  # False: the broker is not known to have it
)

consent_events = Table(
    "consent_events",
    metadata,
    _int("id", primary_key=True, autoincrement=True),
    _device(),
    _int("purpose"),
    _text("purpose_name"),
    _text("state"),  # a DPV term
    _text("event"),  # requested, confirmed or refused
    _int("time_s"),
    _text("entity"),  # the role, and the kid if there is one
    _text("instance"),
    _int("generation"),
    _text("digest", nullable=True),
    _text("evidence", nullable=True),  # hash of the command or receipt
)

erasures = Table(
    "erasures",
    metadata,
    _int("id", primary_key=True, autoincrement=True),
    _device(),
    _int("purpose"),
    _text("instance"),
    _int("up_to"),
    _text("evidence"),  # hash of the command or receipt
    _int("erased_s"),
    _int("records"),
    UniqueConstraint("device", "purpose", "instance", "up_to"),
)
