# SPDX-License-Identifier: MIT
"""The policy in force: signed file in, checked objects out (SPEC §7). An unknown key is an error, never ignored."""

from quell.codec import cbor, cose
from quell.codec.builtin import digest
from quell.codec.cbor import encode
from quell.errors import CborError, CoseError, PolicyError
from quell.limits import MAX_FIELDS, MAX_POLICY_BYTES, MAX_PURPOSES, MAX_TEMPLATES
from quell.outcomes import REFUSED_POLICY, REFUSED_SCHEMA
from quell.state.provisioning import POLICY_SIGNER

SCHEMA = 1

# types (SPEC §7)
INT, BOOL, WORD, TEXT, TIME, IPV4, IPV6, MAC, IMEI, IMSI = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9
ICCID, PHONE, ENUM, VERSION, HEX, IP, LEVEL, DURATION, ANY, ID = 10, 11, 12, 13, 14, 15, 16, 17, 18, 19

# actions (SPEC §7); scrub (5) and randomize (6) are refused by this schema's agents
KEEP, DROP, HASH, TRUNCATE, BUCKET = 0, 1, 2, 3, 4

_AAD = encode(["quell/1 policy"])
_MAX_DIVISOR = 0x3FFFFFFF  # small integer on 32-bit boards, as codec/divide.py asks for
_KEEPABLE = (INT, BOOL, TIME, ENUM, VERSION, HEX, LEVEL, DURATION)
_TRUNCATABLE = (IPV4, IPV6, IP, MAC, IMEI, IMSI, ICCID, PHONE)
_BUCKETABLE = (INT, TIME, DURATION)


def _need(condition, what):
    if not condition:
        raise PolicyError(what, REFUSED_POLICY)


def _keys(m, count):
    _need(isinstance(m, dict) and len(m) == count, "keys")
    for key in range(count):
        _need(key in m, "keys")


def _uint(value, low, high):
    _need(isinstance(value, int) and not isinstance(value, bool) and low <= value <= high, "number")
    return value


def _text(value):
    _need(isinstance(value, str), "text")
    return value


def _each(values, check):
    """Check every item of an array with `check(item)`."""
    _need(isinstance(values, list), "array")
    for value in values:
        check(value)
    return values


def _hash(value):
    _need(isinstance(value, bytes) and len(value) == 32, "hash")
    return value


def _whole(value):
    return _uint(value, -0x7FFFFFFFFFFFFFFF, 0x7FFFFFFFFFFFFFFF)


class Purpose:
    """Why data is collected. Times in seconds; its sampled fields are read every `every_s`."""

    def __init__(self, m):
        _keys(m, 14)
        self.id = _uint(m[0], 1, 255)
        self.name = _text(m[1])
        _text(m[2])
        _each(m[6], _text)
        _text(m[7])
        _hash(m[8])
        self.basis = _uint(m[3], 0, 3)
        self.granularity_s = _uint(m[4], 1, _MAX_DIVISOR)
        self.retention_s = _uint(m[5], 1, 0x7FFFFFFF)
        self.grant_by = _each(m[9], lambda role: _uint(role, 0, 2))
        self.digest = _hash(m[10])
        self.every_s = _uint(m[11], 0, 0x7FFFFFFF)
        self.weight = _uint(m[12], 1, 100)
        self.epoch_s = _uint(m[13], 1, 0x7FFFFFFF)


class Field:
    """One allow-listed datum. `key` is what an event calls it: catalogue id, (template, capture), or name."""

    def __init__(self, m, is_app_source):
        _keys(m, 9)
        self.id = _uint(m[0], 1, 65535)
        self.name, source = _text(m[1]), m[2]
        self.purposes = _each(m[4], lambda purpose_id: _uint(purpose_id, 1, 255))
        self.action = _uint(m[5], KEEP, BUCKET)
        self.params = m[6]
        self.required = m[7]
        self.type = _uint(m[8], INT, ID)
        _need(isinstance(self.required, bool) and isinstance(self.params, list), "field")
        if isinstance(source, list):
            _need(len(source) == 2, "source")
            self.key = (_uint(source[0], 1, 255), _uint(source[1], 0, 15))
        else:
            from_app = is_app_source(_uint(source, 1, 65535))
            self.key = self.name if from_app else source
            if from_app and self.type == VERSION:
                self.type = ENUM  # an application's version is one word: a sentence would fit a platform's
        self._check_action()

    def _check_action(self):
        """The builder checks this too; the device takes no builder's word for it."""
        if self.action == KEEP:
            _need(self.type in _KEEPABLE, "keep of a type that can carry an identifier")
        elif self.action == TRUNCATE:
            _need(self.type in _TRUNCATABLE, "truncate")
        elif self.action == HASH:
            _need(self.type not in (TEXT, BOOL, ANY), "hash")
        elif self.action == BUCKET:
            _need(self.type in _BUCKETABLE and len(self.params) >= 2, "bucket")
            form, bounds = _uint(self.params[0], 0, 1), _each(self.params[1:], _whole)
            if form == 0:
                _need(len(bounds) == 1 and bounds[0] > 0, "bucket")
            for i in range(1, len(bounds)):
                _need(bounds[i - 1] < bounds[i], "bucket")


class Template:
    """An allow-listed shape of log lines: `ops` are literals (bytes) or [type, capture, parameter]."""

    def __init__(self, m):
        _keys(m, 4)
        self.id = _uint(m[0], 1, 255)
        _text(m[1])
        self.log = m[2]
        self.ops = m[3]
        _need(isinstance(self.log, str) and isinstance(self.ops, list), "template")
        for op in self.ops:
            if isinstance(op, bytes):
                _need(len(op) > 0, "template")
            else:
                _need(isinstance(op, list) and len(op) == 3, "template")
                _uint(op[0], INT, ID)
                _uint(op[1], -1, -1 if op[0] == ANY else 15)
                if op[0] == ENUM:
                    _need(len(op[2]) > 0, "template")
                    _each(op[2], lambda word: _need(isinstance(word, bytes), "template"))


class Policy:
    """A policy whose signature, schema and shape are good. `hash` names it everywhere."""

    def __init__(self, file_bytes, payload, is_app_source):
        self.hash = digest(file_bytes)
        try:
            m = cbor.decode(payload, MAX_POLICY_BYTES)
            _need(isinstance(m, dict), "shape")
            if m.get(0) != SCHEMA:
                raise PolicyError("schema", REFUSED_SCHEMA)
            _keys(m, 10)
            self.name = _text(m[1])
            self.version = _uint(m[2], 1, 0x7FFFFFFF)
            self.expires_s = _uint(m[3], 1, 0xFFFFFFFF)
            for key in (5, 6, 7):
                _need(isinstance(m[key], list), "array")
            _need(1 <= len(m[5]) <= MAX_PURPOSES and len(m[6]) <= MAX_FIELDS, "size")
            _need(len(m[7]) <= MAX_TEMPLATES, "size")
            self.purposes = [Purpose(p) for p in m[5]]
            self.fields = [Field(f, is_app_source) for f in m[6]]
            self.templates = [Template(t) for t in m[7]]
            self.rates = m[8]
            for group, most in self.rates.items():
                _text(group)
                _uint(most, 0, 0x7FFFFFFF)
            self.narrows = _each(m[9], _hash)
            _need(len(_each(m[4], _text)) == 2, "controller")
            self.by_name = {purpose.name: purpose for purpose in self.purposes}
            self.by_id = {purpose.id: purpose for purpose in self.purposes}
        except (CborError, TypeError, ValueError, AttributeError):
            raise PolicyError("shape", REFUSED_POLICY)
        _need(len(self.by_id) == len(self.by_name) == len(self.purposes), "purpose ids and names")
        _need(len(set(f.id for f in self.fields)) == len(self.fields), "field ids")
        for field in self.fields:
            for purpose_id in field.purposes:
                _need(purpose_id in self.by_id, "purpose of a field")

    def fields_of(self, purpose_id):
        """The fields that list this purpose, in order of id."""
        return [field for field in self.fields if purpose_id in field.purposes]


def verify(file_bytes, anchors, is_app_source):
    """Open a signed policy file -> Policy. Raises PolicyError when it is not to be followed.

    `anchors`: the enrolled signers; only those of role policy count. `is_app_source(id)`: True for
    catalogue sources that `agent.emit` fills.
    """
    if len(file_bytes) > MAX_POLICY_BYTES:
        raise PolicyError("oversized", REFUSED_POLICY)
    try:
        kid, payload, signature = cose.parse_sign1(file_bytes)
    except (CborError, CoseError):
        raise PolicyError("not a signed policy", REFUSED_POLICY)
    for anchor in anchors:
        if anchor.role == POLICY_SIGNER and anchor.kid == kid:
            if cose.verify1(anchor.public, _AAD, payload, signature):
                return Policy(file_bytes, payload, is_app_source)
    raise PolicyError("signature", REFUSED_POLICY)
