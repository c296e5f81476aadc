# SPDX-License-Identifier: MIT
"""Link over the modem's own MQTT client (AT+QMT*), plain or TLS with the server's certificate verified.

A publish is done here when the modem has taken it; whether the broker did, its later result says, and a bad one ends
the connection at the next `poll`. The agent believes neither: only its receiver's own acknowledgement frees a record.
"""

from ports.at_modem.at import AtError
from ports.at_modem.dialect import probing
from ports.at_modem.fields import numbers, quoted
from ports.at_modem.opening import CLIENT, opening
from quell.codec.builtin import const
from quell.errors import LinkError
from quell.limits import MAX_INBOX
from quell.port import Link

_SLICE_MS = const(100)  # of one call of `connect`
_POLL_MS = const(2)
_PATIENCE_MS = const(5000)  # with a slow command of others under way
_COMMAND_MS = const(5000)  # to the prompt, and from the data to OK
_READ_MS = const(3000)
_RESULT_MS = const(10000)  # for the broker's answer to a subscription, and for room among what is under way
_CLOSE_MS = const(1000)
_WINDOW = const(5)  # messages under way, of which the modem keeps no more
_BUFFERS = const(5)  # of the modem
_CARE_EVERY_MS = const(30000)
_CARE_SOON_MS = const(5000)  # after a publish: an answer is on its way
_CONNECTED = const(3)  # of QMTCONN?
_SENT, _RETRIED = 0, 1  # results of QMTPUBEX, QMTSUB
_LOST = {
    1: "closed by the broker", 2: "no answer to ping", 3: "connect timed out", 4: "connack timed out",
    5: "disconnected", 6: "sending failed", 7: "no network",
}  # fmt: skip


class AtLink(Link):
    """`config`: see config.checked; `sleep_ms`: callable(ms); `on_malformed`: callable(), for what is not as agreed."""

    def __init__(self, at, modem, config, now_ms, sleep_ms, on_malformed):
        self.at = at
        self.broker = config["broker"]
        self.results = {}  # name of an unsolicited result -> its numbers
        self.lost = None  # why the session is gone, None while it is not
        self._modem = modem
        self._now_ms = now_ms
        self._sleep_ms = sleep_ms
        self._on_malformed = on_malformed
        self._dialect = None
        self._dialect_boot = -1
        self._message_id = 0
        self._opening = None
        self._open = False
        self._forget()
        at.on_message = self._on_message
        at.on_malformed = self._on_garbled
        for name in ("+QMTOPEN", "+QMTCONN", "+QMTCLOSE", "+QMTSUB"):
            at.on(name, self._result_of(name))
        at.on("+QMTPUBEX", self._on_published)
        at.on("+QMTPUB", self._on_published)
        at.on("+QMTSTAT", self._on_status)
        at.on("+QMTRECV", self._on_waiting)

    def _forget(self):
        self._boot = self._modem.boots
        self.lost = None
        self._under_way = []  # ids of messages without a result
        self._waiting = []  # numbers of the modem's buffers that hold a message
        self._inbox = []
        self._care = None
        self._care_ms = self._now_ms() + _CARE_EVERY_MS
        self._cares_for_buffers = True  # next time; then for the session, and so on
        self._counts_buffers = True

    # connecting --------------------------------------------------------------------------------

    def connect(self, client_id):
        """Open a clean session, one slice of 0.1 s a call -> True when it is open. Raises LinkError."""
        try:
            if self._opening is None:
                self._open = False
                self._opening = self._bring_up(client_id)
            end_ms = self._now_ms() + _SLICE_MS
            while True:
                self._modem.step()
                try:
                    slow = next(self._opening)
                except StopIteration:
                    self._opening = None
                    self._open = True
                    self._modem.good()
                    return True
                if slow or self._now_ms() >= end_ms:
                    return False
                self._sleep_ms(_POLL_MS)
        except LinkError:
            self._opening = None
            self._modem.trouble()
            raise

    def _bring_up(self, client_id):
        while not self._modem.ready:
            yield True
        self._forget()
        if self._dialect_boot != self._boot:
            self._dialect = yield from probing(self.at)
            self._dialect_boot = self._boot
        yield from opening(self, client_id)

    def awaiting(self, name, most_ms, needed):
        """A generator: yields True until the unsolicited result `name` is there; its value are the result's numbers.

        After `most_ms` it raises LinkError, or gives [] unless `needed`.
        """
        end_ms = self._now_ms() + most_ms
        while name not in self.results:
            self._check_lost()
            if self._now_ms() >= end_ms:
                if needed:
                    raise LinkError("no result of " + name)
                return []
            yield True
        return self.results.pop(name)

    def close(self):
        self._opening = None
        if self._open:
            self._open = False
            try:
                self.at.ask("AT+QMTCLOSE=%d" % CLIENT, None, _CLOSE_MS)
            except AtError:
                pass  # `connect` closes before it opens
        self._forget()

    # what the modem says ---------------------------------------------------------------------------

    def _result_of(self, name):
        def handler(rest):
            found = numbers(rest)
            if found[0] is None or (self._care is not None and not self._care.done):
                return False
            if found[0] == CLIENT:
                self.results[name] = found
            return True

        return handler

    def _on_published(self, rest):
        found = numbers(rest)
        if None in found or len(found) < 3:
            return False
        if found[0] == CLIENT and found[2] != _RETRIED:
            if found[2] != _SENT:
                self.lost = "a message was not sent"
            if found[1] in self._under_way:
                self._under_way.remove(found[1])
        return True

    def _on_status(self, rest):
        found = numbers(rest)
        if found[0] == CLIENT:
            self.lost = _LOST.get(found[1] if len(found) > 1 else None, "lost")
        return True

    def _on_waiting(self, rest):
        """`0,3`: buffer 3 of the modem has a message. Anything else of this name is a reply, or shows no length."""
        found = numbers(rest)
        if len(found) == 2 and found[0] == CLIENT and found[1] is not None and 0 <= found[1] < _BUFFERS:
            if found[1] not in self._waiting:
                self._waiting.append(found[1])
            return True
        return False

    def _on_message(self, head, payload):
        parts = head.split(b'"')
        first = numbers(parts[0][parts[0].find(b":") + 1 :])
        if first[0] != CLIENT:
            return
        if payload is None:
            self._on_garbled()
        elif len(self._inbox) >= MAX_INBOX:
            self.lost = "inbox full"
        else:
            try:
                self._inbox.append((str(parts[1], "utf-8"), payload))
            except UnicodeError:
                self._on_malformed()

    def _on_garbled(self):
        self._on_malformed()
        self.lost = "a message of another length than it says"

    def _check_lost(self):
        if self._modem.boots != self._boot:
            raise LinkError("the modem restarted")
        if self.lost is not None:
            raise LinkError(self.lost)

    def _check(self):
        if not self._open:
            raise LinkError("not connected")
        try:
            self._check_lost()
        except LinkError:
            self._modem.trouble()
            raise

    # sending -----------------------------------------------------------------------------------

    def _next_id(self):
        self._message_id = self._message_id + 1 if self._message_id < 65535 else 1
        return self._message_id

    def _until(self, condition, what):
        """Pump until condition(), at most _RESULT_MS."""
        end_ms = self._now_ms() + _RESULT_MS
        while True:
            self.at.pump()
            self._check()
            if condition():
                return
            if self._now_ms() >= end_ms:
                raise LinkError("no result of " + what)
            self._sleep_ms(_POLL_MS)

    def subscribe(self, topic):
        self._check()
        message_id = self._next_id()
        self.results.pop("+QMTSUB", None)
        line = "AT+QMTSUB=%d,%d,%s,1" % (CLIENT, message_id, quoted(topic, 128))
        self.at.ask(line, None, _COMMAND_MS, patience_ms=_PATIENCE_MS)
        self._until(lambda: self._subscribed(message_id), "a subscription")

    def _subscribed(self, message_id):
        """True when the broker granted it. Raises LinkError when it refused."""
        found = self.results.pop("+QMTSUB", None)
        if found is None or len(found) < 3 or found[1] != message_id or found[2] == _RETRIED:
            return False
        if found[2] != 0 or (len(found) > 3 and found[3] == 128):
            raise LinkError("a subscription was refused")
        return True

    def publish(self, topic, payload):
        self._check()
        if self._dialect.most is not None and len(payload) > self._dialect.most:
            raise LinkError("a message that is too long for this modem")
        self._until(lambda: len(self._under_way) < _WINDOW, "messages under way")
        message_id = self._next_id()
        line = self._dialect.line(CLIENT, message_id, topic, len(payload))
        self._under_way.append(message_id)
        self.at.ask(line, None, _COMMAND_MS, data=payload, patience_ms=_PATIENCE_MS)
        self._care_ms = min(self._care_ms, self._now_ms() + _CARE_SOON_MS)
        self._cares_for_buffers = True

    # receiving ---------------------------------------------------------------------------------

    def poll(self):
        """The next message, or None. Reads one from the modem if one waits there: at most 3 s, mostly 0.2 s."""
        self.at.pump()
        self._check()
        if not self._inbox and not self.at.busy:
            if self._waiting:
                buffer = self._waiting.pop(0)
                self.at.ask("AT+QMTRECV=%d,%d" % (CLIENT, buffer), None, _READ_MS)
                self._check()
            else:
                self._look_after()
        return self._inbox.pop(0) if self._inbox else None

    def _look_after(self):
        """Now and then, without waiting: is the session there, and does a message wait whose notice was lost?"""
        now_ms = self._now_ms()
        if self._care is not None:
            care, self._care = self._care, None
            if care.name == "AT+QMTCONN":
                self._judge_session(care)
            else:
                self._judge_buffers(care)
        elif now_ms >= self._care_ms:
            self._care_ms = now_ms + _CARE_EVERY_MS
            name = "+QMTRECV" if self._cares_for_buffers and self._counts_buffers else "+QMTCONN"
            self._cares_for_buffers = not self._cares_for_buffers
            self._care = self.at.start("AT" + name + "?", name, _READ_MS, 0)

    def _judge_session(self, care):
        for line in care.result():
            if numbers(line)[:2] == [CLIENT, _CONNECTED]:
                return
        self._modem.trouble()
        raise LinkError("the modem has no session")

    def _judge_buffers(self, care):
        if care.error is not None:
            self._counts_buffers = False
            return
        for line in care.lines:
            found = numbers(line)
            if found[0] == CLIENT and len(found) == 1 + _BUFFERS:
                for buffer in range(_BUFFERS):
                    if found[1 + buffer] == 1 and buffer not in self._waiting:
                        self._waiting.append(buffer)
