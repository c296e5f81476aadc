# SPDX-License-Identifier: MIT
"""`net`: signal, registration, operator, cells, time of the network.

Documented: API_reference/en/iotlib/net.md; modnet.c (2021). Each getter returns -1 when it fails. G2 keeps the names
and has other shapes: see each function. Bands (`setBand`, `getBand`, `bandRst`: BG95 and EG912N only) are not imitated.
"""

from qpysim import arith, clock, ending, network, world
from qpysim.faults import faulty

_UNKNOWN = 99
_UNKNOWN_LTE = 255
_LTE = 7
_NO_ACT = 10
# On these the country code is hexadecimal digits read as a number: 460 is 0x460, and that is 1120.
_HEX_MCC = ("EC100Y", "EC600S", "EC600N", "EC600E", "EC800E", "EC200A", "EC600M", "EC800M")
_QUARTERS = ("BC25", "EC600E", "EC800E", "EC200U", "EC600U", "EG912U", "EG915U", "EC600G", "EC800G")

_callback = [None]


def _mcc(value):
    return int(str(value), 16) if world.model_is(*_HEX_MCC) else value


@faulty("net.csqQueryPoll")
def csqQueryPoll():
    """-> int 0 to 31, 99 unknown, -1. G2: (csq, 99)."""
    csq = world.facts["csq"] if network.registered() else _UNKNOWN
    return (csq, _UNKNOWN) if world.g2() else csq


@faulty("net.getSignal")
def getSignal(sinrEnable=0):
    """-> ([rssi, bit errors, rscp, ecno], [rssi, rsrp, rsrq, cqi]) with sinr at the end if asked for, or -1.

    99 and 255 mean unknown. G2: (rssi, rsrp, rsrq, sinr). The source of 2021 takes no argument.
    """
    facts = world.facts
    if network.registered():
        lte = [facts["rssi_dbm"], facts["rsrp"], facts["rsrq"], facts["cqi"], facts["sinr"]]
    else:
        lte = [_UNKNOWN, _UNKNOWN, _UNKNOWN_LTE, _UNKNOWN_LTE, _UNKNOWN_LTE]
    if world.g2():
        return lte[0], lte[1], lte[2], lte[4]
    return [_UNKNOWN, _UNKNOWN, _UNKNOWN_LTE, _UNKNOWN_LTE], (lte if sinrEnable else lte[:4])


@faulty("net.operatorName")
def operatorName():
    """-> (long name, short name, mcc, mnc), all str, or -1: also while not registered. G2: mcc and mnc are ''."""
    facts = world.facts
    if not network.registered() or facts["operator"] is None:
        return -1
    if world.g2():
        return facts["operator"], facts["operator_short"], "", ""
    return facts["operator"], facts["operator_short"], "%03d" % (facts["mcc"] or 0), "%02d" % (facts["mnc"] or 0)


@faulty("net.getState")
def getState():
    """-> ([state, lac, cid, rat, reject cause, psc], the same for data), or -1."""
    state = network.registration()
    if network.registered():
        data = [state, world.facts["lac"], world.facts["cell"], _LTE, 0, 0]
    else:
        data = [state, 0, 0, _NO_ACT, 0, 0]
    return list(data), data


def _cells():
    """The cells in sight, as (flag, cid, mcc, mnc, pci, tac, earfcn, rssi, rsrq). Looking for them takes 3 to 5 s."""
    clock.sleep_ms(world.facts["cell_search_ms"])
    found = []
    for cell in world.facts["cells"]:
        found.append(tuple(cell[:2]) + (_mcc(cell[2]),) + tuple(cell[3:]))
    return found


@faulty("net.getCellInfo")
def getCellInfo():
    """-> ([GSM cells], [UMTS cells], [LTE cells]), or -1; blocks for 3 to 5 s.

    An LTE cell is (flag, cid, mcc, mnc, pci, tac, earfcn, rssi, rsrq), whatever more the page names. There is only LTE
    here. G2: a list with one tuple of the first eight.
    """
    cells = _cells()
    if world.g2():
        return [cells[0][:8]] if cells else []
    return [], [], cells


def _column(at):
    return [cell[at] for cell in _cells()]


def _serving(at):
    for cell in _cells():
        if cell[0] == 0:
            return cell[at]
    return -1


@faulty("net.getCi")
def getCi():
    """-> list of cell ids, or -1; blocks as getCellInfo, which the page says it comes from."""
    return _column(1)


@faulty("net.getServingCi")
def getServingCi():
    """-> int, or -1."""
    return _serving(1)


@faulty("net.getMnc")
def getMnc():
    """-> list of int, or -1."""
    return _column(3)


@faulty("net.getServingMnc")
def getServingMnc():
    """-> int, or -1."""
    return _serving(3)


@faulty("net.getMcc")
def getMcc():
    """-> list of int, or -1; on some models 460 is 1120."""
    return _column(2)


@faulty("net.getServingMcc")
def getServingMcc():
    """-> int, or -1; on some models 460 is 1120."""
    return _serving(2)


@faulty("net.getLac")
def getLac():
    """-> list of int, or -1."""
    return _column(5)


@faulty("net.getServingLac")
def getServingLac():
    """-> int, or -1."""
    return _serving(5)


@faulty("net.getConfig")
def getConfig():
    """-> (mode, roaming as bool), or -1."""
    mode, roaming = world.kept.get("net_config", [5, False])
    return mode, roaming


@faulty("net.setConfig")
def setConfig(mode, roaming=None):
    """-> 0 or -1."""
    if not 0 <= mode <= 32 or roaming not in (None, 0, 1):
        return -1
    world.kept["net_config"] = [mode, bool(roaming)]
    world.save()
    return 0


@faulty("net.getNetMode")
def getNetMode():
    """-> (0 for automatic, mcc, mnc, access technology), the codes as str, or -1."""
    if not network.registered():
        return -1
    return 0, "%03d" % (world.facts["mcc"] or 0), "%02d" % (world.facts["mnc"] or 0), _LTE


@faulty("net.nitzTime")
def nitzTime():
    """-> (date, seconds since 1970, leap seconds), or -1 while the network gave no time.

    The date is UTC; its zone is '8', '+32' (quarters of an hour) or absent, by model.
    """
    facts = world.facts
    if not network.registered() or not facts["nitz"]:
        return -1
    ms = clock.now_ms()
    days, seconds = facts["days"], facts["seconds"] + arith.split(ms, 1000)[0]
    more, seconds = arith.split(seconds, arith.DAY_S)
    year, month, day, hour, minute, second = arith.time_tuple(days + more, seconds)[:6]
    date = "%02d/%02d/%02d %02d:%02d:%02d" % (year % 100, month, day, hour, minute, second)
    if world.model_is(*_QUARTERS):
        date += " %+d 0" % (facts["timezone_h"] * 4)
    elif not world.model_is("BG"):
        date += " %d 0" % facts["timezone_h"]
    return date, (days + more) * arith.DAY_S + seconds, 0


@faulty("net.getModemFun")
def getModemFun():
    """-> 0 off, 1 on, 4 airplane, or -1."""
    return world.facts["modem_fun"]


@faulty("net.setModemFun")
def setModemFun(fun, rst=0):
    """-> 0 or -1. `rst` 1 restarts the module."""
    if fun not in (0, 1, 4):
        return -1
    world.change({"modem_fun": fun})
    if rst:
        ending.end(ending.RESTART, "restarted by net.setModemFun")
    return 0


@faulty("net.setApn")
def setApn(apn, simid):
    """-> 0 or -1; the str 'NOT SUPPORT' on many models, as the source of 2021 has it."""
    if simid not in (0, 1):
        raise ValueError("invalid simid.")
    return "NOT SUPPORT"


@faulty("net.getApn")
def getApn(simid):
    """-> str, or -1; 'NOT SUPPORT' on many models."""
    if simid not in (0, 1):
        raise ValueError("invalid simid.")
    return "NOT SUPPORT"


@faulty("net.setCallback")
def setCallback(usrFun):
    """-> 0 or -1. `usrFun((event, state, lac, cid, access technology))` when the registration changes (modnet.c)."""
    _callback[0] = usrFun
    return 0


def _changed(state):
    if _callback[0] is not None:
        clock.soon(lambda: _callback[0]((0, state, world.facts["lac"], world.facts["cell"], _LTE)))


network.registration_callbacks.append(_changed)
