# SPDX-License-Identifier: MIT
"""Write the agent's copy of the source catalogue: python -m quell_host.policy.export_catalogue FILE

The agent needs names and ids only, in a file that MicroPython 1.13 can compile.
"""

import sys
from pathlib import Path

from quell_host.policy.catalogue import Catalogue, catalogue

HEADER = '''# SPDX-License-Identifier: MIT
"""Source ids and groups (SPEC §7). Generated from the host tool's catalogue.toml; do not edit.

Make it again with: python -m quell_host.policy.export_catalogue firmware/ports/catalogue.py
"""
'''


def render(of: Catalogue) -> str:
    """The Python text of the agent's catalogue: `IDS` name → id, `GROUPS` all source groups."""
    rows = sorted(of.sources.values(), key=lambda source: source.id)
    ids = "".join(f'    "{source.name}": {source.id},\n' for source in rows)
    groups = "".join(f'    "{group}",\n' for group in of.groups)
    return f"{HEADER}\nIDS = {{\n{ids}}}\n\nGROUPS = (\n{groups})\n"


def main(arguments: list[str]) -> int:
    """Write to the file named, or print without one. Returns the exit code."""
    text = render(catalogue())
    if len(arguments) > 1:
        sys.stderr.write("usage: python -m quell_host.policy.export_catalogue [FILE]\n")
        return 2
    if arguments:
        Path(arguments[0]).write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
