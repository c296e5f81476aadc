# SPDX-License-Identifier: MIT
"""Acknowledgements as messages: each with fresh entropy for the device and the host's time."""

from collections.abc import Callable, Mapping

from quell_host.receiver.parts import Message
from quell_host.wire import ack, topics
from quell_host.wire.ack import AckKey, Reason
from quell_host.wire.batch import BatchHeader
from quell_host.wire.receipt import Receipt


class Answers:
    """clock: unix seconds; entropy: n → n random bytes, never the same twice."""

    def __init__(self, clock: Callable[[], int], entropy: Callable[[int], bytes]) -> None:
        self._clock = clock
        self._entropy = entropy

    @staticmethod
    def key(device: bytes, device_keys: Mapping[int, bytes]) -> AckKey:
        """The key for a device's acknowledgements: that of the highest version."""
        version = max(device_keys)
        return AckKey(device, device_keys[version], version)

    def _fresh(self) -> tuple[bytes, int]:
        return self._entropy(ack.ENTROPY_BYTES), self._clock()

    def stored(self, key: AckKey, header: BatchHeader, next_seq: int) -> Message:
        """Kind 1."""
        named = (header.instance, header.purpose, header.generation, next_seq)
        return self._message(key, ack.stored(key, *named, *self._fresh()))

    def refused(self, key: AckKey, header: BatchHeader, reason: Reason) -> Message:
        """Kind 3."""
        named = (header.instance, header.purpose, header.generation, header.next)
        return self._message(key, ack.refused(key, *named, reason, *self._fresh()))

    def receipt_stored(self, key: AckKey, instance: bytes, receipt: Receipt) -> Message:
        """Kind 2, bound to the device's current instance."""
        named = (instance, receipt.number, receipt.hash[:8])
        return self._message(key, ack.receipt_stored(key, *named, *self._fresh()))

    def state_answer(self, key: AckKey, nonce: bytes, instance: bytes) -> Message:
        """Kind 4."""
        return self._message(key, ack.state_answer(key, nonce, instance, *self._fresh()))

    @staticmethod
    def _message(key: AckKey, payload: bytes) -> Message:
        return Message(topics.ack(key.device), payload, False)
