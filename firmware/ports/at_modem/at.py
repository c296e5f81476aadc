# SPDX-License-Identifier: MIT
"""AT commands, one at a time, over anything with `read(n)` and `write(data)`: a subset of machine.UART.

`read(n)` gives at most n bytes, or None or b"" at once; `write(data)` says how many bytes it took, or None. The modem
may say anything at any moment: unsolicited lines go to their handlers, also between a command and its reply; a reply
is known by the command's own prefix; what is neither is dropped. Every wait ends by time, every reply by bytes. After a
timeout nobody knows whose answer comes next: the engine asks AT until it hears OK and then silence, before the next
command. Nothing here blocks but `ask` and the writing of a command.
"""

from ports.at_modem.fields import number, text
from ports.at_modem.lines import LineReader
from quell.codec.builtin import const
from quell.errors import LinkError

# What a reply may take. The modem's manual says 300 ms for most; the rest is for slow UARTs and busy boards.
QUICK_MS = const(500)

MAX_REPLY_BYTES = const(8192)  # bytes that are of no use, while one command waits
MAX_REPLY_LINES = const(16)
_CHUNK_BYTES = const(128)  # of one read: allocated
_SLICE_BYTES = const(1024)  # of one pump
_POLL_MS = const(2)
_PATIENCE_MS = const(500)  # `ask` waits so long for the command before it
_WRITE_MS = const(2000)  # without a byte taken
_QUIET_MS = const(100)  # silence that ends a resynchronisation
_SYNC_EVERY_MS = const(300)
_SYNC_TRIES = const(10)
_SYNC_MS = const(5000)  # in all
_FILL_AT_TRY = const(3)
_SYNC_LINES = (b"ATQ0\r", b"AT\r", b"AT\r", b"ATV1\r")  # by try: a modem may have been left mute or terse

_SYNC = const(0)  # AT is sent until OK comes
_QUIET = const(1)  # OK came: is it the last word?
_WAIT = const(2)  # the command itself is sent

TIMED_OUT = const(-1)
BROKEN = const(-2)  # flood, reset, a write that nobody takes
REFUSED = const(-3)  # ERROR, without a number


class AtError(LinkError):
    """The command was not carried out. `code`: the number of +CME/+CMS ERROR, or TIMED_OUT, BROKEN, REFUSED."""

    def __init__(self, why, code):
        super().__init__(why)
        self.code = code


class AtBusy(AtError):
    """Another command waits for its reply."""

    def __init__(self):
        super().__init__("modem busy", BROKEN)


class Command:
    """One command that was started. `done`: True when its reply is complete; then `result()`."""

    def __init__(self, line, prefix, timeout_ms, least, bare, data):
        self.line = line
        self.name = text(line.split(b"=")[0].split(b"?")[0])
        self.prefix = prefix
        self.timeout_ms = timeout_ms
        self.least = least
        self.bare = bare
        self.data = data
        self.lines = []
        self.error = None
        self.done = False

    def result(self):
        """The lines of the reply, bytes without their prefix. Raises AtError if the command failed."""
        if self.error is not None:
            raise self.error
        return self.lines


class At:
    """The engine. `now_ms`: callable, milliseconds that never wrap; `sleep_ms`: callable(ms).

    `stale`: the next command is preceded by a resynchronisation. `strays`: lines that nobody wanted, counted.
    `on_message`: callable(head bytes, payload bytes or None) for messages, `on_malformed`: callable() when one did not
    end where it should; everything up to the next silence is then thrown away.
    """

    def __init__(self, uart, now_ms, sleep_ms):
        self._uart = uart
        self._now_ms = now_ms
        self._sleep_ms = sleep_ms
        self._reader = LineReader(self)
        self._handlers = {}
        self._command = None
        self._phase = _WAIT
        self._deadline_ms = 0
        self._due_ms = 0
        self._tries = 0
        self._useless = 0
        self._owed = 0  # bytes of data that the modem may still wait for, after a lost prompt
        self._junk_until_ms = None
        self.stale = True
        self.strays = 0
        self.on_message = None
        self.on_malformed = None

    # asking ------------------------------------------------------------------------------------

    def on(self, name, handler):
        """`handler(rest of the line, bytes) -> bool` for unsolicited lines of this name ("+QMTSTAT", "RDY").

        It says whether the line was one: if not, it may be a reply. Called from `pump`: it must not ask.
        """
        self._handlers[name.encode()] = handler

    @property
    def busy(self):
        """True while a command waits for its reply."""
        return self._command is not None

    def start(self, line, prefix=None, timeout_ms=QUICK_MS, least=1, bare=False, data=None):
        """Send the command `line` (str) -> Command. Raises AtBusy while another waits.

        `prefix`: of the lines of its reply ("+CSQ"), None if it has none; `least`: how many must come. `bare`: lines
        without a prefix are the reply. `data`: bytes, sent as they are once the modem prompts for them.
        """
        if self._command is not None:
            raise AtBusy()
        command = Command(
            line.encode(), prefix and prefix.encode() + b":", timeout_ms, least if prefix or bare else 0, bare, data
        )
        self._command = command
        self._useless = 0
        if self.stale:
            self._phase = _SYNC
            self._tries = 0
            self._due_ms = self._now_ms()
            self._deadline_ms = self._due_ms + _SYNC_MS
            if self._owed:
                self._write(b"\x1b")
                self._due_ms += _QUIET_MS
        else:
            self._send()
        return command

    def asking(self, line, prefix=None, timeout_ms=QUICK_MS, least=1, bare=False, data=None):
        """A generator that yields while the command before it and this one wait; somebody else pumps. Its value is the
        reply's lines; raises AtError.
        """
        while self._command is not None:
            yield
        command = self.start(line, prefix, timeout_ms, least, bare, data)
        while not command.done:
            yield
        return command.result()

    def ask(self, line, prefix=None, timeout_ms=QUICK_MS, least=1, bare=False, data=None, patience_ms=_PATIENCE_MS):
        """Send a command and wait for its reply -> its lines. Raises AtError; AtBusy when another command takes
        longer than `patience_ms`. At most `patience_ms` + 5 s to resynchronise + `timeout_ms`, twice with `data`.
        """
        if not self.settle(patience_ms):
            raise AtBusy()
        command = self.start(line, prefix, timeout_ms, least, bare, data)
        while not command.done:
            self.pump()
            if not command.done:
                self._sleep_ms(_POLL_MS)
        return command.result()

    def settle(self, most_ms):
        """Wait for the command that waits, at most `most_ms` -> True if none waits any more."""
        end_ms = self._now_ms() + most_ms
        while self._command is not None:
            self.pump()
            if self._command is not None:
                if self._now_ms() >= end_ms:
                    return False
                self._sleep_ms(_POLL_MS)
        return True

    def abort(self, why):
        """The modem started anew: the command that waits will get no reply."""
        self._reader.clear()
        self.stale = True
        self._owed = 0
        if self._command is not None:
            self._finish(AtError(why, BROKEN))

    @property
    def useless_bytes(self):
        """Bytes of no use that came since the last command was started."""
        return self._useless

    # one slice -----------------------------------------------------------------------------------

    def pump(self):
        """Take what has come, at most 1 KiB, and see to timeouts. Returns at once."""
        count = 0
        while count < _SLICE_BYTES:
            try:
                chunk = self._uart.read(_CHUNK_BYTES)
            except OSError:
                chunk = None
            if not chunk:
                break
            count += len(chunk)
            self._useless += len(chunk)
            if self._junk_until_ms is None:
                self._reader.feed(chunk)
        now_ms = self._now_ms()
        if self._junk_until_ms is not None:
            if count:
                self._junk_until_ms = now_ms + _QUIET_MS
            elif now_ms >= self._junk_until_ms:
                self._junk_until_ms = None
        if self._command is not None:
            self._watch(now_ms, count)

    def _watch(self, now_ms, count):
        if now_ms >= self._deadline_ms:
            self._fail("no answer to ", TIMED_OUT)
        elif self._useless > MAX_REPLY_BYTES:
            self._fail("a flood instead of an answer to ", BROKEN)
        elif self._phase == _SYNC and now_ms >= self._due_ms:
            self._tries += 1
            if self._tries > _SYNC_TRIES:
                self._fail("no answer to ", TIMED_OUT)
                return
            if self._tries == _FILL_AT_TRY and self._owed:
                # it counts our bytes as data: give it the rest, which no receiver takes for a message
                self._write(b"\x1a" * self._owed)
                self._owed = 0
            self._due_ms = now_ms + _SYNC_EVERY_MS
            self._write(_SYNC_LINES[self._tries & 3])
        elif self._phase == _QUIET:
            if count:
                self._due_ms = now_ms + _QUIET_MS
            elif now_ms >= self._due_ms:
                self.stale = False
                self._owed = 0
                self._send()

    def _send(self):
        self._phase = _WAIT
        self._deadline_ms = self._now_ms() + self._command.timeout_ms
        self._reader.prompt = self._command.data is not None
        self._write(self._command.line + b"\r")

    def _write(self, data):
        """Hand all of `data` to the UART; a UART that takes nothing for _WRITE_MS fails the command."""
        view = memoryview(data)
        at = 0
        end_ms = self._now_ms() + _WRITE_MS
        while at < len(data):
            try:
                count = self._uart.write(view[at : at + 256])
            except OSError:
                count = None
            if count:
                at += count
                end_ms = self._now_ms() + _WRITE_MS
            elif self._now_ms() >= end_ms:
                self._fail("the UART takes no bytes of ", BROKEN)
                return
            else:
                self._sleep_ms(_POLL_MS)

    def _fail(self, why, code):
        command = self._command
        if command is not None:
            self.stale = True
            if self._phase == _WAIT and command.data is not None:
                self._owed = len(command.data)
            self._finish(AtError(why + command.name, code))

    def _finish(self, error):
        command, self._command = self._command, None
        self._reader.prompt = False
        command.error = error
        command.data = None
        command.done = True

    # what the reader gives -------------------------------------------------------------------------

    def on_frame(self, head, payload):
        """A whole message."""
        self._useless = 0
        if self.on_message is not None:
            self.on_message(head, payload)

    def on_garbled(self):
        """The modem and we disagree about where a message ends: nothing is believed until it is silent."""
        self.stale = True
        self._junk_until_ms = self._now_ms() + _QUIET_MS
        if self._command is not None:
            self._finish(AtError("garbled message", BROKEN))
        if self.on_malformed is not None:
            self.on_malformed()

    def on_prompt(self):
        """The modem waits for the data."""
        command = self._command
        if command is not None and self._phase == _WAIT and command.data is not None:
            self._deadline_ms = self._now_ms() + command.timeout_ms
            self._write(command.data)

    def on_line(self, line):
        """A whole line: final result, unsolicited, reply, or of no use."""
        if self._final(line):
            return
        name, rest = line, b""
        colon = line.find(b":")
        if colon > 0:
            name, rest = line[:colon], line[colon + 1 :].strip()
        handler = self._handlers.get(name)
        if handler is not None and handler(rest):
            self._useless = 0
        elif not self._reply(line):
            self.strays += 1

    def _final(self, line):
        if line == b"OK":
            error = None
        elif line == b"ERROR":
            error = REFUSED
        elif line.startswith(b"+CME ERROR:") or line.startswith(b"+CMS ERROR:"):
            code = number(text(line[11:]).strip())
            error = REFUSED if code is None or code < 0 else code
        else:
            return False
        command = self._command
        if command is None:
            return True
        if self._phase == _SYNC and error is None:
            self._phase = _QUIET
            self._due_ms = self._now_ms() + _QUIET_MS
        elif self._phase == _WAIT and error is not None:
            self._finish(AtError("refused: " + command.name + " " + str(error), error))
        elif self._phase == _WAIT and len(command.lines) < command.least:
            # somebody else's OK: from here on nobody knows
            self._fail("an empty answer to ", BROKEN)
        elif self._phase == _WAIT:
            self._finish(None)
        return True

    def _reply(self, line):
        """Keep a line of the reply -> True if it was one."""
        command = self._command
        if command is None or self._phase != _WAIT or line == command.line:
            return command is not None and line in (command.line, b"AT")
        if line == b"CONNECT" and self._reader.prompt:
            self._reader.prompt = False
            self.on_prompt()
            return True
        if command.prefix is not None and line.startswith(command.prefix):
            line = line[len(command.prefix) :].strip()
        elif not command.bare or line[:1] in (b"+", b"^"):
            return False
        if len(command.lines) < MAX_REPLY_LINES:
            command.lines.append(line)
        return True
