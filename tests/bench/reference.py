# SPDX-License-Identifier: MIT
"""The reference record of SPEC §12: a log event of eight fields, as policy and as values. Runs on the device."""

from ports.catalogue import IDS
from sim.device import BUCKET, ENUM, HASH, INT, IPV4, KEEP, MAC, TRUNCATE
from sim.sim_host import field, purpose

LEVELS = ("debug", "info", "warning", "error")
WORDS = ("charging", "watchdog", "overheat", "shutdown", "firmware", "download", "position", "geofence")


def purposes():
    return [purpose(1, "diagnostics", 3)]


def fields():
    return [
        field(1, "level", IDS["app.enum"], ENUM, KEEP, required=True),
        field(2, "code", IDS["app.int"], INT, KEEP),
        field(3, "sent", IDS["app.int"], INT, KEEP),
        field(4, "received", IDS["app.int"], INT, KEEP),
        field(5, "temperature", IDS["app.int"], INT, BUCKET, [0, 5]),
        field(6, "peer", IDS["app.mac"], MAC, HASH),
        field(7, "address", IDS["app.ipv4"], IPV4, TRUNCATE),
        field(8, "event", IDS["app.enum"], ENUM, KEEP),
    ]


def values(n):
    """The n-th event as the application knows it: about 190 bytes as JSON."""
    return {
        "level": LEVELS[(n >> 1) & 3],
        "code": 1000 + (n * 37) % 900,
        "sent": 40000 + 13 * n,
        "received": 91000 + 29 * n,
        "temperature": 20 + n % 30,
        "peer": "02:00:00:00:%02x:%02x" % (n % 5, (n * 7) % 3),
        "address": "198.51.%d.%d" % (100 + n % 4, n % 250),
        "event": WORDS[n % 8],
    }
