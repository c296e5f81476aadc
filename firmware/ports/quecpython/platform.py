# SPDX-License-Identifier: MIT
"""QuecPython's own modules, taken as they are: any may be missing, any call may answer -1, None or nothing, or raise.

Which functions there are differs by module, generation and year, so each is asked for by name; what is absent is None.
Sources of names and shapes: Quectel's API reference (python.quectel.com), sections syslib, iotlib and networklib.
"""


def module(name):
    """The module `name`, or None when this firmware has none."""
    try:
        return __import__(name)
    except ImportError:
        return None


def ask(owner, name, *args):
    """`owner.name(*args)` -> its value; None for -1, None, "", a missing module or function, and whatever it raises."""
    function = getattr(owner, name, None)
    if function is None:
        return None
    try:
        value = function(*args)
    except MemoryError:
        raise
    except Exception:  # each function of each firmware raises what it likes
        return None
    if isinstance(value, (str, int)) and value in ("", -1):
        return None
    return value


def at(value, *path):
    """`value[path[0]][path[1]]…`, or None where there is no such place: tuples differ in length by firmware."""
    for i in path:
        if not isinstance(value, (tuple, list)) or i >= len(value):
            return None
        value = value[i]
    return value


def whole(value, least, most):
    """`value` if it is an int from `least` to `most`, else None."""
    good = isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
    return value if good else None
