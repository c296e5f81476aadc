# SPDX-License-Identifier: MIT
"""A device as the wire shows it and a ledger that knows it: the host tested without firmware."""

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from host.policy_case import KEYS, document
from host.policy_case import SIGNER as PUBLISHER

from quell_host.keys.files import Region, Signer
from quell_host.ledger import devices, policies
from quell_host.ledger.database import Ledger
from quell_host.ledger.devices import NamedSigner, NewDevice
from quell_host.ledger.keyring import Keyring
from quell_host.receiver.receiver import Receiver
from quell_host.wire import ack, batch, bundle, command, cose, kdf, receipt, topics
from quell_host.wire.batch import BatchHeader
from quell_host.wire.plaintext import BatchRecord

NOW_S = 1_800_000_000
CARE, STUDY = 1, 2
MODEL, USER, TRIES = 1, 2, 3
DOCUMENT = document()
STUDY_DIGEST = DOCUMENT.purpose_by_id(STUDY).digest

OPERATOR = Signer.of("operator", ec.derive_private_key(11, ec.SECP256R1()))
SUBJECT = Signer.of("subject", ec.derive_private_key(12, ec.SECP256R1()))
GUARDIAN = Signer.of("guardian", ec.derive_private_key(13, ec.SECP256R1()))
SIGNERS = {"ops": OPERATOR, "ada": SUBJECT, "pub": PUBLISHER}
PUBLICS = {signer.kid: signer.public for signer in (OPERATOR, SUBJECT, GUARDIAN)}
REGION = Region("eu", bytes(8), bytes(range(32)))

assert PUBLISHER.kid in KEYS


class FixedKeyring(Keyring):
    """Knows one region's key without any file."""

    def __init__(self) -> None:
        super().__init__(Path("none"))

    def region(self, name: str) -> Region:
        assert name == REGION.name
        return REGION


@dataclass
class Device:
    """The device's side: seals, signs, and believes only acknowledgements that verify."""

    device: bytes = field(default_factory=lambda: os.urandom(16))
    key: bytes = field(default_factory=lambda: os.urandom(32))
    instance: bytes = b""
    boot: int = 1
    number: int = 0
    last_hash: bytes = bytes(32)
    generation: int = 0
    status: int = 0
    challenge: bytes = bytes(16)
    policy_hash: bytes = DOCUMENT.hash

    def __post_init__(self) -> None:
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.public = cose.public_bytes(self.private)

    # receipts ---------------------------------------------------------------------------------

    def _payload(self, kind: int, **more: object) -> dict[int, object]:
        return {
            0: kind,
            1: self.device,
            2: self.instance,
            4: self.last_hash,
            14: {3: 7},
            15: [2, NOW_S],
            16: self.policy_hash,
            17: "0.1.0",
            18: self.boot,
        }

    def state(self, nonce: bytes = bytes(16)) -> bytes:
        payload = self._payload(1)
        study = [STUDY, self.generation, self.status, self.challenge, STUDY_DIGEST]
        payload |= {3: self.number, 20: nonce, 21: [study] if self.policy_hash else []}
        return receipt.build(self.private, payload)

    def numbered(self, kind: int, parts: dict[int, object]) -> bytes:
        self.number += 1
        raw = receipt.build(self.private, self._payload(kind) | {3: self.number} | parts)
        self.last_hash = hashlib.sha256(raw).digest()
        return raw

    def _change(self, status: int) -> dict[int, object]:
        self.generation += 1
        self.status = status
        self.challenge = os.urandom(16)
        return {5: 0, 6: STUDY, 7: self.generation, 8: status, 9: self.challenge}

    def granted(self, raw: bytes) -> bytes:
        """Apply a grant, as the bound state allows it, and sign the receipt."""
        parsed = command.parse(raw)
        command.verify_grant(
            parsed, PUBLICS, self.device, self.instance, STUDY_DIGEST, self.challenge
        )
        assert (parsed.purpose, parsed.generation) == (STUDY, self.generation)
        return self.numbered(2, self._change(1) | {10: parsed.hash, 19: 1})

    def withdrawn(self, raw: bytes, role: int = 1) -> bytes:
        """Apply a withdrawal and sign the receipt."""
        parsed = command.parse(raw)
        command.verify_withdraw(parsed, PUBLICS, self.device)
        erased = self.generation
        assert parsed.generation >= erased
        parts = self._change(2 if role else 3)
        parts |= {10: parsed.hash, 11: erased, 12: 1, 13: 4, 19: role, 22: 2}
        return self.numbered(3, parts)

    def policy_applied(self, raw: bytes) -> bytes:
        """Apply a policy command and sign the receipt."""
        parsed = command.parse(raw)
        command.verify_policy(parsed, PUBLICS, self.device, self.instance)
        self.policy_hash = parsed.policy_hash
        return self.numbered(4, {5: 0, 10: parsed.hash, 19: 0, 16: parsed.policy_hash})

    # data -------------------------------------------------------------------------------------

    def batch(
        self,
        first: int = 0,
        values: list[dict] | None = None,
        purpose: int = STUDY,
        gaps: int = 0,
        lost: int = 0,
        **header: object,
    ) -> bytes:
        """A batch of one record per item of `values`, after `gaps` numbers without one.

        `lost`: the records that the device has lost so far.
        """
        values = values if values is not None else [{TRIES: 10}, {TRIES: 20}]
        units = NOW_S // (600 if purpose == STUDY else 3600)
        records = [
            BatchRecord(first + gaps + i, 2, 0, units + i, 3, item) for i, item in enumerate(values)
        ]
        named = {
            "instance": self.instance,
            "purpose": purpose,
            "generation": self.generation if purpose == STUDY else 0,
            "policy_version": DOCUMENT.version,
            "policy8": DOCUMENT.hash[:8],
            "first": first,
            "count": gaps + len(values),
        }
        made = BatchHeader(**(named | header))
        return batch.seal_batch(self.device, self.key, 1, made, records, (), lost)

    def ack(self, message: bytes) -> list:
        """The parts of an acknowledgement that verifies for this device."""
        key = ack.AckKey(self.device, self.key, 1)
        return ack.open_ack(message, key, self.instance)

    def commands(self, payload: bytes, signer: Signer) -> list[command.Command]:
        """The commands of a bundle whose gate opens."""
        gate = kdf.gate_key(signer.gate_secret, self.device)
        raws = bundle.open_bundle(payload, gate, signer.kid, self.device)
        return [command.parse(raw) for raw in raws]

    # topics -----------------------------------------------------------------------------------

    @property
    def up(self) -> str:
        return topics.up(self.device)

    @property
    def rcpt(self) -> str:
        return topics.receipt(self.device)

    def cmd(self, signer: Signer) -> str:
        return topics.command(self.device, signer.kid)


class World:
    """A ledger with one device, a receiver, and what the receiver told."""

    def __init__(self, folder: Path, operator: Signer | None = None) -> None:
        self.now_s = NOW_S
        self.ledger = Ledger.open_or_make(folder / "ledger.sqlite")
        self.keyring = FixedKeyring()
        self.device = self.add_device("lab-1")
        self.events: list = []
        self.receiver = Receiver(
            self.ledger, self.keyring, lambda: self.now_s, os.urandom, operator, self.events.append
        )

    def add_device(self, label: str) -> Device:
        made = Device()
        new = NewDevice(made.device, made.public, REGION.name, label, 1, made.key)
        signers = [NamedSigner(name, signer.enrolment) for name, signer in SIGNERS.items()]
        with self.ledger.write() as connection:
            devices.add(connection, self.keyring, new, signers, NOW_S)
            policies.add(connection, DOCUMENT, NOW_S)
        return made

    def row(self, device: Device | None = None):
        with self.ledger.read() as connection:
            return devices.get(connection, (device or self.device).device)

    def send(self, topic: str, payload: bytes, retained: bool = False) -> list:
        return self.receiver.handle(topic, payload, retained)

    def connect(self, device: Device | None = None) -> list:
        """Let the device connect until it has an instance; returns the last messages."""
        device = device or self.device
        for _ in range(2):
            nonce = os.urandom(16)
            messages = self.send(device.rcpt, device.state(nonce))
            kind, echoed, instance, *_ = device.ack(messages[-1].payload)
            assert (kind, echoed) == (4, nonce)
            if instance == device.instance:
                break
            device.instance, device.generation, device.status = instance, 0, 0
            device.number, device.last_hash = 0, bytes(32)
            device.challenge = os.urandom(16)
        return messages
