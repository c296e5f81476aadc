# SPDX-License-Identifier: MIT
"""A QuecPython module, as the host tool and the customer's program see it: what a `quell_board.py` is.

    import quell_board

    agent = quell_board.start()     # the agent runs in a thread of its own
    agent.emit("usage", {"mode": "charge"})     # from any thread

`quell_board.run()`, which Quell's main.py calls, runs it in the main thread: for a module that does nothing else.
"""

import gc

from ports.board import Board
from ports.catalogue import IDS
from ports.console import Console
from ports.quecpython import selftest, storage
from ports.quecpython.clock import QuecClock
from ports.quecpython.config import checked
from ports.quecpython.entropy import QuecEntropy
from ports.quecpython.link import QuecLink
from ports.quecpython.platform import ask, module
from ports.quecpython.power import Power
from ports.quecpython.runner import Runner
from ports.quecpython.sources import QuecSources
from ports.quecpython.worker import Worker
from ports.traceback import traceback
from quell import __version__
from quell.agent import Agent
from quell.codec.builtin import const
from quell.counters import WIRE_MALFORMED
from quell.errors import QuellError
from quell.port import Port

_COLLECT_EVERY_BYTES = const(32768)  # code from files leaves less of the heap than frozen code does
_STACK_BYTES = const(32768)  # a thread has 8,448 by default: a signature needs more
_SELFTEST = "quell.selftest"


class QuecBoard(Board):
    """`segments`, `segment_bytes`: what the rings get; `file_system`: a name of ports/vfs_flash.py.

    `find`: name -> module or None, QuecPython's own unless a test has others. `button`, `button_done`: see QuecSources.
    """

    def __init__(
        self, name, file_system, segments, segment_bytes, root="/usr", find=module, button=None, button_done=None
    ):
        self._find = find
        self._utime = find("utime")
        self._threads = find("_thread")
        self._buttons = (button, button_done)
        self._runner = self._worker = None

        def parts():
            return storage.parts(root, file_system, segments, segment_bytes, find)

        power = getattr(find("misc"), "Power", None)
        entropy = QuecEntropy(self._utime, find("uos"), find("net"), power)
        Board.__init__(self, name, parts, entropy, file_system, root)

    def check(self, config):
        checked(config)

    # running -----------------------------------------------------------------------------------

    def _thread(self, function, args=()):
        ask(self._threads, "stack_size", _STACK_BYTES)
        self._threads.start_new_thread(function, args)

    def assemble(self):
        gc.threshold(_COLLECT_EVERY_BYTES)
        config = checked(self._config())
        find, sleep_ms = self._find, self._utime.sleep_ms
        flash, keystore, store = self._parts()
        self._worker = worker = Worker(sleep_ms)
        clock = QuecClock(self._utime, find("net"), find("machine"), worker)
        power = Power(find("misc"), clock.uptime_ms, config["flush_below_mv"])
        self._selftest_once(flash, clock)
        link = QuecLink(
            config["broker"], find("umqtt").MQTTClient, self._thread, self._threads.allocate_lock(), clock.uptime_ms,
            sleep_ms, self.counting(WIRE_MALFORMED),
        )  # fmt: skip
        sources = QuecSources(clock, worker, power.supply, find, *self._buttons)
        agent = Agent(Port(flash, keystore, store, link, clock, self._entropy, sources), IDS, traceback)
        self._thread(worker.loop)
        watchdog = None
        if config["watchdog_s"] is not None:
            watchdog = ask(find("machine"), "WDT", config["watchdog_s"]) or None  # False where it cannot be set
            if watchdog is None:
                print("quell no watchdog")
        lock = self._threads.allocate_lock()
        self._runner = Runner(agent, power, watchdog, lock, clock.uptime_ms, sleep_ms, Console(agent))
        return agent

    def loop(self):
        try:
            self._runner.run()
        finally:
            self._worker.stop()

    def start(self):
        """Run the agent in a thread -> Runner, whose `emit` may be called from any thread.

        Raises QuellError when the board is not provisioned or its configuration is wrong, OSError when it has none.
        """
        if not self.provisioned():
            raise QuellError("not provisioned: quell provision --port PORT")
        self.agent = self.assemble()
        self._thread(self.loop)
        return self._runner

    # self-test ---------------------------------------------------------------------------------

    def _selftest_once(self, flash, clock):
        """At the first boot of a version; its lines stay in a file of the user's folder."""
        try:
            with open(self._path(_SELFTEST)) as file:
                if file.readline().strip() == __version__:
                    return
        except OSError:
            pass
        lines = selftest.lines(self.selftest(flash, clock))
        for line in lines:
            print(line)
        try:
            self._write(_SELFTEST, "\n".join([__version__] + lines) + "\n")
        except OSError:
            pass  # a full file system: again at the next boot

    def selftest(self, flash, clock):
        """-> results, see selftest.py."""
        return selftest.run(flash, self._root, self._find("SecureData"), clock, self._thread, self._utime.sleep_ms)
