# SPDX-License-Identifier: MIT
"""The purpose digest covers what a person agrees to, exactly that, and byte by byte."""

import hashlib

import cbor2
import pytest
from host.policy_case import POLICY, changed, checked


def digests(text: str) -> dict[str, str]:
    policy = checked(text).policy
    assert policy is not None
    return {purpose.name: purpose.digest.hex() for purpose in policy.purposes}


def test_the_digest_is_the_one_of_the_spec():
    # Written out from SPEC §7, and encoded by cbor2 alone: arrays have one encoding only.
    line = "login of {user:word} failed after {tries:int} tries"
    agreed = [
        "quell/1 purpose",
        "study",
        "Study logins.",
        3,
        ["Ada Ltd", "ada@example.org"],
        ["Ada Ltd", "Bob Ltd"],
        "EU",
        600,
        30 * 86400,
        hashlib.sha256(b"We study.").digest(),
        [1, 2],
        7 * 86400,
        0,
        [
            ["tries", f"log.auth:{line}:tries", "diagnostic", 4, [0, 10]],
            ["user", f"log.auth:{line}:user", "third-party", 2, []],
        ],
    ]
    policy = checked().policy
    assert policy.purposes[1].digest == hashlib.sha256(cbor2.dumps(agreed)).digest()


CHANGES_STUDY = [
    ('text = "Study logins."', 'text = "Study all."'),
    ('recipients = ["Ada Ltd", "Bob Ltd"]', 'recipients = ["Ada Ltd"]'),
    ('notice = "We study."', 'notice = "We look."'),
    ('granularity = "10m"', 'granularity = "20m"'),
    ('epoch = "7d"', 'epoch = "8d"'),
    ('epoch = "7d"', 'epoch = "7d"\ngrant_by = ["subject"]'),
    ('name = "Ada Ltd"', 'name = "Eve Ltd"'),
    ('action = "hash"', 'action = "drop"'),
    ("width = 10", "width = 20"),
    ('category = "third-party"', 'category = "usage"'),
    ("failed after", "lost after"),
    ('log = "auth"', 'log = "login"'),
]


@pytest.mark.parametrize(("old", "new"), CHANGES_STUDY)
def test_what_matters_to_the_person_changes_the_digest(old, new):
    assert digests(changed(old, new))["study"] != digests(POLICY)["study"]


KEEPS_STUDY = [
    ("version = 3", "version = 4"),
    ("expires = 2027-01-01", "expires = 2028-01-01"),
    ("id = 2\ntext", "id = 9\ntext"),
    ("id = 2\nsource", "id = 77\nsource"),
    ('epoch = "7d"', 'epoch = "7d"\nweight = 99'),
    ('action = "hash"', 'action = "hash"\nrequired = true'),
    ('text = "Care for the device."', 'text = "Care."'),
    ("[template.login]\nid = 1", "[rates]\nlog = 5\n[template.login]\nid = 8"),
]


@pytest.mark.parametrize(("old", "new"), KEEPS_STUDY)
def test_what_does_not_matter_to_the_person_keeps_the_digest(old, new):
    assert digests(changed(old, new))["study"] == digests(POLICY)["study"]
