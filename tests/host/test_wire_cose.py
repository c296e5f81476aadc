# SPDX-License-Identifier: MIT
"""COSE agrees with another library, and a changed byte is refused."""

import cbor2
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cwt import COSE, COSEKey
from cwt.algs.raw import RawKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quell_host.wire import batch, cose, kdf, plaintext
from quell_host.wire.batch import BatchHeader
from quell_host.wire.plaintext import BatchRecord

PRIVATE = ec.derive_private_key(77, ec.SECP256R1())
PUBLIC = cose.public_bytes(PRIVATE)
KID = cose.kid_of(PUBLIC)
FAST = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
BYTES = st.binary(max_size=200)


def cwt_key():
    numbers = PRIVATE.public_key().public_numbers()
    return COSEKey.new(
        {
            1: 2,
            -1: 1,
            2: KID,
            3: -7,
            -2: numbers.x.to_bytes(32, "big"),
            -3: numbers.y.to_bytes(32, "big"),
        }
    )


@FAST
@given(BYTES, BYTES)
def test_what_is_signed_verifies_and_is_always_the_same(payload, aad):
    data = cose.sign1(PRIVATE, KID, aad, payload)
    assert data == cose.sign1(PRIVATE, KID, aad, payload)
    assert cose.verify1(data, {KID: PUBLIC}, aad) == (KID, payload)
    with pytest.raises(cose.CoseError):
        cose.verify1(data, {KID: PUBLIC}, aad + b"x")


@FAST
@given(BYTES, BYTES)
def test_another_library_verifies_the_signature(payload, aad):
    # The library knows ES256 (-7), not its fully specified twin ESP256 (-9): the structure that
    # is signed holds the header's bytes, so the library gets a signature made over its own.
    key = cwt_key()
    structure = cbor2.dumps(["Signature1", bytes.fromhex("a10128"), aad, payload])
    signature = cbor2.loads(cose.sign1(PRIVATE, KID, aad, payload)).value[3]
    key.verify(structure, signature)


@FAST
@given(st.binary(min_size=1, max_size=200), BYTES)
def test_what_another_library_signs_verifies(payload, aad):
    pem = PRIVATE.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    key = COSEKey.from_pem(pem, kid=KID)
    structure = cbor2.dumps(["Signature1", bytes.fromhex("a10128"), aad, payload])
    body = [bytes.fromhex("a10128"), {4: KID}, payload, key.sign(structure)]
    data = cbor2.dumps(cbor2.CBORTag(18, body))
    assert cose.verify1(data, {KID: PUBLIC}, aad) == (KID, payload)


@FAST
@given(st.binary(min_size=1, max_size=200), st.binary(min_size=32, max_size=32), BYTES)
@pytest.mark.parametrize(("alg", "tag_bytes"), [("HMAC 256/256", 32), ("HMAC 256/64", 8)])
def test_macs_agree_with_another_library(alg, tag_bytes, payload, key, aad):
    other = COSEKey.from_symmetric_key(key, alg=alg, kid=b"\x01")
    alg_id = {32: 5, 8: 4}[tag_bytes]
    theirs = COSE.new().encode_and_mac(
        payload, other, protected={1: alg_id}, unprotected={4: b"\x01"}, external_aad=aad
    )
    assert cose.mac0(key, b"\x01", aad, payload, tag_bytes) == theirs
    assert cose.verify_mac0(theirs, {b"\x01": key}, aad, tag_bytes) == (b"\x01", payload)


@FAST
@given(st.integers(-(1 << 40), 1 << 40), st.binary(min_size=32, max_size=32), st.integers(1, 255))
def test_another_library_opens_a_batch(value, device_key, version):
    device, instance = bytes(range(16)), bytes(range(8))
    header = BatchHeader(instance, 7, 2, 5, bytes(8), 100, 1)
    records = [BatchRecord(100, 2, 0, 50, 1, {1: value})]
    inner = plaintext.build(records, 100, 1)
    tag = cbor2.loads(batch.seal(device, device_key, version, header, inner))[8]
    secret = RawKey({1: 4, 2: bytes([version]), -1: kdf.uplink_key(device_key)})
    nobody = [None, None, None]
    public_info = [128, cose.DIRECT_HKDF_SHA256]
    context = [10, [device, instance, None], nobody, public_info]
    aad = header.external_aad(device)
    assert COSE.new().decode(tag, secret, context=context, external_aad=aad) == inner


@FAST
@given(st.data())
def test_a_changed_byte_is_refused(data):
    message = bytearray(cose.sign1(PRIVATE, KID, b"aad", b"payload"))
    at = data.draw(st.integers(0, len(message) - 1))
    message[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(cose.CoseError):
        cose.verify1(bytes(message), {KID: PUBLIC}, b"aad")


@given(st.binary(max_size=120))
def test_garbage_is_refused_and_nothing_else_happens(data):
    for read in (
        lambda: cose.verify1(data, {KID: PUBLIC}, b""),
        lambda: cose.verify_mac0(data, {KID: bytes(32)}, b"", 32),
    ):
        with pytest.raises(cose.CoseError):
            read()


def test_es256_in_place_of_esp256_is_refused():
    tag = cbor2.loads(cose.sign1(PRIVATE, KID, b"", b"x"))
    tag.value[0] = bytes.fromhex("a10126")
    with pytest.raises(cose.CoseError):
        cose.verify1(cbor2.dumps(tag), {KID: PUBLIC}, b"")


def test_a_zero_signature_and_a_point_off_the_curve_are_refused():
    body = [bytes.fromhex("a10128"), {4: KID}, b"x", bytes(64)]
    with pytest.raises(cose.CoseError):
        cose.verify1(cbor2.dumps(cbor2.CBORTag(18, body)), {KID: PUBLIC}, b"")
    with pytest.raises(cose.CoseError):
        cose.public_key(b"\x01" * 64)
