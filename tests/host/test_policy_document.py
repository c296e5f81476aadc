# SPDX-License-Identifier: MIT
"""A signed policy is opened only when every byte of it is as it must be."""

import datetime

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from host.policy_case import KEYS, POLICY, SIGNER, changed, checked, document
from hypothesis import given
from hypothesis import strategies as st

from quell_host.errors import ExitCode, QuellError
from quell_host.keys.files import Signer
from quell_host.policy.decode import PayloadError, decode_payload
from quell_host.policy.document import Document
from quell_host.policy.encode import EXTERNAL_AAD, encode_payload, sign_policy
from quell_host.wire import cbor, cose

DOCUMENT = document()
PAYLOAD = encode_payload(DOCUMENT.policy)


def test_what_was_built_is_what_is_opened():
    policy, opened = checked().policy, DOCUMENT
    assert (opened.name, opened.version, opened.kid) == ("small", 3, SIGNER.kid)
    assert opened.purposes == list(policy.purposes)
    assert [field.name for field in opened.fields] == ["model", "user", "tries"]
    assert opened.purpose_by_name("study") is opened.purpose_by_id(2)
    assert opened.purpose_by_id(99) is None and opened.field_by_id(99) is None
    assert opened.verified


def test_the_payload_survives_decoding():
    assert encode_payload(decode_payload(PAYLOAD)) == PAYLOAD


def test_building_twice_gives_the_same_bytes():
    assert document().data == DOCUMENT.data
    swapped = POLICY.replace("[purpose.", "[PURPOSE.", 0)
    head, study = swapped.split("[purpose.study]")
    study, fields = study.split("[field.model]")
    care = head[head.index("[purpose.care]") :]
    other = head.removesuffix(care) + "[purpose.study]" + study + care + "[field.model]" + fields
    assert document(other).data == DOCUMENT.data


def test_expiry_is_the_first_second_of_the_day_in_utc():
    moment = datetime.datetime(2027, 1, 1, tzinfo=datetime.UTC)
    assert DOCUMENT.expires == int(moment.timestamp())
    assert DOCUMENT.expired(moment)
    assert not DOCUMENT.expired(moment - datetime.timedelta(seconds=1))


def refused(data: bytes, keys: dict[bytes, bytes] | None = KEYS) -> str:
    with pytest.raises(QuellError) as caught:
        Document.open(data, keys)
    assert caught.value.code == ExitCode.NOT_VERIFIED
    return str(caught.value)


def test_a_policy_of_an_unknown_signer_is_refused():
    other = Signer.of("policy", ec.derive_private_key(8, ec.SECP256R1()))
    assert "unknown key" in refused(sign_policy(DOCUMENT.policy, other))
    assert "unknown key" in refused(DOCUMENT.data, {})


def test_a_policy_with_the_kid_of_another_is_refused():
    other = ec.derive_private_key(8, ec.SECP256R1())
    forged = cose.sign1(other, SIGNER.kid, EXTERNAL_AAD, PAYLOAD)
    assert "does not verify" in refused(forged)


def test_a_signature_for_another_use_is_refused():
    data = cose.sign1(SIGNER.private_key, SIGNER.kid, cbor.encode(["quell/1 receipt"]), PAYLOAD)
    assert "does not verify" in refused(data)


def test_without_keys_it_is_parsed_and_says_so():
    assert not Document.open(DOCUMENT.data, None).verified


@given(st.integers(0, 8 * len(DOCUMENT.data) - 1))
def test_a_policy_with_any_flipped_bit_is_refused(bit):
    data = bytearray(DOCUMENT.data)
    data[bit // 8] ^= 1 << bit % 8
    refused(bytes(data))


@given(st.integers(0, len(DOCUMENT.data) - 1))
def test_a_policy_cut_short_is_refused(length):
    refused(DOCUMENT.data[:length])


def test_a_policy_over_the_limit_is_refused_unread():
    assert "over 16384 bytes" in refused(bytes(16385))


def test_only_a_policy_signer_signs_policies():
    operator = Signer.of("operator", SIGNER.private_key)
    with pytest.raises(QuellError, match="kind operator signs no policy"):
        sign_policy(DOCUMENT.policy, operator)


def _paths(value, path=()):
    yield path
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _paths(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _paths(item, (*path, index))


_DECODED = cbor.decode(PAYLOAD)
_WHERE = list(_paths(_DECODED))
_ODD = [None, True, -1, 0, 2**64 - 1, b"", b"\0" * 32, "", "\x1b[2J", "a" * 4000, [], {}, [[]]]
_ODD += [{"a": 1}, {False: 0}, cbor2.CBORTag(1, 0), [0, -5], [1, 5, 5], ["a\nb", "c"]]


@given(st.sampled_from(_WHERE), st.sampled_from(_ODD))
def test_a_payload_with_anything_odd_in_it_is_refused_or_shown_safely(path, odd):
    top = cbor.decode(PAYLOAD)
    if path:
        holder = top
        for part in path[:-1]:
            holder = holder[part]
        holder[path[-1]] = odd
    else:
        top = odd
    try:
        policy = decode_payload(cbor.encode(top))
    except PayloadError:
        return
    texts = [policy.name, *policy.controller]
    texts += [text for item in policy.purposes for text in (item.name, item.text, item.region)]
    assert all(text.isprintable() for text in texts)


@pytest.mark.parametrize("key", range(10))
def test_every_key_of_the_payload_is_required_and_no_other_allowed(key):
    top = cbor.decode(PAYLOAD)
    del top[key]
    with pytest.raises(PayloadError):
        decode_payload(cbor.encode(top))
    top = cbor.decode(PAYLOAD)
    top[10 + key] = 0
    with pytest.raises(PayloadError):
        decode_payload(cbor.encode(top))


@given(st.binary(max_size=200))
def test_any_bytes_are_refused(data):
    refused(data)
    refused(data, None)


def test_a_policy_that_is_too_large_is_not_signed():
    line = '[template.t{n}]\nid = {n}\nlog = "auth"\nline = "{pad} {n} {{x:int}}"\n'
    field = '[field.f{n}]\nid = {n}\nsource = "log.t{n}.x"\ncategory = "usage"\npurposes = ["study"]\naction = "keep"\n'
    extra = "".join(line.format(n=n, pad="x" * 240) for n in range(10, 70))
    extra += "".join(field.format(n=n) for n in range(10, 70))
    policy = checked(changed('epoch = "7d"', 'epoch = "8d"') + extra).policy
    assert policy is not None
    with pytest.raises(QuellError, match="over 16384"):
        sign_policy(policy, SIGNER)
