# SPDX-License-Identifier: MIT
"""A small whole policy for tests to change, and short ways to check and build it."""

import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from quell_host.keys.files import Signer
from quell_host.policy.check import Checked, check
from quell_host.policy.document import Document
from quell_host.policy.encode import sign_policy
from quell_host.policy.source import parse_source

TODAY = datetime.date(2026, 6, 1)
SIGNER = Signer.of("policy", ec.derive_private_key(7, ec.SECP256R1()))
KEYS = {SIGNER.kid: SIGNER.public}

POLICY = """\
schema = 1
name = "small"
version = 3
expires = 2027-01-01
[controller]
name = "Ada Ltd"
contact = "ada@example.org"
[purpose.care]
id = 1
text = "Care for the device."
basis = "contract"
granularity = "1h"
retention = "30d"
recipients = ["Ada Ltd"]
region = "EU"
notice = "We care."
every = "15m"
[purpose.study]
id = 2
text = "Study logins."
basis = "consent"
granularity = "10m"
retention = "30d"
recipients = ["Ada Ltd", "Bob Ltd"]
region = "EU"
notice = "We study."
epoch = "7d"
[field.model]
id = 1
source = "device.model"
purposes = ["care"]
action = "keep"
[field.user]
id = 2
source = "log.login.user"
category = "third-party"
purposes = ["study"]
action = "hash"
[field.tries]
id = 3
source = "log.login.tries"
category = "diagnostic"
purposes = ["study"]
action = { bucket = { width = 10 } }
[template.login]
id = 1
log = "auth"
line = "login of {user:word} failed after {tries:int} tries"
"""


def checked(text: str = POLICY) -> Checked:
    """The check of a policy's text, as of TODAY."""
    return check(parse_source(text.encode(), "p.toml", Path(".")), TODAY)


def changed(old: str, new: str, text: str = POLICY) -> str:
    """The policy with `old`, which must stand in it once, replaced."""
    assert text.count(old) == 1, old
    return text.replace(old, new)


def errors(text: str) -> list[str]:
    """The errors of a policy's text, each as `FILE:LINE: what; what to do`."""
    return [finding.text("p.toml") for finding in checked(text).findings.errors]


def line_of(text: str, part: str) -> int:
    """The line, from 1, in which `part` stands first."""
    return text[: text.index(part)].count("\n") + 1


def document(text: str = POLICY) -> Document:
    """The signed policy of a text without errors."""
    policy = checked(text).policy
    assert policy is not None, errors(text)
    return Document.open(sign_policy(policy, SIGNER), KEYS)
