# SPDX-License-Identifier: MIT
"""Bundles: per device and signer the commands that the device has not answered yet.

An entry replaces the older one of its slot (a purpose's consent, or the policy) and goes out when
its receipt is in. What the broker retains is made from here, whenever it changed: the receiver, or
the command that made the change, publishes it.
"""

from sqlalchemy import Connection, RowMapping, delete, select, update
from sqlalchemy.dialects.sqlite import insert

from quell_host.errors import QuellError
from quell_host.ledger import devices, policies, receipts, schema
from quell_host.ledger.keyring import Keyring
from quell_host.wire import bundle, topics
from quell_host.wire.command import GRANT, POLICY, WITHDRAW, Command, parse
from quell_host.wire.receipt import Receipt, ReceiptKind

Message = tuple[str, bytes]
"""A topic and what is to be retained there."""

_entries, _bundles, _withdrawals = schema.bundle_entries, schema.bundles, schema.withdrawals


def put(
    connection: Connection,
    keyring: Keyring,
    device: bytes,
    command: Command,
    instance: bytes,
    now_s: int,
) -> None:
    """Put a command into its signer's bundle; `instance` is what it names or is bound to.

    A withdrawal always finds room: grants, then the policy, make way. Raises QuellError when
    another command finds none, or the signer is not enrolled on the device.
    """
    key = {"device": device.hex(), "kid": command.kid.hex(), "slot": command.slot}
    values = {
        "hash": command.hash.hex(),
        "kind": command.kind,
        "purpose": command.purpose,
        "generation": command.generation,
        "instance": instance.hex(),
        "command": command.raw,
        "made_s": now_s,
    }
    gate_key = _gate_key(connection, keyring, device, command.kid)
    added = insert(_entries).values(**key, **values)
    added = added.on_conflict_do_update(index_elements=list(key), set_=values)
    connection.execute(added)
    _changed(connection, device, command.kid)
    _remember_withdrawal(connection, device, command, {**key, **values})
    making_way = [GRANT, POLICY] if command.kind == WITHDRAW else []
    while True:
        try:
            _message(connection, gate_key, device, command.kid)
            return
        except bundle.BundleError:
            if not making_way:
                what = "this signer has too many commands that the device has not answered"
                raise QuellError(what, "wait for its receipts: quell consent show") from None
            _drop(connection, device, command.kid, _entries.c.kind == making_way.pop(0))


def messages(connection: Connection, keyring: Keyring, device: bytes, kid: bytes) -> list[Message]:
    """What the broker should retain for a signer: the slices of policies that its bundle asks for,
    then the bundle; an empty payload takes it off."""
    found: list[Message] = []
    for row in entries(connection, device, kid):
        if row["kind"] == POLICY:
            document = policies.get(connection, parse(bytes(row["command"])).policy_hash)
            found += policies.slices(document) if document else []
    gate_key = _gate_key(connection, keyring, device, kid)
    return [*found, _message(connection, gate_key, device, kid)]


def _gate_key(connection: Connection, keyring: Keyring, device: bytes, kid: bytes) -> bytes:
    gate_key = devices.gate_key(connection, keyring, device, kid)
    if gate_key is None:
        what = f"signer {kid.hex()} may not command this device"
        raise QuellError(what, "enrol it: quell provision --help")
    return gate_key


def _message(connection: Connection, gate_key: bytes, device: bytes, kid: bytes) -> Message:
    commands = [bytes(row["command"]) for row in entries(connection, device, kid)]
    return topics.command(device, kid), bundle.build(gate_key, kid, device, commands)


def entries(connection: Connection, device: bytes, kid: bytes | None = None) -> list[RowMapping]:
    """The open entries of one signer, or of all, for a device: withdrawals first."""
    query = select(_entries).where(_entries.c.device == device.hex())
    if kid is not None:
        query = query.where(_entries.c.kid == kid.hex())
    rows = connection.execute(query.order_by(_entries.c.kid, _entries.c.slot)).mappings().all()
    return sorted(rows, key=lambda row: {WITHDRAW: 0, POLICY: 1, GRANT: 2}[row["kind"]])


def settle(connection: Connection, receipt: Receipt) -> list[bytes]:
    """Take out the entries that a receipt answers. Returns the kids whose bundles changed.

    A withdrawal that another one has overtaken gets that one's receipt as its answer, so what
    counts is also that the purpose was erased up to the generation that it names.
    """
    changed = []
    for row in entries(connection, receipt.device):
        if _answers(receipt, row):
            remove(connection, row)
            changed.append(bytes.fromhex(row["kid"]))
    return list(dict.fromkeys(changed))


def _answers(receipt: Receipt, row: RowMapping) -> bool:
    if receipt.command_hash and receipt.command_hash.hex() == row["hash"]:
        return True
    return (
        receipt.kind == ReceiptKind.WITHDRAW
        and row["kind"] == WITHDRAW
        and receipt.erased_to is not None
        and receipt.purpose == row["purpose"]
        and receipt.instance.hex() == row["instance"]
        and receipt.erased_to >= row["generation"]
    )


def answer(connection: Connection, device: bytes, command: Command) -> RowMapping | None:
    """The receipt that answers a command: its own, or of a withdrawal that covers it, or None."""
    own = receipts.for_command(connection, command.hash)
    if own is not None or command.kind != WITHDRAW:
        return own
    named = (device.hex(), command.purpose, command.instance.hex(), command.generation)
    return receipts.for_erasure(connection, *named)


def void(connection: Connection, device: bytes, instance: bytes) -> None:
    """Take out grants and policies that are bound to another instance than the current one."""
    for row in entries(connection, device):
        if row["kind"] != WITHDRAW and row["instance"] != instance.hex():
            remove(connection, row)


def _remember_withdrawal(
    connection: Connection, device: bytes, command: Command, entry: dict[str, object]
) -> None:
    if command.kind == POLICY:
        return
    of_purpose = _withdrawals.c.purpose == command.purpose
    connection.execute(delete(_withdrawals).where(_withdrawals.c.device == device.hex(), of_purpose))
    if command.kind == WITHDRAW:
        connection.execute(insert(_withdrawals).values(**entry))


def restore_withdrawals(connection: Connection, device: bytes) -> None:
    """Ask again for what was withdrawn and not granted since: a device that lost its state forgot it.

    For a legitimate interest that is an objection, without which it would collect again.
    """
    query = select(_withdrawals).where(_withdrawals.c.device == device.hex())
    for row in connection.execute(query).mappings().all():
        connection.execute(insert(_entries).values(**row).on_conflict_do_nothing())
        _changed(connection, device, bytes.fromhex(row["kid"]))


def remove(connection: Connection, row: RowMapping) -> None:
    """Take one entry out."""
    device, kid = bytes.fromhex(row["device"]), bytes.fromhex(row["kid"])
    _drop(connection, device, kid, _entries.c.slot == row["slot"])
    _changed(connection, device, kid)


def _drop(connection: Connection, device: bytes, kid: bytes, which: object) -> None:
    of_signer = (_entries.c.device == device.hex()) & (_entries.c.kid == kid.hex())
    connection.execute(delete(_entries).where(of_signer, which))  # type: ignore[arg-type]


def clear(connection: Connection, device: bytes) -> None:
    """Take out all entries of a device."""
    for row in entries(connection, device):
        remove(connection, row)


def _changed(connection: Connection, device: bytes, kid: bytes) -> None:
    added = insert(_bundles).values(device=device.hex(), kid=kid.hex(), published=False)
    again = added.on_conflict_do_update(index_elements=["device", "kid"], set_={"published": False})
    connection.execute(again)


def unpublished(connection: Connection) -> list[tuple[bytes, bytes]]:
    """(device, kid) of the bundles that the broker may not have as they are."""
    query = select(_bundles).where(_bundles.c.published.is_(False))
    rows = connection.execute(query).all()
    return [(bytes.fromhex(row.device), bytes.fromhex(row.kid)) for row in rows]


def published(connection: Connection, keyring: Keyring, topic: str, payload: bytes) -> None:
    """Note that the broker has taken `payload` on `topic`, if that is still the bundle's state."""
    parsed = topics.parse(topic)
    if parsed is None or parsed.kind != topics.COMMAND:
        return
    if messages(connection, keyring, parsed.device, parsed.kid)[-1] != (topic, payload):
        return
    of_bundle = (_bundles.c.device == parsed.device.hex()) & (_bundles.c.kid == parsed.kid.hex())
    connection.execute(update(_bundles).where(of_bundle).values(published=True))
