# SPDX-License-Identifier: MIT
"""The modem from power-on to an IP connection, and back there after every restart or failure.

One generator is the state machine: `step` resumes it, and it yields whenever it would wait. Its stages are AT,
settings, SIM, registration, IP context; each failure has the code of its stage. Repeated failures restart the modem,
more and more seldom: a SIM that is not there does not come back by that.
"""

from ports.at_modem.at import AtError
from ports.at_modem.fields import number, numbers, quoted, split
from quell.codec.builtin import const
from quell.errors import LinkError

# What `Modem.state` may be. All but READY mean: no connection now, it is being worked on.
STARTING = const(0)
NO_ANSWER = const(1)
NO_SIM = const(2)
SIM_LOCKED = const(3)  # a PIN or PUK is asked for: nobody types one here
SIM_FAILED = const(4)
SEARCHING = const(5)  # not registered in a network
DENIED = const(6)  # the network refuses the SIM
NO_BEARER = const(7)  # registered, but no IP connection: APN, credit, coverage
RESETTING = const(8)
READY = const(9)
GARBAGE = const(10)  # bytes come, and no answer: another baud rate, another device, a broken line
NAMES = (
    "starting", "no answer", "no SIM", "SIM locked", "SIM failed", "searching", "denied", "no IP", "resetting", "ready",
    "garbage",
)  # fmt: skip

_CID = const(1)  # the IP context
_CPIN_MS = const(5000)
_ACTIVATE_MS = const(150000)
_DEACTIVATE_MS = const(60000)
_REGISTER_MS = const(180000)
_REGISTER_EVERY_MS = const(2000)
_SIM_BUSY_TRIES = const(10)
_SIM_BUSY_MS = const(1000)
_SETTLE_MS = const(1000)  # after a boot message, before the first command
_RESET_COMMAND_MS = const(15000)
_RESET_MS = const(30000)  # for the modem to come back
_REST_FIRST_MS = const(1000)
_REST_CAP_MS = const(60000)
_FAILURES_TO_RESET = const(5)
_FAILURES_CAP = const(160)
_SIM_STATES = {10: NO_SIM, 11: SIM_LOCKED, 12: SIM_LOCKED, 13: SIM_FAILED, 14: SIM_FAILED}
_SIM_BUSY = const(14)
_REGISTERED = (1, 5)
_GARBAGE_BYTES = const(64)  # more than the echoes of the engine's questions
_BOOT_LINES = ("RDY", "APP RDY", "POWERED DOWN", "NORMAL POWER DOWN")


class Modem:
    """`config`: see config.checked. `hard_reset`: callable() that pulls RESET or PWRKEY within a second and
    does not raise, or None. `on_failed`: callable() for each attempt that failed, or None.

    `state`: one of the codes above; `counts`: how often each was the outcome of an attempt; `boots`: restarts that were
    noticed; `failures`: attempts since the last success, those of the link included; `background`: what is asked
    beside all that (Background).
    """

    def __init__(self, at, config, now_ms, hard_reset=None, on_failed=None):
        self._at = at
        self._config = config
        self._now_ms = now_ms
        self._hard_reset = hard_reset
        self._on_failed = on_failed
        self.state = STARTING
        self.counts = [0] * len(NAMES)
        self.boots = 0
        self.failures = 0
        self.background = []
        self._stage = STARTING
        self._resets = 0
        self._reset_at = _FAILURES_TO_RESET
        self._booted = False
        self._check = False
        self._sim_news = False
        for line in _BOOT_LINES:
            at.on(line, self._on_boot)
        at.on("+CPIN", self._on_sim)
        at.on("+QIURC", self._on_context)
        self._life = self._live()

    @property
    def ready(self):
        """True while there is an IP connection, as far as we know."""
        return self.state == READY and not self._booted

    @property
    def answers(self):
        """True if a quick command may be asked now, as far as we know."""
        return not self._at.stale and self.state not in (STARTING, NO_ANSWER, GARBAGE, RESETTING)

    @property
    def trouble_name(self):
        """What keeps it from an IP connection, in a word or two; "" while there is one."""
        return "" if self.ready else NAMES[STARTING if self.state == READY else self.state]

    def step(self):
        """One bounded slice. Never raises, never waits. Call it in the board's loop, beside the agent's step."""
        self._at.pump()
        next(self._life)
        for one in self.background:
            one.step()

    def good(self):
        """The link was opened: failures are forgotten."""
        self.failures = self._resets = 0
        self._reset_at = _FAILURES_TO_RESET

    def trouble(self):
        """The link could not be opened, or was lost: look whether the modem is still connected."""
        self._check = True

    def _on_boot(self, rest):
        """RDY, APP RDY, POWERED DOWN: all that was set is gone, and so is the command that waits."""
        if rest:
            return False
        if not self._booted:
            self._booted = True
            self.boots += 1
        self._at.abort("the modem restarted")
        return True

    def _on_sim(self, rest):
        """The SIM was put in, pulled or unlocked, or this is the reply to our own question."""
        self._sim_news = True
        return False

    def _on_context(self, rest):
        """The network took the IP context away."""
        if split(rest)[0] == "pdpdeact":
            self.trouble()
        return True

    # the state machine -------------------------------------------------------------------------

    def _live(self):
        while True:
            if self._booted:
                self.state = STARTING
                yield from self._pause(_SETTLE_MS)
                self._booted = False
            elif self.failures >= self._reset_at:
                yield from self._reset()
                continue
            try:
                yield from self._connect()
                self.state = READY
                self.counts[READY] += 1
                while not self._check and not self._booted and not self._at.stale:
                    yield
                self.state = STARTING
                self.failures += 1 if self._check else 0
            except LinkError:
                if not self._booted:
                    self._failed()
                    self._sim_news = False
                    yield from self._pause(min(_REST_FIRST_MS << min(self.failures, 6), _REST_CAP_MS), True)

    def _failed(self):
        self.state = self._stage
        if self.state == NO_ANSWER and self._at.useless_bytes >= _GARBAGE_BYTES:
            self.state = GARBAGE
        self.counts[self.state] = min(self.counts[self.state] + 1, 0x3FFFFFFF)
        self.failures += 1
        if self._on_failed is not None:
            self._on_failed()

    def _pause(self, ms, for_sim=False):
        """Wait. A restart ends it; with `for_sim` news of the SIM make it short."""
        begin_ms = self._now_ms()
        booted = self._booted
        while booted or not self._booted:
            passed_ms = self._now_ms() - begin_ms
            if passed_ms >= ms or for_sim and self._sim_news and passed_ms >= _REST_FIRST_MS:
                return
            yield

    def _connect(self):
        self._check = False
        self._stage = NO_ANSWER
        yield from self._at.asking("AT")
        yield from self._settings()
        self._stage = SIM_FAILED
        yield from self._sim()
        self._stage = SEARCHING
        yield from self._registration()
        self._stage = NO_BEARER
        yield from self._bearer()

    def _settings(self):
        at = self._at
        for line in ("ATE0", "ATV1", "AT+CMEE=1"):
            yield from at.asking(line)
        # without this no message of the MQTT commands reaches the UART; it is kept in flash, so look first
        try:
            lines = yield from at.asking('AT+QURCCFG="urcport"', "+QURCCFG")
            done = split(lines[0])[-1] == "uart1"
        except AtError:
            done = False
        optional = [] if done else ['AT+QURCCFG="urcport","uart1"']
        # never 2: that puts the cell into every message
        optional += ["AT+CEREG=0", "AT+CREG=0"]
        for line in optional:
            try:
                yield from at.asking(line)
            except AtError:
                if at.stale:
                    raise

    def _sim(self):
        for _ in range(_SIM_BUSY_TRIES):
            try:
                lines = yield from self._at.asking("AT+CPIN?", "+CPIN", _CPIN_MS)
            except AtError as error:
                self._stage = _SIM_STATES.get(error.code, SIM_FAILED)
                if error.code != _SIM_BUSY:
                    raise
                yield from self._pause(_SIM_BUSY_MS)
                continue
            if lines[0] == b"READY":
                return
            self._stage = NO_SIM if lines[0].startswith(b"NOT ") else SIM_LOCKED
            break
        raise AtError("SIM", _SIM_BUSY)

    def _registration(self):
        end_ms = self._now_ms() + _REGISTER_MS
        while self._now_ms() < end_ms:
            for name in ("CEREG", "CREG"):
                status = None
                try:
                    lines = yield from self._at.asking("AT+" + name + "?", "+" + name)
                    status = registration(lines)
                except AtError:
                    if self._at.stale:
                        raise
                if status in _REGISTERED:
                    return
                if status is not None:
                    self._stage = DENIED if status == 3 else SEARCHING
            self.state = self._stage
            yield from self._pause(_REGISTER_EVERY_MS)
        raise AtError("not registered", 30)

    def _bearer(self):
        at, config = self._at, self._config
        lines = yield from at.asking("AT+QIACT?", "+QIACT", _CPIN_MS, 0)
        for line in lines:
            if numbers(line)[:2] == [_CID, 1]:
                return
        if config["apn"] is not None:
            user, password = config["apn_user"] or "", config["apn_password"] or ""
            line = "AT+QICSGP=%d,1,%s,%s,%s,%d" % (
                _CID, quoted(config["apn"]), quoted(user), quoted(password), 1 if user else 0,
            )  # fmt: skip
            yield from at.asking(line)
        try:
            yield from at.asking("AT+QIACT=%d" % _CID, None, _ACTIVATE_MS)
        except AtError as error:
            if not at.stale:
                yield from at.asking("AT+QIDEACT=%d" % _CID, None, _DEACTIVATE_MS)
            raise error

    def _reset(self):
        """Restart the modem: by its pin if the board can and commands did not help, else by command."""
        by_pin = self._hard_reset is not None and (self._stage == NO_ANSWER or self._resets & 1)
        self.state = RESETTING
        self.counts[RESETTING] += 1
        self._resets += 1
        self._reset_at = self.failures + min(_FAILURES_TO_RESET << min(self._resets, 5), _FAILURES_CAP)
        boots = self.boots
        if by_pin:
            self._hard_reset()
        else:
            try:
                yield from self._at.asking("AT+CFUN=1,1", None, _RESET_COMMAND_MS)
            except AtError:
                pass
        self._at.abort("reset")
        yield from self._pause(_RESET_MS)
        if self.boots == boots:
            self.boots += 1  # nobody told us, but all settings are gone


def registration(lines):
    """The lines of +CEREG? or +CREG? -> the status (int), or None."""
    parts = split(lines[0])
    return number(parts[1]) if len(parts) > 1 else None
