# SPDX-License-Identifier: MIT
"""What MicroPython prints of an exception, as a bounded text."""

import sys

try:
    import io
except ImportError:
    import uio as io

_MAX_BYTES = 2048


class _Bounded(io.IOBase):
    """A stream that keeps the first _MAX_BYTES: an exception's message may be a megabyte."""

    def __init__(self):
        self.data = bytearray()

    def write(self, data):
        self.data.extend(memoryview(data)[: _MAX_BYTES - len(self.data)])
        return len(data)


def traceback(error):
    """What MicroPython prints for `error`, bounded -> str."""
    stream = _Bounded()
    sys.print_exception(error, stream)
    try:
        return str(bytes(stream.data), "utf-8")
    except UnicodeError:
        return ""
