# SPDX-License-Identifier: MIT
"""Policies: kept whole, by hash. A record's policy is how the receiver knows what its ids mean."""

import functools

from sqlalchemy import Connection, insert, select

from quell_host.ledger import schema
from quell_host.policy.document import Document
from quell_host.wire import topics

SLICE_BYTES = 1200

_policies = schema.policies


def add(connection: Connection, document: Document, now_s: int) -> None:
    """Keep a policy; one that is there already stays as it is. The caller has verified it."""
    if get(connection, document.hash) is not None:
        return
    connection.execute(
        insert(_policies).values(
            hash=document.hash.hex(),
            version=document.version,
            name=document.name,
            file=document.data,
            added_s=now_s,
        )
    )
    for purpose in document.purposes:
        connection.execute(
            insert(schema.policy_purposes).values(
                hash=document.hash.hex(),
                purpose=purpose.id,
                name=purpose.name,
                text=purpose.text,
                basis=purpose.basis.label,
                granularity_s=purpose.granularity_s,
                retention_s=purpose.retention_s,
                region=purpose.region,
                digest=purpose.digest.hex(),
            )
        )


@functools.lru_cache(maxsize=64)
def _parsed(data: bytes) -> Document:
    return Document.open(data, None)


def get(connection: Connection, policy_hash: bytes) -> Document | None:
    """The policy with this hash (32 bytes), or None."""
    query = select(_policies.c.file).where(_policies.c.hash == policy_hash.hex())
    data = connection.execute(query).scalar_one_or_none()
    return None if data is None else _parsed(bytes(data))


def by_prefix(connection: Connection, policy8: bytes, version: int) -> Document | None:
    """The policy whose hash begins with `policy8` (8 bytes) and that has this version, or None."""
    query = select(_policies.c.file).where(
        _policies.c.hash.startswith(policy8.hex()), _policies.c.version == version
    )
    found = connection.execute(query).scalars().all()
    return _parsed(bytes(found[0])) if len(found) == 1 else None


def of_device(connection: Connection, policy_hash: str | None) -> Document | None:
    """The policy whose hash stands in a device's row, or None."""
    return get(connection, bytes.fromhex(policy_hash)) if policy_hash else None


def slices(document: Document) -> list[tuple[str, bytes]]:
    """Topic and payload of each retained slice of the policy file (SPEC §6)."""
    data = document.data
    starts = range(0, len(data), SLICE_BYTES)
    return [
        (topics.policy_chunk(document.hash, index), data[start : start + SLICE_BYTES])
        for index, start in enumerate(starts)
    ]


def purpose_names(connection: Connection) -> list[str]:
    """The names of all purposes of all policies, sorted."""
    query = select(schema.policy_purposes.c.name).distinct()
    return sorted(connection.execute(query).scalars())
