# SPDX-License-Identifier: MIT
"""The receiver without a broker: messages in, messages out. `service` connects it to one."""

from collections.abc import Callable

from quell_host.keys.files import Signer
from quell_host.ledger import bundles, erase
from quell_host.ledger.database import Ledger
from quell_host.ledger.keyring import Keyring
from quell_host.receiver.answers import Answers
from quell_host.receiver.bundles import BundlePath
from quell_host.receiver.control import ReceiptPath
from quell_host.receiver.events import Event, Statistics
from quell_host.receiver.parts import Message, Parts
from quell_host.receiver.uplink import Uplink
from quell_host.wire import topics

MAX_PAYLOAD_BYTES = 16384
EXPIRE_EVERY_S = 3600


class Receiver:
    """Handles messages one after another. All that it keeps is in the ledger.

    clock: → unix seconds; entropy: n → n random bytes; operator: signs the policy command anew for
    a device with a new instance; listener: called with every event.
    """

    def __init__(
        self,
        ledger: Ledger,
        keyring: Keyring,
        clock: Callable[[], int],
        entropy: Callable[[int], bytes],
        operator: Signer | None = None,
        listener: Callable[[Event], None] | None = None,
    ) -> None:
        self.statistics = Statistics()
        self._listener = listener
        self._parts = Parts(ledger, keyring, clock, entropy, self._tell, operator)
        answers = Answers(clock, entropy)
        self._uplink = Uplink(self._parts, answers)
        self._receipts = ReceiptPath(self._parts, answers)
        self._bundles = BundlePath(self._parts)
        self._expire_next_s = 0

    def _tell(self, event: Event) -> None:
        self.statistics.take(event)
        if self._listener is not None:
            self._listener(event)

    def handle(self, topic: str, payload: bytes, retained: bool = False) -> list[Message]:
        """Take one message from the broker; returns what to publish, in order.

        Never raises on what a message holds; QuellError when the ledger or a key file fails. A
        message on `up` or `rcpt` has no business being retained, and is dropped.
        """
        parsed = topics.parse(topic)
        if parsed is None or len(payload) > MAX_PAYLOAD_BYTES:
            return self._drop("unknown topic or too long")
        if parsed.kind == topics.COMMAND:
            return self._bundles.handle(parsed.device, parsed.kid, payload)
        if retained:
            return self._drop("retained")
        if parsed.kind == topics.UP:
            return self._uplink.handle(parsed.device, payload)
        if parsed.kind == topics.RECEIPT:
            return self._receipts.handle(parsed.device, payload)
        return self._drop("unknown topic or too long")

    def due(self) -> list[Message]:
        """What to publish without being asked: bundles that changed since the broker took them."""
        with self._parts.ledger.read() as connection:
            pairs = bundles.unpublished(connection)
            return [
                Message(topic, payload, True)
                for device, kid in pairs
                for topic, payload in bundles.messages(connection, self._parts.keyring, device, kid)
            ]

    def published(self, message: Message) -> None:
        """Note that the broker has taken a message that `due` or `handle` gave."""
        if not message.retain:
            return
        with self._parts.ledger.write() as connection:
            bundles.published(connection, self._parts.keyring, message.topic, message.payload)

    def expire(self) -> None:
        """Delete records whose retention has ended; does its work at most once an hour."""
        now_s = self._parts.clock()
        if now_s < self._expire_next_s:
            return
        self._expire_next_s = now_s + EXPIRE_EVERY_S
        with self._parts.ledger.write() as connection:
            gone = erase.expire(connection, now_s)
        if gone:
            self._parts.ledger.checkpoint()
            words = f"{gone} records deleted: their retention has ended"
            self._tell(Event("expired", words, "", {"records": gone}))

    def _drop(self, reason: str) -> list[Message]:
        self._tell(Event("dropped", f"message dropped: {reason}", "", {"reason": reason}))
        return []
