# SPDX-License-Identifier: MIT
"""`machine.UART`: serial ports; what arrives is in the device description, what is sent can be asked for.

Documented: API_reference/en/peripherals/machine.UART.md; machine_uart.c (2021). Different from stock MicroPython: no
timeout, and the arguments are numbers in this order. Two objects of one number are the same port. `read` does not
block: what it returns with nothing there is not documented, and b"" here, for 1.13 as Quectel builds it never returns
None; the plan has OSError(EAGAIN). The page calls its result a size, and its example decodes it: bytes. Parity and
speed change nothing.
"""

from qpysim import clock, world
from qpysim.faults import faulty

_MOST = 4
_EAGAIN = 11
_SPEEDS = (
    300, 600, 1200, 2400, 3600, 4800, 7200, 9600, 14400, 19200, 28800, 33600, 38400, 57600, 115200, 230400, 460800,
    921600, 1000000, 1842000, 3686400, 4468750,
)  # fmt: skip

ports = {}  # number -> _Port


class _Port:
    def __init__(self, number):
        described = world.facts["uart"].get(str(number), {})
        self.number = number
        self.arrived = described.get("input", "").encode()
        self.loopback = described.get("loopback", False)
        self.sent = b""
        self.callback = None
        self.open = False

    def arrive(self, data):
        """Bytes come in; the callback hears of it."""
        self.arrived += data
        if self.callback is not None and self.open:
            count = len(data)
            clock.soon(lambda: self.callback([0, self.number, count]))


def port(number):
    """The port of a number."""
    if number not in ports:
        ports[number] = _Port(number)
    return ports[number]


class UART:
    """UART(UART.UARTn, baudrate, databits, parity, stopbits, flowctl). Raises ValueError for what does not fit."""

    UART0, UART1, UART2, UART3, UART4 = 0, 1, 2, 3, 4

    @faulty("machine.UART")
    def __init__(self, UARTn, buadrate=115200, databits=8, parity=0, stopbits=1, flowctl=0):
        if not 0 <= UARTn <= _MOST:
            raise ValueError("UART(%d) does not exist" % UARTn)
        if buadrate not in _SPEEDS:
            raise ValueError("invalid baudrate")
        least = 8 if world.model_is("EC600U", "EC200U", "EG915U") else 5
        if not least <= databits <= 8:
            raise ValueError("invalid data bits")
        if parity not in (0, 1, 2) or stopbits not in (1, 2) or flowctl not in (0, 1):
            raise ValueError("invalid parity, stop or flow bits")
        self._port = port(UARTn)
        self._port.open = True

    @faulty("machine.UART.any")
    def any(self):
        """-> how many bytes wait."""
        return len(self._port.arrived)

    @faulty("machine.UART.read")
    def read(self, nbytes):
        """-> at most so many bytes; b"" when there are none."""
        found = self._port.arrived[:nbytes]
        self._port.arrived = self._port.arrived[nbytes:]
        return found

    @faulty("machine.UART.write")
    def write(self, data):
        """-> how many bytes were sent. Raises OSError where the port is closed."""
        if not self._port.open:
            raise OSError(_EAGAIN)
        data = data.encode() if isinstance(data, str) else bytes(data)
        self._port.sent += data
        if self._port.loopback:
            self._port.arrive(data)
        return len(data)

    @faulty("machine.UART.close")
    def close(self):
        """-> 0 or -1."""
        if not self._port.open:
            return -1
        self._port.open = False
        return 0

    @faulty("machine.UART.control_485")
    def control_485(self, GPIOn, direction):
        """-> 0 or -1. Nothing is there to be controlled."""
        return 0 if isinstance(GPIOn, int) and direction in (0, 1) else -1

    @faulty("machine.UART.set_callback")
    def set_callback(self, fun):
        """-> 0 or -1. `fun([0, port, how many])` when bytes came."""
        self._port.callback = fun
        return 0


def _changed(values):
    for number, text in values.get("uart_input", {}).items():
        port(int(number)).arrive(text.encode())


world.listen(_changed)
