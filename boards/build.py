#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Build a board's MicroPython: `boards/build.py UNIX`. Results are in build/micropython/."""

import argparse
import json
import os
import shutil
from pathlib import Path

from generated import write_hash

import source
from steps import BUILD, ROOT, Failure, Stamp, Step, run_main

BOARDS = Path(__file__).resolve().parent
OUT = BUILD / "micropython"
OBJECTS = BUILD / "obj"
MPY_CROSS = OUT / "mpy-cross"
HEAP_KIB = 256  # of a board of the qemu port; the environment's HEAP_KIB is another


def build_mpy_cross(tree):
    stamp = Stamp("mpy-cross", [BUILD / "stamps/source"], [MPY_CROSS])
    if stamp.fresh():
        return
    with Step(f"mpy-cross {source.VERSION}", "mpy-cross") as step:
        objects = OBJECTS / "mpy-cross"
        make(step, tree / "mpy-cross", BUILD=objects)
        install(objects / "mpy-cross", MPY_CROSS)
    stamp.mark()


def build_unix(board, tree):
    """A board of the unix port is a variant: mpconfigvariant.h and .mk in the board's folder.

    Its programs are of the same objects; mpconfigvariant.mk may link each in another way.
    """
    folder = BOARDS / board
    names = described(board).get("programs", ["micropython"])
    programs = {name: OUT / board.lower() / name for name in names}
    inputs = [BUILD / "stamps/source", *build_files(folder), *names[1:]]
    stamp = Stamp(board, inputs, list(programs.values()))
    if stamp.fresh():
        return
    with Step(f"MicroPython {source.VERSION} for {board}", board) as step:
        objects = OBJECTS / board
        for name, program in programs.items():
            make(
                step,
                tree / "ports/unix",
                VARIANT_DIR=folder,
                BUILD=objects,
                PROG=name,
                MICROPY_MPYCROSS=MPY_CROSS,
                MICROPY_MPYCROSS_DEPENDENCY="",
            )
            install(objects / name, program)
    stamp.mark()


def build_qemu(board, tree, bare=False):
    """A board of the qemu port: MicroPython's board files, a C module in c/, and the agent frozen in.

    `bare`: the same without the agent, as bare.elf beside it: what `make bench` compares with.
    """
    folder = BOARDS / board
    name = board + "-bare" if bare else board
    firmware = OUT / board.lower() / ("bare.elf" if bare else "firmware.elf")
    heap_kib = int(os.environ.get("HEAP_KIB") or HEAP_KIB)
    frozen = [] if bare else sorted((ROOT / "firmware").rglob("*.py"))
    inputs = [BUILD / "stamps/source", *build_files(folder), *frozen, str(heap_kib)]
    stamp = Stamp(name, inputs, [firmware])
    if stamp.fresh():
        return
    with Step(f"MicroPython {source.VERSION} for {name}", name) as step:
        objects = OBJECTS / name
        (objects / "firmware.elf").unlink(missing_ok=True)  # make does not see that a heap is another
        (objects / "main.o").unlink(missing_ok=True)
        manifest = folder / "manifest.py"
        if bare:
            objects.mkdir(parents=True, exist_ok=True)
            manifest = objects / "manifest.py"
            manifest.write_text("# nothing is frozen in\n")
        make(
            step,
            tree / "ports/qemu",
            BOARD=board,
            BOARD_DIR=folder,
            USER_C_MODULES=folder / "c",
            BUILD=objects,
            QUELL_GENERATED=write_hash(objects / "generated"),
            FROZEN_MANIFEST=manifest,
            MICROPY_HEAP_SIZE=heap_kib * 1024,
            MICROPY_MPYCROSS=MPY_CROSS,
            MICROPY_MPYCROSS_DEPENDENCY="",
        )
        install(objects / "firmware.elf", firmware)
    stamp.mark()


def described(board):
    """What the board's board.json says."""
    return json.loads((BOARDS / board / "board.json").read_text())


def build_files(folder):
    """The files of a board that its build reads."""
    read = (".h", ".c", ".mk", ".ld", ".py")
    return sorted(path for path in folder.rglob("*") if path.suffix in read)


def make(step, folder, **settings):
    environment = dict(os.environ)
    environment.pop("MAKEFLAGS", None)  # those of the make that started us
    # keeps `git describe` in MicroPython's build from finding this project's repository
    environment["GIT_CEILING_DIRECTORIES"] = str(BUILD)
    jobs = f"-j{os.cpu_count() or 1}"
    values = [f"{name}={value}" for name, value in settings.items()]
    step.run(["make", jobs, "-C", folder, *values], env=environment)


def install(program, target):
    """Put a built program in place at once: whoever runs the old one keeps it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(target.name + ".new")
    shutil.copy2(program, fresh)
    fresh.replace(target)


PORTS = {"unix": build_unix, "qemu": build_qemu}


def main():
    names = sorted(path.parent.name for path in BOARDS.glob("*/board.json"))
    boards = [name for name in names if described(name)["port"] in PORTS]  # others are packages: package.py
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("boards", nargs="+", metavar="BOARD", choices=boards, help=str(boards))
    parser.add_argument("--bare", action="store_true", help="without the agent: bare.elf, of a board of the qemu port")
    arguments = parser.parse_args()
    if " " in str(ROOT):
        raise Failure(f"MicroPython's build can't work below a path with a space: {ROOT}")
    tree = source.ensure()
    build_mpy_cross(tree)
    for board in arguments.boards:
        port = json.loads((BOARDS / board / "board.json").read_text())["port"]
        if arguments.bare and port != "qemu":
            raise Failure(f"{board} is no board of the qemu port: --bare is for these")
        PORTS[port](board, tree, **({"bare": True} if arguments.bare else {}))


if __name__ == "__main__":
    run_main("build", main)
