# SPDX-License-Identifier: MIT
"""`wifiScan`: other people's access points.

Documented: API_reference/en/gnsslib/wifiScan.md; modwifiscan.c (2021). A scan that was not enabled by `control(1)`
raises ValueError (source). The units of `setCfgParam`'s timeout differ by platform: seconds here, 4 to 255.
"""

from qpysim import clock, world
from qpysim.faults import faulty

_state = {"on": 0, "callback": None, "config": [4, 1, 30, 0]}


@faulty("wifiScan.support")
def support():
    """-> bool. In the source only."""
    return True


@faulty("wifiScan.control")
def control(option):
    """-> 0 or -1."""
    if option not in (0, 1):
        raise ValueError("invalid value, option should be 0 or 1.")
    _state["on"] = option
    return 0


@faulty("wifiScan.getState")
def getState():
    """-> bool."""
    return bool(_state["on"])


@faulty("wifiScan.setCfgParam")
def setCfgParam(timeout, round, maxNums, priority=0):
    """-> 0 or -1. Raises ValueError out of range."""
    if not 4 <= timeout <= 255 or not 1 <= round <= 3 or not 4 <= maxNums <= 30 or priority not in (0, 1):
        raise ValueError("invalid value")
    _state["config"] = [timeout, round, maxNums, priority]
    return 0


@faulty("wifiScan.getCfgParam")
def getCfgParam():
    """-> (timeout, rounds, most, priority), or -1."""
    return tuple(_state["config"])


def _found():
    seen = [tuple(item) for item in world.facts["wifi"]][: _state["config"][2]]
    return len(seen), seen


def _enabled():
    if not _state["on"]:
        raise ValueError("WiFi-Scan is not enabled.")


@faulty("wifiScan.setCallback")
def setCallback(fun):
    """-> 0 or -1."""
    _state["callback"] = fun
    return 0


@faulty("wifiScan.asyncStart")
def asyncStart():
    """-> 0 or -1; the callback gets what `start` returns."""
    _enabled()
    if _state["callback"] is not None:
        clock.at(clock.now_ms() + world.facts["wifi_scan_ms"], lambda: _state["callback"](_found()))
    return 0


@faulty("wifiScan.start")
def start():
    """-> (how many, [(mac, rssi), …]), or -1; blocks for the scan."""
    _enabled()
    clock.sleep_ms(world.facts["wifi_scan_ms"])
    return _found()
