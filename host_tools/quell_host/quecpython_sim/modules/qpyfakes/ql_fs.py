# SPDX-License-Identifier: MIT
"""`ql_fs`: helpers for files, none of them atomic.

Documented: API_reference/en/syslib/ql_fs.md; ql_fs.py (2021). `touch` opens the file for writing before it makes the
JSON, so that data which is none leaves an empty file; G2 makes the JSON first. `file_copy` takes the destination first.
`read_json` of what is no JSON is a str by the page, and raises ValueError by the source: ValueError here.
"""

import ujson
from qpyfakes import uos
from qpysim import world
from qpysim.faults import errors, faulty


class FileNotFoundError(Exception):
    """Its own, and no OSError."""

    def __init__(self, value):
        super().__init__(value)
        self.value = value


errors["FileNotFoundError"] = FileNotFoundError


def _there(path):
    try:
        uos.stat(path)
    except OSError:
        return False
    return True


@faulty("ql_fs.path_exists")
def path_exists(file_path):
    """-> bool."""
    return bool(file_path) and _there(file_path)


@faulty("ql_fs.path_dirname")
def path_dirname(file_path):
    """-> str: '' without a slash."""
    at = file_path.rfind("/") if file_path else -1
    return "/" if at == 0 else file_path[:at] if at > 0 else ""


@faulty("ql_fs.path_getsize")
def path_getsize(file_path):
    """-> bytes. Raises FileNotFoundError."""
    if not _there(file_path):
        raise FileNotFoundError("can not find: '%s'" % file_path)
    return uos.stat(file_path)[6]


@faulty("ql_fs.mkdirs")
def mkdirs(dir_path):
    """Make a folder and those above it."""
    parts = dir_path.split("/")
    for count in range(1, len(parts) + 1):
        path = "/".join(parts[:count])
        if path and not _there(path):
            uos.mkdir(path)


@faulty("ql_fs.rmdirs")
def rmdirs(dir_path):
    """Remove a folder and what is in it."""
    for name in uos.listdir(dir_path):
        path = dir_path + "/" + name
        if uos.stat(path)[0] & 0x4000:
            rmdirs(path)
        else:
            uos.remove(path)
    uos.remove(dir_path)


@faulty("ql_fs.file_copy")
def file_copy(dst, src):
    """-> True, or False when there is no `src`."""
    if not _there(src):
        return False
    with open(dst, "wb") as target, open(src, "rb") as source:
        data = source.read(4096)
        while data:
            target.write(data)
            data = source.read(4096)
    return True


@faulty("ql_fs.touch")
def touch(file, data):
    """Write `data` as JSON -> 0 or -1. A folder that is missing is made."""
    mkdirs(path_dirname(file))
    try:
        text = ujson.dumps(data) if world.g2() else None
        with open(file, "w") as target:
            target.write(text or ujson.dumps(data))
    except Exception:
        return -1
    return 0


@faulty("ql_fs.read_json")
def read_json(file):
    """-> what the JSON holds; None when there is no file."""
    if not _there(file):
        return None
    with open(file) as source:
        return ujson.load(source)
