# SPDX-License-Identifier: MIT
"""Provision a device folder: one hex line of CBOR in on stdin, one out on stdout (ports/provision.py).

The host's side is `quell provision`.
"""

import sys

from ports.provision import answer
from ports.unix.clock import UnixEntropy
from ports.unix.flash import FolderFlash
from quell.codec.builtin import hexlify, unhexlify
from quell.errors import QuellError


def main(folder):
    """Provision `folder` -> exit code: 0, or 1 with one line on stderr."""
    try:
        request = unhexlify(sys.stdin.readline().strip())
        given = answer(FolderFlash(folder), UnixEntropy(), request)
    except (QuellError, ValueError) as error:
        sys.stderr.write("provision: " + str(error) + "\n")
        return 1
    print(str(hexlify(given), "ascii"))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
