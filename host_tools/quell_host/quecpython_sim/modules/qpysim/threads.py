# SPDX-License-Identifier: MIT
"""The threads of the script: who runs, who was stopped, and that there are sixteen at most."""

import _thread as host
import sys

from qpysim import ending

LIMIT = 16  # "at most 16": FAQ/zh/software/threads.md. Whether the main thread counts is not said: here it does

_mutex = host.allocate_lock()
_running = {}  # the host's id -> Thread
_starting = []  # Threads that were made and do not run yet
_next = [0x40001000]


class Stopped(SystemExit):
    """Raised in a thread that `_thread.stop_thread` named, at its next call of a fake, and at each one after that."""


class Thread:
    """`number`: what start_new_thread returned; `stopped`: set by another thread."""

    def __init__(self, number):
        self.number = number
        self.stopped = False


def adopt_main():
    """The thread that calls this is the main one. Called once, at boot."""
    _running[host.get_ident()] = Thread(0)


def live():
    """How many threads of the script exist, the main one included, and those that do not run yet."""
    return len(_running) + len(_starting)


def me():
    """The calling Thread; None for a thread of the simulator's own."""
    return _running.get(host.get_ident())


def check():
    """Every fake calls this first: a stopped thread goes no further than here."""
    thread = _running.get(host.get_ident())
    if thread is not None and thread.stopped:
        raise Stopped()


def find(number):
    """The thread of this number, or None."""
    for thread in list(_running.values()) + _starting:
        if thread.number == number:
            return thread
    return None


def start(function, args, kwargs):
    """Run `function` in a new thread -> its number. Raises OSError when there are sixteen."""
    with _mutex:
        if live() >= LIMIT:
            raise OSError("can't create thread")
        _next[0] += 0x100
        thread = Thread(_next[0])
        _starting.append(thread)
    host.start_new_thread(_run, (thread, function, args, kwargs))
    return thread.number


def _run(thread, function, args, kwargs):
    with _mutex:
        _running[host.get_ident()] = thread
        _starting.remove(thread)
    try:
        function(*args, **kwargs)
    except SystemExit:
        pass
    except Exception as error:
        # The thread ends and nothing else does: nobody is told but the console.
        ending.tell("Unhandled exception in thread started by " + repr(function))
        sys.print_exception(error, sys.stderr)
    finally:
        with _mutex:
            _running.pop(host.get_ident())
