# SPDX-License-Identifier: MIT
"""Each rule of boards/lint113.py finds what it is for and lets its neighbour pass; core and module have no finding."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "boards"))
import lint113  # noqa: E402
from lint113_rules import RULES  # noqa: E402
from module_files import files_on_a_module  # noqa: E402

FILES = sorted({*files_on_a_module(), *(ROOT / "firmware/quell").rglob("*.py")})

# rule: (what it finds, what it lets pass), each a list of sources
SNIPPETS = {
    "f-string": (["f'{x}'", "f'a' 'b'"], ["'{}'.format(x)", "'%d' % x"]),
    "walrus": (["(a := 1)"], ["a = 1"]),
    "positional-only": (["def f(a, /): pass", "lambda a, /: a"], ["def f(a, *, b=1): pass"]),
    "match": (["match x:\n case 1: pass"], ["match(x)"]),
    "except-star": (["try:\n x\nexcept* E:\n y"], ["try:\n x\nexcept E:\n y"]),
    "star": (
        ["[*a]", "x = *a, 1", "{**a}", "f(*a, *b)", "f(**a, **b)", "f(*a, b)", "a[*b]"],
        ["f(*a)", "f(1, *a, **b)", "a, *b = c", "def f(*a, **b): pass", "f(*a, k=1)"],
    ),
    "decorator": (["@a[0]\ndef f(): pass"], ["@a.b(1)\ndef f(): pass", "@a\nclass B: pass"]),
    "unicode-escape": (["'\\u20ac'", "'\\N{BULLET}'"], ["'€'", "'a\\\\u20ac'", "b'\\xff'"]),
    "const": (
        ["A = const('a')", "A = const(1.5)", "from x import B\nA = const(B)", "A = const(len('a'))", "A = const(b'')"],
        ["A = const(1)\nB = const(A + 1)", "A = const(-(1 << 5))"],
    ),
    "async": (["async def f(): pass"], ["def f(): yield 1"]),
    "native": (["@micropython.native\ndef f(): pass", "@micropython.viper\ndef f(): pass"], ["@property\ndef f(self): pass"]),
    "no-builtin": (
        ["reversed(a)", "frozenset()", "try:\n a\nexcept UnicodeError:\n b", "try:\n a\nexcept (ValueError, ConnectionError):\n b"],
        ["sorted(a)", "def reversed(a): pass\nreversed(b)", "try:\n a\nexcept ValueError:\n b", "format = 1\nformat"],
    ),
    "no-method": (
        ["b.hex()", "bytes.fromhex(a)", "s.partition(',')", "s.splitlines()", "n.bit_length()", "dict.fromkeys(a)", "h.hexdigest()", "m.tobytes()"],
        ["s.split(',')", "class A:\n def hex(self): pass\nA().hex()"],
    ),
    "bytearray-method": (
        ["b = bytearray(5)\nb.find(b'a')", "class A:\n def f(self):\n  self._b = bytearray()\n  self._b.startswith(b'a')"],
        ["b = bytearray(5)\nb.extend(b'a')\nb.decode()", "b = bytes(5)\nb.find(b'a')"],
    ),
    "no-attribute": (
        ["import usys\nusys.exc_info()", "import uos as os\nos.sync()", "from ucollections import OrderedDict", "import ubinascii\nubinascii.crc32(b)"],
        ["import usys\nusys.print_exception(e)", "a.sync()", "try:\n from ubinascii import crc32\nexcept ImportError:\n crc32 = None"],
    ),
    "errno-attribute": (["error.errno"], ["error.args[0]", "error.errno = 5"]),
    "u-name": (
        ["import os", "from time import ticks_ms", "try:\n import json\nexcept ImportError:\n json = None",
         "try:\n import usys as sys\n import uos as os\nexcept ImportError:\n import sys\n import os"],
        ["try:\n import uos as os\nexcept ImportError:\n import os", "import gc", "import uos",
         "try:\n import usys as sys\nexcept ImportError:\n import sys", "try:\n from ustruct import pack\nexcept ImportError:\n from struct import pack"],
    ),
    "no-module": (["import asyncio", "from functools import partial", "import uasyncio"], ["import math", "try:\n import uheapq\nexcept ImportError:\n uheapq = None"]),
    "next-default": (["next(a, None)"], ["next(a)", "a.next(b, c)"]),
    "keyword": (
        ["n.to_bytes(2, byteorder='big')  # 1.13: x\nint('1', base=2)", "json.dumps(a, separators=(',', ':'))", "zip(a, b, strict=True)", "sum(a, start=1)"],
        ["sorted(a, key=b)", "dict(a=1)", "print(a, end='')", "enumerate(a, start=1)"],
    ),
    "prefix-tuple": (["a.startswith(('b', 'c'))", "a.endswith('b', 1)"], ["a.startswith('b', 1)", "a.endswith('b')"]),
    "to-bytes": (
        ["n.to_bytes(2, 'big')", "(n & 0x1FFFF).to_bytes(2, 'big')", "(300).to_bytes(1, 'big')", "n.to_bytes(k, 'big')"],
        ["(n & 0xFFFF).to_bytes(2, 'big')", "(5).to_bytes(1, 'big')"],
    ),
    "chr": (["chr(n)", "chr(0x20AC)"], ["chr(n & 0xFF)", "chr(65)"]),
    "digest-twice": (["def f(h):\n a = h.digest()\n return h.digest()"], ["def f(h, g):\n return h.digest() + g.digest()", "def f():\n digest(a)\n digest(b)"]),
    "open-mode": (["open(a, 'x')", "open(a, 'xb')"], ["open(a, 'wb')", "open(x)"]),
    "urandom": (["import uos as os\nos.urandom(8)"], ["entropy.urandom(8)"]),
    "division": (
        ["a // b", "a % m", "a //= b", "divmod(a, b)", "pow(a, b, m)", "(a * b) // 3", "len(a) * n % 7"],
        ["len(a) // 16", "'%d' % a", "'a' 'b' % (c,)", "(n & 0xFF) % 10", "(len(a) + 3) // 4", "a / b", "pow(a, b)", "a >> 3", "b'%d' % a"],
    ),
    "inverse": (["pow(3, -1, m)"], ["pow(3, 1, m)"]),
    "negative-zero": (["-a & 7", "a | -b"], ["-len(a) & 15", "a | -1", "-a + 7"]),
    "dict-order": (
        ["for k, v in d.items():\n out.append(k)", "for k in d.keys():\n yield k", "[k for k in d.values()]", "b''.join(f(k) for k in d.items())",
         "d = {}\nfor k in d:\n out += f(k)", "for a in {1, 2}:\n b.extend(a)", "d = dict(a=1)\nx = tuple(k for k in list(d))"],
        ["for k in sorted(d.items()):\n out.append(k)", "for k, v in d.items():\n n += v", "sum([v for v in d.values()])", "{k: v for k, v in d.items()}",
         "for k, v in d.items():\n if v: return k", "sorted(k for k in d.keys())", "for k in names:\n out.append(k)", "[1 for v in d.values() if v]"],
    ),
    "dict-union": (["{1: 2} | a", "a | dict(b=1)"], ["{1, 2} | a", "a | b"]),
    "slice-assignment": (["b[1:2] = c", "del b[:-3]", "b[1:] += c"], ["b[1] = c", "c = b[1:2]", "del b[0]"]),
    "re-count": (["import ure\nure.match('[0-9]{3}', a)", "import ure as re\nre.compile('a{2,}')"], ["import ure\nure.match('[0-9]+', a)", "a.match('b{3}')"]),
    "re-syntax": (
        ["import ure\nure.match('\\\\bx', a)", "import ure\nure.search('(?i)x', a)", "import ure\nure.match('[\\\\d]', a)", "import ure\nure.match('(?<!a)b', c)"],
        ["import ure\nure.match('(?:a)b', c)", "import ure\nure.match('\\\\d+[a-z]', a)"],
    ),
    "re-match": (["import ure\nm.groups()", "import ure\nm.span()"], ["import ure\nm.group(1)", "thread.start()", "import ure\nclass A:\n def start(self): pass\nA().start()"]),
    "format-field": (["'{0.real}'.format(a)", "'{0[1]}'.format(a)"], ["'{:04x} {a} {!r:.3}'.format(b, a=c)", "a.format('{0[1]}')"]),
    "class-hook": (["class A:\n def __setattr__(self, a, b): pass", "class A:\n def __radd__(self, a): pass"], ["class A:\n def __getattr__(self, a): pass\n def __iadd__(self, a): pass"]),
    "function-attribute": (["def f(): pass\nf.count = 0", "def f(): pass\nprint(f.__name__)"], ["class A: pass\nA.count = 0\nA.__name__", "type(e).__name__"]),
}  # fmt: skip


def rules_found(source: str) -> set[str]:
    return {rule for _, rule, _ in lint113.problems(source)}


def test_every_rule_is_shown_here() -> None:
    assert set(SNIPPETS) == set(RULES)


@pytest.mark.parametrize("rule", SNIPPETS)
def test_a_rule_finds_what_it_is_for_and_no_more(rule: str) -> None:
    bad, good = SNIPPETS[rule]
    for source in bad:
        assert rule in rules_found(source), source
    for source in good:
        assert rule not in rules_found(source), source


def test_a_finding_tells_line_rule_reason_and_source() -> None:
    (found,) = lint113.problems("a = 1\nb = reversed(a)\n")
    line, rule, what = found
    assert (line, rule) == (2, "no-builtin")
    assert what.startswith("reversed: ") and what.endswith(")")


def test_a_comment_with_a_reason_allows_a_line_and_only_that() -> None:
    assert lint113.problems("a = b // c  # 1.13: both are below 100\n") == []
    assert rules_found("# 1.13: both are below 100\na = b // c\n") == {"allowed", "division"}
    assert lint113.problems("a = f(\n    b // c,  # 1.13: small\n)\n") == []


@pytest.mark.parametrize("source", ["a = b // c  # 1.13:\n", "a = b  # 1.13: nothing is divided\n", "'# 1.13: text'; a = b // c\n"])
def test_a_comment_without_reason_or_need_is_a_finding(source: str) -> None:
    assert rules_found(source) & {"allowed", "division"}


def test_a_file_that_is_no_python_is_a_finding() -> None:
    assert rules_found("def f(:") == {"syntax"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_core_and_what_goes_on_a_module_has_no_finding(path: Path) -> None:
    found = [f"{path}:{line}: {rule}: {what}" for line, rule, what in lint113.problems(path.read_text())]
    assert not found, "\n".join(found)
