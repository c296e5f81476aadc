# SPDX-License-Identifier: MIT
"""Make tests/vectors/policy.json: python tests/vectors/make_policy.py

The golden bytes of SPEC §7: a policy, its payload, purpose digests, signed file and hash. The key
is public, and so good for tests only.
"""

import datetime
import hashlib
import json
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from quell_host.keys.files import Signer
from quell_host.policy.check import check
from quell_host.policy.document import Document
from quell_host.policy.encode import encode_payload, sign_policy
from quell_host.policy.profiles import profile_names, profile_text
from quell_host.policy.source import parse_source

VECTORS = Path(__file__).with_name("policy.json")
PUBLIC_TEST_KEY = hashlib.sha256(b"quell public test key: policy").digest()
MADE_ON = datetime.date(2029, 1, 1)


def signer() -> Signer:
    """The policy signer of the vectors."""
    scalar = int.from_bytes(PUBLIC_TEST_KEY, "big")
    return Signer.of("policy", ec.derive_private_key(scalar, ec.SECP256R1()))


def vector(name: str) -> dict[str, object]:
    """The vector of one profile, as of MADE_ON."""
    text = profile_text(name, MADE_ON)
    checked = check(parse_source(text.encode(), name, Path(".")), MADE_ON)
    assert checked.policy is not None, [item.text(name) for item in checked.findings.errors]
    signed = sign_policy(checked.policy, signer())
    document = Document.open(signed, {signer().kid: signer().public})
    return {
        "toml_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "payload": encode_payload(checked.policy).hex(),
        "digests": {item.name: item.digest.hex() for item in document.purposes},
        "signed": signed.hex(),
        "hash": document.hash.hex(),
    }


def vectors() -> dict[str, object]:
    """All vectors."""
    public = signer()
    return {
        "schema": 1,
        "about": "SPEC §7. The private key is a PUBLIC TEST KEY: never trust it on a device.",
        "public_test_key_private_scalar": PUBLIC_TEST_KEY.hex(),
        "public_key": public.public.hex(),
        "kid": public.kid.hex(),
        "profiles": {name: vector(name) for name in profile_names()},
    }


def text() -> str:
    """The text of policy.json."""
    return json.dumps(vectors(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    VECTORS.write_text(text(), encoding="utf-8")
    sys.stderr.write(f"made {VECTORS.name}\n")
