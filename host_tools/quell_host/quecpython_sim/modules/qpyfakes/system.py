# SPDX-License-Identifier: MIT
"""`system`: the lock of the REPL.

Documented: API_reference/en/syslib/system.md; system.py (2021), which has no password yet: the plan's fault
"no-password" is its TypeError. The password is kept in /usr/system_config.json as SHA-256 without salt. Without one
"on" is for ever: after `replSetEnable(1)` the state is 3, REPL refused, and nothing changes it. There is no REPL here
to be locked.
"""

import ujson
from qpysim.faults import faulty
from ubinascii import hexlify
from uhashlib import sha256

_FILE = "/usr/system_config.json"
_ENABLED, _HAS_PASSWORD, _REFUSED, _PROTECTED = 1, 2, 3, 4


def _read():
    try:
        with open(_FILE) as file:
            return ujson.load(file)
    except OSError:
        return {"replFlag": 0}
    except ValueError:
        raise OSError("The system_config.JSON file is abnormal, please check!")


def _write(config):
    with open(_FILE, "w") as file:
        file.write(ujson.dumps(config))


def _digest(password):
    return hexlify(sha256(password.encode()).digest()).decode()


def _state(config):
    if config.get("replFlag") == 1:
        return _PROTECTED if config.get("replPswd") else _REFUSED
    return _HAS_PASSWORD if config.get("replPswd") else _ENABLED


@faulty("system.replSetEnable")
def replSetEnable(flag=0, **kw_args):
    """0 off, 1 on, 2 what it is -> 0 or -1; for 2: 1 enabled, 2 with a password, 3 refused, 4 protected."""
    config = _read()
    if flag == 2:
        return _state(config)
    password = kw_args.get("password")
    if flag not in (0, 1) or (password is not None and not 6 <= len(password) <= 12):
        return -1
    if _state(config) == _REFUSED:
        return -1
    if password is not None:
        if config.get("replPswd") not in (None, _digest(password)):
            print("Incorrect password!")
            return -1
        config["replPswd"] = _digest(password)
        if flag == 0:
            config.pop("replPswd")
    elif config.get("replPswd"):
        return -1
    config["replFlag"] = flag
    _write(config)
    return 0


@faulty("system.replChangPswd")
def replChangPswd(old_password, new_password):
    """-> 0 or -1."""
    config = _read()
    if config.get("replPswd") != _digest(old_password) or not 6 <= len(new_password) <= 12:
        return -1
    config["replPswd"] = _digest(new_password)
    _write(config)
    return 0
