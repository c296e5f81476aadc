# SPDX-License-Identifier: MIT
"""On MicroPython: milliseconds of P-256 sign and verify. Prints one JSON line. `micropython device_p256.py COUNT`"""

import json
import sys
import time

from quell.codec import p256
from quell.codec.builtin import digest


def milliseconds(count, action):
    start = time.ticks_us()
    for n in range(count):
        action(n)
    return time.ticks_diff(time.ticks_us(), start) / count / 1000


def main(count):
    private = digest(b"bench")
    public = p256.public_key(private)
    hashes = [digest(bytes([n])) for n in range(count)]
    signatures = [p256.sign(private, hashed) for hashed in hashes]
    sign_ms = milliseconds(count, lambda n: p256.sign(private, hashes[n]))
    verify_ms = milliseconds(count, lambda n: p256.verify(public, hashes[n], signatures[n]))
    print(json.dumps({"sign_ms": sign_ms, "verify_ms": verify_ms}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
