# SPDX-License-Identifier: MIT
"""Key files keep their secret, are never overwritten, and open again as what they were."""

import base64
import json
import os
import stat

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quell_host.errors import QuellError
from quell_host.keys.files import (
    load_enrolment,
    load_region,
    load_signer,
    new_region,
    new_signer,
)
from quell_host.keys.kinds import ROLES
from quell_host.keys.listing import list_keys
from quell_host.keys.passphrase import KeyLockedError

PASSPHRASE = "correct horse battery"


@pytest.mark.parametrize("kind", list(ROLES))
@pytest.mark.parametrize("passphrase", [None, PASSPHRASE])
def test_a_signer_opens_again_as_what_it_was(tmp_path, kind, passphrase):
    made = new_signer(kind, tmp_path / "ada.key", passphrase)
    again = load_signer(tmp_path / "ada.key", passphrase)
    assert (again.kind, again.role, again.kid, again.public, again.gate_secret) == (
        kind,
        ROLES[kind],
        made.kid,
        made.public,
        made.gate_secret,
    )
    assert load_enrolment(tmp_path / "ada.enrol.json") == made.enrolment


def test_the_gate_secret_comes_from_the_private_key_alone(tmp_path):
    made = new_signer("operator", tmp_path / "op")
    scalar = made.private_key.private_numbers().private_value.to_bytes(32, "big")
    derived = HKDF(hashes.SHA256(), 32, salt=None, info=b"quell/1 gate secret").derive(scalar)
    assert made.gate_secret == derived
    assert new_signer("policy", tmp_path / "pub").gate_secret == b""


def test_secrets_are_only_for_their_owner(tmp_path):
    new_signer("subject", tmp_path / "keys" / "ada")
    new_region(tmp_path / "keys" / "EU")
    for path in (tmp_path / "keys").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_no_secret_stands_in_a_representation(tmp_path):
    made = new_signer("subject", tmp_path / "ada")
    region = new_region(tmp_path / "EU")
    for text in (repr(made), repr(made.enrolment), repr(region)):
        assert made.gate_secret.hex() not in text and repr(made.gate_secret) not in text
        assert repr(region.key) not in text and region.key.hex() not in text


@pytest.mark.parametrize("existing", ["ada.key", "ada.enrol.json"])
def test_no_file_is_ever_overwritten(tmp_path, existing):
    (tmp_path / existing).write_text("precious")
    with pytest.raises(QuellError, match="never overwritten"):
        new_signer("subject", tmp_path / "ada.key")
    assert (tmp_path / existing).read_text() == "precious"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_region_is_never_overwritten(tmp_path):
    made = new_region(tmp_path / "EU")
    with pytest.raises(QuellError, match="never overwritten"):
        new_region(tmp_path / "EU")
    assert load_region(tmp_path / "EU") == made


@pytest.mark.skipif(os.name != "posix", reason="modes are posix")
def test_a_key_that_others_can_read_is_refused_with_the_remedy(tmp_path):
    new_signer("subject", tmp_path / "ada")
    (tmp_path / "ada.key").chmod(0o640)
    with pytest.raises(QuellError, match="chmod 600"):
        load_signer(tmp_path / "ada.key")


@pytest.mark.parametrize("make", [lambda p, s: new_signer("subject", p, s), new_region])
def test_a_locked_key_needs_its_passphrase(tmp_path, make):
    make(tmp_path / "k1", PASSPHRASE)
    load = load_region if make is new_region else load_signer
    with pytest.raises(KeyLockedError, match="QUELL_PASSPHRASE"):
        load(tmp_path / "k1")
    with pytest.raises(QuellError, match="does not open with this passphrase"):
        load(tmp_path / "k1", "wrong horse battery")
    assert load(tmp_path / "k1", PASSPHRASE).kid


def test_a_locked_key_is_standard_and_slow_to_guess(tmp_path):
    made = new_signer("subject", tmp_path / "ada", PASSPHRASE)
    data = (tmp_path / "ada.key").read_bytes()
    opened = serialization.load_pem_private_key(data, PASSPHRASE.encode())
    assert opened.private_numbers() == made.private_key.private_numbers()
    der = base64.b64decode(b"".join(data.split(b"-----")[2].split()))
    # scrypt (1.3.6.1.4.1.11591.4.11) with N = 2**14 stands in it.
    assert bytes.fromhex("06092b06010401da47040b") in der
    assert bytes.fromhex("02024000") in der


def test_a_short_passphrase_is_refused_before_anything_is_made(tmp_path):
    with pytest.raises(QuellError, match="fewer than 12"):
        new_signer("subject", tmp_path / "ada", "short")
    with pytest.raises(QuellError, match="fewer than 12"):
        new_region(tmp_path / "EU", "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["1a", "a b", "", "a" * 33, "a.b", "ä"])
def test_a_name_that_is_no_plain_word_is_refused(tmp_path, name):
    with pytest.raises(QuellError, match="not allowed|exists"):
        new_signer("subject", tmp_path / f"{name}.key")


def test_an_unknown_kind_is_refused(tmp_path):
    with pytest.raises(QuellError, match="no kind of signer"):
        new_signer("admin", tmp_path / "ada")
    assert list(tmp_path.iterdir()) == []


def test_a_region_key_bound_to_another_name_does_not_open(tmp_path):
    new_region(tmp_path / "EU", PASSPHRASE)
    shaped = json.loads((tmp_path / "EU.key").read_text()) | {"name": "CN"}
    (tmp_path / "EU.key").write_text(json.dumps(shaped))
    with pytest.raises(QuellError, match="does not open"):
        load_region(tmp_path / "EU", PASSPHRASE)


def test_a_file_that_asks_for_much_memory_is_refused(tmp_path):
    new_region(tmp_path / "EU", PASSPHRASE)
    shaped = json.loads((tmp_path / "EU.key").read_text())
    shaped["scrypt"]["n"] = 2**40
    (tmp_path / "EU.key").write_text(json.dumps(shaped))
    with pytest.raises(QuellError, match="not a region's key"):
        load_region(tmp_path / "EU", PASSPHRASE)


def test_a_missing_key_and_a_folder_and_a_fifo_are_refused(tmp_path):
    os.mkfifo(tmp_path / "f.key")
    (tmp_path / "d.key").mkdir()
    for name in ("none.key", "d.key", "f.key"):
        with pytest.raises(QuellError):
            load_signer(tmp_path / name)


def test_enrolment_with_a_wrong_part_is_refused(tmp_path):
    made = new_signer("subject", tmp_path / "ada")
    path = tmp_path / "ada.enrol.json"
    good = json.loads(path.read_text())
    changes = [
        {"kid": "00" * 8},
        {"public": "00" * 64},
        {"public": made.public.hex()[:-2]},
        {"role": 0},
        {"kind": "policy"},
        {"kind": "admin"},
        {"gate_secret": ""},
        {"schema": 2},
        {"more": 1},
    ]
    for change in changes:
        path.write_text(json.dumps(good | change))
        with pytest.raises(QuellError, match="not an enrolment file"):
            load_enrolment(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=300))
def test_any_bytes_are_refused_as_a_key(tmp_path, data):
    path = tmp_path / "x.key"
    beside = tmp_path / "x.enrol.json"
    for file in (path, beside):
        file.touch(mode=0o600)
        file.write_bytes(data)
    for load in (load_signer, load_region, load_enrolment):
        with pytest.raises(QuellError):
            load(path)
    assert len(list_keys(tmp_path)) == 1


def test_keys_are_listed_without_opening_them(tmp_path):
    made = new_signer("subject", tmp_path / "ada", PASSPHRASE)
    plain = new_signer("policy", tmp_path / "pub")
    region = new_region(tmp_path / "EU", PASSPHRASE)
    new_signer("guardian", tmp_path / "gil")
    (tmp_path / "gil.key").unlink()
    listed = {info.name: info for info in list_keys(tmp_path)}
    assert listed["ada"].kid == made.kid.hex() and listed["ada"].passphrase
    assert listed["pub"].kid == plain.kid.hex() and not listed["pub"].passphrase
    assert (listed["EU"].kind, listed["EU"].kid) == ("region", region.kid.hex())
    assert listed["gil"].kind == "guardian" and "no key" in listed["gil"].problem
