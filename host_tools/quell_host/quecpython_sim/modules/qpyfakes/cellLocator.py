# SPDX-License-Identifier: MIT
"""`cellLocator`: a position from Quectel's cloud, over plain port 80. Nothing is sent here.

Documented: API_reference/en/gnsslib/cellLocator.md; modcelllocator.c (2021). The page lists error codes 1 to 6, the
source returns them negative: negative here, and the plan has both.
"""

from qpysim import clock, network, world
from qpysim.faults import faulty


@faulty("cellLocator.getLocation")
def getLocation(serverAddr, port, token, timeout=300, profileIdx=1):
    """-> (longitude, latitude, accuracy in m), (0.0, 0.0, 0) for none, or -1 to -6; blocks for seconds."""
    if len(serverAddr) >= 255:
        return -2
    if len(token) != 16:
        return -3
    if not 1 <= timeout <= 300:
        return -4
    if not 1 <= profileIdx <= 8:
        raise ValueError("invalid value, profileIdx should be in [1,8].")
    if not network.active(profileIdx):
        return -5
    if world.facts["location"] is None:
        clock.sleep_ms(timeout * 1000)
        return -6
    clock.sleep_ms(min(timeout * 1000, world.facts["location_ms"]))
    longitude, latitude, accuracy = world.facts["location"]
    return float(longitude), float(latitude), accuracy
