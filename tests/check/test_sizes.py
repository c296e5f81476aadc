# SPDX-License-Identifier: MIT
"""Files and functions stay small, tests tell their rule, and what stands in two places is the same in both."""

import ast
import json
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [*(ROOT / "firmware").rglob("*.py"), *(ROOT / "host_tools/quell_host").rglob("*.py")]
TESTS = [path for path in (ROOT / "tests").rglob("*.py") if "vectors" not in path.parts]
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 70


def test_files_are_at_most_400_lines() -> None:
    long = {str(path.relative_to(ROOT)): n for path in SOURCES + TESTS if (n := len(path.read_text().splitlines())) > MAX_FILE_LINES}
    assert not long


def test_functions_are_at_most_70_lines() -> None:
    long = {}
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                lines = (node.end_lineno or 0) - node.lineno + 1
                if lines > MAX_FUNCTION_LINES:
                    long[f"{path.relative_to(ROOT)}:{node.name}"] = lines
    assert not long


def test_every_file_begins_with_its_licence_and_one_sentence() -> None:
    for path in SOURCES + TESTS:
        text = path.read_text()
        if path.name == "manifest.py" or (path.name == "__init__.py" and len(text.splitlines()) <= 3):
            continue
        assert text.splitlines()[0].startswith(("# SPDX-License-Identifier: MIT", "#!/")), path
        assert ast.get_docstring(ast.parse(text)), path


def test_the_catalogue_of_the_firmware_is_made_from_the_hosts() -> None:
    from ports import catalogue

    host = tomllib.loads((ROOT / "host_tools/quell_host/policy/catalogue.toml").read_text())
    assert catalogue.IDS == {name: source["id"] for name, source in host["source"].items()}


def test_the_packages_list_of_files_is_complete() -> None:
    # `mpremote mip install firmware/package.json` copies exactly the core
    package = json.loads((ROOT / "firmware/package.json").read_text())
    files = sorted(path.relative_to(ROOT / "firmware").as_posix() for path in (ROOT / "firmware/quell").rglob("*.py"))
    assert [target for target, _ in package["urls"]] == [source for _, source in package["urls"]] == files
