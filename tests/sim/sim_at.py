# SPDX-License-Identifier: MIT
"""A UART with a modem at its other end, in memory, and a clock that only moves when somebody waits or reads."""

import random


class SimUart:
    """What At needs of machine.UART. `answer(line bytes) -> bytes` is the modem; `piece`: callable() -> bytes of a read.

    `noise`: callable() -> bytes, said without being asked whenever nothing else is there. `stuck`: takes no byte.
    """

    def __init__(self, answer):
        self.answer = answer
        self.ms = 0
        self.inbox = bytearray()
        self.lines = []
        self.piece = lambda: 1024
        self.noise = None
        self.stuck = False
        self._line = bytearray()
        self._wanted = 0  # bytes of data that the modem waits for
        self._data = bytearray()
        self._on_data = None
        self._later = []  # (ms, bytes)

    def now_ms(self):
        return self.ms

    def sleep_ms(self, ms):
        self.ms += ms

    def say(self, data, after_ms=0):
        """The modem says `data`."""
        if after_ms:
            self._later.append((self.ms + after_ms, data))
        else:
            self.inbox.extend(data)

    def want(self, count, on_data):
        """The next `count` bytes are data: `on_data(bytes) -> bytes` is told."""
        self._wanted, self._on_data, self._data = count, on_data, bytearray()

    def read(self, count):
        self.ms += 1
        for item in [item for item in self._later if item[0] <= self.ms]:
            self._later.remove(item)
            self.inbox.extend(item[1])
        if not self.inbox and self.noise is not None:
            self.inbox.extend(self.noise())
        count = min(count, self.piece(), len(self.inbox))
        if not count:
            return None
        out = bytes(self.inbox[:count])
        self.inbox = self.inbox[count:]
        return out

    def write(self, data):
        if self.stuck:
            return None
        for byte in bytes(data):
            if self._wanted:
                self._data.append(byte)
                self._wanted -= 1
                if not self._wanted:
                    self.say(self._on_data(bytes(self._data)))
            elif byte == 13:
                line, self._line = bytes(self._line), bytearray()
                self.lines.append(line)
                self.say(self.answer(line))
            else:
                self._line.append(byte)
        return len(data)


def reply(*lines, final="OK"):
    """A reply as the modem writes it."""
    return b"".join(["\r\n{}\r\n".format(line).encode() for line in lines + (final,)])


class SimModem:
    """A modem that can connect, subscribe and publish. `answers`: {command: reply bytes, or callable() -> bytes}.

    `dialect`: "pubex", "pub" or "inline"; `published`: [(topic, payload)]; `buffers`: what waits; `urcs`: said before
    every line of every reply, at each boundary another.
    """

    def __init__(self, dialect="pubex"):
        self.uart = SimUart(self.take)
        self.dialect = dialect
        self.published = []
        self.topics = []
        self.buffers = [None] * 5
        self.opened = 0
        self.open_result = 0
        self.conn_result = "0,0"
        self.grant = "0,1"
        self.publish_result = 0
        self.prompts = True
        self.echo = False
        self.urcs = None
        self.ending = b"\r\n"
        self.files = {}
        self.settings = []
        self.answers = {
            b"AT+CPIN?": reply("+CPIN: READY"),
            b"AT+CEREG?": reply("+CEREG: 0,1"),
            b"AT+CREG?": reply("+CREG: 0,1"),
            b'AT+QURCCFG="urcport"': reply('+QURCCFG: "urcport","usbat"'),
            b"AT+QIACT?": reply('+QIACT: 1,1,1,"10.0.0.2"'),
            b"AT+QMTPUBEX=?": {
                "pubex": reply('+QMTPUBEX: (0-5),<msgid>,(0-2),(0,1),"topic","length"'),
                "pub": reply(final="ERROR"),
                "inline": reply("+QMTPUBEX: (0-5),(0-65535),(0-2),(0,1),<topic>,<msg>"),
            }[dialect],
            b"AT+QMTPUB=?": reply('+QMTPUB: (0-5),(0-65535),(0-2),(0,1),"topic",(1-1548)'),
        }

    def take(self, line):
        """A command line -> the reply, spoilt as wished."""
        out = self._carry_out(line)
        if self.echo:
            out = line + b"\r" + out
        if self.urcs is not None:
            parts = out.split(b"\r\n\r\n")
            out = b"".join([b"\r\n" + self.urcs() + b"\r\n\r\n" + part.strip(b"\r\n") + b"\r\n" for part in parts])
        return out if self.ending == b"\r\n" else out.replace(b"\r\n", self.ending)

    def _carry_out(self, line):
        found = self.answers.get(line)
        if found is not None:
            return found() if callable(found) else found
        name = line.split(b"=")[0]
        arguments = line[len(name) + 1 :].decode().replace('"', "").split(",")
        handler = {
            b"AT+QMTOPEN": self._open, b"AT+QMTCONN": self._conn, b"AT+QMTSUB": self._subscribe, b"AT+QMTRECV": self._read,
            b"AT+QMTPUBEX": self._publish, b"AT+QMTPUB": self._publish, b"AT+QMTCLOSE": self._close, b"AT+QFUPL": self._upload,
            b"AT+QFLST": self._list, b"AT+QMTCFG": self._set, b"AT+QSSLCFG": self._set,
        }.get(name)  # fmt: skip
        return reply() if handler is None else handler(arguments)

    def _set(self, arguments):
        self.settings.append(arguments)
        return reply()

    def _open(self, arguments):
        self.opened += 1
        self.uart.say(reply("+QMTOPEN: 0,%d" % self.open_result)[:-6], 50)
        return reply()

    def _conn(self, arguments):
        if line_is_query(arguments):
            return reply("+QMTCONN: 0,3")
        self.uart.say(b"\r\n+QMTCONN: 0," + self.conn_result.encode() + b"\r\n", 50)
        return reply()

    def _close(self, arguments):
        return reply(final="ERROR")

    def _subscribe(self, arguments):
        self.topics.append(arguments[2])
        self.uart.say("\r\n+QMTSUB: 0,{},{}\r\n".format(arguments[1], self.grant).encode(), 20)
        return reply()

    def _publish(self, arguments):
        name = "QMTPUB" if self.dialect != "pubex" else "QMTPUBEX"
        if not self.prompts:
            self.uart.want(int(arguments[5]), lambda data: reply(final="ERROR"))
            return b""
        result = "\r\n+{}: 0,{},{}\r\n".format(name, arguments[1], self.publish_result).encode()

        def taken(data):
            self.published.append((arguments[4], data))
            self.uart.say(result, 30)
            return reply()

        self.uart.want(int(arguments[5]), taken)
        return b"\r\n> "

    def deliver(self, topic, payload, buffer=0):
        """A message comes from the broker into a buffer."""
        self.buffers[buffer] = (topic, payload)
        self.uart.say("\r\n+QMTRECV: 0,{}\r\n".format(buffer).encode())

    def _read(self, arguments):
        buffer = int(arguments[1])
        message, self.buffers[buffer] = self.buffers[buffer], None
        if message is None:
            return reply()
        return frame(message[0], message[1]) + reply()

    def _list(self, arguments):
        name = arguments[0].split(":")[-1]
        if name not in self.files:
            return reply(final="+CME ERROR: 405")
        return reply('+QFLST: "UFS:{}",{}'.format(name, len(self.files[name])))

    def _upload(self, arguments):
        def taken(data):
            self.files[arguments[0].split(":")[-1]] = data
            return reply("+QFUPL: {},{:x}".format(len(data), xor16(data)))

        self.uart.want(int(arguments[1]), taken)
        return b"\r\nCONNECT\r\n"


def line_is_query(arguments):
    """True where no `=` was in the command."""
    return arguments == [""]


def xor16(data):
    """The checksum of QFUPL: 16-bit words, high byte first, an odd byte as the high one."""
    padded = data + bytes(len(data) & 1)
    out = 0
    for i in range(0, len(padded), 2):
        out ^= padded[i] << 8 | padded[i + 1]
    return out


def frame(topic, payload):
    """A received message as the modem shows it, with its length."""
    return '\r\n+QMTRECV: 0,1,"{}",{},"'.format(topic, len(payload)).encode() + payload + b'"\r\n'


def dice(seed):
    """Random numbers that are the same each time on one interpreter."""
    random.seed(seed)
    return random
