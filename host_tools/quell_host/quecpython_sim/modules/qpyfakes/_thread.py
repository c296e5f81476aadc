# SPDX-License-Identifier: MIT
"""`_thread`: at most 16 threads, no joining, and threads that can be killed.

Documented: API_reference/en/stdlib/_thread.md, FAQ/zh/software/threads.md (16 threads); modthread.c, mpthreadport.c
(2021).

- `stop_thread` kills a thread where it stands: **a lock that it holds stays locked**. Here it stops at its next call of
  a fake, by an exception that `finally` and a bare `except` see, which on a module they do not.
- An exception in a thread ends it, with words on the console, and nothing else.
- `start_new_thread` returns the system's number of the thread, `get_ident` another one: they never compare equal.
- `stack_size(n)` says 0 or -1 and does not raise. The page has bytes with 8192 as the least; in the source it is words
  of 4 bytes. Here a size that Unisoc models (U, G) refuse, above 65535, makes `start_new_thread` fail.
- `release` of a lock that is not held raises RuntimeError; any thread may release any lock.
- What a deleted lock does is not documented: it raises OSError here.

One thread runs at a time, as on a module.
"""

from qpysim import clock, threads, world
from qpysim.faults import faulty

_DEFAULT, _LEAST, _MOST_UNISOC = 8448, 8192, 65535
_size = [_DEFAULT]


@faulty("_thread.start_new_thread")
def start_new_thread(function, args, kwargs=None):
    """-> the thread's number. Raises OSError when there are sixteen threads, or no memory for its stack."""
    if not isinstance(args, (tuple, list)):
        raise TypeError("object not a tuple or list")
    if kwargs is not None and not isinstance(kwargs, dict):
        raise TypeError("expecting a dict for keyword args")
    if _size[0] > _MOST_UNISOC and world.model_is("EC200U", "EC600U", "EG91", "EC600G", "EC800G"):
        raise OSError("can't create thread")
    return threads.start(function, args, kwargs or {})


@faulty("_thread.stop_thread")
def stop_thread(thread_id):
    """-> 0; 0 names the caller. Raises ValueError for the main thread, and where there is none of this number."""
    thread = threads.me() if thread_id == 0 else threads.find(thread_id)
    if thread is None:
        raise ValueError("No thread with thread id %d was found!" % thread_id)
    if thread.number == 0:
        raise ValueError("Deleting the main thread is not allowed!")
    thread.stopped = True
    if thread is threads.me():
        raise threads.Stopped()
    clock.wait(lambda: threads.find(thread_id) is None, 10)  # one that calls no fake goes on, for now
    return 0


@faulty("_thread.get_ident")
def get_ident():
    """-> int. Not what start_new_thread returned."""
    return threads.me().number + 0x20001234


@faulty("_thread.stack_size")
def stack_size(*size):
    """-> the size that new threads get; with an argument, 0, or -1 below 8192."""
    if not size:
        return _size[0]
    if size[0] < _LEAST:
        return -1
    _size[0] = size[0]
    return 0


@faulty("_thread.get_heap_size")
def get_heap_size():
    """-> free bytes of the system's heap, not of Python's."""
    return world.facts["heap_bytes"]


@faulty("_thread.threadIsRunning")
def threadIsRunning(thread_id):
    """-> bool. Newer firmware only."""
    return threads.find(thread_id) is not None


def exit():
    """End this thread."""
    raise SystemExit


class LockType:
    """Made by allocate_lock."""

    def __init__(self):
        self._held = False
        self._deleted = False

    def _alive(self):
        if self._deleted:
            raise OSError(22)

    @faulty("_thread.lock.acquire")
    def acquire(self, wait=True, timeout=-1):
        """-> True; False when it is held and `wait` is false. The timeout does nothing (modthread.c)."""
        self._alive()
        return clock.wait(self._take, None if wait else 0)

    def _take(self):
        if self._held:
            return False
        self._held = True
        return True

    @faulty("_thread.lock.release")
    def release(self):
        """Raises RuntimeError when it is not held."""
        self._alive()
        if not self._held:
            raise RuntimeError
        self._held = False

    @faulty("_thread.lock.locked")
    def locked(self):
        """-> bool."""
        return self._held

    def __enter__(self):
        return self.acquire()

    def __exit__(self, *error):
        self.release()


@faulty("_thread.allocate_lock")
def allocate_lock():
    """-> LockType."""
    return LockType()


@faulty("_thread.delete_lock")
def delete_lock(lock):
    """Free a lock. Raises TypeError where it is none."""
    if not isinstance(lock, LockType):
        raise TypeError("The argument isn't a lock.")
    lock._held, lock._deleted = False, True


class _Semphore:
    """Made by allocate_semphore. Not in the FAQ, which says that there is none, but in the page."""

    def __init__(self, most):
        self._most = self._left = most

    @faulty("_thread.semphore.acquire")
    def acquire(self):
        """-> True."""
        return clock.wait(self._take)

    def _take(self):
        if self._left <= 0:
            return False
        self._left -= 1
        return True

    @faulty("_thread.semphore.release")
    def release(self):
        """One more, up to the count it was made with."""
        self._left = min(self._most, self._left + 1)

    @faulty("_thread.semphore.getCnt")
    def getCnt(self):
        """-> (most, left)."""
        return self._most, self._left


@faulty("_thread.allocate_semphore")
def allocate_semphore(initcount):
    """-> a semaphore."""
    return _Semphore(initcount)


@faulty("_thread.delete_semphore")
def delete_semphore(semphore):
    """Free a semaphore."""
