# SPDX-License-Identifier: MIT
"""What the receiver's parts share, and the shape of what they publish."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from quell_host.keys.files import Signer
from quell_host.ledger.database import Ledger
from quell_host.ledger.keyring import Keyring
from quell_host.receiver.events import Event


class Message(NamedTuple):
    """What is to be published, QoS 1."""

    topic: str
    payload: bytes
    retain: bool


@dataclass(frozen=True)
class Parts:
    """clock: unix seconds; entropy: n → n random bytes; tell: takes every event; operator: signs
    policy commands for devices that got a new instance, or None."""

    ledger: Ledger
    keyring: Keyring
    clock: Callable[[], int]
    entropy: Callable[[int], bytes]
    tell: Callable[[Event], None]
    operator: Signer | None = None
