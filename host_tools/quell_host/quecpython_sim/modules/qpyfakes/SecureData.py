# SPDX-License-Identifier: MIT
"""`SecureData`: sixteen slots of fixed sizes that outlive the firmware, without a way to delete one.

Documented: API_reference/en/syslib/securedata.md; modsecuredata.c (2021). Where they differ: an index that is none is
-1 by the page and ValueError by the source, which is what happens here; nothing stored is -2 by the page and -1 by the
source: here -2, and -1 is in the plan. The page does not say what `Read` does when more is stored than is asked for: it
gives the beginning here, and no sign of it. Nor does it say what the backup holds: what was stored before, here. Not
on BC25, BG95 and EC200A.
"""

from qpysim import faults, world
from qpysim.faults import faulty
from ubinascii import hexlify, unhexlify

_SIZES = [0] + [52] * 8 + [100] * 4 + [500] * 2 + [1000] * 2


def _slots():
    return world.kept.setdefault("secure", {})


def _check(index):
    if not isinstance(index, int) or not 1 <= index < len(_SIZES):
        raise ValueError("Index must be greater than 0 and less than 17")


def _program(index, data):
    before = _slots().get(str(index), [None, None])
    _slots()[str(index)] = [data, before[0] or before[1]]
    world.save()


@faulty("SecureData.Store")
def Store(index, databuf, len):
    """-> 0, or -1. `databuf`: bytes, bytearray or str; `len` or its own length, whichever is less, is stored."""
    _check(index)
    data = bytes(databuf[:len]) if not isinstance(databuf, str) else databuf[:len].encode()
    if len <= 0 or not data or _over(index, data):
        return -1
    _program(index, hexlify(data).decode())
    return 0


def _over(index, data):
    return len(data) > _SIZES[index]


@faulty("SecureData.Read")
def Read(index, databuf, len):
    """-> how many bytes are in `databuf`, a bytearray, now; -2 when nothing is stored; -1 for parameters."""
    _check(index)
    if not isinstance(databuf, bytearray) or len <= 0:
        return -1
    copies = _slots().get(str(index), [None, None])
    found = copies[0] or copies[1]
    if not found:
        return -2
    return _fill(databuf, unhexlify(found)[:len])


def _fill(databuf, data):
    count = min(len(databuf), len(data))
    for at in range(count):  # a bytearray takes no slice in 1.13
        databuf[at] = data[at]
    return count


def _torn(index, databuf, len):
    """The slot's new copy is not whole: what is read afterwards is the backup."""
    _check(index)
    _program(index, None)


faults.torn["SecureData.Store"] = _torn
