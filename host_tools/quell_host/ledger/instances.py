# SPDX-License-Identifier: MIT
"""Instances of a device, in the order in which they came: offered, current or retired."""

from collections.abc import Callable

from sqlalchemy import Connection, insert, select, update

from quell_host.ledger import devices, schema

INSTANCE_BYTES = 8
OFFERED, CURRENT, RETIRED = "offered", "current", "retired"
_MAX_OFFERED = 16

_instances = schema.instances


def offer(
    connection: Connection, device: bytes, entropy: Callable[[int], bytes], now_s: int
) -> bytes:
    """A new instance (8 bytes) for a device that has none or lost its state.

    It becomes current only when the device uses it: the request may be a replay.
    """
    instance = entropy(INSTANCE_BYTES)
    connection.execute(
        insert(_instances).values(
            device=device.hex(), instance=instance.hex(), state=OFFERED, since_s=now_s
        )
    )
    _forget_old_offers(connection, device)
    return instance


def _forget_old_offers(connection: Connection, device: bytes) -> None:
    # Replayed requests must not fill the table. A device that took a forgotten offer is adopted
    # with its next state receipt.
    offered = (_instances.c.device == device.hex()) & (_instances.c.state == OFFERED)
    query = select(_instances.c.number).where(offered).order_by(_instances.c.number.desc())
    old = connection.execute(query.offset(_MAX_OFFERED)).scalars().all()
    connection.execute(_instances.delete().where(_instances.c.number.in_(old)))


def state(connection: Connection, device: bytes, instance: bytes) -> str | None:
    """`offered`, `current` or `retired`; None for an instance that the ledger does not know."""
    query = select(_instances.c.state).where(_of(device, instance))
    return connection.execute(query).scalar_one_or_none()


def number(connection: Connection, device: bytes, instance: bytes) -> int | None:
    """The instance's place in the order; 0 for the empty one, None for an unknown one."""
    if not instance:
        return 0
    query = select(_instances.c.number).where(_of(device, instance))
    return connection.execute(query).scalar_one_or_none()


def _of(device: bytes, instance: bytes):  # type: ignore[no-untyped-def]
    return (_instances.c.device == device.hex()) & (_instances.c.instance == instance.hex())


def latest(connection: Connection, device: bytes) -> bytes:
    """The last instance that the device is known to have used, current or retired; else empty."""
    used = (_instances.c.device == device.hex()) & (_instances.c.state != OFFERED)
    query = select(_instances.c.instance).where(used).order_by(_instances.c.number.desc())
    return bytes.fromhex(connection.execute(query.limit(1)).scalar_one_or_none() or "")


def adopt(connection: Connection, device: bytes, instance: bytes, now_s: int) -> None:
    """Make `instance`, which the device has proved to use, its current one; older ones retire."""
    if state(connection, device, instance) is None:
        connection.execute(
            insert(_instances).values(
                device=device.hex(), instance=instance.hex(), state=CURRENT, since_s=now_s
            )
        )
    retire(connection, device)
    connection.execute(update(_instances).where(_of(device, instance)).values(state=CURRENT))
    devices.change(connection, device, instance=instance.hex(), boot=None, receipt_number=None)


def retire(connection: Connection, device: bytes) -> None:
    """Retire the current instance: a device that still uses it gets a new one."""
    current = (_instances.c.device == device.hex()) & (_instances.c.state == CURRENT)
    connection.execute(update(_instances).where(current).values(state=RETIRED))
    devices.change(connection, device, instance="")
