# SPDX-License-Identifier: MIT
"""Sources of a board with a modem: what the modem tells, checked by shape, and what MicroPython knows of the board.

Asked only for what a policy in force samples, and only while the modem answers: a modem that hangs costs a step one
timeout, not one per source. Identifiers are never kept here. The operator's name may take minutes, so it is asked in
the background: the first sample of it is None. The radio cell is in no message unless it is asked for: the setting
that adds it to every report is on for these commands only.
"""

import gc
import sys

from ports import shapes
from ports.at_modem.at import QUICK_MS, AtError
from ports.at_modem.background import Background
from ports.at_modem.fields import number, split
from ports.at_modem.modem import registration
from ports.catalogue import IDS
from quell import __version__
from quell.codec.builtin import const, hex_text
from quell.codec.divide import floor_divide
from quell.port import Sources

_SIM_MS = const(5000)
_OPERATOR_MS = const(180000)
_OPERATOR_FRESH_MS = const(600000)
_OPERATOR_KEEP_MS = const(3600000)
_BLOCKED_MS = const(2000)
_CELL_KEEP_MS = const(2000)  # cell and area of one sampling are asked for together
_SIM_CODES = {b"READY": 1, b"SIM PIN": 2, b"SIM PUK": 3}
_SIM_ERRORS = {10: 0, 11: 2, 12: 3, 13: 20, 14: 4}
_SIM_UNKNOWN = const(21)


def operator_name(lines):
    """`0,0,"Vodafone.de",7` -> the name, or None."""
    parts = split(lines[0])
    return shapes.name(parts[2]) if len(parts) > 2 else None


class AtSources(Sources):
    """`modem`: Modem; `clock`: the port's Clock; `on_malformed`: callable() or None, for values of a wrong shape.

    `withdrawal_button`: callable() -> purpose name, "*" or None, or None if the board has no button; `withdrawal_seen`:
    callable() when it is carried out.
    """

    def __init__(self, at, modem, clock, on_malformed=None, withdrawal_button=None, withdrawal_seen=None):
        self._at = at
        self._modem = modem
        self._clock = clock
        self._on_malformed = on_malformed
        self._button = withdrawal_button
        self._seen = withdrawal_seen
        self._cell = None  # (area, cell)
        self._cell_ms = 0
        self._operator = Background(
            at, clock.uptime_ms, lambda: modem.ready, ("AT+COPS?", "+COPS", _OPERATOR_MS),
            operator_name, _OPERATOR_FRESH_MS, _OPERATOR_KEEP_MS,
        )  # fmt: skip
        modem.background.append(self._operator)
        self._blocked_ms = 0  # until then a slow command is known to be under way
        readers = {
            "modem.imei": lambda: self._bare("AT+CGSN", shapes.imei),
            "modem.imsi": lambda: self._bare("AT+CIMI", shapes.imsi),
            "modem.iccid": lambda: self._shaped("AT+QCCID", "+QCCID", 0, shapes.iccid),
            "modem.phone": self._phone,
            "modem.model": lambda: self._bare("AT+CGMM", shapes.name),
            "modem.firmware": lambda: self._bare("AT+CGMR", shapes.name),
            "modem.serial": self._serial,
            "modem.operator": self._operator.value,
            "modem.rssi": self._rssi,
            "modem.registration": self._registration,
            "modem.mcc": lambda: self._network(0),
            "modem.mnc": lambda: self._network(1),
            "modem.cell-id": lambda: self._place(1),
            "modem.lac": lambda: self._place(0),
            "modem.battery-mv": self._battery_mv,
            "modem.sim-status": self._sim_status,
        }
        self._modem_readers = {IDS[name]: reader for name, reader in readers.items()}
        self._board_readers = {IDS[name]: reader for name, reader in self._board().items()}

    def sample(self, source):
        """The value now, or None. Quick commands are waited for (0.5 s at most, SIM state 5 s)."""
        reader = self._board_readers.get(source)
        if reader is not None:
            return reader()
        reader = self._modem_readers.get(source)
        if reader is None or not self._modem.answers:
            return None
        now_ms = self._clock.uptime_ms()
        if self._at.busy and (now_ms < self._blocked_ms or not self._at.settle(QUICK_MS)):
            self._blocked_ms = now_ms + _BLOCKED_MS
            return None
        return reader()

    def withdrawal(self):
        return self._button() if self._button is not None else None

    def withdrawal_done(self):
        if self._seen is not None:
            self._seen()

    # asking ------------------------------------------------------------------------------------

    def _asked(self, line, prefix, timeout_ms=QUICK_MS, bare=False):
        """The first line of the reply (bytes), None if the modem has no answer."""
        try:
            return self._at.ask(line, prefix, timeout_ms, 1, bare)[0]
        except AtError:
            return None

    def _checked(self, value, shape):
        found = None if value is None else shape(value)
        if found is None and value and self._on_malformed is not None:
            self._on_malformed()
        return found

    def _bare(self, line, shape):
        found = self._asked(line, line[2:], QUICK_MS, True)
        return self._checked(None if found is None else split(found)[0], shape)

    def _parts(self, line, prefix, timeout_ms=QUICK_MS):
        found = self._asked(line, prefix, timeout_ms)
        return [] if found is None else split(found)

    def _shaped(self, line, prefix, at, shape):
        parts = self._parts(line, prefix)
        return self._checked(parts[at] if len(parts) > at else None, shape)

    # readers -----------------------------------------------------------------------------------

    def _serial(self):
        found = self._shaped("AT+EGMR=0,5", "+EGMR", 0, shapes.serial)
        return found if found is not None else self._shaped("AT+CGSN=0", "+CGSN", 0, shapes.serial)

    def _phone(self):
        parts = self._parts("AT+CNUM", "+CNUM")
        value = parts[1] if len(parts) > 1 else None
        if value and len(parts) > 2 and parts[2] == "145" and value[0] != "+":
            value = "+" + value  # type 145: international
        return self._checked(value, shapes.phone)

    def _rssi(self):
        """dBm; 99 is unknown, what is above is of networks that are no more."""
        parts = self._parts("AT+CSQ", "+CSQ")
        level = number(parts[0]) if parts else None
        return -113 + 2 * level if level is not None and 0 <= level <= 31 else None

    def _registration(self):
        """The status of the packet network, or of the other where the modem is registered only there."""
        best = None
        for name in ("CEREG", "CREG"):
            found = self._asked("AT+" + name + "?", "+" + name)
            status = None if found is None else registration([found])
            if status in (1, 5):
                return status
            best = status if best is None else best
        return best

    def _network(self, which):
        parts = self._parts("AT+QNWINFO", "+QNWINFO")
        found = self._checked(parts[1] if len(parts) > 1 else None, shapes.mcc_mnc)
        return None if found is None else found[which]

    def _battery_mv(self):
        parts = self._parts("AT+CBC", "+CBC")
        found = number(parts[2]) if len(parts) > 2 else None
        return found if found is not None and 1000 <= found <= 60000 else None

    def _sim_status(self):
        """0 none, 1 ready, 2 PIN, 3 PUK, 4 busy, 20 failed, 21 anything else: the codes of QuecPython."""
        try:
            line = self._at.ask("AT+CPIN?", "+CPIN", _SIM_MS)[0]
        except AtError as error:
            return _SIM_ERRORS.get(error.code)
        return _SIM_CODES.get(line, _SIM_UNKNOWN)

    def _place(self, which):
        now_ms = self._clock.uptime_ms()
        if self._cell is None or now_ms - self._cell_ms > _CELL_KEEP_MS:
            self._cell = None
            for name in ("CEREG", "CREG"):
                self._cell = self._ask_cell(name)
                if self._cell is not None:
                    break
            self._cell_ms = now_ms
        if self._cell is None:
            return None
        value = self._cell[which]
        # each is given once: no place stays in memory longer than it takes to sample both
        rest = (self._cell[0] if which else None, None if which else self._cell[1])
        self._cell = None if rest == (None, None) else rest
        return self._checked(value, shapes.cell)

    def _ask_cell(self, name):
        """(area, cell) of `name`'s report, or None. The setting is taken back whatever happens."""
        try:
            self._at.ask("AT+" + name + "=2")
            parts = split(self._at.ask("AT+" + name + "?", "+" + name)[0])
        except AtError:
            parts = []
        try:
            self._at.ask("AT+" + name + "=0")
        except AtError:
            self._modem.trouble()  # the settings are made anew, this one among them
        return (parts[2], parts[3]) if len(parts) > 3 and parts[1] in ("1", "5") else None

    # the board -----------------------------------------------------------------------------------

    def _board(self):
        return {
            "device.model": lambda: getattr(sys.implementation, "_machine", sys.platform)[:64],
            "device.os": lambda: "MicroPython " + ".".join([str(n) for n in sys.implementation.version[:3]]),
            "device.agent": lambda: __version__,
            "device.uptime": lambda: floor_divide(self._clock.uptime_ms(), 1000),
            "device.memory-total": lambda: (gc.mem_free() + gc.mem_alloc()) >> 10,
            "device.memory-free": lambda: gc.mem_free() >> 10,
            "device.machine-id": _machine_id,
            "time.now": self._clock.hint_s,
        }


def _machine_id():
    import machine

    return hex_text(machine.unique_id())
