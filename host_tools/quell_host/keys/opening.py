# SPDX-License-Identifier: MIT
"""Open a key file for a command: asks for the passphrase when the file has one."""

from pathlib import Path

from quell_host.keys.files import Signer, load_signer
from quell_host.keys.passphrase import KeyLockedError, passphrase_for
from quell_host.keys.region import Region, load_region


def open_signer(path: Path) -> Signer:
    """`load_signer`, with the passphrase from QUELL_PASSPHRASE or a prompt if one is needed."""
    try:
        return load_signer(path)
    except KeyLockedError:
        return load_signer(path, passphrase_for(path))


def open_region(path: Path) -> Region:
    """`load_region`, with the passphrase from QUELL_PASSPHRASE or a prompt if one is needed."""
    try:
        return load_region(path)
    except KeyLockedError:
        return load_region(path, passphrase_for(path))
