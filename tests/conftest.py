# SPDX-License-Identifier: MIT
"""Puts the firmware and its tests' helpers on the path, so that pytest runs the firmware's tests on CPython."""

import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parent

for folder in (TESTS / "shim", TESTS.parent / "firmware", TESTS):
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
