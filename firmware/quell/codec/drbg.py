# SPDX-License-Identifier: MIT
"""HMAC_DRBG with SHA-256 (NIST SP 800-90A Rev. 1 §10.1.2): state in, state out.

Every `generate` ends with an update, so that a state stolen later does not give back what came
before it. Who stores the state stores it before the output is used (state/keys.py).
"""

from quell.codec.kdf import hmac

STATE_BYTES = 64
MAX_REQUEST_BYTES = 256


class HmacDrbg:
    """One generator. `state()` is what to keep; `HmacDrbg.restore` continues from it."""

    def __init__(self, seed):
        """Instantiate from `seed` (entropy input ‖ nonce ‖ personalisation), bytes."""
        self._k = bytes(32)
        self._v = b"\x01" * 32
        self.mix(seed)

    @classmethod
    def restore(cls, state):
        """Continue from the 64 bytes that `state()` gave."""
        self = cls(b"")
        self._k, self._v = state[:32], state[32:]
        return self

    def state(self):
        """The working state, 64 secret bytes."""
        return self._k + self._v

    def mix(self, data):
        """Update with `data` (§10.1.2.2): reseeding, or additional input. Never lowers entropy."""
        self._k = hmac(self._k, self._v, b"\x00", data)
        self._v = hmac(self._k, self._v)
        if data:
            self._k = hmac(self._k, self._v, b"\x01", data)
            self._v = hmac(self._k, self._v)

    def generate(self, length):
        """`length` (at most 256) pseudo-random bytes; the state has moved on when this returns."""
        if length > MAX_REQUEST_BYTES:
            raise ValueError("request too long")
        out = b""
        while len(out) < length:
            self._v = hmac(self._k, self._v)
            out += self._v
        self.mix(b"")
        return out[:length]
