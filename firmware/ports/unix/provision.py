# SPDX-License-Identifier: MIT
"""Provision a device folder: one hex line of CBOR in on stdin, one out on stdout (SPEC §10).

In: {0: device id, 1: device key, 2: key version, 3: seed, 4: anchors}; out: {0: device id, 5: public key}.
The host's side is `quell provision`.
"""

import sys

from ports.unix.clock import UnixEntropy
from ports.unix.flash import FolderFlash
from quell.codec import cbor
from quell.codec.builtin import hexlify, unhexlify
from quell.counters import Counters
from quell.errors import QuellError
from quell.state import provisioning
from quell.state.keys import Keys


def main(folder):
    """Provision `folder` -> exit code: 0, or 1 with one line on stderr."""
    try:
        request = cbor.decode(unhexlify(sys.stdin.readline().strip()), 4096)
        flash = FolderFlash(folder)
        counters = Counters()
        keys = Keys(flash, UnixEntropy(), counters)
        public = provisioning.provision(flash, keys, request, counters)
    except (QuellError, ValueError) as error:
        sys.stderr.write("provision: " + str(error) + "\n")
        return 1
    print(str(hexlify(cbor.encode({0: request[0], 5: public})), "ascii"))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
