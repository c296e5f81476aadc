# SPDX-License-Identifier: MIT
"""`uos`: files of /usr and /bak, names of the system, bytes that are not random.

Documented: API_reference/en/stdlib/uos.md; moduos.c (2021). No `sync`. `uname` is a plain tuple of 'key=value';
`uname2` has names. `urandom` is called random by the page: the source returns libc's `rand()`, which nobody seeds, so
that each start gives the same bytes, and every fourth byte is below 128. The fake has newlib's; which libc a module has
is not documented. G2's is a linear generator with a fixed seed and the time. Nothing of / can be read, and files
elsewhere are ENODEV. VfsLfs1 and the like are MicroPython's own, whose arguments differ.
"""

import uos as host
from qpysim import clock, world
from qpysim.faults import faulty
from ucollections import namedtuple

VfsLfs1 = host.VfsLfs1
VfsLfs2 = host.VfsLfs2
VfsFat = host.VfsFat
mount = host.mount
umount = host.umount

_FIELDS = ("sysname", "nodename", "release", "version", "machine", "qpyver")
_Uname = namedtuple("uname", _FIELDS)
_state = [1]


@faulty("uos.remove")
def remove(path):
    """Raises OSError: ENOENT; EBUSY while the file is open."""
    host.remove(path)


@faulty("uos.chdir")
def chdir(path):
    host.chdir(path)


@faulty("uos.getcwd")
def getcwd():
    return host.getcwd()


@faulty("uos.listdir")
def listdir(dir=""):
    """-> list of names. The page says tuple, and shows a list."""
    return [name for name in (host.listdir(dir) if dir else host.listdir()) if not name.startswith(".")]


@faulty("uos.ilistdir")
def ilistdir(dir=""):
    """-> iterator of (name, type, inode[, size])."""
    entries = host.ilistdir(dir) if dir else host.ilistdir()
    return iter([entry for entry in entries if not entry[0].startswith(".")])


@faulty("uos.mkdir")
def mkdir(path):
    host.mkdir(path)


@faulty("uos.rmdir")
def rmdir(path):
    host.rmdir(path)


@faulty("uos.rename")
def rename(old_path, new_path):
    host.rename(old_path, new_path)


@faulty("uos.stat")
def stat(path):
    """-> tuple of ten; the size is at 6."""
    return host.stat(path)


@faulty("uos.statvfs")
def statvfs(path):
    """-> tuple of ten; block size at 0, blocks at 2, free ones at 3."""
    return host.statvfs(path)


@faulty("uos.uname")
def uname():
    """-> ('sysname=…', 'nodename=…', 'release=…', 'version=…', 'machine=…', 'qpyver=…')."""
    return tuple([key + "=" + world.facts["uname"][key] for key in _FIELDS])


@faulty("uos.uname2")
def uname2():
    """-> the same as a tuple with names; newer firmware only."""
    return _Uname(*[world.facts["uname"][key] for key in _FIELDS])


def _rand():
    """newlib's rand(): 31 bits."""
    _state[0] = (_state[0] * 6364136223846793005 + 1) & 0xFFFFFFFFFFFFFFFF
    return (_state[0] >> 32) & 0x7FFFFFFF


def _linear():
    """32 bits of G2's generator; its multiplier is not known, and any will do to be guessed."""
    if _state[0] == 1:
        _state[0] = (0x51F15E2D + clock.now_ms()) & 0xFFFFFFFF
    _state[0] = (_state[0] * 1664525 + 1013904223) & 0xFFFFFFFF
    return _state[0]


@faulty("uos.urandom")
def urandom(n):
    """-> n bytes, the same at each start."""
    data = bytearray(n)
    for at in range(n):
        if at & 3 == 0:
            word = _linear() if world.g2() else _rand()
        data[at] = word & 255
        word >>= 8
    return bytes(data)
