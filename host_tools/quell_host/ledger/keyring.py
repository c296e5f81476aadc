# SPDX-License-Identifier: MIT
"""Secrets at rest in the ledger: wrapped with AES-256-GCM under the key of the device's region."""

import os
from collections.abc import Callable
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from quell_host.errors import QuellError
from quell_host.keys.files import Region
from quell_host.keys.opening import open_region

_NONCE_BYTES = 12


class Keyring:
    """The region keys of a folder, opened when first needed (which may ask for a passphrase)."""

    def __init__(self, folder: Path, opener: Callable[[Path], Region] = open_region) -> None:
        self._folder = folder
        self._opener = opener
        self._regions: dict[str, Region] = {}

    def region(self, name: str) -> Region:
        """The region with this name. Raises QuellError when its key file does not open."""
        if name not in self._regions:
            path = self._folder / f"{name}.key"
            if not path.is_file():
                hint = "restore its backup; without it this region's data cannot be read"
                raise QuellError(f"no region key {path}", hint)
            self._regions[name] = self._opener(path)
        return self._regions[name]

    def wrap(self, region: str, use: bytes, secret: bytes) -> tuple[str, bytes]:
        """(kid in hex, wrapped): `secret` bound to `use`, which names what it belongs to."""
        key = self.region(region)
        nonce = os.urandom(_NONCE_BYTES)
        return key.kid.hex(), nonce + AESGCM(key.key).encrypt(nonce, secret, use)

    def unwrap(self, region: str, region_kid: str, use: bytes, wrapped: bytes) -> bytes:
        """The secret. Raises QuellError when the region's key is another one."""
        key = self.region(region)
        if key.kid.hex() != region_kid:
            hint = f"put the key with kid {region_kid} back into {self._folder}"
            raise QuellError(f"the key of region {region} is not the ledger's", hint)
        try:
            return AESGCM(key.key).decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], use)
        except InvalidTag:
            hint = "restore a backup of the ledger"
            raise QuellError(f"a wrapped key of region {region} is damaged", hint) from None
