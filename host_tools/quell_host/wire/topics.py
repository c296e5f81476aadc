# SPDX-License-Identifier: MIT
"""The topics of firmware/SPEC.md §4–§6 and §9. A device id stands in them as 32 hex digits."""

import re
from dataclasses import dataclass

PREFIX = "quell/1"
UP, ACK, RECEIPT, COMMAND = "up", "ack", "rcpt", "cmd"
RECEIVER_SUBSCRIPTIONS = (f"{PREFIX}/+/{UP}", f"{PREFIX}/+/{RECEIPT}", f"{PREFIX}/+/{COMMAND}/+")

_DEVICE_TOPIC = re.compile(
    rf"{PREFIX}/([0-9a-f]{{32}})/(?:({UP}|{ACK}|{RECEIPT})|({COMMAND})/([0-9a-f]{{16}}))"
)


@dataclass(frozen=True)
class Topic:
    """A parsed topic of one device. `kid` (8 bytes) only for kind `cmd`, else empty."""

    kind: str
    device: bytes
    kid: bytes = b""


def up(device: bytes) -> str:
    """Where the device publishes its batches."""
    return f"{PREFIX}/{device.hex()}/{UP}"


def ack(device: bytes) -> str:
    """Where the receiver answers the device."""
    return f"{PREFIX}/{device.hex()}/{ACK}"


def receipt(device: bytes) -> str:
    """Where the device publishes its receipts."""
    return f"{PREFIX}/{device.hex()}/{RECEIPT}"


def command(device: bytes, kid: bytes) -> str:
    """Where the bundle of the signer `kid` for the device is retained."""
    return f"{PREFIX}/{device.hex()}/{COMMAND}/{kid.hex()}"


def policy_chunk(policy_hash: bytes, index: int) -> str:
    """Where the slice `index` (from 0) of the policy file with this hash is retained."""
    return f"{PREFIX}/p/{policy_hash.hex()}/{index}"


def parse(topic: str) -> Topic | None:
    """The topic of a device, or None for any other topic."""
    match = _DEVICE_TOPIC.fullmatch(topic)
    if match is None:
        return None
    device, plain, command_kind, kid = match.groups()
    return Topic(plain or command_kind, bytes.fromhex(device), bytes.fromhex(kid or ""))
