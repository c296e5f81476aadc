# SPDX-License-Identifier: MIT
"""A stored value is shown as what its action made of it; what the action cannot make is refused."""

import pytest
from host.policy_case import POLICY, changed, document
from hypothesis import given
from hypothesis import strategies as st

from quell_host.policy.render import RenderError

NOON = 1_800_000_000
NOON_TEXT = "2027-01-15T08:00:00Z"


def field_of(kind: str, action: str):
    text = POLICY.replace('every = "15m"\n', "")
    text = changed('source = "device.model"', f'source = "app.{kind}"\ncategory = "usage"', text)
    return document(changed('action = "keep"', f"action = {action}", text))


WIDTH = "{ bucket = { width = 10 } }"
HOUR = '{ bucket = { width = "1h" } }'
BOUNDS = "{ bucket = { bounds = [10, 50, 100] } }"
CASES = [
    ("word", '"hash"', bytes(range(8)), "0001020304050607"),
    ("ipv4", '"truncate"', bytes([192, 0, 2]), "192.0.2.0/24"),
    ("ipv6", '"truncate"', bytes.fromhex("20010db80001"), "2001:db8:1::/48"),
    ("ip", '"truncate"', bytes([192, 0, 2]), "192.0.2.0/24"),
    ("ip", '"truncate"', bytes.fromhex("20010db80001"), "2001:db8:1::/48"),
    ("mac", '"truncate"', bytes.fromhex("aabbcc"), "aa:bb:cc:*"),
    ("imei", '"truncate"', "35693803", "35693803*"),
    ("iccid", '"truncate"', "8944110", "8944110*"),
    ("imsi", '"truncate"', "262", "262*"),
    ("phone", '"truncate"', "+49", "+49*"),
    ("int", WIDTH, 40, "40..49"),
    ("int", WIDTH, -10, "-10..-1"),
    ("int", BOUNDS, 0, "<10"),
    ("int", BOUNDS, 1, "10..49"),
    ("int", BOUNDS, 3, ">=100"),
    ("time", HOUR, NOON, f"{NOON_TEXT}/2027-01-15T09:00:00Z"),
    ("time", '"keep"', NOON, NOON_TEXT),
    ("time", '"keep"', 2**60, "1152921504606846976"),
    ("time", HOUR, -3600, "-3600/1970-01-01T00:00:00Z"),
    ("int", '"keep"', -5, -5),
    ("bool", '"keep"', True, True),
    ("version", '"keep"', "v1.2", "v1.2"),
    ("version", '"keep"', "a\x1b[2J", "a\ufffd[2J"),
    ("hex", '"keep"', "00ff", "00ff"),
    ("duration", '"keep"', 1500, 1500),
]


@pytest.mark.parametrize(("kind", "action", "value", "shown"), CASES)
def test_a_value_is_shown_as_its_action_made_it(kind, action, value, shown):
    assert field_of(kind, action).render(1, value) == shown


BAD = [
    ("word", '"hash"', b"1234567"),
    ("word", '"hash"', "12345678"),
    ("ipv4", '"truncate"', bytes([192, 0, 2, 1])),
    ("mac", '"truncate"', bytes(6)),
    ("imei", '"truncate"', "356938035643809"),
    ("phone", '"truncate"', "+4930901820"),
    ("int", WIDTH, 41),
    ("int", WIDTH, "40"),
    ("int", WIDTH, True),
    ("int", BOUNDS, 4),
    ("int", BOUNDS, -1),
    ("time", '"keep"', "2027-01-15"),
    ("bool", '"keep"', 1),
    ("int", '"keep"', True),
    ("version", '"keep"', "x" * 129),
    ("hex", '"keep"', "xyz"),
]


@pytest.mark.parametrize(("kind", "action", "value"), BAD)
def test_a_value_that_the_action_cannot_give_is_refused(kind, action, value):
    with pytest.raises(RenderError):
        field_of(kind, action).render(1, value)


def test_a_field_that_the_policy_does_not_have_is_refused():
    with pytest.raises(RenderError):
        document().render(99, 1)


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**64), 2**64 - 1) | st.binary(max_size=9) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=2),
    max_leaves=3,
)
_DOCUMENTS = [field_of(kind, action) for kind, action, _, _ in CASES]


@given(st.sampled_from(_DOCUMENTS), _ANY)
def test_any_value_is_shown_as_json_or_refused(opened, value):
    try:
        shown = opened.render(1, value)
    except RenderError:
        return
    assert isinstance(shown, int | bool | str)
    assert not isinstance(shown, str) or shown.isprintable()
