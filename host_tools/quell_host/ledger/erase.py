# SPDX-License-Identifier: MIT
"""Erasure in the ledger: on withdrawal, and when retention ends.

What is erased on withdrawal is remembered as (device, purpose, instance, generation), so that late
batches are dropped; nothing of the data, and not the alias, remains. The database runs with
`secure_delete`; `Ledger.checkpoint` empties the write-ahead log afterwards. File systems and
drives may keep old blocks: in DPV's terms this is `Delete`, and so the tool says it.
"""

from sqlalchemy import Connection, delete, func, insert, select

from quell_host.ledger import instances, schema

_aliases, _positions, _records = schema.aliases, schema.positions, schema.records
_erasures = schema.erasures


def erase(
    connection: Connection,
    device: bytes,
    purpose: int,
    instance: bytes,
    up_to: int,
    evidence: bytes,
    now_s: int,
) -> int | None:
    """Erase a purpose up to generation `up_to` of `instance`, and in all earlier instances.

    evidence: hash of the signed command or receipt that asks for it. Returns how many records
    went; None, and nothing is erased, when the ledger does not know the instance: then only the
    device's receipt tells what a withdrawal covers.
    """
    order = instances.number(connection, device, instance)
    if order is None:
        return None
    gone = 0
    for alias in _covered_aliases(connection, device, purpose, instance, up_to, order):
        gone += connection.execute(delete(_records).where(_records.c.alias == alias)).rowcount
        connection.execute(delete(_positions).where(_positions.c.alias == alias))
        connection.execute(delete(_aliases).where(_aliases.c.alias == alias))
    key = {
        "device": device.hex(),
        "purpose": purpose,
        "instance": instance.hex(),
        "up_to": up_to,
    }
    if connection.execute(select(_erasures.c.id).filter_by(**key)).first() is None:
        values = {**key, "evidence": evidence.hex(), "erased_s": now_s, "records": gone}
        connection.execute(insert(_erasures).values(**values))
    return gone


def _covered_aliases(
    connection: Connection, device: bytes, purpose: int, instance: bytes, up_to: int, order: int
) -> list[str]:
    query = select(_aliases).where(_aliases.c.device == device.hex(), _aliases.c.purpose == purpose)
    covered = []
    for row in connection.execute(query):
        if row.instance == instance.hex():
            inside = row.generation <= up_to
        else:
            other = instances.number(connection, device, bytes.fromhex(row.instance))
            inside = other is not None and other < order
        if inside:
            covered.append(row.alias)
    return covered


def is_erased(
    connection: Connection, device: bytes, purpose: int, instance: bytes, generation: int
) -> bool:
    """Whether a batch of this generation comes too late: what it belongs to was erased."""
    order = instances.number(connection, device, instance)
    query = select(_erasures).where(
        _erasures.c.device == device.hex(), _erasures.c.purpose == purpose
    )
    for row in connection.execute(query):
        if row.instance == instance.hex():
            if generation <= row.up_to:
                return True
            continue
        erased = instances.number(connection, device, bytes.fromhex(row.instance))
        if erased is not None and order is not None and order < erased:
            return True
    return False


def last_generation(connection: Connection, device: bytes, purpose: int, instance: bytes) -> int:
    """The highest generation of which the ledger holds records, 0 if there is none."""
    query = select(func.max(_aliases.c.generation)).where(
        _aliases.c.device == device.hex(),
        _aliases.c.purpose == purpose,
        _aliases.c.instance == instance.hex(),
    )
    return connection.execute(query).scalar_one_or_none() or 0


def expire(connection: Connection, now_s: int) -> int:
    """Delete the records whose retention has ended. Returns how many."""
    return connection.execute(delete(_records).where(_records.c.expires_s < now_s)).rowcount


def count(connection: Connection, device: bytes, purpose: int) -> int:
    """How many records of a purpose of a device the ledger holds."""
    join = _records.join(_aliases, _aliases.c.alias == _records.c.alias)
    query = (
        select(func.count())
        .select_from(join)
        .where(_aliases.c.device == device.hex(), _aliases.c.purpose == purpose)
    )
    return connection.execute(query).scalar_one()
