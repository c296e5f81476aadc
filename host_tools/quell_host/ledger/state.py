# SPDX-License-Identifier: MIT
"""What the ledger knows of a device's purposes, by the device's own receipts.

The network may replay any receipt. A state receipt counts only if nothing newer of its instance is
known, a change of one purpose only if its generation is not an older one.
"""

import enum

from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from quell_host.ledger import bundles, consent, devices, instances, schema
from quell_host.wire.receipt import PurposeState, Receipt, ReceiptKind, Status

_states = schema.purpose_states


class Freshness(enum.Enum):
    """How a state receipt stands to what the ledger knows."""

    WITHOUT_INSTANCE = "without instance"
    """The device has no instance: it is new or lost its state."""
    NEWS = "news"
    """The newest that is known; its instance is current now."""
    STALE = "stale"
    """A replay, or a device whose state went back in time. Either way: offer a new instance."""


def take_state(connection: Connection, receipt: Receipt, now_s: int) -> Freshness:
    """Take a verified state receipt into the ledger."""
    row = devices.get(connection, receipt.device)
    assert row is not None
    if not receipt.instance:
        if not row["instance"]:
            _take_purposes(connection, receipt, now_s)
            _take_device(connection, receipt, now_s)
        return Freshness.WITHOUT_INSTANCE
    if not _reach(connection, receipt, now_s):
        return Freshness.STALE
    row = devices.get(connection, receipt.device)
    assert row is not None
    if (receipt.boot or 0) < (row["boot"] or 0) or receipt.number < (row["receipt_number"] or 0):
        return Freshness.STALE
    _take_purposes(connection, receipt, now_s)
    _take_device(connection, receipt, now_s)
    return Freshness.NEWS


def _reach(connection: Connection, receipt: Receipt, now_s: int) -> bool:
    """Make the receipt's instance current if it is new; False when it is retired."""
    known = instances.state(connection, receipt.device, receipt.instance)
    if known == instances.RETIRED:
        return False
    if known != instances.CURRENT:
        begin_instance(connection, receipt.device, receipt.instance, now_s)
    return True


def use_instance(connection: Connection, device: bytes, instance: bytes, now_s: int) -> str | None:
    """Note that the device uses `instance` (a batch proves it): an offered one becomes current.

    Returns the instance's state then; None when the ledger does not know it.
    """
    known = instances.state(connection, device, instance)
    if known == instances.OFFERED:
        begin_instance(connection, device, instance, now_s)
        return instances.CURRENT
    return known


def begin_instance(connection: Connection, device: bytes, instance: bytes, now_s: int) -> None:
    """Make `instance` the current one: what was bound to the one before is void."""
    lose_consents(connection, device, now_s)
    instances.adopt(connection, device, instance, now_s)
    bundles.void(connection, device, instance)
    bundles.restore_withdrawals(connection, device)


def lose_consents(connection: Connection, device: bytes, now_s: int) -> None:
    """The device's state is void: what was given is ConsentUnknown now."""
    for row in of_device(connection, device):
        if row["status"] == Status.ConsentGiven.name:
            consent.lost(connection, device, row, now_s)
    connection.execute(delete(_states).where(_states.c.device == device.hex()))


def _take_purposes(connection: Connection, receipt: Receipt, now_s: int) -> None:
    listed = receipt.purposes or ()
    for known in of_device(connection, receipt.device):
        if known["purpose"] not in {item.purpose for item in listed}:
            _delete(connection, receipt.device, known["purpose"])
    for item in listed:
        _put(connection, receipt, item, now_s)


def _delete(connection: Connection, device: bytes, purpose: int) -> None:
    of_purpose = (_states.c.device == device.hex()) & (_states.c.purpose == purpose)
    connection.execute(delete(_states).where(of_purpose))


def _put(connection: Connection, receipt: Receipt, item: PurposeState, now_s: int) -> None:
    known = of_purpose(connection, receipt.device, item.purpose)
    same_instance = known is not None and known["instance"] == receipt.instance.hex()
    if known is not None and same_instance and known["generation"] > item.generation:
        return
    values = {
        "instance": receipt.instance.hex(),
        "generation": item.generation,
        "status": item.status.name,
        "challenge": item.challenge.hex(),
        "digest": item.digest.hex() or (known["digest"] if known else ""),
    }
    if known is None:
        key = {"device": receipt.device.hex(), "purpose": item.purpose}
        connection.execute(insert(_states).values(**key, **values, changed_s=now_s))
        return
    if all(known[name] == value for name, value in values.items()):
        return
    where = (_states.c.device == known["device"]) & (_states.c.purpose == item.purpose)
    connection.execute(update(_states).where(where).values(**values, changed_s=now_s))


def take_change(connection: Connection, receipt: Receipt, now_s: int) -> None:
    """Take the purpose's new generation, status and challenge from a receipt of a command."""
    row = devices.get(connection, receipt.device)
    if row is None:
        return
    if receipt.instance and _reach(connection, receipt, now_s):
        row = devices.get(connection, receipt.device)
    if row is None or row["instance"] != receipt.instance.hex():
        return
    newest = receipt.number >= (row["receipt_number"] or 0)
    if newest:
        _take_device(connection, receipt, now_s)
    changed = (receipt.purpose, receipt.generation, receipt.status, receipt.challenge)
    if receipt.kind == ReceiptKind.POLICY or None in changed:
        return
    purpose, generation, status, challenge = changed
    assert purpose is not None and generation is not None
    assert status is not None and challenge is not None
    if newest or of_purpose(connection, receipt.device, purpose) is None:
        _put(connection, receipt, PurposeState(purpose, generation, status, challenge, b""), now_s)


def _take_device(connection: Connection, receipt: Receipt, now_s: int) -> None:
    values = {
        "policy_hash": (receipt.policy_hash or b"").hex() or None,
        "agent_version": receipt.agent_version,
        "receipt_number": receipt.number,
        "counters": {str(reason): count for reason, count in receipt.counters.items()},
        "last_seen_s": now_s,
    }
    if receipt.kind == ReceiptKind.STATE:
        values["boot"] = receipt.boot
    devices.change(connection, receipt.device, **values)


def of_device(connection: Connection, device: bytes) -> list[RowMapping]:
    """The states of the device's purposes, by id."""
    query = select(_states).where(_states.c.device == device.hex()).order_by(_states.c.purpose)
    return list(connection.execute(query).mappings())


def of_purpose(connection: Connection, device: bytes, purpose: int) -> RowMapping | None:
    """The state of one purpose, or None before the device's first word about it."""
    query = select(_states).where(_states.c.device == device.hex(), _states.c.purpose == purpose)
    return connection.execute(query).mappings().first()
