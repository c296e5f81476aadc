# SPDX-License-Identifier: MIT
"""A template is exact: what could let free text through is refused."""

import pytest
from host.policy_case import POLICY, changed, errors
from hypothesis import given
from hypothesis import strategies as st

from quell_host.policy.templates import TemplateError, compile_template, ops_text
from quell_host.policy.vocabulary import Type


def test_a_template_compiles_to_the_ops_of_the_spec():
    made = compile_template("{*}sshd[{*:int}]: {how:enum(err,error)} {{x}} by {who:word} end")
    assert made.ops == (
        (18, -1, None),
        b"sshd[",
        (0, -1, None),
        b"]: ",
        (12, 0, (b"err", b"error")),
        b" {x} by ",
        (2, 1, None),
        b" end",
    )
    assert made.captures == {"how": Type.ENUM, "who": Type.WORD}


@pytest.mark.parametrize("behind", [": closed", ". Bye", ".", ":", "-- ", ", ", "/24"])
def test_a_sentence_may_go_on_behind_an_address(behind):
    assert compile_template("login from {a:ip}" + behind).ops[-1] == behind.encode()


REFUSED = [
    ("", "no fixed text"),
    ("{*}", "no fixed text"),
    ("a b {x:int}", "no fixed text"),
    ("    {x:int}", "no fixed text"),
    ("login {a:int}{b:word}", "two captures touch"),
    ("login {a:int}{*}", "two captures touch"),
    ("login {*}{*}", "two captures touch"),
    ("login {a}", "no name or no type"),
    ("login {:int}", "no name or no type"),
    ("login {}", "no name or no type"),
    ("login {a:wrod}", 'unknown capture type "wrod"'),
    ("login {a:text}", 'unknown capture type "text"'),
    ("login {a:any}", "unknown capture type"),
    ("login {a:enum}", "without its values"),
    ("login {a:enum()}", "not allowed"),
    ("login {a:enum(x, y)}", "not allowed"),
    ("login {a:enum(x,x)}", "repeats"),
    ("login {A:int}", "not allowed"),
    ("login {a:int} {a:int}", "stands twice"),
    ("login { a", 'a single "{"'),
    ("login } a", 'a single "}"'),
    ("login {a:int}0 tries", 'also takes the "0"'),
    ("login {a:word}. end", 'also takes the "."'),
    ("login {a:hex}beef", 'also takes the "b"'),
    ("login {a:ip}:{b:int}", 'also takes the ":"'),
    ("login {a:ipv4}:{b:int}", 'also takes the ":"'),
    ("login {a:mac}-0", 'also takes the "-"'),
    ("login {a:duration}s", 'also takes the "s"'),
    ("login {a:enum(x,y)}.", 'also takes the "."'),
    ("login {a:level}-", 'also takes the "-"'),
    ("login \x1b[31m {a:int}", "control character"),
    ("login " + "x" * 300, "over 256 bytes"),
    ("login " + "".join(f"{{a{n}:int}} " for n in range(17)), "more than 16 captures"),
]


@pytest.mark.parametrize(("line", "says"), REFUSED)
def test_a_loose_template_is_refused(line, says):
    with pytest.raises(TemplateError) as caught:
        compile_template(line)
    assert says in caught.value.what and caught.value.do


def test_an_unused_capture_is_an_error_that_says_how_to_throw_it_away():
    text = changed("{tries:int} tries", "{tries:int} tries from {host:word}")
    (error,) = errors(text)
    assert 'no field uses the capture "host"' in error and "{*:word}" in error


def test_an_unused_template_is_an_error():
    text = POLICY + '[template.other]\nid = 2\nlog = "auth"\nline = "closed by {*}"\n'
    (error,) = errors(text)
    assert "no field uses template.other" in error


def test_two_templates_of_one_log_never_have_the_same_line():
    extra = '[template.twin]\nid = 2\nlog = "auth"\n' + POLICY.splitlines()[-1] + "\n"
    assert any('has the line of "login"' in error for error in errors(POLICY + extra))


def test_a_template_can_be_read_again_with_the_names_of_its_fields():
    made = compile_template("{*}sshd: {{x}} by {who:word}")
    assert ops_text(made.ops, {0: "login-user"}) == "…sshd: {x} by {login-user}"


@given(st.text(alphabet="{}*:abc01 .,()int-wordenum\n", max_size=60))
def test_any_text_compiles_or_is_refused(line):
    try:
        made = compile_template(line)
    except TemplateError:
        return
    kinds = [isinstance(op, bytes) for op in made.ops]
    assert all(left or right for left, right in zip(kinds, kinds[1:]))
    assert sum(1 for op in made.ops if not isinstance(op, bytes) and op[1] >= 0) == len(made.captures)
