# SPDX-License-Identifier: MIT
"""The core keeps the rules of its house: no floats, asserts, prints or annotations, P-256 without division.

What MicroPython 1.13 lacks is another matter: test_lint113.py, test_compiles_113.py.
"""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CORE = ROOT / "firmware/quell"
FILES = sorted(CORE.rglob("*.py"))
NAMES = [path.relative_to(CORE).as_posix() for path in FILES]

NO_BUILTINS = {"compile", "eval", "exec", "input", "print", "open", "complex", "pow", "divmod"}


@pytest.fixture(params=FILES, ids=NAMES)
def tree(request: pytest.FixtureRequest) -> ast.AST:
    return ast.parse(request.param.read_text())


def problems(tree: ast.AST):
    """(line, what) for everything that the core must not do."""
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        if isinstance(node, (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)):
            yield line, "async"
        elif isinstance(node, ast.Assert):  # gone where code is compiled with -O
            yield line, "assert"
        elif isinstance(node, ast.ExceptHandler) and node.type is None:
            yield line, "bare except"
        elif isinstance(node, ast.ImportFrom) and node.level:
            yield line, "relative import"
        elif isinstance(node, ast.AnnAssign):
            yield line, "annotation"
        elif isinstance(node, ast.FunctionDef) and (node.returns or any(arg.annotation for arg in node.args.args)):
            yield line, "annotation"
        elif isinstance(node, ast.Constant) and isinstance(node.value, (float, complex)):
            yield line, "float"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in NO_BUILTINS:
            yield line, node.func.id


def test_the_core_keeps_the_rules_of_the_house(tree: ast.AST) -> None:
    assert list(problems(tree)) == []


def test_the_check_sees_what_it_looks_for() -> None:
    for text in (
        "async def f(): pass", "assert x", "print(1)", "try:\n x\nexcept:\n y", "1.5", "def f(a: int): pass", "x: int = 1", "from . import x", "pow(a, b)",
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
