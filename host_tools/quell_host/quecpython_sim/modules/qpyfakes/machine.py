# SPDX-License-Identifier: MIT
"""`machine`: watchdog, serial ports, clock and timers; a file each.

Documented: API_reference/en/peripherals/machine.md. Pins, buses, keypad and displays are not imitated.
"""

from qpyfakes.machine_rtc import RTC  # noqa: F401
from qpyfakes.machine_timer import Timer  # noqa: F401
from qpyfakes.machine_uart import UART  # noqa: F401
from qpyfakes.machine_wdt import WDT  # noqa: F401
