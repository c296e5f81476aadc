# SPDX-License-Identifier: MIT
"""verify: is it from somebody enrolled, for this device, for now? Pure; nothing has an effect before it.

The cheap check comes first: the gate, a MAC under the signer's own gate key. The signature costs some
hundred million instructions on a module, so that an attacker must not be able to ask for it at will.
"""

from quell.codec import cbor, cose
from quell.control.command import GRANT, POLICY
from quell.state.consent import LEGITIMATE_INTEREST
from quell.state.provisioning import GUARDIAN, OPERATOR, POLICY_SIGNER, SUBJECT


def gate(bundle, anchor, device_id):
    """True if the bundle's MAC verifies under the signer's gate key for this device."""
    if anchor is None or anchor.role == POLICY_SIGNER:
        return False
    aad = cbor.encode(["quell/1 gate", device_id])
    return cose.verify_mac0(anchor.gate_key, aad, bundle.payload, bundle.tag, True)


def external_aad(command, device_id, instance, entry):
    """What a command binds beyond its bytes (SPEC §6). `entry`: the purpose's consent Entry, for a grant."""
    bound = ["quell/1 command", device_id]
    if command.kind == GRANT:
        bound += [instance, entry.digest, entry.challenge]
    elif command.kind == POLICY:
        bound += [instance]
    return cbor.encode(bound)


def signature(command, anchor, device_id, instance, entry):
    """True if the command is signed by `anchor` for this device (a grant also for instance, digest and challenge)."""
    aad = external_aad(command, device_id, instance, entry)
    return cose.verify1(anchor.public, aad, command.payload, command.signature)


def may(command, anchor, purpose):
    """True if the signer's role may give this command. `purpose`: the policy's Purpose, or None."""
    if command.kind == POLICY:
        return anchor.role == OPERATOR
    if command.kind == GRANT:
        if purpose is None:
            return False
        # an objection is its maker's to take back; a consent is given by whom the policy names
        objection = purpose.basis == LEGITIMATE_INTEREST and anchor.role in (SUBJECT, GUARDIAN)
        return objection or anchor.role in purpose.grant_by
    return anchor.role in (OPERATOR, SUBJECT, GUARDIAN)
