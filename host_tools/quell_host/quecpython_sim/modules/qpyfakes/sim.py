# SPDX-License-Identifier: MIT
"""`sim`: the SIM card, its PIN, its phone book.

Documented: API_reference/en/iotlib/sim.md. Every function returns -1 when it fails; IMSI, ICCID and phone number are
there only while the status is 1. What the page leaves out is from modsim.c (2021): arguments out of range raise
ValueError instead. The page says that `getStatus` returns a string; its examples and the source say int: int here, and
the plan's fault "string" gives the string. `genericAccess` is not imitated: it returns -1.
"""

from qpysim import clock, world
from qpysim.faults import faulty

READY, WANTS_PIN, WANTS_PUK = 1, 2, 3
_TRIES = 3
_left = [_TRIES]
_detection = [0, 0]
_callback = [None]


def _told(key):
    if world.facts["sim_status"] != READY or world.facts[key] is None:
        return -1
    return world.facts[key]


def _check(text, limit):
    if len(text) > limit:
        raise ValueError("invalid value")


@faulty("sim.getImsi")
def getImsi(*simid):
    """-> str, or -1."""
    return _told("imsi")


@faulty("sim.getIccid")
def getIccid(*simid):
    """-> str, or -1."""
    return _told("iccid")


@faulty("sim.getPhoneNumber")
def getPhoneNumber(*simid):
    """-> str, or -1: also where none was written to the card, and always on BC25."""
    return -1 if world.model_is("BC25") else _told("phone")


@faulty("sim.getStatus")
def getStatus():
    """-> int 0 to 21, or -1."""
    return world.facts["sim_status"]


@faulty("sim.genericAccess")
def genericAccess(simId, cmd):
    """(length, data) on a module; here -1."""
    if not cmd:
        raise ValueError("invalid value")
    return -1


def _pin_is(pin):
    """Check a PIN, which costs a try; three wrong ones lock the card."""
    _check(pin, 15)
    if world.facts["sim_status"] not in (READY, WANTS_PIN):
        return False
    if pin == world.kept.get("pin", world.facts["pin"]):
        _left[0] = _TRIES
        return True
    _left[0] -= 1
    if _left[0] <= 0:
        world.change({"sim_status": WANTS_PUK})
    return False


@faulty("sim.enablePin")
def enablePin(pin="1234"):
    """-> 0 or -1. The card asks for the PIN at each start from now on."""
    if not _pin_is(pin):
        return -1
    world.kept["pin_wanted"] = True
    world.save()
    return 0


@faulty("sim.disablePin")
def disablePin(pin="1234"):
    """-> 0 or -1."""
    if not _pin_is(pin):
        return -1
    world.kept["pin_wanted"] = False
    world.save()
    return 0


@faulty("sim.verifyPin")
def verifyPin(pin="1234"):
    """-> 0 or -1."""
    if not _pin_is(pin):
        return -1
    if world.facts["sim_status"] == WANTS_PIN:
        world.change({"sim_status": READY})
    return 0


@faulty("sim.changePin")
def changePin(oldPin, newPin):
    """-> 0 or -1."""
    _check(newPin, 15)
    if not _pin_is(oldPin):
        return -1
    world.kept["pin"] = newPin
    world.save()
    return 0


@faulty("sim.unblockPin")
def unblockPin(puk, newPin):
    """-> 0 or -1."""
    _check(puk, 15)
    _check(newPin, 15)
    if world.facts["sim_status"] != WANTS_PUK or puk != world.facts["puk"]:
        return -1
    world.kept["pin"] = newPin
    world.save()
    _left[0] = _TRIES
    world.change({"sim_status": READY})
    return 0


def _book():
    return world.kept.setdefault("phonebook", [list(entry) for entry in world.facts["phonebook"]])


@faulty("sim.readPhonebook")
def readPhonebook(storage, start, end, username):
    """-> (how many, [(index, name, number), …]), or -1. Personal data of others."""
    _check(username, 30)
    if not 0 <= storage <= 15 or end < start or end - start > 20:
        raise ValueError("invalid value")
    if world.facts["sim_status"] != READY:
        return -1
    found = []
    for index, name, number in _book():
        if (start == 0 and name.startswith(username)) or (start > 0 and start <= index <= end):
            found.append((index, name, number))
    return len(found), found


@faulty("sim.writePhonebook")
def writePhonebook(storage, index, username, number):
    """-> 0 or -1."""
    _check(username, 30)
    _check(number, 20)
    if not 0 <= storage <= 15 or not 1 <= index <= 500:
        raise ValueError("invalid value")
    if world.facts["sim_status"] != READY:
        return -1
    book = [entry for entry in _book() if entry[0] != index]
    book.append([index, username, number])
    world.kept["phonebook"] = sorted(book)
    world.save()
    return 0


@faulty("sim.setSimDet")
def setSimDet(switch, triggerLevel):
    """-> 0 or -1."""
    if switch not in (0, 1) or triggerLevel not in (0, 1):
        raise ValueError("invalid value")
    _detection[:] = [switch, triggerLevel]
    return 0


@faulty("sim.getSimDet")
def getSimDet():
    """-> (enabled, level), or -1."""
    return tuple(_detection)


@faulty("sim.getCurSimid")
def getCurSimid():
    """-> 0 or 1, or -1. EC600M and EC800M only: -1 on others."""
    return 0 if world.model_is("EC600M", "EC800M") else -1


@faulty("sim.switchCard")
def switchCard(simId):
    """-> 0 or -1. There is no second card here: -1."""
    return -1


@faulty("sim.setCallback")
def setCallback(usrFun):
    """-> 0 or -1. `usrFun(1)` when a card is put in, `usrFun(2)` when it is taken out; with setSimDet(1, …) only."""
    _callback[0] = usrFun
    return 0


@faulty("sim.setSwitchcardCallback")
def setSwitchcardCallback(usrFun):
    """-> 0 or -1. It is never called: cards cannot be switched here."""
    return 0


def _changed(values):
    if "sim_status" in values and _callback[0] is not None and _detection[0]:
        state = 2 if values["sim_status"] == 0 else 1
        clock.soon(lambda: _callback[0](state))


world.listen(_changed)
