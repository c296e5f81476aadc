# SPDX-License-Identifier: MIT
"""Grant and withdraw consent: which command a signer signs, and what the ledger does at once."""

from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping

from quell_host.errors import ExitCode, QuellError
from quell_host.keys.files import Signer
from quell_host.keys.kinds import ROLE_NAMES
from quell_host.ledger import bundles, consent, devices, erase, instances, policies, state
from quell_host.ledger.keyring import Keyring
from quell_host.policy.model import Purpose
from quell_host.policy.vocabulary import Basis
from quell_host.wire import command
from quell_host.wire.command import GRANT, WITHDRAW, Command
from quell_host.wire.receipt import Status

OBJECTORS = (1, 2)
"""Roles of subject and guardian (SPEC §2)."""

WITHOUT_OBJECTION = frozenset({Basis.CONTRACT, Basis.LEGAL_OBLIGATION})


class PendingError(QuellError):
    """Not possible yet; waiting may help."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message, hint, ExitCode.PENDING)


@dataclass(frozen=True)
class Withdrawal:
    """A withdrawal in its signer's bundle, and how many records the ledger erased."""

    command: Command
    erased_records: int


def grant(
    connection: Connection,
    keyring: Keyring,
    device: RowMapping,
    purpose: Purpose,
    signer: Signer,
    now_s: int,
) -> Command | None:
    """Sign a grant and put it into the signer's bundle; None when consent is given already.

    Raises PendingError before the device's first challenge for the purpose and while a withdrawal
    lacks its receipt; QuellError when the purpose needs no consent or the signer may not give it.
    """
    if purpose.basis not in (Basis.CONSENT, Basis.LEGITIMATE_INTEREST):
        what = f"purpose {purpose.name} rests on {purpose.basis.label}, not on consent"
        raise QuellError(what, "no grant is needed", ExitCode.USAGE)
    if signer.role not in may_grant(purpose):
        allowed = ", ".join(ROLE_NAMES[role] for role in may_grant(purpose)) or "nobody"
        what = f"a signer of kind {signer.kind} may not grant {purpose.name}"
        raise QuellError(what, f"its policy allows: {allowed}", ExitCode.USAGE)
    known = challenged(connection, device, purpose)
    if known["status"] == Status.ConsentGiven.name:
        return None
    raw_device = bytes.fromhex(device["device"])
    instance = bytes.fromhex(known["instance"])
    raw = command.build_grant(
        signer,
        raw_device,
        instance,
        purpose.id,
        known["generation"],
        purpose.digest,
        bytes.fromhex(known["challenge"]),
    )
    signed = command.parse(raw)
    bundles.put(connection, keyring, raw_device, signed, instance, now_s)
    consent.asked(connection, raw_device, signed, signer.role, instance, now_s)
    return signed


def may_grant(purpose: Purpose) -> tuple[int, ...]:
    """The roles that may grant a purpose: those of its `grant_by`; an objection its maker takes back."""
    if purpose.basis is Basis.LEGITIMATE_INTEREST:
        return tuple(sorted({*purpose.grant_by, *OBJECTORS}))
    return purpose.grant_by


def challenged(connection: Connection, device: RowMapping, purpose: Purpose) -> RowMapping:
    """The purpose's state, if a grant can be bound to it now. Raises PendingError if not yet."""
    raw_device = bytes.fromhex(device["device"])
    title = devices.title(device)
    for row in bundles.entries(connection, raw_device):
        if row["kind"] == WITHDRAW and row["purpose"] == purpose.id:
            what = f"a withdrawal of {purpose.name} on {title} has no receipt yet"
            raise PendingError(what, "grant again once it is in, or use --wait")
    known = state.of_purpose(connection, raw_device, purpose.id)
    if known is None or not known["instance"]:
        what = f"no challenge for {purpose.name} from {title} yet"
        raise PendingError(what, "let the device connect while quell receive runs, or use --wait")
    document = policies.of_device(connection, device["policy_hash"])
    running = document.purpose_by_id(purpose.id) if document else None
    if running is None or running.digest.hex() != known["digest"]:
        what = f"{title} has not said yet that it runs this policy for {purpose.name}"
        raise PendingError(what, "let it connect while quell receive runs, or use --wait")
    if running.digest != purpose.digest:
        what = f"purpose {purpose.name} changed since the device's last policy"
        raise PendingError(what, "push the policy again: quell policy push")
    return known


def withdraw(
    connection: Connection,
    keyring: Keyring,
    device: RowMapping,
    purpose: Purpose,
    signer: Signer,
    now_s: int,
) -> Withdrawal:
    """Sign a withdrawal, put it into the signer's bundle and erase what the ledger holds.

    It names the generation that the device will have: if a grant is under way, the one after that.
    Raises QuellError for a purpose on contract or legal obligation, or a signer of policies.
    """
    if purpose.basis in WITHOUT_OBJECTION:
        what = f"purpose {purpose.name} rests on {purpose.basis.label}: it cannot be withdrawn"
        raise QuellError(what, "change the policy instead", ExitCode.USAGE)
    if signer.role not in command.MAY_WITHDRAW:
        what = f"a signer of kind {signer.kind} signs no withdrawals"
        raise QuellError(what, "use an operator, subject or guardian", ExitCode.USAGE)
    raw_device = bytes.fromhex(device["device"])
    instance = instances.latest(connection, raw_device)
    generation = _generation(connection, raw_device, purpose.id, instance)
    raw = command.build_withdraw(signer, raw_device, purpose.id, generation, instance)
    signed = command.parse(raw)
    for row in bundles.entries(connection, raw_device):
        # Another signer's grant must not outrun the withdrawal.
        if row["kind"] == GRANT and row["purpose"] == purpose.id:
            bundles.remove(connection, row)
    bundles.put(connection, keyring, raw_device, signed, instance, now_s)
    consent.asked(connection, raw_device, signed, signer.role, instance, now_s)
    gone = erase.erase(connection, raw_device, purpose.id, instance, generation, signed.hash, now_s)
    return Withdrawal(signed, gone or 0)


def _generation(connection: Connection, device: bytes, purpose: int, instance: bytes) -> int:
    known = state.of_purpose(connection, device, purpose)
    generation = known["generation"] if known and known["instance"] == instance.hex() else 0
    # After a reset the state is void, but not what the device sent before it.
    generation = max(generation, erase.last_generation(connection, device, purpose, instance))
    for row in bundles.entries(connection, device):
        same = row["purpose"] == purpose and row["instance"] == instance.hex()
        if row["kind"] == GRANT and same:
            generation = max(generation, row["generation"] + 1)
    return generation
