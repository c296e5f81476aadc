# SPDX-License-Identifier: MIT
"""Where a module keeps what: rings, state and policy in files of `/usr`; keys in SecureData where there is one.

Quectel's boot code formats `/usr` when it does not mount, and a full firmware package may too: SecureData outlives
that, files do not. The erase level is `logical` either way.
"""

from ports.quecpython.platform import module
from ports.quecpython.secure_data import SecureDataFlash
from ports.vfs_flash import VfsFlash
from quell.store.file_store import FileStore

FOLDER = "/quell.data"  # below the root of the user's files, where a folder `quell` may hold the code


def parts(root, file_system, segments, segment_bytes, find=module):
    """-> (flash, keystore, store), as quell.port says.

    `root`: "/usr"; `file_system`: a name of ports/vfs_flash.py, None to find out; the rings get `segments` files of
    `segment_bytes`. Raises FlashError.
    """
    flash = VfsFlash(root + FOLDER, file_system)
    secure = find("SecureData")
    keystore = flash if secure is None else SecureDataFlash(secure, flash)
    return flash, keystore, FileStore(flash, segments, segment_bytes)
