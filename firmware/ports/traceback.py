# SPDX-License-Identifier: MIT
"""What MicroPython prints of an exception, as a bounded text."""

try:
    import usys as sys
except ImportError:
    import sys
try:
    import uio as io
except ImportError:
    import io

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
    except ValueError:  # 1.13 has no UnicodeError, which is one
        return ""
