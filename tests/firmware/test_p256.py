# SPDX-License-Identifier: MIT
"""P-256 signs as RFC 6979 says, refuses every false signature and key, and reduces crafted operands rightly."""

import unittest

from quell.codec import p256
from quell.codec.builtin import digest, unhexlify
from quell.codec.p256 import N, P

PRIVATE = unhexlify("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721")
PUBLIC = unhexlify(
    "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb67903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"
)
# RFC 6979 A.2.5, SHA-256
SIGNATURES = {
    b"sample": "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
    b"test": "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083",
}


def number(n):
    return n.to_bytes(32, "big")


class TestRfc6979(unittest.TestCase):
    def test_the_public_key(self):
        self.assertEqual(p256.public_key(PRIVATE), PUBLIC)

    def test_both_messages(self):
        for message, signature in SIGNATURES.items():
            self.assertEqual(p256.sign(PRIVATE, digest(message)), unhexlify(signature))
            self.assertTrue(p256.verify(PUBLIC, digest(message), unhexlify(signature)))


class TestVerify(unittest.TestCase):
    GOOD = unhexlify(SIGNATURES[b"sample"])

    def refused(self, signature, public=PUBLIC, hashed=None):
        self.assertFalse(p256.verify(public, digest(b"sample") if hashed is None else hashed, signature))

    def test_r_or_s_out_of_range_is_refused(self):
        r, s = self.GOOD[:32], self.GOOD[32:]
        for bad in (0, N, N + 1, P, (1 << 256) - 1):
            self.refused(number(bad) + s)
            self.refused(r + number(bad))
        self.refused(bytes(64))

    def test_r_or_s_of_one_and_n_less_one_are_refused_like_any_false_one(self):
        r, s = self.GOOD[:32], self.GOOD[32:]
        for bad in (1, N - 1, 1 << 128, P - N):
            self.refused(number(bad) + s)
            self.refused(r + number(bad))

    def test_s_beyond_n_is_not_taken_for_its_remainder(self):
        # k = 1 and s = 5 make r the x of G, and the hash s k - r d
        r, private = p256._mod_n(p256.GX), 2
        hashed = number(p256._mod_n(5 + r * (N - private)))
        public = p256.public_key(number(private))
        self.assertTrue(p256.verify(public, hashed, number(r) + number(5)))
        self.assertFalse(p256.verify(public, hashed, number(r) + number(5 + N)))

    def test_wrong_lengths_are_refused(self):
        for signature in (b"", self.GOOD[:63], self.GOOD + b"\x00"):
            self.refused(signature)
        for public in (b"", PUBLIC[:63], PUBLIC + b"\x00", b"\x04" + PUBLIC):
            self.refused(self.GOOD, public)
        self.refused(self.GOOD, PUBLIC, b"")
        self.refused(self.GOOD, PUBLIC, digest(b"sample")[:31])

    def test_another_hash_or_key_or_a_flip_is_refused(self):
        self.refused(self.GOOD, PUBLIC, digest(b"test"))
        self.refused(self.GOOD, p256.public_key(number(2)))
        for at in (0, 31, 32, 63):
            self.refused(self.GOOD[:at] + bytes([self.GOOD[at] ^ 1]) + self.GOOD[at + 1 :])

    def test_the_mirrored_signature_is_a_signature_too(self):
        # ECDSA is malleable: replay is held off by state, never by the signature's bytes
        s = int.from_bytes(self.GOOD[32:], "big")
        self.assertTrue(p256.verify(PUBLIC, digest(b"sample"), self.GOOD[:32] + number(N - s)))

    def test_hashes_at_the_edges(self):
        for hashed in (bytes(32), b"\xff" * 32, number(N), number(N - 1), number(1)):
            self.assertTrue(p256.verify(PUBLIC, hashed, p256.sign(PRIVATE, hashed)))


class TestKeys(unittest.TestCase):
    def test_points_off_the_curve_are_no_keys(self):
        x, y = PUBLIC[:32], PUBLIC[32:]
        for public in (
            bytes(64), y + x, x + number(int.from_bytes(y, "big") ^ 1), number(P) + y, x + number(P), b"\xff" * 64,
            number(int.from_bytes(x, "big") + 1) + y, x, b"",
        ):  # fmt: skip
            self.assertFalse(p256.valid_public(public))
            self.assertFalse(p256.verify(public, digest(b"sample"), TestVerify.GOOD))

    def test_the_mirrored_point_is_a_key(self):
        self.assertTrue(p256.valid_public(PUBLIC))
        self.assertTrue(p256.valid_public(PUBLIC[:32] + number(P - int.from_bytes(PUBLIC[32:], "big"))))

    def test_scalars_are_between_zero_and_n(self):
        for scalar in (1, 2, 1 << 128, N - 1):
            self.assertTrue(p256.valid_private(number(scalar)))
        for scalar in (0, N, N + 1, (1 << 256) - 1):
            self.assertFalse(p256.valid_private(number(scalar)))
        self.assertFalse(p256.valid_private(b"\x01"))

    def test_edge_scalars_make_keys_that_sign(self):
        g = number(p256.GX) + number(p256.GY)
        self.assertEqual(p256.public_key(number(1)), g)
        self.assertEqual(p256.public_key(number(N - 1)), g[:32] + number(P - p256.GY))
        for scalar in (1, 2, 3, 1 << 128, (1 << 128) - 1, N - 1, N - 2, P - N):
            private = number(scalar)
            signature = p256.sign(private, digest(b"x"))
            public = p256.public_key(private)
            self.assertTrue(p256.valid_public(public))
            # the keys G and -G also take the doubling and the infinity of the joint multiplication
            self.assertTrue(p256.verify(public, digest(b"x"), signature))


class TestReduction(unittest.TestCase):
    # operands on which a dividing implementation in MicroPython 1.13 is wrong or does not end
    CRAFTED = (
        0, 1, 2, (1 << 128) - 1, 1 << 128, (1 << 128) + 1, N - 1, N, N + 1, P - 1, P, P + 1, 2 * P, 2 * P - 1, P - N,
        (1 << 255), (1 << 256) - 1, 1 << 256, (1 << 256) + 1, (1 << 224) - 1, (1 << 192) - (1 << 96), 0xFFFFFFFF << 224,
    )  # fmt: skip

    # no % and no // here: the tests also run on builds whose division aborts, so x = q * m + r is made, not taken apart

    def test_crafted_quotients_and_remainders(self):
        for q in self.CRAFTED + ((1 << 260) - 1, 13 * P, 15 * P, 16 * P - 33):
            for r in self.CRAFTED:
                for modulus, reduce in ((P, p256._mod_p), (N, p256._mod_n)):
                    x = q * modulus + r
                    if r < modulus and not x >> 516:
                        self.assertTrue(reduce(x) == r, (q, r))

    def test_inverses_of_crafted_operands(self):
        for modulus, reduce in ((P, p256._mod_p), (N, p256._mod_n)):
            for a in self.CRAFTED:
                if 0 < a < modulus:
                    self.assertTrue(reduce(p256._invert(a, modulus, reduce) * a) == 1, a)


if __name__ == "__main__":
    unittest.main()
