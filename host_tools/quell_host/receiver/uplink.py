# SPDX-License-Identifier: MIT
"""Batches: opened, stored exactly once, acknowledged after the commit.

Only a batch that opens, and so is the device's own, gets an acknowledgement: whoever can publish
on the topic could otherwise have the receiver tell the device to throw records away. What does not
open is counted and dropped; the device sends it again.
"""

from sqlalchemy import Connection, RowMapping

from quell_host.ledger import devices, erase, instances, policies, records, state
from quell_host.receiver.answers import Answers
from quell_host.receiver.events import Event
from quell_host.receiver.parts import Message, Parts
from quell_host.wire import batch
from quell_host.wire.ack import AckKey, Reason
from quell_host.wire.batch import BatchError, BatchHeader, OpenedBatch


class _RefusedError(Exception):
    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


class Uplink:
    """Handles the topic `up`."""

    def __init__(self, parts: Parts, answers: Answers) -> None:
        self._parts = parts
        self._answers = answers

    def handle(self, device: bytes, payload: bytes) -> list[Message]:
        """Take one message. Returns the acknowledgement, if one is due."""
        with self._parts.ledger.read() as connection:
            row = devices.get(connection, device)
            if row is None:
                return self._drop("", "unknown device")
            keys = devices.keys(connection, self._parts.keyring, device)
        title = devices.title(row)
        key = self._answers.key(device, keys)
        try:
            opened = batch.open_batch(payload, device, keys)
        except BatchError as error:
            if not error.authentic:
                return self._drop(title, error.reason.words)
            return self._refuse(row, key, batch.parse_header(payload), error.reason)
        try:
            with self._parts.ledger.write() as connection:
                stored, name = self._store(connection, device, opened)
        except _RefusedError as error:
            if error.reason == Reason.UNKNOWN_INSTANCE:
                # The ledger was restored, or this is a replay. The state receipt at the device's
                # next connection decides; until then nothing may leave its ring.
                return self._drop(title, error.reason.words)
            return self._refuse(row, key, opened.header, error.reason)
        self._tell(title, name, opened.header, stored)
        if stored.unfit and stored.unfit == len(opened.records):
            return self._refuse(row, key, opened.header, Reason.MALFORMED)
        return [self._answers.stored(key, opened.header, stored.next)]

    def _store(
        self, connection: Connection, device: bytes, opened: OpenedBatch
    ) -> tuple[records.Stored, str]:
        header, now_s = opened.header, self._parts.clock()
        known = state.use_instance(connection, device, header.instance, now_s)
        if known is None:
            raise _RefusedError(Reason.UNKNOWN_INSTANCE)
        named = (device, header.purpose, header.instance, header.generation)
        if erase.is_erased(connection, *named):
            raise _RefusedError(Reason.PURPOSE_ERASED)
        document = policies.by_prefix(connection, header.policy8, header.policy_version)
        if document is None:
            raise _RefusedError(Reason.UNKNOWN_POLICY)
        purpose = document.purpose_by_id(header.purpose)
        if purpose is None:
            raise _RefusedError(Reason.MALFORMED)
        stored = records.store(connection, device, opened, document, purpose, now_s)
        if known == instances.CURRENT:
            devices.change(connection, device, last_seen_s=now_s)
        return stored, purpose.name

    def _tell(self, title: str, name: str, header: BatchHeader, stored: records.Stored) -> None:
        details = {
            "purpose": name,
            "generation": header.generation,
            "first": header.first,
            "next": stored.next,
            "stored": stored.stored,
            "repeated": stored.repeated,
            "unfit": stored.unfit,
            "lost": stored.lost,
        }
        words = f"{name}: {stored.stored} records"
        for count, what in (
            (stored.repeated, "repeated"),
            (stored.lost, "lost"),
            (stored.unfit, "unfit"),
        ):
            words += f", {count} {what}" if count else ""
        self._parts.tell(Event("batch", words, title, details))

    def _refuse(
        self, row: RowMapping, key: AckKey, header: BatchHeader, reason: Reason
    ) -> list[Message]:
        details = {"reason": reason.words, "purpose_id": header.purpose, "next": header.next}
        words = f"batch of purpose {header.purpose} refused: {reason.words}"
        self._parts.tell(Event("refused", words, devices.title(row), details))
        return [self._answers.refused(key, header, reason)]

    def _drop(self, title: str, reason: str) -> list[Message]:
        self._parts.tell(Event("dropped", f"batch dropped: {reason}", title, {"reason": reason}))
        return []
