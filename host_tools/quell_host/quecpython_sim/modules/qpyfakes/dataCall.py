# SPDX-License-Identifier: MIT
"""`dataCall`: packet data contexts.

Documented: API_reference/en/iotlib/dataCall.md; moddatacall.c and dataCall.py (2021). Functions return 0 or -1. A
profile out of range is -1 by the page and ValueError by the source: `getInfo` raises it here. Contexts and their flags
outlive a restart. Not imitated: `setApn`, `getApn`, `setDnsserver` of old firmware.
"""

from qpysim import clock, network, world
from qpysim.faults import faulty

_NOWHERE = [0, 0, "0.0.0.0", "0.0.0.0", "0.0.0.0"]
_NOWHERE_6 = [0, 0, "::", "::", "::"]
_callback = [None]


def _known(profile):
    return isinstance(profile, int) and 1 <= profile <= network.LAST_PROFILE


@faulty("dataCall.setPDPContext")
def setPDPContext(profileID, ipType, apn, username, password, authType):
    """-> 0 or -1. Kept; in force from the next activation."""
    fits = len(apn) <= 64 and len(username) <= 64 and len(password) <= 64
    if not _known(profileID) or ipType not in (0, 1, 2) or authType not in (0, 1, 2, 3) or not fits:
        return -1
    network.context(profileID)[:5] = [ipType, apn, username, password, authType]
    world.save()
    return 0


@faulty("dataCall.getPDPContext")
def getPDPContext(profileID):
    """-> (ipType, apn, user, password, authType), or -1. The password is in the clear."""
    if not _known(profileID):
        return -1
    return tuple(network.context(profileID)[:5])


@faulty("dataCall.getInfo")
def getInfo(profileID, ipType):
    """-> (profile, type, [state, reconnect, address, DNS, DNS]), with two lists for type 2, or -1."""
    if not _known(profileID) or ipType not in (0, 1, 2):
        raise ValueError("invalid value")
    kind = network.context(profileID)[0]
    four, six = list(_NOWHERE), list(_NOWHERE_6)
    if network.active(profileID):
        facts = world.facts
        if kind in (0, 2):
            four = [1, 0, facts["ip"], facts["dns"][0], facts["dns"][1]]
        if kind in (1, 2):
            six = [1, 0, facts["ipv6"], "::", "::"]
    if ipType == 2:
        return profileID, ipType, four, six
    return profileID, ipType, six if ipType else four


@faulty("dataCall.activate")
def activate(profileID):
    """-> 0 or -1."""
    return 0 if _known(profileID) and network.activate(profileID) else -1


@faulty("dataCall.deactivate")
def deactivate(profileID):
    """-> 0 or -1."""
    if not _known(profileID) or not network.active(profileID):
        return -1
    network.deactivate(profileID)
    return 0


def _flag(profile, at, enable):
    if not _known(profile) or enable not in (0, 1):
        return -1
    network.context(profile)[at] = enable
    world.save()
    return 0


@faulty("dataCall.setAutoActivate")
def setAutoActivate(profileID, enable):
    """-> 0 or -1. Whether the profile is dialled at boot; profile 1 is by default, before any script runs."""
    return _flag(profileID, network.AT_BOOT, enable)


@faulty("dataCall.setAutoConnect")
def setAutoConnect(profileID, enable):
    """-> 0 or -1. Whether the profile comes back when the network does."""
    return _flag(profileID, network.RECONNECTS, enable)


@faulty("dataCall.setDNSServer")
def setDNSServer(profileID, simID, priDNS, secDNS):
    """-> 0 or -1. It is shown by getInfo; the host's own resolver is asked all the same."""
    if not _known(profileID) or simID != 0:
        return -1
    world.facts["dns"] = [priDNS, secDNS]
    return 0


@faulty("dataCall.setCallback")
def setCallback(fun):
    """-> 0 or -1. `fun((profile, state, sim))` when data goes (0) or comes (1); the page names the first two."""
    _callback[0] = fun
    return 0


@faulty("dataCall.start")
def start(profileidx, iptype, apn, username, password, authtype):
    """The dial of old firmware -> 0 or -1. Raises ValueError where an argument is out of range (moddatacall.c)."""
    if not _known(profileidx) or iptype not in (0, 1, 2) or authtype not in (0, 1, 2):
        raise ValueError("invalid value")
    if len(apn) > 63 or len(username) > 15 or len(password) > 15:
        raise ValueError("invalid value")
    network.context(profileidx)[:5] = [iptype, apn, username, password, authtype]
    return 0 if network.activate(profileidx) else -1


@faulty("dataCall.recordApn")
def recordApn(profileidx, iptype, apn, username, password, authtype, apntype):
    """Of old firmware -> 0 or -1."""
    return 0 if _known(profileidx) else -1


@faulty("dataCall.setAsynMode")
def setAsynMode(mode):
    """Of old firmware -> 0."""
    return 0


def _changed(profile, state):
    if _callback[0] is not None:
        clock.soon(lambda: _callback[0]((profile, state, 0)))


network.data_callbacks.append(_changed)
