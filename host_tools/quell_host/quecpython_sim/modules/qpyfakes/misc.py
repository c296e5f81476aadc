# SPDX-License-Identifier: MIT
"""`misc`: power.

Documented: API_reference/en/peripherals/misc.Power.md; misc_power.c (2021). Only `Power` is imitated, none of ADC, PWM,
PowerKey, USB, USBNET. `powerDownReason` is not there on BC25, EC200U and EC600U.
"""

from qpysim import ending, world
from qpysim.faults import faulty


class Power:
    """Its functions are called on the class."""

    @staticmethod
    @faulty("misc.Power.powerDown")
    def powerDown():
        """The module is off: the process ends with code 72."""
        ending.end(ending.POWER_DOWN, "powered down by the script")

    @staticmethod
    @faulty("misc.Power.powerRestart")
    def powerRestart():
        """The module restarts: the process ends with code 71, and begins again with --restarts."""
        ending.end(ending.RESTART, "restarted by the script")

    @staticmethod
    @faulty("misc.Power.powerOnReason")
    def powerOnReason():
        """-> int 0 to 9; 0 unknown, 1 power key, 2 reset, 5 watchdog or an error."""
        return world.facts["power_on_reason"]

    @staticmethod
    @faulty("misc.Power.powerDownReason")
    def powerDownReason():
        """-> int 0 to 6; 0 unknown, 1 normal, 5 watchdog."""
        return world.facts["power_down_reason"]

    @staticmethod
    @faulty("misc.Power.getVbatt")
    def getVbatt():
        """-> int in mV. The page names no failure; the plan has -1, which the source can return."""
        return -1 if world.facts["battery_mv"] is None else world.facts["battery_mv"]


if world.model_is("BC25", "EC200U", "EC600U"):
    del Power.powerDownReason
