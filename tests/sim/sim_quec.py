# SPDX-License-Identifier: MIT
"""QuecPython's modules by hand: each answers what a test says, and tells who called it. Runs on both interpreters."""

import _thread
import gc
import time

from ports.quecpython.clock import QuecClock
from ports.quecpython.sources import QuecSources
from ports.quecpython.worker import Worker

if not hasattr(gc, "mem_free"):  # CPython
    gc.mem_free = gc.mem_alloc = lambda: 102400

WRAP = 1 << 30  # QuecPython's ticks; nothing is divided here: 1.13 divides big integers wrongly
HALF = 1 << 29
NITZ_S = 1795545005  # 2026-11-24, 18:30:05
_LISTS = _thread.allocate_lock()  # of what two threads write: the threads of the unix port really run at once


def pause(ms=1):
    """Real milliseconds, in which other threads run: `sleep_ms` of some builds lets none."""
    time.sleep(ms / 1000)


def until(condition, seconds=10, between=None):
    """Wait for `condition()`, with `between()` before each look -> whether it came to that."""
    end = time.time() + seconds
    while time.time() < end:
        if between is not None:
            between()
        if condition():
            return True
        pause()
    return False


class SimModule:
    """A module: `answers` is {function: value, exception, or callable}; what it has no answer for is not there."""

    def __init__(self, **answers):
        self.answers = answers
        self.calls = []
        self.callers = []  # the thread of each call

    def __getattr__(self, name):
        if name in ("answers", "calls", "callers") or name not in self.answers:
            raise AttributeError(name)

        def call(*args):
            with _LISTS:
                self.calls.append(name)
                self.callers.append(_thread.get_ident())
            value = self.answers[name]
            if isinstance(value, Exception):
                raise value
            return value(*args) if callable(value) else value

        return call


class SimModules:
    """A module of G1 that is registered, with its card ready. `change`: {"net.csqQueryPoll": -1, …}."""

    def __init__(self, change=None):
        self.ms = 0
        self.first_tick = 0
        self.date = (2026, 11, 25, 3, 2, 30, 5, 0)
        self.rtc = SimModule(datetime=lambda: self.date)
        self.modules = {
            "utime": SimModule(
                ticks_ms=lambda: (self.first_tick + self.ms) & (WRAP - 1),
                ticks_diff=lambda a, b: ((a - b + HALF) & (WRAP - 1)) - HALF,
                ticks_us=lambda: (self.ms * 1000) & (WRAP - 1),
                sleep_ms=lambda ms: pause(),
                getTimeZone=8,
                time=12345,
                mktime=1600000000,
                localtime=(2026, 11, 25, 2, 30, 5, 2, 329),
            ),
            "modem": SimModule(
                getDevImei="490154203237518",
                getDevModel="EC200U",
                getDevFwVersion="EC200UEUAAR03A04M08_OCPU_QPY",
                getDevSN="E1X20AB00000001",
            ),
            "sim": SimModule(
                getStatus=1, getImsi="001010123456789", getIccid="8988211000000000014F", getPhoneNumber="+491701234567"
            ),
            "net": SimModule(
                csqQueryPoll=24,
                getState=([11, 0, 0, 0, 0, 0], [1, 0x1A2B, 0x1C0FFEE, 7, 0, 0]),
                operatorName=("Test Network", "Test", "262", "01"),
                nitzTime=("26/11/24 18:30:05 +32 0", NITZ_S, 0),
            ),
            "dataCall": SimModule(getInfo=lambda profile, kind: (1, 0, [1, 0, "10.1.2.3", "8.8.8.8", "8.8.4.4"])),
            "uos": SimModule(
                uname=("sysname=EC200U", "nodename=EC200U", "release=1.13.0", "version=v1.12", "machine=EC200U"),
                urandom=lambda n: bytes(range(n)),
            ),
            "machine": SimModule(RTC=lambda: self.rtc),
        }
        for name, value in (change or {}).items():
            module, function = name.split(".")
            self.modules[module].answers[function] = value

    def find(self, name):
        """As ports.quecpython.platform.module."""
        return self.modules.get(name)

    def calls(self, *functions):
        """How often these, or any at all, were asked; the clock's ticks do not count."""
        found = [call for module in self.modules.values() for call in module.calls if call[:6] != "ticks_"]
        return len([call for call in found if not functions or call in functions])


class Bench:
    """Clock and sources over such modules; the worker has no thread, `ask` does what it would."""

    def __init__(self, change=None, supply=None, without=()):
        self.modules = SimModules(change)
        for name in without:
            del self.modules.modules[name]
        find = self.modules.find
        self.worker = Worker(lambda ms: pause())
        self.clock = QuecClock(find("utime"), find("net"), find("machine"), self.worker)
        self.sources = QuecSources(self.clock, self.worker, supply, find)

    def ask(self):
        """The worker's jobs, here."""
        return self.worker.once()


class SimClient:
    """`umqtt.MQTTClient`. What `comes` in, `wait_msg` takes: a message (topic, payload), or what it returns or raises."""

    def __init__(self, broker, args, named):
        self.broker = broker
        self.args = args
        self.named = named
        self.events = []
        self.callback = None
        self.closed = False
        self.waits = 0
        self.waiting = False
        self.pings = 0
        self.done = []  # ("publish" or "subscribe", topic, payload)
        self.writers = []  # (what, thread, whether the lock was held)

    def comes(self, *events):
        with _LISTS:
            self.events.extend(events)

    def _write(self, what):
        with _LISTS:
            self.writers.append((what, _thread.get_ident(), self.broker.lock.locked()))

    def set_callback(self, callback):
        self.callback = callback

    def connect(self, clean_session=True):
        self.broker.connects += 1
        self.broker.connecting = True
        until(lambda: not self.broker.hangs)
        self.broker.connecting = False
        if self.broker.refuses is not None:
            raise self.broker.refuses
        return 0

    def publish(self, topic, payload, retain=False, qos=0):
        self._write("publish")
        self.done.append(("publish", topic, bytes(payload)))
        answer = self.broker.answer
        if isinstance(answer, Exception):
            raise answer
        return answer

    def subscribe(self, topic, qos=0):
        self._write("subscribe")
        self.done.append(("subscribe", topic, None))

    def ping(self):
        self._write("ping")
        self.pings += 1
        if self.broker.pongs:
            self.comes(self.broker.pong)

    def wait_msg(self):
        self.waits += 1
        self.waiting = True
        until(lambda: self.events or self.closed or self.broker.eof)
        self.waiting = False
        if self.closed:
            raise OSError(9)
        if not self.events:
            return None
        with _LISTS:
            event = self.events.pop(0)
        if isinstance(event, Exception):
            raise event
        if isinstance(event, tuple):
            self.callback(event[0], event[1])
            return None
        return event

    def close(self):
        self.closed = True

    def disconnect(self):
        self.closed = True


class SimBroker:
    """The other end of all clients, and where a test says how they behave."""

    def __init__(self, lock):
        self.lock = lock
        self.clients = []
        self.connects = 0
        self.connecting = False
        self.hangs = False  # connect does not return
        self.refuses = None  # what connect raises
        self.answer = None  # of publish
        self.pongs = True
        self.pong = b"\xd0"  # what wait_msg gives for it
        self.eof = False  # wait_msg gives None at once, as 2021 does when the broker has closed

    def client_class(self, *args, **named):
        """Called as the class."""
        self.clients.append(SimClient(self, args, named))
        return self.clients[-1]
