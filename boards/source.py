# SPDX-License-Identifier: MIT
"""MicroPython's source in build/micropython/src, from Debian's archive or from MICROPYTHON_SRC.

Debian 13 ("trixie") has the upstream tree as a source package. Any Debian can fetch it from the
mirror that its own apt configuration names, with package lists kept apart here: the machine's lists
and /etc/apt stay as they are. apt checks the archive's signature.
"""

import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

from steps import BUILD, CLONE_HINT, Failure, Stamp, Step

VERSION = "1.25.0"
MBEDTLS = "3.6."  # the release line that MicroPython 1.25 works with
RELEASE = "trixie"
KEYRINGS = [Path("/usr/share/keyrings/debian-archive-keyring" + end) for end in (".gpg", ".pgp")]
APT = BUILD / "apt"
TREE = BUILD / "micropython/src"

# What a clone may hold that the build does not need; so are its submodules, but for mbedtls.
_UNUSED_TOP = {"docs", "logo", "tests"}
_USED_PORTS = {"unix", "qemu"}


def ensure():
    """Return the source tree, made anew if it is missing or MICROPYTHON_SRC names another one."""
    note = BUILD / "stamps/source-origin"
    origin = os.environ.get("MICROPYTHON_SRC")
    if origin:
        origin = str(Path(origin).expanduser().resolve())
    else:  # a later `make test` need not name the clone again
        origin = note.read_text() if note.exists() else "debian"
    outputs = [TREE / "py", TREE / "lib/mbedtls/library"]
    stamp = Stamp("source", [VERSION, origin, Path(__file__)], outputs)
    if stamp.fresh():
        return TREE
    if origin == "debian":
        archive = _debian("micropython", VERSION)
    else:
        _check_clone(Path(origin))
    for old in (TREE, BUILD / "obj"):  # the new files keep their old dates: make would not see them
        shutil.rmtree(old, ignore_errors=True)
    if origin == "debian":
        _unpack(archive, TREE)
    else:
        _copy_clone(Path(origin))
    if not (TREE / "lib/mbedtls/library/aes.c").exists():
        _unpack(_debian("mbedtls", MBEDTLS), TREE / "lib/mbedtls")
    placeholder = TREE / "lib/micropython-lib/README.md"  # the build only looks whether it is there
    placeholder.parent.mkdir(parents=True, exist_ok=True)
    placeholder.touch()
    stamp.mark()
    note.write_text(origin)
    return TREE


def _check_clone(clone):
    header = clone / "py/mpconfig.h"
    if not header.exists():
        raise Failure(f"MICROPYTHON_SRC={clone} has no MicroPython source in it")
    text = header.read_text()
    found = ".".join(re.findall(r"#define MICROPY_VERSION_(?:MAJOR|MINOR|MICRO) (\d+)", text))
    if found != VERSION or "#define MICROPY_VERSION_PRERELEASE 1" in text:
        raise Failure(f"MICROPYTHON_SRC={clone} is {found}, not the release {VERSION}")


def _copy_clone(clone):
    listed = clone / ".gitmodules"
    modules = re.findall(r"path = (\S+)", listed.read_text()) if listed.exists() else []
    skipped = {clone / path for path in modules if path != "lib/mbedtls"}

    def unused(folder, names):
        folder = Path(folder)
        found = {name for name in names if folder / name in skipped or name == ".git"}
        if folder == clone:
            found |= _UNUSED_TOP & set(names)
        elif folder == clone / "ports":
            found |= set(names) - _USED_PORTS
        elif folder.parent == clone / "ports" or folder == clone / "mpy-cross":
            found |= {name for name in names if name.startswith("build")}
        return found

    with Step(f"MicroPython {VERSION} from the clone", "source"):
        shutil.copytree(clone, TREE, symlinks=True, ignore=unused)


def _debian(package, version):
    """The upstream archive of a source package of RELEASE, downloaded unless it is here already."""
    wanted = f"{package}_{version}*.orig.tar.?z*"
    if not list(APT.glob(wanted)):
        with Step(f"source of {package} from Debian", "source-" + package) as step:
            _download(step, package)
    found = sorted(APT.glob(wanted))
    if not found:
        raise Failure(f"Debian {RELEASE} has no {package} {version} any more; {CLONE_HINT}")
    return found[-1]


def _download(step, package):
    keyring = next((path for path in KEYRINGS if path.exists()), None)
    if not shutil.which("apt-get") or not keyring:
        raise Failure(f"not Debian (no apt-get, or no keyring of Debian's archive); {CLONE_HINT}")
    part = APT / "part"  # an interrupted download stays there
    for folder in (APT / "lists/partial", APT / "cache/archives/partial", part):
        folder.mkdir(parents=True, exist_ok=True)
    sources = APT / "sources.list"
    sources.write_text(f"deb-src [signed-by={keyring}] {debian_mirror()} {RELEASE} main\n")
    apt = ["apt-get", "-q"]
    for option in (
        f"Dir::Etc::sourcelist={sources}",
        "Dir::Etc::sourceparts=/dev/null",
        f"Dir::State::Lists={APT / 'lists'}",
        f"Dir::Cache={APT / 'cache'}",
        "APT::Update::Error-Mode=any",
        "Acquire::Retries=2",
    ):
        apt += ["-o", option]
    why = f"can't get the source of {package} from Debian's archive; {CLONE_HINT}"
    step.run([*apt, "update"], why, cwd=part)
    step.run([*apt, "source", "--download-only", package], why, cwd=part)
    for archive in part.glob(f"{package}_*.orig.tar.?z*"):
        archive.replace(APT / archive.name)


def debian_mirror():
    """The URI of the Debian archive in this machine's apt configuration.

    apt itself reads that, in either format: it prints what an update would fetch, without fetching.
    """
    command = ["apt-get", "update", "--print-uris"]
    listing = subprocess.run(command, capture_output=True, text=True).stdout
    system = Path("/etc/os-release").read_text()
    own = {"stable", "oldstable", "testing", "unstable", "sid", RELEASE}
    own |= set(re.findall(r"^VERSION_CODENAME=(\S+)", system, re.MULTILINE))
    for uri, suite in re.findall(r"^'(\S+?)/?/dists/([^/']+)/InRelease'", listing, re.MULTILINE):
        if suite in own and not uri.startswith("cdrom:"):
            return uri
    raise Failure(f"this machine's apt configuration names no Debian archive; {CLONE_HINT}")


def _unpack(archive, target):
    """Unpack the one folder in a source archive as `target`."""
    name = archive.name.split("_")[0]
    with Step(f"unpacking {name}", "unpack-" + name), tarfile.open(archive) as tar:
        fresh = target.with_name(target.name + ".new")
        shutil.rmtree(fresh, ignore_errors=True)
        tar.extractall(fresh)
        shutil.rmtree(target, ignore_errors=True)
        next(fresh.iterdir()).rename(target)
        fresh.rmdir()
