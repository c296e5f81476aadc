# SPDX-License-Identifier: MIT
"""Receipts and bundles: the control path as the receiver sees it.

A withdrawal erases what the ledger holds as soon as its signature or the device's receipt is seen,
whichever comes first.
"""

from sqlalchemy import Connection

from quell_host.control import policy as policy_control
from quell_host.errors import QuellError
from quell_host.ledger import bundles, consent, devices, erase, instances, receipts, state
from quell_host.receiver.answers import Answers
from quell_host.receiver.events import Event
from quell_host.receiver.parts import Message, Parts
from quell_host.wire import receipt as wire
from quell_host.wire.receipt import Receipt, ReceiptError, ReceiptKind


class ReceiptPath:
    """Handles the topic `rcpt`."""

    def __init__(self, parts: Parts, answers: Answers) -> None:
        self._parts = parts
        self._answers = answers

    def handle(self, device: bytes, payload: bytes) -> list[Message]:
        """Take one receipt. Returns its acknowledgement and the bundles that changed."""
        with self._parts.ledger.read() as connection:
            row = devices.get(connection, device)
            if row is None:
                return self._drop("", "unknown device")
            keys = devices.keys(connection, self._parts.keyring, device)
        title = devices.title(row)
        try:
            receipt = wire.verify(payload, device, bytes.fromhex(row["public_key"]))
        except ReceiptError:
            return self._drop(title, "receipt does not verify")
        key = self._answers.key(device, keys)
        if receipt.kind == ReceiptKind.STATE:
            instance = self._take_state(receipt, title)
            answer = self._answers.state_answer(key, receipt.nonce or b"", instance)
            # Bundles first: what the device hears before the answer it applies before it sends data.
            return [*self._due(device), answer]
        instance = self._take_change(receipt, title)
        return [self._answers.receipt_stored(key, instance, receipt), *self._due(device)]

    def _take_state(self, receipt: Receipt, title: str) -> bytes:
        """The instance that the device is to have from now."""
        now_s = self._parts.clock()
        with self._parts.ledger.write() as connection:
            fresh = state.take_state(connection, receipt, now_s)
            instance = receipt.instance
            if fresh is not state.Freshness.NEWS:
                instance = instances.offer(connection, receipt.device, self._parts.entropy, now_s)
            else:
                self._reissue_policy(connection, receipt.device, now_s)
        words = {
            state.Freshness.NEWS: "connected",
            state.Freshness.WITHOUT_INSTANCE: "connected without state: gets a new instance",
            state.Freshness.STALE: "connected with an older state: gets a new instance",
        }[fresh]
        details = {
            "state": fresh.value,
            "instance": instance.hex(),
            "policy": (receipt.policy_hash or b"").hex() or None,
        }
        self._parts.tell(Event("state", words, title, details))
        return instance

    def _reissue_policy(self, connection: Connection, device: bytes, now_s: int) -> None:
        row = devices.get(connection, device)
        assert row is not None
        document = policy_control.wanted_but_not_running(connection, row)
        if document is None:
            return
        title = devices.title(row)
        operator = self._parts.operator
        if operator is not None:
            keyring = self._parts.keyring
            try:
                policy_control.ask(connection, keyring, row, document, operator, now_s)
            except QuellError as error:
                self._parts.tell(Event("warning", str(error), title, {"what": "policy"}))
            return
        words = f"waits for policy {document.name}: run quell policy push, or give --operator-key"
        self._parts.tell(Event("warning", words, title, {"what": "policy"}))

    def _take_change(self, receipt: Receipt, title: str) -> bytes:
        """The device's current instance."""
        now_s = self._parts.clock()
        gone = None
        with self._parts.ledger.write() as connection:
            new = receipts.add(connection, receipt, now_s)
            state.take_change(connection, receipt, now_s)
            bundles.settle(connection, receipt)
            if new:
                consent.answered(connection, receipt, now_s)
            if receipt.kind == ReceiptKind.WITHDRAW and receipt.erased_to is not None:
                gone = self._erase(connection, receipt, now_s)
            row = devices.get(connection, receipt.device)
            assert row is not None
        if gone:
            self._parts.ledger.checkpoint()
        if new:
            self._tell_change(receipt, title, gone)
        return bytes.fromhex(row["instance"]) or receipt.instance

    def _erase(self, connection: Connection, receipt: Receipt, now_s: int) -> int | None:
        assert receipt.purpose is not None and receipt.erased_to is not None
        named = (receipt.device, receipt.purpose, receipt.instance, receipt.erased_to)
        return erase.erase(connection, *named, receipt.hash, now_s)

    def _tell_change(self, receipt: Receipt, title: str, gone: int | None) -> None:
        outcome = (
            receipt.outcome.name.lower().replace("_", "-") if receipt.outcome is not None else "?"
        )
        kind = receipt.kind.name.lower()
        words = f"receipt {receipt.number}: {kind} {outcome}"
        details = {
            "number": receipt.number,
            "receipt_kind": kind,
            "outcome": outcome,
            "purpose_id": receipt.purpose,
            "hash": receipt.hash.hex(),
            "erase_level": None,
            "ledger_erased": gone,
        }
        if receipt.erase_level is not None:
            level = receipt.erase_level.name.lower()
            details["erase_level"] = level
            words += f", erased there ({level})"
        if gone:
            words += f", {gone} records deleted here"
        self._parts.tell(Event("receipt", words, title, details))

    def _due(self, device: bytes) -> list[Message]:
        with self._parts.ledger.read() as connection:
            due = [pair for pair in bundles.unpublished(connection) if pair[0] == device]
            return [
                Message(topic, payload, True)
                for _, kid in due
                for topic, payload in bundles.messages(connection, self._parts.keyring, device, kid)
            ]

    def _drop(self, title: str, reason: str) -> list[Message]:
        self._parts.tell(Event("dropped", f"receipt dropped: {reason}", title, {"reason": reason}))
        return []
