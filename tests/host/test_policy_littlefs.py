# SPDX-License-Identifier: MIT
"""What the plan says fits does fit: on real littlefs 1 and 2, with every file replaced again and again."""

import dataclasses
import json
import subprocess
from pathlib import Path

import pytest

from quell_host.policy.boards import reference_boards
from quell_host.policy.geometry import file_bytes
from quell_host.policy.plan import Need, make_plan

MICROPYTHON = Path(__file__).parents[2] / "build/micropython/unix/micropython"
SCRIPT = """
import json, os, sys, vfs

class Blocks:
    def __init__(self, count):
        self.count, self.data = count, bytearray(4096 * count)

    def readblocks(self, n, into, at=0):
        into[:] = memoryview(self.data)[4096 * n + at : 4096 * n + at + len(into)]
        return 0

    def writeblocks(self, n, data, at=0):
        self.data[4096 * n + at : 4096 * n + at + len(data)] = data
        return 0

    def ioctl(self, what, n):
        return {4: self.count, 5: 4096}.get(what, 0)

job = json.loads(sys.stdin.read())
kind = {"littlefs1": os.VfsLfs1, "littlefs2": os.VfsLfs2}[job["file_system"]]
blocks = Blocks(job["blocks"])
kind.mkfs(blocks)
vfs.mount(kind(blocks), "/usr")
os.mkdir("/usr/q")

def write(name, size):
    file = open("/usr/" + name, "wb")
    try:
        file.write(b"x" * size)
    finally:
        file.close()

try:
    for _ in range(job["rounds"]):
        for name, size in job["files"]:
            write(name, size)
    print("ok")
except OSError as error:
    print("full" if error.args[0] == 28 else error)
"""


def outcome(plan, blocks):
    """What comes of writing every file of a plan again and again, on so many blocks: `ok` or `full`."""
    board = plan.geometry
    part = {item.what: item.blocks for item in plan.parts}
    slots = [("prov", 1), ("keys", 1), ("state", part["state"] // 2), ("policy", part["policy"] // 2)]
    files = [("q/reserve", board.block_bytes)]
    files += [(f"q/{name}.{slot}", file_bytes(many, board.block_bytes)) for name, many in slots for slot in "ab"]
    for ring in plan.rings:
        files += [(f"q/r{ring.need.id:02x}{slot:x}", board.unit_bytes) for slot in range(ring.units)]
    if board.inline_bytes:
        files += [(f"q/i{slot}", board.inline_bytes) for slot in range(8)]
    # the agent's code lies still: its blocks are just not there
    job = {"file_system": board.file_system, "blocks": blocks - part["package"], "files": files, "rounds": 3}
    command = [str(MICROPYTHON), "-X", "heapsize=64M", "-c", SCRIPT]
    done = subprocess.run(command, input=json.dumps(job), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("name", ["littlefs1-400k", "littlefs2-200k"])
@pytest.mark.parametrize(
    ("purposes", "policy_bytes", "more_kib"), [(1, 1900, 0), (3, 4100, 12), (16, 16384, 0), (16, 6000, 500)]
)
def test_what_fits_by_the_plan_fits_on_littlefs_and_nothing_is_left_over(name, purposes, policy_bytes, more_kib):
    board = reference_boards()[name]
    needs = [Need(n, f"p{n}", n, 0, True) for n in range(1, purposes + 1)]
    enough = make_plan(board, needs, policy_bytes).enough_kib + more_kib
    plan = make_plan(dataclasses.replace(board, flash_kib=enough), needs, policy_bytes)
    free = plan.parts[-1].blocks
    assert plan.fits and plan.parts[-1].what == "free"
    assert outcome(plan, plan.geometry.blocks - free) == "ok"
    if not more_kib:
        assert outcome(plan, plan.geometry.blocks - free - 1) == "full"
