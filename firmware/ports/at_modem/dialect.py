# SPDX-License-Identifier: MIT
"""How this modem publishes: asked once for each of its boots, never guessed from its name.

1. `AT+QMTPUBEX=…,"topic",<length>`, a prompt, exactly so many bytes.
2. `AT+QMTPUB=…,"topic",<length>`, likewise. Without a length that command ends at Ctrl-Z and is cancelled by Esc:
   a sealed batch holds both bytes, so it is never used that way.
A third kind takes the message inside the QMTPUBEX command, up to 560 bytes: too few, the second is used there.
"""

from ports.at_modem.at import AtError
from ports.at_modem.fields import number, quoted, text
from quell.codec.builtin import const
from quell.errors import LinkError
from quell.limits import MAX_MESSAGE_BYTES

_TOPIC_BYTES = const(128)


class Dialect:
    """`name`: of the command, without AT; `most`: bytes of one message, None where the modem does not say."""

    def __init__(self, name, most):
        self.name = name
        self.most = most

    def line(self, client, message_id, topic, length):
        """The command for one message of QoS 1, not retained. Raises LinkError for a topic that it cannot carry."""
        return "AT%s=%d,%d,1,0,%s,%d" % (self.name, client, message_id, quoted(topic, _TOPIC_BYTES), length)


def last_parameter(lines):
    """The last parameter of a test command's reply, as text: `"length"`, `(1-1548)`, `<msg>`."""
    line = text(lines[0]).strip()
    depth, at = 0, 0
    for i in range(len(line)):
        if line[i] == "(":
            depth += 1
        elif line[i] == ")":
            depth -= 1
        elif line[i] == "," and depth <= 0:
            at = i + 1
    return line[at:].strip("[] ")


def takes_length(parameter):
    """False if the last parameter of QMTPUBEX is the message itself."""
    low = parameter.lower()
    return "length" in low or "len" in low or not ("msg" in low or "message" in low or "payload" in low)


def most_bytes(parameter):
    """`(1-1548)` -> 1548, None if it is no range."""
    ends = parameter.strip("()").split("-")
    return number(ends[1].strip()) if len(ends) == 2 else None


def probing(at):
    """A generator (see At.asking) whose value is the Dialect. Raises LinkError if there is none that will do."""
    for name in ("+QMTPUBEX", "+QMTPUB"):
        try:
            lines = yield from at.asking("AT" + name + "=?", name)
        except AtError:
            if at.stale:
                raise
            continue
        parameter = last_parameter(lines)
        most = most_bytes(parameter)
        if name == "+QMTPUBEX" and not takes_length(parameter):
            continue
        if most is not None and most < MAX_MESSAGE_BYTES:
            continue
        return Dialect(name, most)
    raise LinkError("the modem cannot publish %d bytes by length" % MAX_MESSAGE_BYTES)
