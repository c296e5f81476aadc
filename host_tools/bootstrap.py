#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Make a Debian machine ready to run and test Quell: packages, .venv, MicroPython.

`make setup` runs this with nothing but the standard library. What is done is not done again: a
second run takes a moment, and no network.
"""

import argparse
import fcntl
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "boards"))

from steps import BUILD, CLONE_HINT, Failure, Stamp, Step, run_main  # noqa: E402

HOST_TOOLS = ROOT / "host_tools"
VENV = ROOT / ".venv"
PYTHON = VENV / "bin/python"
MICROPYTHON_LIBS = BUILD / "micropython/lib"

PYPI_HINT = (
    "PyPI, or a mirror of it in pip's configuration, is needed once "
    "(MICROPYTHON_SRC=/path/to/clone stands in for MicroPython's source only)"
)

# Debian package: the program in it, for those who have that from elsewhere
PACKAGES = {
    "gcc": "gcc",
    "libc6-dev": None,
    "make": "make",
    "pkg-config": "pkg-config",
    "libffi-dev": None,
    "mosquitto": "mosquitto",
    "mosquitto-clients": "mosquitto_pub",
    "openssl": "openssl",
}

# of boards of this port, beside those
PORT_PACKAGES = {
    "qemu": {
        "gcc-arm-none-eabi": "arm-none-eabi-gcc",
        "libnewlib-arm-none-eabi": None,
        "qemu-system-arm": "qemu-system-arm",
    }
}


def install_packages(boards):
    """Install the Debian packages that are missing for these boards, and only those."""
    missing = missing_packages(boards)
    if not missing:
        return
    names = " ".join(missing)
    if not shutil.which("apt-get"):
        raise Failure(f"not Debian (no apt-get): first install {names} yourself; {CLONE_HINT}")
    root = as_root(names)
    apt = [*root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q"]
    apt += ["-o", "Acquire::Retries=2"]
    with Step(f"Debian packages ({len(missing)})", "apt") as step:
        # A failed update may come from some other repository of this machine: install will tell.
        step.run([*apt, "update"], check=False)
        install = [*apt, "install", "-y", "--no-install-recommends", *missing]
        step.run(install, f"can't install the Debian packages {names}; {CLONE_HINT}")
        if "mosquitto" in missing and Path("/run/systemd/system").exists():
            # The demo and the tests start brokers of their own: leave no service behind.
            step.run([*root, "systemctl", "disable", "--now", "mosquitto"])


def missing_packages(boards):
    wanted = dict(PACKAGES)
    for board in boards:
        description = ROOT / "boards" / board / "board.json"
        if description.exists():  # else the build says that there is no such board
            wanted.update(PORT_PACKAGES.get(json.loads(description.read_text())["port"], {}))
    if importlib.util.find_spec("ensurepip") is None:
        wanted["python3-venv"] = None
    missing = [name for name, program in wanted.items() if not (program and on_path(program))]
    if not shutil.which("dpkg-query"):
        return [name for name in missing if wanted[name]]  # for libraries, the build will tell
    query = ["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n", *missing]
    found = subprocess.run(query, capture_output=True, text=True).stdout.splitlines()
    return [name for name in missing if f"{name} installed" not in found]


def on_path(program):
    """Whether a program is there; Debian has mosquitto where only root's PATH leads."""
    return shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin")


def as_root(names):
    """What to put before a command that needs root."""
    if os.geteuid() == 0:
        return []
    # sudo asks for the password on the terminal, if it needs one and has one
    if shutil.which("sudo") and subprocess.run(["sudo", "true"]).returncode == 0:
        return ["sudo"]
    raise Failure(f"not root, and no sudo: let an administrator install {names}; {CLONE_HINT}")


def install_host_tool():
    """`.venv` with the pinned packages, and in it the host tool as it stands here (editable)."""
    lock, project = HOST_TOOLS / "requirements.lock", HOST_TOOLS / "pyproject.toml"
    python = f"{sys.version_info.major}.{sys.version_info.minor} in {sys.base_prefix}"
    venv = Stamp("venv", [python, str(VENV)], [PYTHON])
    if not venv.fresh():
        with Step("Python environment .venv", "venv") as step:
            step.run([sys.executable, "-m", "venv", "--clear", VENV])
        venv.mark()
    pip = [PYTHON, "-m", "pip", "--disable-pip-version-check", "--no-input", "--retries", "2"]
    programs = [VENV / "bin/pytest", VENV / "bin/ruff"]
    packages = Stamp("packages", [lock, venv.digest], programs)
    if not packages.fresh():
        with Step("Python packages", "pip") as step:
            why = f"can't install the Python packages of host_tools/{lock.name}; {PYPI_HINT}"
            step.run([*pip, "install", "-r", lock], why)
        packages.mark()
    tool = Stamp("quell-host", [project, packages.digest], [VENV / "bin/quell"])
    if not tool.fresh():
        with Step("the host tool, quell", "quell-host") as step:
            offline = ["--no-index", "--no-deps", "--no-build-isolation"]
            step.run([*pip, "install", *offline, "-e", HOST_TOOLS])
        tool.mark()


def install_micropython_libs():
    """umqtt.simple and unittest for MicroPython, as PyPI has them."""
    script = HOST_TOOLS / "micropython_libs.py"
    libs = [MICROPYTHON_LIBS / "umqtt/simple.py", MICROPYTHON_LIBS / "unittest.py"]
    stamp = Stamp("micropython-libs", [script], libs)
    if not stamp.fresh():
        with Step("MicroPython's umqtt.simple and unittest", "micropython-libs") as step:
            why = f"can't get umqtt.simple and unittest from PyPI; {PYPI_HINT}"
            step.run([PYTHON, script, MICROPYTHON_LIBS], why)
        stamp.mark()


def build_boards(boards):
    build = [sys.executable, str(ROOT / "boards/build.py"), *boards]
    if subprocess.run(build).returncode:
        sys.exit(1)  # it has said why


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("boards", nargs="*", default=["UNIX"], help="to build MicroPython for")
    boards = parser.parse_args().boards
    if sys.version_info < (3, 11):  # noqa: UP036
        raise Failure("Python 3.11 or later is needed, and this is " + sys.version.split()[0])
    BUILD.mkdir(exist_ok=True)
    with (BUILD / "setup.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another setup of this checkout goes first
        install_packages(boards)
        install_host_tool()
        install_micropython_libs()
        build_boards(boards)


if __name__ == "__main__":
    run_main("setup", main)
