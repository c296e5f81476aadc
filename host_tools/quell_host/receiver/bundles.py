# SPDX-License-Identifier: MIT
"""Bundles as they pass on the broker: a signer may publish its own, without this host.

A verified withdrawal erases at once. What is answered already goes out of the retained bundle; what
is not joins the ledger, so that its receipt takes it out later. What passed last is what the broker
retains: where the ledger has another bundle, that one is published again, once.
"""

from sqlalchemy import Connection, RowMapping

from quell_host.control.consent import WITHOUT_OBJECTION
from quell_host.errors import QuellError
from quell_host.ledger import bundles as kept
from quell_host.ledger import consent, devices, erase, policies, state
from quell_host.receiver.events import Event
from quell_host.receiver.parts import Message, Parts
from quell_host.wire import bundle
from quell_host.wire.command import (
    MAY_WITHDRAW,
    POLICY,
    WITHDRAW,
    Command,
    CommandError,
    parse,
    verify_grant,
    verify_policy,
    verify_withdraw,
)


class BundlePath:
    """Handles the topics `cmd/<kid>`."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def handle(self, device: bytes, kid: bytes, payload: bytes) -> list[Message]:
        """Take one bundle. Returns what the broker should retain in its place, if it should."""
        with self._parts.ledger.read() as connection:
            row = devices.get(connection, device)
            gate = devices.gate_key(connection, self._parts.keyring, device, kid) if row else None
        if row is None or gate is None:
            return self._drop("", "unknown signer or device")
        title = devices.title(row)
        try:
            opened = bundle.open_bundle(payload, gate, kid, device) if payload else []
            commands = [parse(raw) for raw in opened]
        except (bundle.BundleError, CommandError):
            return self._drop(title, "bundle does not open")
        erased, full = None, False
        with self._parts.ledger.write() as connection:
            for command in commands:
                if not self._is_new(connection, row, command, kid):
                    continue
                gone = self._withdraw(connection, row, command)
                full |= not self._take(connection, row, command, gone is not None)
                erased = gone if erased is None else erased + (gone or 0)
            held = kept.messages(connection, self._parts.keyring, device, kid)
        if erased is not None:
            self._parts.ledger.checkpoint()
            words = f"withdrawal seen: {erased} records deleted here"
            self._parts.tell(Event("withdrawal", words, title, {"ledger_erased": erased}))
        if full or held[-1][1] == payload:
            return []
        return [Message(topic, body, True) for topic, body in held]

    def _is_new(
        self, connection: Connection, row: RowMapping, command: Command, kid: bytes
    ) -> bool:
        """Whether a command of `kid`'s bundle is to be taken: not asked for here yet, nor answered."""
        device = bytes.fromhex(row["device"])
        if command.kid != kid:
            return False
        asked = {entry["hash"] for entry in kept.entries(connection, device, kid)}
        # What a device forgot with its state is asked for again although a receipt once answered it.
        if command.hash.hex() in asked or kept.answer(connection, device, command) is not None:
            return False
        return self._concerns_now(connection, row, command)

    def _take(
        self, connection: Connection, row: RowMapping, command: Command, withdraws: bool
    ) -> bool:
        """Have the ledger ask for it too; False when this signer's bundle is full.

        What the ledger asks for stands, except against a withdrawal of more than it knew of.
        """
        device = bytes.fromhex(row["device"])
        slots = {entry["slot"] for entry in kept.entries(connection, device, command.kid)}
        if command.slot in slots and not withdraws:
            return True
        instance = command.instance or bytes.fromhex(row["instance"])
        parts = self._parts
        try:
            kept.put(connection, parts.keyring, device, command, instance, parts.clock())
        except QuellError:
            return False  # the signer's own retained message still holds the command
        return True

    def _concerns_now(self, connection: Connection, row: RowMapping, command: Command) -> bool:
        """Whether a grant or policy is bound to the device's state as the ledger knows it."""
        if command.kind == WITHDRAW:
            return True
        device, instance = bytes.fromhex(row["device"]), bytes.fromhex(row["instance"])
        signers = devices.signers_of(connection, device)
        publics = devices.public_keys(signers, MAY_WITHDRAW)
        known = state.of_purpose(connection, device, command.purpose)
        try:
            if command.kind == POLICY:
                verify_policy(command, publics, device, instance)
            elif known is None:
                return False
            else:
                digest, challenge = (bytes.fromhex(known[name]) for name in ("digest", "challenge"))
                verify_grant(command, publics, device, instance, digest, challenge)
        except CommandError:
            return False
        return True

    def _withdraw(self, connection: Connection, row: RowMapping, command: Command) -> int | None:
        """How many records a withdrawal erased; None if it erased nothing new, or is none."""
        if command.kind != WITHDRAW:
            return None
        device, now_s = bytes.fromhex(row["device"]), self._parts.clock()
        signers = devices.signers_of(connection, device)
        try:
            verify_withdraw(command, devices.public_keys(signers, MAY_WITHDRAW), device)
        except CommandError:
            self._drop(devices.title(row), "withdrawal does not verify")
            return None
        document = policies.of_device(connection, row["policy_hash"])
        purpose = document.purpose_by_id(command.purpose) if document else None
        if purpose is not None and purpose.basis in WITHOUT_OBJECTION:
            return None
        named = (device, command.purpose, command.instance, command.generation)
        if erase.is_erased(connection, *named):
            return None
        gone = erase.erase(connection, *named, command.hash, now_s)
        if gone is not None:
            roles = {bytes.fromhex(signer["kid"]): signer["role"] for signer in signers}
            role = roles[command.kid]
            consent.asked(connection, device, command, role, command.instance, now_s)
        return gone

    def _drop(self, title: str, reason: str) -> list[Message]:
        self._parts.tell(Event("dropped", f"bundle dropped: {reason}", title, {"reason": reason}))
        return []
