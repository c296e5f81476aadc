# SPDX-License-Identifier: MIT
"""CRC-32, HMAC, HKDF, the generator and AES-CCM give what their standards' own vectors say."""

import unittest

from quell.codec import aead, kdf
from quell.codec.builtin import digest, hex_text, same, unhexlify
from quell.codec.crc import crc32, crc32_table
from quell.codec.divide import floor_divide
from quell.codec.drbg import MAX_REQUEST_BYTES, HmacDrbg
from quell.errors import CoseError


class TestCrc(unittest.TestCase):
    def test_the_check_value(self):
        self.assertEqual(crc32(b"123456789"), 0xCBF43926)
        self.assertEqual(crc32_table(b"123456789"), 0xCBF43926)
        self.assertEqual(crc32(b""), 0)

    def test_native_and_table_agree_also_when_continued(self):
        data = bytes((i * 167 + 13) & 255 for i in range(700))
        for cut in (0, 1, 2, 255, 699, 700):
            self.assertEqual(crc32_table(data[cut:], crc32_table(data[:cut])), crc32(data))
            self.assertEqual(crc32(data[cut:], crc32(data[:cut])), crc32(data))


class TestHmac(unittest.TestCase):
    def test_rfc_4231(self):
        cases = (
            ("0b" * 20, b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
            ("4a656665", b"what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
            ("aa" * 20, b"\xdd" * 50, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
            ("0102030405060708090a0b0c0d0e0f10111213141516171819", b"\xcd" * 50,
             "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"),
            ("aa" * 131, b"Test Using Larger Than Block-Size Key - Hash Key First",
             "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"),
            ("aa" * 131, b"This is a test using a larger than block-size key and a larger than block-size data. The key "
             b"needs to be hashed before being used by the HMAC algorithm.",
             "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"),
        )  # fmt: skip
        for key, data, tag in cases:
            self.assertEqual(hex_text(kdf.hmac(unhexlify(key), data)), tag)
            self.assertEqual(hex_text(kdf.hmac(unhexlify(key), data[:7], b"", data[7:])), tag)

    def test_rfc_5869(self):
        self.assertEqual(
            hex_text(kdf.hkdf(b"\x0b" * 22, bytes(range(13)), bytes(range(0xF0, 0xFA)), 42)),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
        )
        self.assertEqual(
            hex_text(kdf.hkdf(b"\x0b" * 22, b"", b"", 42)),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
        )
        self.assertEqual(
            hex_text(kdf.hkdf(bytes(range(0x50)), bytes(range(0x60, 0xB0)), bytes(range(0xB0, 0x100)), 64)),
            "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793"
            "a9aca3db71",
        )

    def test_sha_256_of_parts_is_that_of_the_whole(self):
        self.assertEqual(hex_text(digest(b"a", b"", b"bc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")

    def test_same_compares_bytes_of_any_length(self):
        self.assertTrue(same(b"", b"") and same(b"abc", b"abc"))
        for other in (b"", b"ab", b"abd", b"abcd", b"Abc"):
            self.assertFalse(same(b"abc", other))


class TestDrbg(unittest.TestCase):
    def test_nonces_of_rfc_6979_come_from_it(self):
        # RFC 6979 A.2.5: key and hash of "sample" give k
        private = unhexlify("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721")
        drbg = HmacDrbg(private + digest(b"sample"))
        self.assertEqual(hex_text(drbg.generate(32)), "a6e3c57dd01abe90086538398355dd4c3b17aa873382b0f24d6129493d8aad60")

    def test_a_restored_state_goes_on_where_it_was(self):
        drbg = HmacDrbg(b"seed")
        drbg.generate(40)
        other = HmacDrbg.restore(drbg.state())
        self.assertEqual(len(drbg.state()), 64)
        self.assertEqual(drbg.generate(70), other.generate(70))

    def test_a_state_does_not_give_back_what_came_before(self):
        drbg = HmacDrbg(b"seed")
        before = drbg.generate(32)
        self.assertFalse(before in HmacDrbg.restore(drbg.state()).generate(256))

    def test_mixing_changes_what_follows_and_requests_are_bounded(self):
        one, other = HmacDrbg(b"seed"), HmacDrbg(b"seed")
        other.mix(b"x")
        self.assertNotEqual(one.generate(32), other.generate(32))
        self.assertRaises(ValueError, one.generate, MAX_REQUEST_BYTES + 1)
        self.assertEqual(one.generate(0), b"")


class TestCcm(unittest.TestCase):
    # RFC 3610 §8, packet vectors 1 to 3 and 13: M = 8, L = 2
    KEY = unhexlify("c0c1c2c3c4c5c6c7c8c9cacbcccdcecf")
    CASES = (
        ("00000003020100a0a1a2a3a4a5", 8, 31, "588c979a61c663d2f066d0c2c0f989806d5f6b61dac38417e8d12cfdf926e0"),
        ("00000004030201a0a1a2a3a4a5", 8, 32, "72c91a36e135f8cf291ca894085c87e3cc15c439c9e43a3ba091d56e10400916"),
        ("00000005040302a0a1a2a3a4a5", 8, 33, "51b1e5f44a197d1da46b0f8e2d282ae871e838bb64da8596574adaa76fbd9fb0c5"),
        ("00000006050403a0a1a2a3a4a5", 12, 31, "a28c6865939a9a79faaa5c4c2a9d4a91cdac8c96c861b9c9e61ef1"),
    )

    def test_rfc_3610(self):
        for nonce, start, end, sealed in self.CASES:
            nonce, sealed = unhexlify(nonce), unhexlify(sealed)
            aad, text = bytes(range(start)), bytes(range(start, end))
            self.assertEqual(aead.seal(self.KEY, nonce, aad, text), sealed)
            self.assertEqual(aead.open_sealed(self.KEY, nonce, aad, sealed), text)

    def test_lengths_around_the_block_are_read_back(self):
        nonce = bytes(13)
        for length in (0, 1, 15, 16, 17, 31, 32, 33, 1400):
            for aad in (b"", b"a", bytes(14), bytes(15), bytes(300)):
                text = bytes(i & 255 for i in range(length))
                sealed = aead.seal(self.KEY, nonce, aad, text)
                self.assertEqual(len(sealed), length + aead.TAG_BYTES)
                self.assertEqual(aead.open_sealed(self.KEY, nonce, aad, sealed), text)

    def test_a_change_anywhere_gives_nothing_out(self):
        nonce = bytes(13)
        sealed = aead.seal(self.KEY, nonce, b"aad", b"the text")
        for at in range(len(sealed)):
            false = bytearray(sealed)
            false[at] ^= 0x80
            self.assertRaises(CoseError, aead.open_sealed, self.KEY, nonce, b"aad", bytes(false))
        for key, n, aad, data in (
            (bytes(16), nonce, b"aad", sealed), (self.KEY, bytes(12) + b"\x01", b"aad", sealed),
            (self.KEY, nonce, b"aae", sealed), (self.KEY, nonce, b"", sealed),
        ):  # fmt: skip
            self.assertRaises(CoseError, aead.open_sealed, key, n, aad, data)
        for end in range(len(sealed)):
            self.assertRaises(CoseError, aead.open_sealed, self.KEY, nonce, b"aad", sealed[:end])


class TestDivide(unittest.TestCase):
    def test_is_floor_division_for_any_size(self):
        numbers = [0, 1, 2, 59, 60, 61, 1 << 29, (1 << 30) - 1, 1 << 30, (1 << 30) + 1, 1800000000, (1 << 53) + 7, (1 << 63) - 1]
        for divisor in numbers[1:]:
            for quotient in numbers + [-n for n in numbers]:
                for rest in (0, 1, divisor - 1):
                    if rest < divisor:
                        value = quotient * divisor + rest
                        self.assertEqual(floor_divide(value, divisor), quotient, (value, divisor))


if __name__ == "__main__":
    unittest.main()
