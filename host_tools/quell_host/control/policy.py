# SPDX-License-Identifier: MIT
"""Give a policy to a device: kept in the ledger, asked for in the operator's bundle."""

from sqlalchemy import Connection, RowMapping

from quell_host.errors import ExitCode, QuellError
from quell_host.keys.files import Signer
from quell_host.ledger import bundles, devices, policies
from quell_host.ledger.keyring import Keyring
from quell_host.policy.document import Document
from quell_host.wire import command
from quell_host.wire.command import ROLE_OPERATOR, ROLE_POLICY, Command


def verify_for(connection: Connection, device: RowMapping, document: Document) -> None:
    """Check that a signer of policies whom the device trusts signed the policy. Raises QuellError
    (NOT_VERIFIED): the device would refuse it."""
    signers = devices.signers_of(connection, bytes.fromhex(device["device"]))
    trusted = devices.public_keys(signers, frozenset({ROLE_POLICY}))
    try:
        Document.open(document.data, trusted)
    except QuellError as error:
        what = f"device {devices.title(device)} would refuse the policy: {error.message}"
        hint = "sign it with the policy key that the device was provisioned with"
        raise QuellError(what, hint, ExitCode.NOT_VERIFIED) from None


def want(connection: Connection, device: RowMapping, document: Document, now_s: int) -> None:
    """Note that the device is to run the policy, from now and after any loss of its state."""
    policies.add(connection, document, now_s)
    raw_device = bytes.fromhex(device["device"])
    devices.change(connection, raw_device, wanted_policy=document.hash.hex())


def ask(
    connection: Connection,
    keyring: Keyring,
    device: RowMapping,
    document: Document,
    signer: Signer,
    now_s: int,
) -> Command | None:
    """Sign the policy command and put it into the operator's bundle.

    None when the device has no instance yet, to which the command would be bound. Raises
    QuellError when the signer is no operator or not enrolled.
    """
    if signer.role != ROLE_OPERATOR:
        what = f"a signer of kind {signer.kind} may not ask for a policy"
        raise QuellError(what, "use an operator's key", ExitCode.USAGE)
    instance = bytes.fromhex(device["instance"])
    if not instance:
        return None
    raw_device = bytes.fromhex(device["device"])
    chunks = len(policies.slices(document))
    raw = command.build_policy(
        signer,
        raw_device,
        instance,
        document.hash,
        document.version,
        len(document.data),
        chunks,
    )
    signed = command.parse(raw)
    bundles.put(connection, keyring, raw_device, signed, instance, now_s)
    return signed


def wanted_but_not_running(connection: Connection, device: RowMapping) -> Document | None:
    """The policy that the device is to run and neither runs nor is asked for, or None."""
    if not device["wanted_policy"] or device["wanted_policy"] == device["policy_hash"]:
        return None
    open_slots = {row["slot"] for row in bundles.entries(connection, _raw(device))}
    if "policy" in open_slots:
        return None
    return policies.of_device(connection, device["wanted_policy"])


def _raw(device: RowMapping) -> bytes:
    return bytes.fromhex(device["device"])
