# SPDX-License-Identifier: MIT
"""A COSE message counts only with our one algorithm, our one shape, the right key and the right external data."""

import unittest

from quell.codec import cbor, cose, p256
from quell.codec.cbor import Tag
from quell.errors import CborError, CoseError

PRIVATE = bytes(31) + b"\x05"
PUBLIC = p256.public_key(PRIVATE)
KEY = bytes(range(32))


def shapes(good, tag):
    """Messages that are almost `good`, whose parts are `tag`([protected, unprotected, payload, end])."""
    protected, unprotected, payload, end = cbor.decode(good, 4096).value
    other_tags = [n for n in (16, 17, 18, 96, 97, 98) if n != tag]
    parts = (
        [b"\xa1\x01\x26", unprotected, payload, end],  # another algorithm
        [b"\xa1\x01\x04" if protected[2] == 5 else b"\xa1\x01\x05", unprotected, payload, end],
        [b"", unprotected, payload, end],
        [b"\xa0", unprotected, payload, end],
        [{1: -9}, unprotected, payload, end],
        [protected, {}, payload, end],
        [protected, {4: "kid"}, payload, end],
        [protected, {5: b"kid"}, payload, end],
        [protected, {4: unprotected[4], 5: b""}, payload, end],
        [protected, [4, b"kid"], payload, end],
        [protected, unprotected, None, end],
        [protected, unprotected, "text", end],
        [protected, unprotected, payload, None],
        [protected, unprotected, payload],
        [protected, unprotected, payload, end, b""],
        {1: 2}, b"", 7, None,
    )  # fmt: skip
    out = [cbor.encode(Tag(tag, part)) for part in parts]
    whole = [protected, unprotected, payload, end]
    out += [cbor.encode(Tag(number, whole)) for number in other_tags]
    out += [cbor.encode(whole), good + b"\x00", b"", b"\xd2", cbor.encode(Tag(tag, Tag(tag, whole)))]
    return out + [good[:end] for end in range(0, len(good), 5)]


class TestSign1(unittest.TestCase):
    def setUp(self):
        self.good = cose.sign1(PRIVATE, b"kid", b"aad", b"payload")

    def test_is_taken_apart_and_verifies(self):
        kid, payload, signature = cose.parse_sign1(self.good)
        self.assertEqual((kid, payload, len(signature)), (b"kid", b"payload", 64))
        self.assertTrue(cose.verify1(PUBLIC, b"aad", payload, signature))
        self.assertFalse(cose.verify1(PUBLIC, b"aae", payload, signature))
        self.assertFalse(cose.verify1(PUBLIC, b"aad", b"Payload", signature))
        self.assertFalse(cose.verify1(p256.public_key(bytes(31) + b"\x06"), b"aad", payload, signature))

    def test_of_any_other_shape_is_refused(self):
        for message in shapes(self.good, 18):
            self.assertRaises((CborError, CoseError), cose.parse_sign1, message)

    def test_is_the_same_every_time(self):
        self.assertEqual(cose.sign1(PRIVATE, b"kid", b"aad", b"payload"), self.good)

    def test_a_signature_that_does_not_verify_is_not_given_out(self):
        sign = p256.sign
        p256.sign = lambda private, hashed: bytes(63) + b"\x01"
        try:
            self.assertRaises(CoseError, cose.sign1, PRIVATE, b"kid", b"aad", b"payload")
        finally:
            p256.sign = sign

    def test_a_kid_is_eight_bytes_of_the_keys_hash(self):
        self.assertEqual(len(cose.kid_of(PUBLIC)), 8)


class TestMac0(unittest.TestCase):
    def test_is_taken_apart_and_verifies(self):
        for short in (False, True):
            message = cose.mac0(KEY, b"\x01", b"aad", b"payload", short)
            kid, payload, tag = cose.parse_mac0(message, short)
            self.assertEqual((kid, payload, len(tag)), (b"\x01", b"payload", 8 if short else 32))
            self.assertTrue(cose.verify_mac0(KEY, b"aad", payload, tag, short))
            self.assertFalse(cose.verify_mac0(KEY, b"aae", payload, tag, short))
            self.assertFalse(cose.verify_mac0(bytes(32), b"aad", payload, tag, short))
            for false in (b"", tag[:-1], tag + b"\x00", bytes(len(tag)), tag[:4]):
                self.assertFalse(cose.verify_mac0(KEY, b"aad", payload, false, short))
            self.assertRaises(CoseError, cose.parse_mac0, message, not short)

    def test_of_any_other_shape_is_refused(self):
        for short in (False, True):
            for message in shapes(cose.mac0(KEY, b"\x01", b"aad", b"payload", short), 17):
                self.assertRaises((CborError, CoseError), cose.parse_mac0, message, short)

    def test_a_short_tag_is_not_the_long_one_cut_off(self):
        tags = [cose.parse_mac0(cose.mac0(KEY, b"\x01", b"", b"x", short), short)[2] for short in (False, True)]
        self.assertNotEqual(tags[0][:8], tags[1])


class TestEncrypt(unittest.TestCase):
    def message(self, plaintext=b"text", aad=b"aad", party=(bytes(16), bytes(8))):
        return cose.encrypt(KEY, bytes(32), b"\x01", list(party), aad, plaintext)

    def test_every_input_changes_salt_and_ciphertext(self):
        def parts(message):
            value = cbor.decode(message, 4096).value
            return value[3][0][1][-20], value[2]

        seen = [parts(self.message()), parts(self.message(b"texs")), parts(self.message(aad=b"aae"))]
        self.assertEqual(len(set([salt for salt, _ in seen])), 3)
        self.assertEqual(len(set([text for _, text in seen])), 3)
        self.assertEqual(parts(self.message()), seen[0])

    def test_the_party_changes_the_key(self):
        other = self.message(party=(bytes(16), b"instance"))
        self.assertNotEqual(cbor.decode(other, 4096).value[2], cbor.decode(self.message(), 4096).value[2])


if __name__ == "__main__":
    unittest.main()
