# SPDX-License-Identifier: MIT
"""What `import` finds on a module: QuecPython's modules, the u-names of MicroPython 1.13, and the script's own files.

Names that 1.25 has and 1.13 has not (`json`, `os`, `time`, `asyncio`, …) are not found: `MICROPY_MODULE_WEAK_LINKS` is
0 on a module. Not imitated: `uzlib` and `framebuf`, which 1.25 no longer has; the pure-Python modules that Quectel
freezes in (`hashlib`, `hmac`, `base64`, …), which are undocumented.
"""

import builtins

from qpysim import world

# A fake of each of these names is in qpyfakes.
FAKES = (
    "SecureData", "_thread", "cellLocator", "checkNet", "dataCall", "log", "machine", "misc", "modem", "net", "osTimer",
    "ql_fs", "sim", "sys", "system", "umqtt", "uos", "usocket", "ussl", "usys", "utils", "utime", "wifiScan",
)  # fmt: skip
# MicroPython's own, as it is.
BUILTINS = (
    "builtins", "cmath", "gc", "math", "micropython", "uarray", "ubinascii", "ucollections", "ucryptolib", "uctypes",
    "uerrno", "uhashlib", "uio", "ujson", "urandom", "ure", "uselect", "ustruct",
)  # fmt: skip
CONTROL = "quecpython_sim"  # the one module that a script has here and on no real module
_OURS = ("qpysim", "qpyfakes", "start")  # for the simulator alone

_original = builtins.__import__
_loaded = {}
_depth = [0]  # above 0 while a fake is being loaded: it may import anything


def install():
    """From now on `import` finds what a module has."""
    builtins.__import__ = _import


def _import(name, global_names=None, local_names=None, wanted=None, level=0):
    top = name.split(".")[0]
    if _depth[0] or level:
        return _original(name, global_names, local_names, wanted, level)
    if top in FAKES:
        if top != name:
            raise ImportError("no module named '" + name + "'")
        return _fake(name)
    if name in world.facts["absent"] or top in _OURS:
        raise ImportError("no module named '" + name + "'")
    if top == CONTROL:
        return inside(name, ("*",))
    found = _original(name, global_names, local_names, wanted, level)
    if top not in BUILTINS and not _is_file(found):
        raise ImportError("no module named '" + name + "'")
    return found


def _is_file(module):
    return hasattr(module, "__file__") or hasattr(module, "__path__")


def inside(name, wanted):
    """Import for the simulator itself: the stock modules, and its own."""
    _depth[0] += 1
    try:
        return _original(name, None, None, wanted, 0)
    finally:
        _depth[0] -= 1


def _fake(name):
    if name in _loaded:
        return _loaded[name]
    absent = world.facts["absent"]
    if name in absent:
        raise ImportError("no module named '" + name + "'")
    module = inside("qpyfakes." + name, ("*",))
    for path in absent:
        parts = path.split(".")
        if parts[0] == name:
            _remove(module, parts[1:])
    if name == "osTimer":  # it is a class and no module: osTimer.md, "timer = osTimer()"
        module = module.osTimer
    _loaded[name] = module
    return module


def _remove(owner, parts):
    for part in parts[:-1]:
        owner = getattr(owner, part)
    if hasattr(owner, parts[-1]):
        delattr(owner, parts[-1])
