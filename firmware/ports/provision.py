# SPDX-License-Identifier: MIT
"""The device's part of provisioning, whatever brings the request: a line on a PC, the REPL of a board (SPEC §10)."""

from quell.codec import cbor
from quell.counters import Counters
from quell.state import provisioning
from quell.state.keys import Keys

_MAX_REQUEST_BYTES = 4096


def answer(keystore, entropy, request):
    """CBOR {0: device id, 1: device key, 2: key version, 3: seed, 4: anchors} -> CBOR {0: device id, 5: public key}.

    `keystore`: Flash; `entropy`: Entropy. Raises QuellError or ValueError when the request is none, or a flash refuses.
    """
    request = cbor.decode(request, _MAX_REQUEST_BYTES)
    counters = Counters()
    public = provisioning.provision(keystore, Keys(keystore, entropy, counters), request, counters)
    return cbor.encode({0: request[0], 5: public})
