# SPDX-License-Identifier: MIT
"""The firmware's codecs agree with `cryptography`, `cbor2` and another COSE library on random and hostile input (CPython only)."""

import hashlib
import hmac as std_hmac
import zlib

import cbor2
import cwt
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cwt import COSEKey
from hypothesis import given, settings
from hypothesis import strategies as st

from quell.codec import aead, cbor, cose, kdf, p256
from quell.codec.cbor import Tag
from quell.codec.crc import crc32_table
from quell.codec.drbg import HmacDrbg
from quell.errors import CborError
from quell_host.wire import cbor as host_cbor
from quell_host.wire.cbor import CborError as HostCborError

SCALARS = st.one_of(
    st.integers(1, p256.N - 1), st.sampled_from([1, 2, p256.N - 1, p256.N - 2, 1 << 128, (1 << 128) - 1, p256.P - p256.N])
)
HASHES = st.one_of(st.binary(min_size=32, max_size=32), st.sampled_from([bytes(32), b"\xff" * 32, p256.N.to_bytes(32, "big")]))
PREHASHED = ec.ECDSA(utils.Prehashed(hashes.SHA256()))
VALUES = st.recursive(
    st.one_of(
        st.integers(-(1 << 64), (1 << 64) - 1), st.binary(max_size=40), st.text(max_size=20), st.booleans(), st.none()
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(st.integers(-(1 << 64), (1 << 64) - 1), st.text(max_size=6), st.binary(max_size=6)), inner, max_size=4),
    ),
    max_leaves=12,
)  # fmt: skip


def number(value: int) -> bytes:
    return value.to_bytes(32, "big")


def raw(public: ec.EllipticCurvePublicKey) -> bytes:
    numbers = public.public_numbers()
    return number(numbers.x) + number(numbers.y)


def reference_verifies(public: bytes, hashed: bytes, signature: bytes) -> bool:
    try:
        point = ec.EllipticCurvePublicNumbers(
            int.from_bytes(public[:32], "big"), int.from_bytes(public[32:], "big"), ec.SECP256R1()
        ).public_key()
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        point.verify(utils.encode_dss_signature(r, s), hashed, PREHASHED)
        return True
    except (InvalidSignature, ValueError):
        return False


class TestP256:
    @settings(max_examples=60, deadline=None)
    @given(SCALARS, HASHES)
    def test_signatures_verify_there_and_theirs_here(self, scalar: int, hashed: bytes) -> None:
        key = ec.derive_private_key(scalar, ec.SECP256R1())
        public = raw(key.public_key())
        assert p256.public_key(number(scalar)) == public
        assert reference_verifies(public, hashed, p256.sign(number(scalar), hashed))
        r, s = utils.decode_dss_signature(key.sign(hashed, PREHASHED))
        assert p256.verify(public, hashed, number(r) + number(s))

    @settings(max_examples=40, deadline=None)
    @given(SCALARS, HASHES)
    def test_signatures_are_the_deterministic_ones_of_rfc_6979(self, scalar: int, hashed: bytes) -> None:
        key = ec.derive_private_key(scalar, ec.SECP256R1())
        algorithm = ec.ECDSA(utils.Prehashed(hashes.SHA256()), deterministic_signing=True)
        r, s = utils.decode_dss_signature(key.sign(hashed, algorithm))
        assert p256.sign(number(scalar), hashed) == number(r) + number(s)

    @settings(max_examples=80, deadline=None)
    @given(SCALARS, HASHES, st.integers(0, 127), st.integers(0, 7))
    def test_a_flipped_bit_is_judged_alike(self, scalar: int, hashed: bytes, at: int, bit: int) -> None:
        public = p256.public_key(number(scalar))
        whole = bytearray(public + p256.sign(number(scalar), hashed))
        whole[at] ^= 1 << bit
        public, signature = bytes(whole[:64]), bytes(whole[64:])
        assert p256.verify(public, hashed, signature) == reference_verifies(public, hashed, signature)

    @settings(max_examples=60, deadline=None)
    @given(SCALARS, HASHES, SCALARS, SCALARS)
    def test_any_r_and_s_are_judged_alike(self, scalar: int, hashed: bytes, r: int, s: int) -> None:
        public = p256.public_key(number(scalar))
        signature = number(r) + number(s)
        assert p256.verify(public, hashed, signature) == reference_verifies(public, hashed, signature)

    def test_an_r_whose_x_is_above_n_verifies(self) -> None:
        # a point with N <= x < P has r = x - N (about one in 2^128): made here from its x
        x = p256.N
        while True:
            right = (x**3 - 3 * x + p256.B) % p256.P
            y = pow(right, (p256.P + 1) // 4, p256.P)
            if y * y % p256.P == right:
                break
            x += 1
        assert p256.N <= x < p256.P
        r, s, e = x - p256.N, 7, 11
        # Q = r^-1 (s R - e G)
        inverse = pow(r, -1, p256.N) if r else None
        assert inverse is not None or r == 0
        if r:
            s_r = p256._multiply_two(0, s * inverse % p256.N, (x, y, 1))
            e_g = p256._multiply_base((p256.N - e) * inverse % p256.N)
            qx, qy = p256._affine(p256._add(s_r, e_g))
            public = number(qx) + number(qy)
            assert reference_verifies(public, number(e), number(r) + number(s))
            assert p256.verify(public, number(e), number(r) + number(s))

    @given(st.binary(min_size=64, max_size=64))
    def test_random_bytes_are_no_public_key(self, public: bytes) -> None:
        assert not p256.valid_public(public)


class TestAead:
    @given(st.binary(min_size=16, max_size=16), st.binary(min_size=13, max_size=13), st.binary(max_size=400), st.binary(max_size=700))
    def test_ccm_is_that_of_cryptography(self, key: bytes, nonce: bytes, aad: bytes, text: bytes) -> None:
        sealed = aead.seal(key, nonce, aad, text)
        assert sealed == AESCCM(key, tag_length=8).encrypt(nonce, text, aad)
        assert aead.open_sealed(key, nonce, aad, sealed) == text


class TestKdf:
    @given(st.binary(max_size=200), st.binary(max_size=300))
    def test_hmac_is_that_of_the_standard_library(self, key: bytes, data: bytes) -> None:
        assert kdf.hmac(key, data) == std_hmac.digest(key, data, "sha256")

    @given(st.binary(min_size=1, max_size=80), st.binary(max_size=80), st.binary(max_size=80), st.integers(1, 64))
    def test_hkdf_is_that_of_cryptography(self, key: bytes, salt: bytes, info: bytes, length: int) -> None:
        assert kdf.hkdf(key, salt, info, length) == HKDF(hashes.SHA256(), length, salt, info).derive(key)

    @given(st.binary(max_size=300), st.integers(0, 0xFFFFFFFF))
    def test_the_crc_table_is_that_of_zlib(self, data: bytes, value: int) -> None:
        assert crc32_table(data, value) == zlib.crc32(data, value)


class ReferenceDrbg:
    """HMAC_DRBG straight from NIST SP 800-90A Rev. 1, 10.1.2."""

    def __init__(self, seed: bytes) -> None:
        self.key, self.value = bytes(32), b"\x01" * 32
        self.update(seed)

    def _hmac(self, data: bytes) -> bytes:
        return std_hmac.new(self.key, data, hashlib.sha256).digest()

    def update(self, data: bytes) -> None:
        for mark in (b"\x00", b"\x01"):
            self.key = self._hmac(self.value + mark + data)
            self.value = self._hmac(self.value)
            if not data:
                return

    def generate(self, length: int) -> bytes:
        out = b""
        while len(out) < length:
            self.value = self._hmac(self.value)
            out += self.value
        self.update(b"")
        return out[:length]


@given(st.binary(max_size=100), st.lists(st.one_of(st.integers(0, 256), st.binary(max_size=64)), max_size=6))
def test_the_generator_is_that_of_the_standard(seed: bytes, calls: list) -> None:
    ours, reference = HmacDrbg(seed), ReferenceDrbg(seed)
    for call in calls:
        if isinstance(call, int):
            assert ours.generate(call) == reference.generate(call)
        else:
            ours.mix(call)
            reference.update(call)
    assert ours.state() == reference.key + reference.value


class TestCbor:
    @given(VALUES)
    def test_both_encoders_write_the_same_bytes(self, value: object) -> None:
        data = cbor.encode(value)
        assert data == host_cbor.encode(value)
        assert cbor2.loads(data) == value

    @settings(max_examples=400)
    @given(st.binary(max_size=60))
    def test_both_decoders_take_and_refuse_the_same_noise(self, data: bytes) -> None:
        self.alike(data)

    @settings(max_examples=400)
    @given(VALUES, st.integers(0, 1 << 30), st.integers(0, 255))
    def test_both_decoders_judge_a_changed_byte_alike(self, value: object, at: int, byte: int) -> None:
        data = bytearray(cbor.encode(value))
        data[at % len(data)] = byte
        self.alike(bytes(data))

    @given(st.integers(1, 12), st.sampled_from([b"\x81", b"\xa1\x00", b"\xc6"]))
    def test_both_decoders_refuse_the_same_depth(self, depth: int, first: bytes) -> None:
        self.alike(first * depth + b"\x00")

    def alike(self, data: bytes) -> None:
        try:
            here = cbor.encode(cbor.decode(data, 16384))
        except CborError:
            here = None
        try:
            host_cbor.decode(data)
            there = data
        except HostCborError:
            there = None
        assert here == there


class TestCose:
    """cwt knows COSE; ESP256 (RFC 9864) it may not, so its messages are made with ES256 and compared in their parts."""

    @settings(max_examples=25, deadline=None)
    @given(SCALARS, st.binary(max_size=60), st.binary(max_size=60))
    def test_a_sign1_verifies_over_the_standard_structure(self, scalar: int, aad: bytes, payload: bytes) -> None:
        message = cose.sign1(number(scalar), b"kid", aad, payload)
        tag = cbor2.loads(message)
        protected, unprotected, body, signature = tag.value
        assert (tag.tag, cbor2.loads(protected), unprotected, body) == (18, {1: -9}, {4: b"kid"}, payload)
        signed = cbor2.dumps(["Signature1", protected, aad, payload])
        public = p256.public_key(number(scalar))
        assert reference_verifies(public, hashlib.sha256(signed).digest(), signature)

    @settings(max_examples=20, deadline=None)
    @given(SCALARS, st.binary(max_size=60), st.binary(min_size=1, max_size=60))
    def test_cwts_signatures_verify_here_apart_from_the_algorithm_number(self, scalar: int, aad: bytes, payload: bytes) -> None:
        public = p256.public_key(number(scalar))
        key = COSEKey.new({1: 2, 2: b"kid", 3: -7, -1: 1, -2: public[:32], -3: public[32:], -4: number(scalar), 4: [1, 2]})
        message = cwt.COSE.new(alg_auto_inclusion=True).encode_and_sign(payload, key, external_aad=aad)
        protected, _, body, signature = cbor2.loads(message).value
        structure = cbor.encode(["Signature1", protected, aad, body])
        assert p256.verify(public, hashlib.sha256(structure).digest(), signature)

    @settings(max_examples=30, deadline=None)
    @given(st.binary(min_size=32, max_size=32), st.binary(max_size=60), st.binary(min_size=1, max_size=60), st.booleans())
    def test_cwt_opens_our_mac0(self, secret: bytes, aad: bytes, payload: bytes, short: bool) -> None:
        message = cose.mac0(secret, b"\x01", aad, payload, short)
        key = COSEKey.new({1: 4, 2: b"\x01", 3: 4 if short else 5, -1: secret, 4: [9, 10]})
        assert cwt.COSE.new().decode(message, key, external_aad=aad) == payload

    @settings(max_examples=30, deadline=None)
    @given(st.binary(min_size=32, max_size=32), st.binary(max_size=60), st.binary(max_size=200))
    def test_an_encrypt_opens_by_the_standards_steps(self, secret: bytes, aad: bytes, text: bytes) -> None:
        device, instance = bytes(16), bytes(8)
        message = cose.encrypt(secret, bytes(32), b"\x01", [device, instance], aad, text)
        tag = cbor2.loads(message)
        protected, unprotected, sealed, ((outer, header, empty),) = tag.value
        assert (tag.tag, cbor2.loads(protected), unprotected) == (96, {1: 10}, {5: bytes(13)})
        assert (cbor2.loads(outer), header[4], empty) == ({1: -10}, b"\x01", b"")
        context = cbor2.dumps([10, [device, instance, None], [None, None, None], [128, outer]])
        key = HKDF(hashes.SHA256(), 16, header[-20], context).derive(secret)
        assert AESCCM(key, tag_length=8).decrypt(bytes(13), sealed, cbor2.dumps(["Encrypt", protected, aad])) == text


def test_a_tag_is_encoded_as_cbor2_does() -> None:
    assert cbor.encode(Tag(18, [1])) == cbor2.dumps(cbor2.CBORTag(18, [1]))
