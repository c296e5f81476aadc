# SPDX-License-Identifier: MIT
"""What a board's build adds to the agent that it freezes: a module that says which sources it was."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "host_tools"))
from quell_host.board.agent_files import source_hash  # noqa: E402


def write_hash(folder: Path) -> Path:
    """Write quell_hash.py into `folder` -> the folder. `quell flash` compares its HASH with the checkout's."""
    folder.mkdir(parents=True, exist_ok=True)
    _, hashed = source_hash(ROOT / "firmware")
    (folder / "quell_hash.py").write_text(f'HASH = "{hashed}"\n')
    return folder
