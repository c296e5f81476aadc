# SPDX-License-Identifier: MIT
"""Region keys: 32 random bytes that wrap the device keys of one region in the ledger.

NAME.key is JSON: {"schema", "kind": "region", "name", "kid", "key"} or, with a passphrase,
"sealed" in place of "key": scrypt (RFC 7914) and AES-256-GCM over the key, bound to the name.
"""

import hashlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from quell_host.errors import QuellError
from quell_host.keys.kinds import REGION
from quell_host.keys.passphrase import KeyLockedError, check_passphrase
from quell_host.keys.storage import check_name, key_path, make_secret_file, read_secret_file

# 64 MiB and about 0.2 s a guess; the only parameters that a file may ask for, so that a forged
# file cannot ask for all the memory.
SCRYPT_N, SCRYPT_R, SCRYPT_P = 1 << 16, 8, 1


@dataclass(frozen=True)
class Region:
    """A region's key (32 bytes), its name, and its kid (8 bytes)."""

    name: str
    kid: bytes
    key: bytes = field(repr=False)


def _kid(key: bytes) -> bytes:
    return hashlib.sha256(b"quell/1 region kid" + key).digest()[:8]


def _stretch(passphrase: str, salt: bytes) -> bytes:
    kdf = Scrypt(salt=salt, length=32, n=SCRYPT_N, r=SCRYPT_R, p=SCRYPT_P)
    return kdf.derive(passphrase.encode())


def _aad(name: str) -> bytes:
    return b"quell/1 region\x00" + name.encode()


def new_region(path: Path, passphrase: str | None = None) -> Region:
    """Make a region key in the new file `path`; the region has the file's name without suffix.

    Raises QuellError when the file exists, the name is not allowed or the passphrase too short.
    """
    path = key_path(path)
    name = check_name(path.stem)
    check_passphrase(passphrase)
    key = os.urandom(32)
    region = Region(name, _kid(key), key)
    shaped: dict[str, object] = {"schema": 1, "kind": REGION, "name": name, "kid": region.kid.hex()}
    if passphrase is None:
        shaped["key"] = key.hex()
    else:
        salt, nonce = os.urandom(16), os.urandom(12)
        sealed = AESGCM(_stretch(passphrase, salt)).encrypt(nonce, key, _aad(name))
        shaped["scrypt"] = {"n": SCRYPT_N, "r": SCRYPT_R, "p": SCRYPT_P, "salt": salt.hex()}
        shaped["sealed"] = (nonce + sealed).hex()
    make_secret_file(path, (json.dumps(shaped, indent=2) + "\n").encode())
    return region


def load_region(path: Path, passphrase: str | None = None) -> Region:
    """Read a region key. A passphrase for a key without one is ignored.

    Raises KeyLockedError when a passphrase is needed, QuellError when the file is not a region's
    key, can be read by others, or does not open with the passphrase.
    """
    path = key_path(path)
    data = read_secret_file(path)
    try:
        shaped = json.loads(data)
        name, kid = str(shaped["name"]), bytes.fromhex(shaped["kid"])
        if shaped["schema"] != 1 or shaped["kind"] != REGION:
            raise ValueError("kind")
        if "sealed" not in shaped:
            key = bytes.fromhex(shaped["key"])
        elif passphrase is None:
            raise KeyLockedError(path)
        else:
            key = _unseal(shaped, name, passphrase)
        if len(key) != 32 or _kid(key) != kid:
            raise ValueError("key")
    except InvalidTag:
        raise QuellError(f"{path} does not open with this passphrase", "try again") from None
    except (ValueError, TypeError, KeyError, RecursionError):
        raise QuellError(f"{path} is not a region's key", "name one: quell keys list") from None
    return Region(name, kid, key)


def _unseal(shaped: dict[str, object], name: str, passphrase: str) -> bytes:
    scrypt = shaped["scrypt"]
    wanted = {"n": SCRYPT_N, "r": SCRYPT_R, "p": SCRYPT_P}
    if not isinstance(scrypt, dict) or {key: scrypt.get(key) for key in wanted} != wanted:
        raise ValueError("scrypt")
    sealed = bytes.fromhex(str(shaped["sealed"]))
    cipher = AESGCM(_stretch(passphrase, bytes.fromhex(scrypt["salt"])))
    return cipher.decrypt(sealed[:12], sealed[12:], _aad(name))
