# SPDX-License-Identifier: MIT
"""Sources of a QuecPython module: each value by its shape, not by what the documentation promises.

Asked only for what a policy in force samples. Functions answer -1 or an empty text where they know nothing, and tuples
differ by generation: G1 is the QuecPython of today's modules, G2 the UniRTOS component. Identifiers are never kept
here; the operator, whose query may take minutes, is asked in the worker's thread, so that its first sample is None.
`net.getCellInfo`, which blocks for seconds and tells of neighbours, is not used.
"""

import gc

from ports import shapes
from ports.catalogue import IDS
from ports.quecpython.platform import ask, at, module, whole
from quell import __version__
from quell.codec.builtin import const
from quell.codec.divide import floor_divide
from quell.data.values import parse_ipv4
from quell.port import Sources

_OPERATOR_FRESH_MS = const(600000)
_OPERATOR_KEEP_MS = const(3600000)
_DATA = const(1)  # of what net.getState gives: 0 is voice


class QuecSources(Sources):
    """`clock`: QuecClock; `worker`: Worker; `power`: `misc.Power` or None; `find`: name -> module or None.

    `button`: callable() -> name of a purpose, "*" or None, or None when the device has no button; `button_done`:
    callable() once it is carried out.
    """

    def __init__(self, clock, worker, power, find=module, button=None, button_done=None):
        self._button = button
        self._button_done = button_done
        modules = [find(name) for name in ("modem", "sim", "net", "dataCall", "uos")]
        self._modem, self._sim, self._net, self._data, self._uos = modules
        self._operator = worker.job(
            lambda: ask(self._net, "operatorName"), clock.uptime_ms, _OPERATOR_FRESH_MS, _OPERATOR_KEEP_MS
        )
        readers = {
            "modem.imei": lambda: self._text(self._modem, "getDevImei", shapes.imei),
            "modem.imsi": lambda: self._card("getImsi", shapes.imsi),
            "modem.iccid": lambda: self._card("getIccid", shapes.iccid),
            "modem.phone": lambda: self._card("getPhoneNumber", shapes.phone),
            "modem.model": lambda: self._text(self._modem, "getDevModel", shapes.name),
            "modem.firmware": lambda: self._text(self._modem, "getDevFwVersion", shapes.name),
            "modem.serial": lambda: self._text(self._modem, "getDevSN", shapes.serial),
            "modem.operator": lambda: _shaped(at(self._operator.value(), 0), shapes.name),
            "modem.rssi": self._rssi,
            "modem.registration": lambda: whole(at(self._state(), 0), 0, 11),
            "modem.mcc": lambda: self._network(0),
            "modem.mnc": lambda: self._network(1),
            "modem.cell-id": lambda: self._place(2),
            "modem.lac": lambda: self._place(1),
            "modem.battery-mv": lambda: whole(ask(power, "getVbatt"), 1000, 60000),
            "modem.sim-status": lambda: whole(ask(self._sim, "getStatus"), 0, 21),
            "net.ipv4": self._ipv4,
            "device.model": lambda: self._text(self._modem, "getDevModel", shapes.name),
            "device.os": self._os,
            "device.agent": lambda: __version__,
            "device.uptime": lambda: floor_divide(clock.uptime_ms(), 1000),
            "device.memory-total": lambda: (gc.mem_free() + gc.mem_alloc()) >> 10,
            "device.memory-free": lambda: gc.mem_free() >> 10,
            "time.now": clock.hint_s,
        }
        self._readers = {IDS[name]: reader for name, reader in readers.items()}

    def sample(self, source):
        """The value now, or None: not known, not there, or not of the shape that such a value has."""
        reader = self._readers.get(source)
        return None if reader is None else reader()

    def withdrawal(self):
        return self._button() if self._button is not None else None

    def withdrawal_done(self):
        if self._button_done is not None:
            self._button_done()

    # readers -----------------------------------------------------------------------------------

    @staticmethod
    def _text(owner, name, shape):
        return _shaped(ask(owner, name), shape)

    def _card(self, name, shape):
        """Of the SIM, which answers only when it is ready (status 1)."""
        return self._text(self._sim, name, shape) if ask(self._sim, "getStatus") == 1 else None

    def _rssi(self):
        """dBm. G1 gives the level, G2 (level, 99); 99 is unknown."""
        level = ask(self._net, "csqQueryPoll")
        level = whole(level if isinstance(level, int) else at(level, 0), 0, 31)
        return None if level is None else -113 + 2 * level

    def _state(self):
        """[state, area, cell, …] of the data domain."""
        return at(ask(self._net, "getState"), _DATA)

    def _place(self, which):
        """A cell or area as hexadecimal digits; only where registered: else it is an old one."""
        state = self._state()
        if at(state, 0) not in (1, 5):
            return None
        number = whole(at(state, which), 1, 0xFFFFFFFE)
        return None if number is None else _shaped("%X" % number, shapes.cell)

    def _network(self, which):
        operator = self._operator.value()
        mcc, mnc = at(operator, 2), at(operator, 3)
        if not isinstance(mcc, str) or not isinstance(mnc, str) or len(mcc) != (4 if mcc[:1] == "1" else 3):
            return None
        found = shapes.mcc_mnc(mcc + mnc)  # which takes two or three digits of mnc
        return None if found is None else found[which]

    def _ipv4(self):
        """Of the first profile; 0.0.0.0 is none."""
        return _shaped(at(ask(self._data, "getInfo", 1, 0), 2, 2), _dotted)

    def _os(self):
        """`uos.uname()` is a tuple of texts "key=value" here."""
        name = ask(self._uos, "uname")
        for i in range(8):
            part = at(name, i)
            if isinstance(part, str) and part[:8] == "release=":
                return ("QuecPython " + part[8:])[:64]
        return "QuecPython"


def _dotted(value):
    """An IPv4 address that is one."""
    return value if parse_ipv4(value) and value != "0.0.0.0" else None


def _shaped(value, shape):
    """`value` if it is a text of that shape, else None: a number or bytes is none."""
    return shape(value) if isinstance(value, str) else None
