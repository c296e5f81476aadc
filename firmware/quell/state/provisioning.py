# SPDX-License-Identifier: MIT
"""The provisioning record: who this device is and whom it believes (SPEC §10). Written once, read at boot.

Losing it makes the device silent until it is provisioned again.
"""

from quell.codec import cbor, p256
from quell.codec.builtin import hex_text
from quell.codec.cose import kid_of
from quell.codec.kdf import hkdf
from quell.errors import CborError, StateError
from quell.limits import MAX_ANCHORS, MAX_PROVISIONING_BYTES
from quell.state import slots

OPERATOR = 0
SUBJECT = 1
GUARDIAN = 2
POLICY_SIGNER = 3
BUTTON = 4  # no signer: the local withdrawal button

NAME = "prov"


class Anchor:
    """A signer that this device believes: kid(8), role, public key(64), gate key(32; empty for policy signers)."""

    def __init__(self, kid, role, public, gate_key):
        self.kid = kid
        self.role = role
        self.public = public
        self.gate_key = gate_key


class Provisioning:
    """The record, with the keys derived from it (SPEC §3)."""

    def __init__(self, payload):
        try:
            record = cbor.decode(payload, MAX_PROVISIONING_BYTES)
            self.device_id = record[0]
            device_key = record[1]
            self.key_version = bytes([record[2]])
            self.signing_key = record[3]
            self.anchors = [Anchor(kid, role, public, gate) for kid, role, public, gate in record[4]]
            self.public = record[5]
        except (CborError, KeyError, TypeError, ValueError):
            raise StateError("provisioning record unreadable")
        self.device_hex = hex_text(self.device_id)
        self.kid = kid_of(self.public)
        self.uplink_key = hkdf(device_key, b"", b"quell/1 uplink", 32)
        self.salt_key = hkdf(device_key, b"", b"quell/1 salt", 32)
        self.ack_key = hkdf(device_key, b"", b"quell/1 ack", 32)

    def anchor(self, kid):
        """The enrolled signer with this kid, or None."""
        for anchor in self.anchors:
            if anchor.kid == kid:
                return anchor
        return None

    def topic(self, suffix):
        """The device's own topic, e.g. `topic("up")` -> "quell/1/<device id>/up"."""
        return "quell/1/" + self.device_hex + "/" + suffix


def load(keystore, counters):
    """Read the record from the key store -> Provisioning. Raises StateError if there is none."""
    payload = slots.Slots(keystore, NAME, slots.PROVISIONING, counters).load()
    if payload is None:
        raise StateError("not provisioned")
    return Provisioning(payload)


def check_request(request):
    """Check the host's request {0: id, 1: key, 2: version, 3: seed, 4: anchors}. Raises StateError."""
    try:
        sizes = len(request[0]) == 16 and len(request[1]) == 32 and len(request[3]) >= 48
        if not sizes or not 1 <= request[2] <= 255 or not 1 <= len(request[4]) <= MAX_ANCHORS:
            raise StateError("provisioning request: sizes")
        for kid, role, public, gate in request[4]:
            wanted_gate = 0 if role == POLICY_SIGNER else 32
            if role not in (OPERATOR, SUBJECT, GUARDIAN, POLICY_SIGNER) or len(gate) != wanted_gate:
                raise StateError("provisioning request: anchor")
            if not p256.valid_public(public) or kid != kid_of(public):
                raise StateError("provisioning request: public key")
    except (KeyError, TypeError, ValueError):
        raise StateError("provisioning request: shape")


def provision(keystore, keys, request, counters):
    """Make the record from the host's request and the device's own signing key -> public key (64 bytes).

    `keys`: state.keys.Keys on the same key store; its generator is seeded here, the seed is not kept.
    """
    check_request(request)
    keys.seed(request[3])
    while True:
        signing_key = keys.random(32)
        if p256.valid_private(signing_key):
            break
    public = p256.public_key(signing_key)
    record = {0: request[0], 1: request[1], 2: request[2], 3: signing_key, 4: request[4], 5: public}
    store = slots.Slots(keystore, NAME, slots.PROVISIONING, counters)
    store.load()
    store.save_all(cbor.encode(record))
    return public
