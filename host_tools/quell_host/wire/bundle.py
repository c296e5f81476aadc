# SPDX-License-Identifier: MIT
"""Bundles (firmware/SPEC.md §6): one signer's desired state for one device, behind a cheap gate."""

from collections.abc import Sequence

from quell_host.wire import cbor, cose

MAX_BUNDLE_BYTES = 1400
MAX_COMMANDS = 16
_TAG_BYTES = 8


class BundleError(ValueError):
    """A bundle that is too large, does not parse, or whose gate does not open."""


def build(gate_key: bytes, kid: bytes, device: bytes, commands: Sequence[bytes]) -> bytes:
    """The retained message that holds `commands`; no commands give the empty message, which takes
    the bundle off the broker. Raises BundleError when it would pass 1,400 bytes or 16 commands.
    """
    if not commands:
        return b""
    if len(commands) > MAX_COMMANDS:
        raise BundleError(f"more than {MAX_COMMANDS} commands")
    message = cose.mac0(gate_key, kid, _aad(device), cbor.encode(list(commands)), _TAG_BYTES)
    if len(message) > MAX_BUNDLE_BYTES:
        raise BundleError(f"longer than {MAX_BUNDLE_BYTES} bytes")
    return message


def open_bundle(message: bytes, gate_key: bytes, kid: bytes, device: bytes) -> list[bytes]:
    """The commands of a bundle of the signer `kid`; the empty message holds none.

    Raises BundleError. That the gate opens proves little: every command has its own signature.
    """
    if not message:
        return []
    if len(message) > MAX_BUNDLE_BYTES:
        raise BundleError(f"longer than {MAX_BUNDLE_BYTES} bytes")
    try:
        _, payload = cose.verify_mac0(message, {kid: gate_key}, _aad(device), _TAG_BYTES)
        commands = cbor.decode(payload)
    except (cose.CoseError, cbor.CborError) as error:
        raise BundleError(str(error)) from None
    if not isinstance(commands, list) or len(commands) > MAX_COMMANDS:
        raise BundleError("not a list of at most 16 commands")
    if not all(isinstance(command, bytes) for command in commands):
        raise BundleError("a command is no byte string")
    return commands


def _aad(device: bytes) -> bytes:
    return cbor.encode(["quell/1 gate", device])
