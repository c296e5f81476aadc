# SPDX-License-Identifier: MIT
"""The mobile network as the module sees it: registration, packet data contexts, and who wants to hear of changes."""

import ujson
from qpysim import clock, world

REGISTERED = (1, 5)
LAST_PROFILE = 3
AT_BOOT, RECONNECTS = 5, 6  # of a context: 1 where it is activated at boot, and again when the network comes back

data_callbacks = []
registration_callbacks = []

_active = []
_lost = []  # down because the network went away
_attached = [False]


def registration():
    """0 to 11 as `net.getState` gives them; 0 where there is no SIM card that works, or the radio is off."""
    if not _attached[0] or world.facts["sim_status"] != 1 or world.facts["modem_fun"] != 1:
        return 0
    return world.facts["registration"]


def registered():
    """Whether the module is in a network."""
    return registration() in REGISTERED


def active(profile):
    """Whether this packet data context is up."""
    return profile in _active and registered()


def online():
    """Whether IP traffic is possible."""
    return len(_active) > 0 and registered()


def context(profile):
    """[IP type, APN, user, password, authentication, AT_BOOT, RECONNECTS] of 1 to 3, as the settings are kept."""
    contexts = world.kept.setdefault("contexts", {})
    return contexts.setdefault(str(profile), list(world.facts["contexts"][profile - 1]))


def activate(profile):
    """-> whether it is up now; who listens hears of it."""
    if not registered():
        return False
    if profile not in _active:
        _active.append(profile)
        _tell(profile, 1)
    return True


def deactivate(profile):
    """It is down now."""
    if profile in _active:
        _active.remove(profile)
        _tell(profile, 0)


def _tell(profile, state):
    for callback in data_callbacks:
        callback(profile, state)


def _changed(values):
    if not ("registration" in values or "sim_status" in values or "modem_fun" in values):
        return
    for callback in registration_callbacks:
        callback(registration())
    if registered():
        for profile in list(_lost):
            _lost.remove(profile)
            if context(profile)[RECONNECTS]:
                activate(profile)
    else:
        for profile in list(_active):
            deactivate(profile)
            _lost.append(profile)


def _attach():
    _attached[0] = True
    for callback in registration_callbacks:
        callback(registration())
    if _dials_at_boot():
        for profile in range(1, LAST_PROFILE + 1):
            if context(profile)[AT_BOOT]:
                activate(profile)


def boot():
    """Register after `attach_s`, then dial as `_boot.py` does: profile 1, unless a file or setAutoActivate says no."""
    world.listen(_changed)
    if world.facts["attach_s"]:
        clock.at(world.facts["attach_s"] * 1000, _attach, True)
    else:
        _attach()


def _dials_at_boot():
    try:
        with open("/usr/system_config.json") as file:
            return ujson.load(file).get("datacallFlag", 1) != 0
    except (OSError, ValueError, AttributeError):
        return True
