# SPDX-License-Identifier: MIT
"""What this platform has of chance, to be mixed in and never used alone.

`uos.urandom` is libc's `rand()` here (Quectel's 2021 source, moduos.c): whoever knows its start knows all of it. The
generator lives from the seed of provisioning and from what the host mixes in with every acknowledgement.
"""

from ports.quecpython.platform import ask
from quell.codec.builtin import digest
from quell.port import Entropy


class QuecEntropy(Entropy):
    """`utime`, `uos`, `net`, `power`: modules and `misc.Power`, each but the first may be None."""

    def __init__(self, utime, uos, net, power):
        self._utime = utime
        self._uos = uos
        self._net = net
        self._power = power
        self._count = 0

    def read(self, length):
        parts = [repr((ask(self._net, "csqQueryPoll"), ask(self._power, "getVbatt"))).encode()]
        parts.append(bytes(ask(self._uos, "urandom", 16) or b""))
        for _ in range(32):  # how long a call takes differs in its last bits
            parts.append((self._utime.ticks_us() & 0xFFFF).to_bytes(2, "big"))
        out = b""
        pool = digest(*parts)
        while len(out) < length:
            self._count += 1
            out += digest(pool, (self._count & 0xFFFFFFFF).to_bytes(4, "big"))
        return out[:length]
