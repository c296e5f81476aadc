# SPDX-License-Identifier: MIT
"""Where MicroPython and the firmware are: `make setup` puts them into the checkout that holds this package."""

import os
from pathlib import Path

from quell_host.errors import QuellError

_CHECKOUT = Path(__file__).resolve().parents[2]


def micropython() -> Path:
    """The MicroPython binary: `$QUELL_MICROPYTHON`, else the checkout's. Raises QuellError when it is missing."""
    given = os.environ.get("QUELL_MICROPYTHON")
    path = Path(given) if given else _CHECKOUT / "build/micropython/unix/micropython"
    if not path.is_file():
        raise QuellError(f"no MicroPython at {path}", "build it: make setup")
    return path


def mpy_cross() -> Path:
    """MicroPython's compiler, of the same version as `micropython()`. Raises QuellError when it is missing."""
    path = micropython().parent.parent / "mpy-cross"
    if not path.is_file():
        raise QuellError(f"no mpy-cross at {path}", "build it: make setup")
    return path


def firmware() -> Path:
    """The folder of the agent's code: `$QUELL_FIRMWARE`, else the checkout's. Raises QuellError when it is missing."""
    given = os.environ.get("QUELL_FIRMWARE")
    path = Path(given) if given else _CHECKOUT / "firmware"
    if not (path / "quell").is_dir():
        raise QuellError(f"no firmware in {path}", "set QUELL_FIRMWARE to a checkout's firmware/")
    return path


def board_firmware(board: str) -> Path:
    """The firmware of a board that is emulated. Raises QuellError when it is missing."""
    path = _CHECKOUT / f"build/micropython/{board.lower()}/firmware.elf"
    if not path.is_file():
        raise QuellError(f"no firmware for {board}", f"build it: make firmware BOARD={board}")
    return path


def quecpython_sim(division: bool = True) -> Path:
    """MicroPython cut down to QuecPython's: in `$QUELL_QUECPYTHON_SIM`, else the checkout's; without `division` the
    program that aborts where big integers are divided. Raises QuellError when it is missing.
    """
    folder = Path(os.environ.get("QUELL_QUECPYTHON_SIM") or _CHECKOUT / "build/micropython/quecpython_sim")
    path = folder / ("micropython" if division else "micropython-nodiv")
    if not path.is_file():
        raise QuellError(f"no simulator at {path}", "build it: make quecpython-sim")
    return path


def command(script: str, heap: str = "1M") -> list[str]:
    """How to run a script of the firmware, e.g. `ports/unix/main.py`, on MicroPython with a heap of that size."""
    return [str(micropython()), "-X", f"heapsize={heap}", str(firmware() / script)]


def environment() -> dict[str, str]:
    """The environment for `command`: the firmware and its libraries on MicroPython's path."""
    library = micropython().parent.parent / "lib"
    return {**os.environ, "MICROPYPATH": f"{firmware()}:{library}:.frozen"}
