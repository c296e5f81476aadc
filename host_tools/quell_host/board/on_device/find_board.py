# SPDX-License-Identifier: MIT
"""Run by a board through its raw REPL: finds `quell_board`. In what MicroPython 1.13 knows.

Lines of output: `Q check json`; `N` there is no agent; `X what` there is one, and it does not load.
"""

import os as _quell_os
import sys as _quell_sys

try:
    import uhashlib as _quell_hashlib
except ImportError:
    import hashlib as _quell_hashlib
try:
    import ubinascii as _quell_ascii
except ImportError:
    import binascii as _quell_ascii
try:
    import ujson as _quell_json
except ImportError:
    import json as _quell_json


def _quell_sum(text):
    return str(_quell_ascii.hexlify(_quell_hashlib.sha256(text.encode()).digest()), "ascii")[:8]


def _quell_tell(value):
    text = _quell_json.dumps(value)
    print("Q", _quell_sum(text), text)


def _quell_path():
    # where main.py has not run, or could not: the folder that quell.active names
    for root in (_quell_os.getcwd(), "/usr", "/flash"):
        root = root.rstrip("/")
        try:
            with open(root + "/quell.active") as file:
                words = file.read(200).split("\n")
        except (OSError, UnicodeError):
            continue
        if len(words) == 3 and _quell_sum(words[0]) == words[1] and root + "/" + words[0] not in _quell_sys.path:
            _quell_sys.path.insert(0, root + "/" + words[0])
            return


def _quell_import():
    import quell_board

    if hasattr(quell_board, "run"):
        return quell_board
    # Ctrl-C came while main.py imported it: half of it is still there, and half of what it needs
    for name in list(_quell_sys.modules):
        if name.split(".")[0] in ("quell", "ports", "quell_board"):
            del _quell_sys.modules[name]
    import quell_board

    return quell_board


def _quell_find():
    _quell_path()
    try:
        quell_board = _quell_import()
    except ImportError as error:
        # a module that quell_board needs and that is not there is another case than no quell_board
        if "quell_board" in str(error):
            print("N")
        else:
            print("X", type(error).__name__, error)
        return None
    except Exception as error:
        print("X", type(error).__name__, error)
        return None
    _quell_tell([quell_board.NAME, quell_board.VERSION, bool(quell_board.FROZEN), getattr(quell_board, "HASH", None)])
    return quell_board


def _quell_provision(check, request):
    if _quell_sum(request) != check:
        raise ValueError("the request came mutilated")
    answer = _quell_agent.provision(_quell_ascii.unhexlify(request))
    _quell_tell(str(_quell_ascii.hexlify(answer), "ascii"))


def _quell_configure(check, text):
    text = str(_quell_ascii.a2b_base64(text), "utf-8")
    if _quell_sum(text) != check:
        raise ValueError("the configuration came mutilated")
    _quell_agent.configure(text)
    _quell_tell(True)


_quell_agent = _quell_find()
