# SPDX-License-Identifier: MIT
"""`modem`: who the device is.

Documented: API_reference/en/syslib/modem.md (2023-07); moddev.c of 2021 agrees. Each function returns a str, or the int
-1. G2's `getDevImei` takes a SIM number and its model is always 'EG800Z' (UniRTOS component, 2026).
"""

from qpysim import world
from qpysim.faults import faulty


def _told(key):
    value = world.facts[key]
    return -1 if value is None else value


@faulty("modem.getDevImei")
def getDevImei(*simid):
    """-> str of 15 digits, or -1."""
    if len(simid) > (1 if world.g2() else 0):
        raise TypeError("function takes fewer arguments")
    return _told("imei")


@faulty("modem.getDevModel")
def getDevModel():
    """-> str such as 'EC200U', or -1."""
    return "EG800Z" if world.g2() else _told("model")


@faulty("modem.getDevSN")
def getDevSN():
    """-> str, or -1."""
    return _told("serial")


@faulty("modem.getDevFwVersion")
def getDevFwVersion():
    """-> str, or -1."""
    return _told("firmware")


@faulty("modem.getDevProductId")
def getDevProductId():
    """-> 'Quectel', or -1: the maker, in spite of its name."""
    return "Quectel"
