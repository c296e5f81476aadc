# SPDX-License-Identifier: MIT
"""A policy is followed only if every key of it is known, of its type and within bounds, and its signer enrolled."""

import unittest

from sim.device import (
    ANY,
    BOOL,
    BUCKET,
    DROP,
    DURATION,
    ENUM,
    HASH,
    HEX,
    ICCID,
    ID,
    IMEI,
    IMSI,
    INT,
    IP,
    IPV4,
    IPV6,
    KEEP,
    LEVEL,
    MAC,
    PHONE,
    TEXT,
    TIME,
    TRUNCATE,
    VERSION,
    WORD,
)  # fmt: skip
from sim.sim_host import DEVICE_ID, OPERATOR, POLICY, STRANGER, SUBJECT, field, policy_file, purpose, request

from quell.codec import cbor
from quell.errors import PolicyError
from quell.state import policy as policies
from quell.state.provisioning import Anchor

ANCHORS = [Anchor(*anchor) for anchor in request()[4]]
BODY, SCHEMA = 9, 7


def is_app(source):
    return 192 <= source < 256


def unsigned(payload):
    """The policy of these map bytes, as if its signature were good: parsing only, for speed."""
    return policies.Policy(b"", payload, is_app)


def document(**changes):
    """A good policy's map, with changes by key as k0…k9."""
    m = {
        0: 1, 1: "name", 2: 1, 3: 2000000000, 4: ["us", "mail"], 5: [purpose()], 6: [field(1, "code", 192, INT)],
        7: [], 8: {}, 9: [],
    }  # fmt: skip
    for key, value in changes.items():
        m[int(key[1:])] = value
    return m


def outcome(m):
    """None if the map is followed, else the receipt's outcome."""
    try:
        unsigned(m if isinstance(m, bytes) else cbor.encode(m))
        return None
    except PolicyError as error:
        return error.outcome


def without(m, key):
    m = dict(m)
    m.pop(key)
    return m


class TestSignature(unittest.TestCase):
    def verify(self, body, anchors=ANCHORS):
        return policies.verify(body, anchors, is_app)

    def test_by_the_policy_signer_is_followed(self):
        policy = self.verify(policy_file([purpose()], [field(1, "code", 192, INT)]))
        self.assertEqual((policy.version, policy.purposes[0].id), (1, 1))

    def test_by_anybody_else_is_not(self):
        for signer in (OPERATOR, SUBJECT, STRANGER):
            body = policy_file([purpose()], [], signer=signer)
            self.assertRaises(PolicyError, self.verify, body)

    def test_of_another_context_is_not(self):
        body = POLICY.sign(["quell/1 command", DEVICE_ID], document())
        self.assertRaises(PolicyError, self.verify, body)

    def test_no_truncation_is(self):
        body = policy_file([purpose()], [field(1, "code", 192, INT)])
        for end in range(0, len(body), 7):
            self.assertRaises(PolicyError, self.verify, body[:end])

    def test_a_flipped_payload_is_not(self):
        body = policy_file([purpose()], [field(1, "code", 192, INT)])
        for at in range(12, len(body) - 64, 61):
            self.assertRaises(PolicyError, self.verify, body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :])

    def test_over_the_size_is_not_even_parsed(self):
        self.assertRaises(PolicyError, self.verify, bytes(16385))


class TestShape(unittest.TestCase):
    def test_the_good_one_is_followed(self):
        self.assertIsNone(outcome(document()))

    def test_a_missing_or_additional_key_is_refused(self):
        for key in range(1, 10):
            self.assertEqual(outcome(without(document(), key)), BODY, key)
        self.assertEqual(outcome(document(k10=1)), BODY)
        for key in range(14):
            self.assertEqual(outcome(document(k5=[without(purpose(), key)])), BODY, key)
        self.assertEqual(outcome(document(k5=[purpose(k14=1)])), BODY)
        good = field(1, "code", 192, INT)
        for key in range(9):
            self.assertEqual(outcome(document(k6=[without(good, key)])), BODY, key)
        good[9] = 1
        self.assertEqual(outcome(document(k6=[good])), BODY)

    def test_another_schema_is_refused_as_such(self):
        for schema in (0, 2, 1 << 40, "1", None, b"1"):
            self.assertEqual(outcome(document(k0=schema)), SCHEMA, repr(schema))
        self.assertEqual(outcome(without(document(), 0)), SCHEMA)

    def test_the_wrong_type_in_any_place_is_refused(self):
        wrong = {
            1: (1, None, b"x"), 2: (0, -1, True, "1", 1 << 31), 3: (0, -1, "x", 1 << 32), 4: (1, [], ["us"], [1, 2]),
            5: (1, [], {}, [1], ["x"], [[]], [{}]), 6: (1, {}, [1], ["x"], [{}]), 7: (1, {}, [1], [{}]),
            8: (1, [], {"app": "many"}, {"app": -1}, {1: 1}, {"app": True}), 9: (1, {}, [1], [b"short"], ["x" * 32]),
        }  # fmt: skip
        for key, values in wrong.items():
            for value in values:
                m = document()
                m[key] = value
                self.assertEqual(outcome(m), BODY, repr((key, value)))

    def test_the_wrong_type_in_a_purpose_is_refused(self):
        wrong = {
            0: (0, 256, "1", True), 1: (1, None, b"x"), 3: (4, -1, "3"), 4: (0, -1, "60"), 5: (0, "x"), 9: (1, "x", [1, "x"], [4]),
            10: (b"", bytes(31), "x" * 32, None), 11: (-1, None), 12: (0, 101, None), 13: (0, None),
        }  # fmt: skip
        for key, values in wrong.items():
            for value in values:
                m = purpose()
                m[key] = value
                self.assertEqual(outcome(document(k5=[m])), BODY, repr((key, value)))

    def test_the_wrong_type_in_a_field_is_refused(self):
        wrong = {
            0: (0, 65536, "1", True), 1: (1, None, b"x"), 2: (0, "x", None, [1], [1, 2, 3], ["x", 1], [0, 1], [1, 16], [1, -1]),
            4: (1, "x", {}, [9], ["x"], [None]), 5: (5, 6, -1, "0", 7), 6: (1, None, {}), 7: (1, None, "x"), 8: (20, -1, "x", None),
        }  # fmt: skip
        for key, values in wrong.items():
            for value in values:
                m = field(1, "code", 192, INT)
                m[key] = value
                self.assertEqual(outcome(document(k6=[m])), BODY, repr((key, value)))

    def test_ids_and_names_are_unique(self):
        self.assertEqual(outcome(document(k5=[purpose(1, "a"), purpose(1, "b")])), BODY)
        self.assertEqual(outcome(document(k5=[purpose(1, "a"), purpose(2, "a")])), BODY)
        self.assertEqual(outcome(document(k6=[field(1, "a", 192, INT), field(1, "b", 193, BOOL)])), BODY)

    def test_numbers_of_things_are_bounded(self):
        purposes = [purpose(n, "p%d" % n) for n in range(1, 18)]
        self.assertIsNone(outcome(document(k5=purposes[:16])))
        self.assertEqual(outcome(document(k5=purposes)), BODY)
        fields = [field(n, "f%d" % n, 192, INT) for n in range(1, 130)]
        self.assertIsNone(outcome(document(k6=fields[:128])))
        self.assertEqual(outcome(document(k6=fields)), BODY)
        templates = [{0: n, 1: "t", 2: "log", 3: [b"x"]} for n in range(1, 66)]
        self.assertIsNone(outcome(document(k7=templates[:64])))
        self.assertEqual(outcome(document(k7=templates)), BODY)

    def test_templates_of_the_wrong_shape_are_refused(self):
        for ops in (
            1, "x", [b""], ["x"], [1], [[]], [[0, 0]], [[20, 0, None]], [[-1, 0, None]], [[0, 16, None]], [[0, -2, None]],
            [["x", 0, None]], [[0, "x", None]], [[ENUM, 0, None]], [[ENUM, 0, ["x"]]], [[ENUM, 0, []]], [[ANY, 0, None]],
        ):  # fmt: skip
            m = document(k7=[{0: 1, 1: "t", 2: "log", 3: ops}])
            self.assertEqual(outcome(m), BODY, repr(ops))
        for key, value in ((0, 0), (0, 256), (2, 1), (2, None)):
            template = {0: 1, 1: "t", 2: "log", 3: [b"x"]}
            template[key] = value
            self.assertEqual(outcome(document(k7=[template])), BODY)
        self.assertIsNone(outcome(document(k7=[{0: 1, 1: "t", 2: "log", 3: [[ANY, -1, None], [ENUM, 0, [b"x"]]]}])))

    def test_bytes_that_are_no_policy_are_refused(self):
        for payload in (b"", b"\x00", b"\xff" * 9, cbor.encode([]), cbor.encode("x"), cbor.encode(document())[:-1]):
            self.assertTrue(outcome(payload) in (BODY, SCHEMA))


class TestActions(unittest.TestCase):
    ALL = (
        INT, BOOL, WORD, TEXT, TIME, IPV4, IPV6, MAC, IMEI, IMSI, ICCID, PHONE, ENUM, VERSION, HEX, IP, LEVEL, DURATION, ANY, ID,
    )  # fmt: skip
    MAY = {
        KEEP: (INT, BOOL, TIME, ENUM, VERSION, HEX, LEVEL, DURATION),
        DROP: ALL,
        TRUNCATE: (IPV4, IPV6, IP, MAC, IMEI, IMSI, ICCID, PHONE),
        BUCKET: (INT, TIME, DURATION),
    }

    def test_each_action_is_taken_only_for_types_that_it_can_serve(self):
        for action in self.MAY:
            for kind in self.ALL:
                params = [0, 10] if action == BUCKET else []
                good = outcome(document(k6=[field(1, "f", 192, kind, action, params)])) is None
                self.assertEqual(good, kind in self.MAY[action], (action, kind))

    def test_no_identifier_and_no_free_text_is_kept(self):
        for kind in (WORD, TEXT, IPV4, IPV6, IP, MAC, IMEI, IMSI, ICCID, PHONE, ANY, ID):
            self.assertEqual(outcome(document(k6=[field(1, "f", 192, kind, KEEP)])), BODY, kind)

    def test_free_text_and_truths_are_not_hashed(self):
        for kind in (TEXT, BOOL, ANY):
            self.assertEqual(outcome(document(k6=[field(1, "f", 192, kind, HASH)])), BODY)
        self.assertIsNone(outcome(document(k6=[field(1, "f", 192, ID, HASH)])))

    def test_bucket_parameters_are_checked(self):
        for params in ([], [0], [0, 0], [0, -5], [2, 1], ["x", 1], [1, "x"], [1], [0, True], [0, -1], [1, 5, 3], [0, 10, 20]):
            self.assertEqual(outcome(document(k6=[field(1, "f", 192, INT, BUCKET, params)])), BODY, repr(params))
        for params in ([0, 1], [1, 0], [1, -5, 0, 7]):
            self.assertIsNone(outcome(document(k6=[field(1, "f", 192, INT, BUCKET, params)])), repr(params))


if __name__ == "__main__":
    unittest.main()
