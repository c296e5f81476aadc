# SPDX-License-Identifier: MIT
"""How many blocks files take on littlefs, measured: a real littlefs on a simulated chip, in the unix MicroPython."""

import json
import subprocess
import tempfile
from pathlib import Path

from build import OUT
from steps import ROOT, Failure

MICROPYTHON = OUT / "unix/micropython"
BLOCKS = 128

_SCRIPT = """
import json, os, sys
from sim.sim_blocks import make_fs
from sim.sim_nor import SimNor

kind, blocks, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
vfs = make_fs(kind, SimNor(blocks))
free = os.statvfs("/nor")[3]
used = {"": free}
for name in sorted(os.listdir(folder)):
    with open(folder + "/" + name, "rb") as file:
        data = file.read()
    with open("/nor/" + name, "wb") as file:
        file.write(data)
    with open("/nor/" + name, "rb") as file:
        assert file.read() == data
    left = os.statvfs("/nor")[3]
    used[name] = free - left
    free = left
used[""] -= free
print(json.dumps(used))
"""


def blocks_taken(files: dict[str, bytes], kind: int) -> dict[str, int]:
    """Blocks of 4 KiB for each file in the root of an empty littlefs `kind` (1 or 2); "" is all of them together.

    Raises Failure when MicroPython is not built, or the files do not fit on 512 KiB.
    """
    if not MICROPYTHON.exists():
        raise Failure(f"no {MICROPYTHON.relative_to(ROOT)}: run make setup")
    with tempfile.TemporaryDirectory() as folder:
        for name, data in files.items():
            Path(folder, name).write_bytes(data)
        done = subprocess.run(
            [MICROPYTHON, "-X", "heapsize=16M", "-c", _SCRIPT, str(kind), str(BLOCKS), folder],
            cwd=ROOT,
            env={"MICROPYPATH": "firmware:tests:.frozen"},
            capture_output=True,
            text=True,
        )
    if done.returncode:
        raise Failure(f"the files cannot be put on littlefs {kind}: {(done.stderr.strip().splitlines() or ['?'])[-1]}")
    return json.loads(done.stdout.splitlines()[-1])
