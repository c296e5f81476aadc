# SPDX-License-Identifier: MIT
"""What a verified receipt proves, and what it does not, in words."""

import datetime

from quell_host.wire.receipt import Asker, EraseLevel, Outcome, Receipt, ReceiptKind, Status

_ASKERS = {
    Asker.OPERATOR: "the operator",
    Asker.SUBJECT: "the subject",
    Asker.GUARDIAN: "a guardian",
    Asker.LOCAL_BUTTON: "the button or local command on the device",
}
_OUTCOMES = {
    Outcome.DONE: "did it",
    Outcome.ALREADY: "had nothing to change",
    Outcome.REFUSED_BASIS: "refused: the purpose rests on contract or legal obligation",
    Outcome.REFUSED_ROLE: "refused: this role may not ask for it",
    Outcome.REFUSED_STALE: "refused: the command speaks of an earlier state",
    Outcome.REFUSED_EXPIRED: "refused: the policy has expired",
    Outcome.REFUSED_ROLLBACK: "refused: its policy is newer",
    Outcome.REFUSED_SCHEMA: "refused: it does not know this schema of policies",
    Outcome.REFUSED_UNKNOWN_PURPOSE: "refused: its policy has no such purpose",
    Outcome.REFUSED_POLICY: "refused: the policy's body does not verify",
    Outcome.RESTRICTED: "stopped, but could not erase",
    Outcome.REFUSED_SPACE: "refused: the policy's purposes do not fit in its flash",
}
_LEVELS = {
    EraseLevel.RESTRICTED: "restricted: collection stopped, but the records could not be erased",
    EraseLevel.LOGICAL: "logical: keys and records deleted and overwritten on a file system "
    "that may keep old copies in its flash",
    EraseLevel.CRYPTOGRAPHIC: "cryptographic: the only key to the records was erased physically",
    EraseLevel.PHYSICAL: "physical: the flash was erased and read back",
}
_STATUS = {
    Status.ConsentUnknown: "unknown: not given",
    Status.ConsentGiven: "given",
    Status.ConsentWithdrawn: "withdrawn by the person concerned",
    Status.ConsentRevoked: "revoked by the operator",
}


def title(receipt: Receipt, purpose_name: str | None) -> str:
    """One line: which receipt this is."""
    about = f" of {_purpose(receipt, purpose_name)}" if receipt.purpose is not None else ""
    return f"receipt {receipt.number}: {receipt.kind.name.lower()}{about}"


def _purpose(receipt: Receipt, purpose_name: str | None) -> str:
    return purpose_name or f"purpose {receipt.purpose}"


def proves(receipt: Receipt, purpose_name: str | None, linked: bool | None) -> list[str]:
    """What the signature proves. linked: whether the receipt before it is known, None unasked."""
    lines = [f"Device {receipt.device.hex()} signed it with its own key."]
    if receipt.kind == ReceiptKind.STATE:
        lines.append("It tells the state of the device at a connection; it answers no command.")
        return lines + _when(receipt)
    asker = _ASKERS[receipt.asker] if receipt.asker is not None else "an unnamed signer"
    if receipt.outcome is not None:
        verb = receipt.kind.name.lower()
        lines.append(f"Asked by {asker} for a {verb}, the device {_OUTCOMES[receipt.outcome]}.")
    if receipt.command_hash:
        lines.append(f"It answers the command with SHA-256 {receipt.command_hash.hex()[:16]}….")
    if receipt.status is not None and receipt.purpose is not None:
        name = _purpose(receipt, purpose_name)
        lines.append(f"Since then consent for {name} is {_STATUS[receipt.status]}.")
    if receipt.erased_to is not None and receipt.erase_level is not None:
        level = _LEVELS[receipt.erase_level]
        lines.append(f"Erased on the device up to generation {receipt.erased_to}, level {level}.")
        if receipt.unsent_destroyed is not None:
            lines.append(f"Records destroyed unsent: {receipt.unsent_destroyed}.")
        lines.append(_handed(receipt))
    if linked:
        lines.append("It follows on the device's receipt before it: none is missing between.")
    return lines + _when(receipt)


def _handed(receipt: Receipt) -> str:
    if receipt.last_handed is None or receipt.last_handed < 0:
        return "Nothing of that generation had been handed to the network."
    return f"Up to record {receipt.last_handed} may have left the device before."


def _when(receipt: Receipt) -> list[str]:
    if receipt.time_s is None:
        return []
    if receipt.time_trust == 0:
        return [f"The device had no clock: {receipt.time_s} s after its boot {receipt.boot}."]
    try:
        moment = datetime.datetime.fromtimestamp(receipt.time_s, datetime.UTC)
    except (OverflowError, OSError, ValueError):
        return ["The time that it names is no date."]
    clock = "the host's authenticated time" if receipt.time_trust == 2 else "its own clock"
    return [f"Time by {clock}: {moment:%Y-%m-%d %H:%M:%S} UTC."]


def does_not_prove(receipt: Receipt, linked: bool | None) -> list[str]:
    """What it does not prove; never empty."""
    lines = []
    if receipt.erased_to is not None:
        lines.append("Recordings that others made of the wire are not covered.")
        lines.append("Deletion in this ledger is this host's own doing: the device cannot know it.")
        if receipt.erase_level == EraseLevel.LOGICAL:
            lines.append("Level logical: who takes the flash out may find old copies.")
        if receipt.erase_level == EraseLevel.RESTRICTED:
            lines.append("Level restricted: the records are still in the device.")
    if receipt.time_trust == 1:
        lines.append("The time is by a clock that nobody authenticated.")
    if linked is False:
        lines.append("The receipt before it never came: something may have happened between.")
    lines.append("It says what the device's software did; who controls the software can lie.")
    return lines
