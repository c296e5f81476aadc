# SPDX-License-Identifier: MIT
"""Which files go on a QuecPython module, and in which order they can be loaded: what quell_board.py imports, no more.

The port and the core name what they need in their imports; nothing here has to be kept in step with them.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

from steps import ROOT, Failure

FIRMWARE = ROOT / "firmware"
ON_MODULE = Path(__file__).resolve().parent / "on_module"
BOARD = ON_MODULE / "quell_board.py"
LOADER = ON_MODULE / "quell_pack.py"
MAIN = FIRMWARE / "main.py"


def files_on_a_module() -> list[Path]:
    """Every Python file of which something is on a module, the pieces outside of the pack first. Raises Failure."""
    return [MAIN, BOARD, LOADER, *modules_in_order(BOARD)]


def modules_in_order(start: Path, root: Path = FIRMWARE) -> list[Path]:
    """The files below `root` that `start` needs, each behind those that it imports when it is loaded.

    A package comes before what is in it. What a function imports comes somewhere. Raises Failure for a file that is
    missing and for a circle: the loader could not give them in turn.
    """
    order: list[Path] = []
    later: list[Path] = []
    _visit(start, root, order, [], later)
    while later:
        _visit(later.pop(0), root, order, [], later)
    return [path for path in order if path != start]


def module_name(path: Path, root: Path = FIRMWARE) -> str:
    """The name under which a file below `root` is imported."""
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _visit(path: Path, root: Path, order: list[Path], around: list[Path], later: list[Path]) -> None:
    if path in order:
        return
    if path in around:
        circle = [*around[around.index(path) :], path]
        raise Failure("a circle of imports cannot be packed: " + " → ".join(_shown(item, root) for item in circle))
    for needed, at_once in _imports(path, root):
        if needed == path:
            continue
        if at_once:
            _visit(needed, root, order, [*around, path], later)
        else:
            later.append(needed)
    order.append(path)


def _imports(path: Path, root: Path) -> Iterator[tuple[Path, bool]]:
    """The files below `root` that a file imports, and whether it does so when it is loaded."""
    if path.is_relative_to(root):
        for folder in reversed(path.relative_to(root).parents[:-1]):
            yield root / folder / "__init__.py", True
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = (ast.FunctionDef, ast.Lambda)
    inside = {id(item) for node in ast.walk(tree) if isinstance(node, functions) for item in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            for found in _named(node, path, root):
                yield found, id(node) not in inside


def _named(node: ast.Import | ast.ImportFrom, path: Path, root: Path) -> Iterator[Path]:
    """The files below `root` that one statement imports. Raises Failure when one is missing."""
    modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else [item.name for item in node.names]
    for module in modules:
        if not (root / module.split(".")[0]).is_dir():
            continue  # not ours
        found = _file(module, root)
        if found is None:
            raise Failure(f"{_shown(path, root)} imports {module}, which is not there")
        yield found
        if isinstance(node, ast.ImportFrom):
            inner = [_file(f"{module}.{item.name}", root) for item in node.names]
            yield from (item for item in inner if item is not None)


def _file(module: str, root: Path) -> Path | None:
    """The file of a module, None when there is none."""
    path = root.joinpath(*module.split("."))
    for found in (path / "__init__.py", path.with_suffix(".py")):
        if found.exists():
            return found
    return None


def _shown(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
