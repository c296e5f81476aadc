# SPDX-License-Identifier: MIT
"""Every key of a TOML text is found on its line, whatever strings and brackets stand around it."""

import json
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quell_host.policy.lines import LineIndex

TEXT = '''\
# first line
a = 1
"b c" = "x # not a comment"
[t]
d = """
[not.a.table]
e = "5"
""""
f = [ # [
  1, "]",
]
g.h = { i = 1 }
[t."u.v"] # comment
j = \'\'\'
k = 2\'\'\'
l = 2
'''

WHERE = [
    (("a",), 2),
    (("b c",), 3),
    (("t",), 4),
    (("t", "d"), 5),
    (("t", "f"), 9),
    (("t", "g", "h"), 12),
    (("t", "g"), 12),
    (("t", "g", "h", "i"), 12),
    (("t", "u.v"), 13),
    (("t", "u.v", "j"), 14),
    (("t", "u.v", "l"), 16),
    (("t", "u.v", "none"), 13),
    (("none",), 1),
    ((), 1),
]


@pytest.mark.parametrize(("path", "line"), WHERE)
def test_a_key_has_its_line_or_that_of_the_table_around_it(path, line):
    tomllib.loads(TEXT)
    assert LineIndex(TEXT).line(*path) == line


def test_text_in_strings_is_no_key():
    index = LineIndex(TEXT)
    assert index.line("not", "a", "table") == 1
    assert index.line("t", "e") == 4


_KEYS = st.text(alphabet="ab \"'#[]{}=.,\\\n", min_size=1, max_size=6)
_STRINGS = st.text(alphabet="ab \"'#[]{}=.,\\\n", max_size=12)
_VALUES = st.recursive(_STRINGS, lambda inner: st.lists(inner, max_size=3), max_leaves=5)


def _toml(value, breaks: str) -> str:
    if isinstance(value, list):
        return "[" + breaks + ",".join(_toml(item, breaks) + breaks for item in value) + "]"
    return json.dumps(value)


_BREAKS = st.sampled_from(["", "\n", " # [\n"])


@given(st.dictionaries(_KEYS, _VALUES, min_size=1, max_size=5), _BREAKS)
def test_any_keys_have_their_lines(values, breaks):
    text, expected = "", {}
    for key, value in values.items():
        expected[key] = text.count("\n") + 1
        text += f"{json.dumps(key)} = {_toml(value, breaks)}\n"
    assert set(tomllib.loads(text)) == set(expected)
    # A key with an escape is looked for as it is written, and then has its table's line.
    index = LineIndex(text)
    for key, line in expected.items():
        if json.dumps(key) == f'"{key}"':
            assert index.line(key) == line


@given(st.text(alphabet="ab \"'#[]{}=.,\\\n\r\t", max_size=80))
def test_any_text_is_scanned_to_its_end(text):
    assert LineIndex(text).line("a") >= 1
