# SPDX-License-Identifier: MIT
"""From an IP connection to an open MQTT session: settings, QMTOPEN, QMTCONN, as one generator.

The settings live in the modem's RAM and are made anew each time. Received messages are kept by the modem (five at a
time) and read one by one: so a burst cannot overrun the UART while the board computes a signature. The modem must show
each message's length: a payload may hold quotes and line ends, and nothing but a length says where it ends.
"""

from ports.at_modem import tls
from ports.at_modem.at import QUICK_MS, AtError
from ports.at_modem.clock import reading
from ports.at_modem.fields import quoted
from quell.codec.builtin import const
from quell.errors import LinkError

CLIENT = const(0)
_CONTEXT = const(1)  # of modem.py: the IP context
_OPEN_MS = const(120000)
_CONNECT_MS = const(60000)  # our timeout below, three times, and reserve
_CLOSE_MS = const(10000)
_COMMAND_MS = const(2000)
_ID_IN_USE = const(2)
_OPEN_ERRORS = {
    -1: "failed", 1: "bad parameter", 2: "client in use", 3: "no IP context", 4: "no such host", 5: "network",
}  # fmt: skip
_REFUSALS = {1: "protocol", 2: "client id", 3: "unavailable", 4: "user or password", 5: "not authorised"}


def closing(link):
    """A generator: whatever session there was is gone afterwards, with all that it had not sent."""
    link.results.pop("+QMTCLOSE", None)
    try:
        yield from link.at.asking("AT+QMTCLOSE=%d" % CLIENT, None, _COMMAND_MS)
    except AtError:
        if link.at.stale:
            raise
        return  # there was none
    yield from link.awaiting("+QMTCLOSE", _CLOSE_MS, False)
    link.lost = None  # closing may be told as a loss


def _setting(link, text, needed=True):
    """A generator: one QMTCFG; its value is True if the modem took it."""
    try:
        yield from link.at.asking("AT+QMTCFG=" + text, None, QUICK_MS)
        return True
    except AtError:
        if link.at.stale:
            raise
        if needed:
            raise LinkError("the modem refuses the MQTT setting " + text.split(",")[0])
        return False


def _settings(link):
    broker = link.broker
    yield from _setting(link, '"version",%d,4' % CLIENT)
    yield from _setting(link, '"pdpcid",%d,%d' % (CLIENT, _CONTEXT), False)
    yield from _setting(link, '"keepalive",%d,%d' % (CLIENT, broker["keepalive_s"]))
    yield from _setting(link, '"session",%d,1' % CLIENT)
    yield from _setting(link, '"timeout",%d,5,3,0' % CLIENT, False)
    for buffered in (1, 0):
        taken = yield from _setting(link, '"recv/mode",%d,%d,1' % (CLIENT, buffered), False)
        if taken:
            break
    else:
        raise LinkError("the modem does not show the length of messages")
    if broker["ca"]:
        yield from tls.preparing(link.at, broker)
        yield from _setting(link, '"ssl",%d,1,%d' % (CLIENT, tls.CONTEXT))
    else:
        yield from _setting(link, '"ssl",%d,0' % CLIENT, False)


def _opened(link):
    """A generator: QMTOPEN; its value is the result."""
    broker = link.broker
    link.results.pop("+QMTOPEN", None)
    line = "AT+QMTOPEN=%d,%s,%d" % (CLIENT, quoted(broker["host"], 100), broker["port"])
    yield from link.at.asking(line, None, _COMMAND_MS)
    result = yield from link.awaiting("+QMTOPEN", _OPEN_MS, True)
    return result[1] if len(result) > 1 else -1


def _why(link, result):
    """A generator: what QMTOPEN's result means. A certificate that the modem finds not valid yet, or not any more, has
    no result of its own: so its clock is looked at.
    """
    why = "broker: " + _OPEN_ERRORS.get(result, "failed")
    if link.broker["ca"] and not link.broker["ignore_local_time"]:
        try:
            lines = yield from link.at.asking("AT+CCLK?", "+CCLK", QUICK_MS)
            if reading(True)(lines) is None:
                why += "; the modem's clock is wrong"
        except AtError:
            pass
    return why


def opening(link, client_id):
    """A generator that yields True where it waits for the network, None where an answer is near. Raises LinkError."""
    broker = link.broker
    yield from closing(link)
    yield from _settings(link)
    result = yield from _opened(link)
    if result == _ID_IN_USE:
        yield from closing(link)
        result = yield from _opened(link)
    if result != 0:
        why = yield from _why(link, result)
        raise LinkError(why)
    link.results.pop("+QMTCONN", None)
    line = "AT+QMTCONN=%d,%s" % (CLIENT, quoted(client_id))
    if broker["user"]:
        line += "," + quoted(broker["user"])
        if broker["password"]:
            line += "," + quoted(broker["password"])
    yield from link.at.asking(line, None, _COMMAND_MS)
    result = yield from link.awaiting("+QMTCONN", _CONNECT_MS, True)
    if len(result) > 2 and result[2]:
        raise LinkError("refused by the broker: " + _REFUSALS.get(result[2], "unknown reason"))
    if len(result) < 2 or result[1] != 0:
        raise LinkError("broker: no answer to the connection")
