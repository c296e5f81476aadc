# SPDX-License-Identifier: MIT
"""The events of consent records, in the terms of ISO/IEC TS 27560 and W3C DPV.

`state` is a DPV term: ConsentGiven; ConsentWithdrawn when the subject, a guardian or the button on
the device asked; ConsentRevoked when the operator did; ConsentUnknown after a loss of state.
`event` is `requested` when a command was signed, `confirmed` or `refused` by the device's receipt.
"""

from sqlalchemy import Connection, RowMapping, insert, select

from quell_host.ledger import devices, policies, schema
from quell_host.wire.command import GRANT, ROLE_OPERATOR, Command
from quell_host.wire.receipt import Asker, Outcome, Receipt, ReceiptKind, Status

REQUESTED, CONFIRMED, REFUSED = "requested", "confirmed", "refused"
_ROLE_NAMES = {0: "operator", 1: "subject", 2: "guardian"}
_CONFIRMS = frozenset({Outcome.DONE, Outcome.ALREADY, Outcome.RESTRICTED})

_events = schema.consent_events


def asked(
    connection: Connection,
    device: bytes,
    command: Command,
    role: int,
    instance: bytes,
    now_s: int,
) -> None:
    """Note a signed grant or withdrawal that is bound to, or names, `instance`."""
    if command.kind == GRANT:
        state = Status.ConsentGiven
    else:
        state = Status.ConsentRevoked if role == ROLE_OPERATOR else Status.ConsentWithdrawn
    _add(
        connection,
        device,
        purpose=command.purpose,
        state=state.name,
        event=REQUESTED,
        time_s=now_s,
        entity=f"{_ROLE_NAMES.get(role, 'unknown')} {command.kid.hex()}",
        instance=instance.hex(),
        generation=command.generation,
        evidence=command.hash.hex(),
    )


def answered(connection: Connection, receipt: Receipt, now_s: int) -> None:
    """Note what a receipt of a grant or withdrawal says."""
    if receipt.kind not in (ReceiptKind.GRANT, ReceiptKind.WITHDRAW) or receipt.purpose is None:
        return
    if receipt.kind == ReceiptKind.GRANT:
        state = Status.ConsentGiven
    elif receipt.asker == Asker.OPERATOR:
        state = Status.ConsentRevoked
    else:
        state = Status.ConsentWithdrawn
    confirmed = receipt.outcome in _CONFIRMS
    _add(
        connection,
        receipt.device,
        purpose=receipt.purpose,
        state=state.name,
        event=CONFIRMED if confirmed else REFUSED,
        time_s=now_s,
        entity=(receipt.asker.name.lower().replace("_", "-") if receipt.asker is not None else "?"),
        instance=receipt.instance.hex(),
        generation=receipt.generation or 0,
        evidence=receipt.hash.hex(),
    )


def lost(connection: Connection, device: bytes, row: RowMapping, now_s: int) -> None:
    """Note that a given consent is unknown now, because the device's state is void."""
    _add(
        connection,
        device,
        purpose=row["purpose"],
        state=Status.ConsentUnknown.name,
        event=CONFIRMED,
        time_s=now_s,
        entity="receiver",
        instance=row["instance"],
        generation=row["generation"],
        digest=row["digest"],
    )


def _add(connection: Connection, device: bytes, **values: object) -> None:
    row = devices.get(connection, device)
    policy_hash = row["policy_hash"] if row else None
    document = policies.of_device(connection, policy_hash)
    purpose = document.purpose_by_id(int(str(values["purpose"]))) if document else None
    if purpose is not None:
        values.setdefault("digest", purpose.digest.hex())
    name = purpose.name if purpose else f"purpose {values['purpose']}"
    connection.execute(insert(_events).values(device=device.hex(), purpose_name=name, **values))


def history(connection: Connection, device: bytes) -> list[RowMapping]:
    """All events of a device, the oldest first."""
    query = select(_events).where(_events.c.device == device.hex()).order_by(_events.c.id)
    return list(connection.execute(query).mappings())
