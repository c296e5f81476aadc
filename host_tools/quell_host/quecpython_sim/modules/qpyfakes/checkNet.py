# SPDX-License-Identifier: MIT
"""`checkNet`: wait for SIM card, registration and packet data.

Documented: API_reference/en/iotlib/checkNet.md; checkNet.py (2021), whose class is older and still in most examples.
Looks every 100 ms, and waits for states of the card that pass by themselves only (18, 20, 21). A timeout out of range
raises OSError.
"""

from qpysim import clock, network, world
from qpysim.faults import faulty

_STEP_MS = 100
_PASSING = (18, 20, 21)


def _wait(timeout):
    if not 1 <= timeout <= 3600:
        raise OSError("timeout_s should be in [1, 3600]s!")
    left_ms = timeout * 1000
    while world.facts["sim_status"] in _PASSING and left_ms > 0:
        clock.sleep_ms(_STEP_MS)
        left_ms -= _STEP_MS
    if world.facts["sim_status"] != 1:
        return 1, world.facts["sim_status"]
    while not network.registered() and left_ms > 0:
        clock.sleep_ms(_STEP_MS)
        left_ms -= _STEP_MS
    if not network.registered():
        return 2, network.registration()
    while not network.online() and left_ms > 0:
        clock.sleep_ms(_STEP_MS)
        left_ms -= _STEP_MS
    return 3, 1 if network.online() else 0


@faulty("checkNet.waitNetworkReady")
def waitNetworkReady(timeout=60):
    """-> (stage, state): (3, 1) is online; 1 is the SIM card, 2 the registration, 3 packet data."""
    return _wait(timeout)


class CheckNetwork:
    """Of old firmware."""

    def __init__(self, proj_name, proj_version):
        self.PROJECT_NAME = proj_name
        self.PROJECT_VERSION = proj_version
        self.FIRMWARE_VERSION = world.facts["firmware"]
        self.POWERON_REASON = world.facts["power_on_reason"]

    def poweron_print_once(self):
        """Prints project, firmware and card on the console."""
        print("==================================================")
        print("PROJECT_NAME     : %s" % self.PROJECT_NAME)
        print("PROJECT_VERSION  : %s" % self.PROJECT_VERSION)
        print("FIRMWARE_VERSION : %s" % self.FIRMWARE_VERSION)
        print("POWERON_REASON   : %s" % self.POWERON_REASON)
        print("SIM_CARD_STATUS  : %s" % world.facts["sim_status"])
        print("==================================================")

    @faulty("checkNet.CheckNetwork.wait_network_connected")
    def wait_network_connected(self, timeout_s=60):
        """-> as waitNetworkReady."""
        return _wait(timeout_s)


def wait_network_connected(timeout_s=60):
    """-> as waitNetworkReady."""
    return _wait(timeout_s)
