# SPDX-License-Identifier: MIT
"""`log`: loggers by name, one level for all.

Documented: API_reference/en/syslib/log.md; log.py (2021). The level is a setting of the whole program, and `umqtt` sets
it to INFO when it is imported. A Logger has `handlers`, a list of the class: with one in it nothing is printed, and
`emit(record)` gets a record that is the same object each time. Nothing can be read back. The page has the output at
the interaction port, the source at stderr: stderr.
"""

import sys

from qpyfakes.machine_uart import UART
from qpysim.faults import faulty

CRITICAL = 50
ERROR = 40
WARNING = 30
INFO = 20
DEBUG = 10
NOTSET = 0

_NAMES = {CRITICAL: "CRIT", ERROR: "ERROR", WARNING: "WARN", INFO: "INFO", DEBUG: "DEBUG"}


class _Settings:
    level = INFO
    stream = sys.stderr


class LogRecord:
    """`levelname`, `message`, `name`."""

    levelname = message = name = None


class Logger:
    """Made by getLogger. Its `level`, where one is set, counts before that of basicConfig."""

    level = NOTSET
    handlers = []
    record = LogRecord()

    def __init__(self, name):
        self.name = name

    def setLevel(self, level):
        self.level = level

    def isEnabledFor(self, level):
        return level >= (self.level or _Settings.level)

    @faulty("log.Logger.log")
    def log(self, level, msg, *args):
        """`msg % args` where there are any: too few or too many raise TypeError, in the script that logs."""
        if not self.isEnabledFor(level):
            return
        name = _NAMES.get(level) or "LVL%s" % level
        if args:
            msg = msg % args
        if not self.handlers:
            _print("%s:%s:%s" % (name, self.name, msg))
            return
        record = self.record
        record.levelname, record.message, record.name = name, msg, self.name
        for handler in self.handlers:
            handler.emit(record)

    def debug(self, msg, *args):
        self.log(DEBUG, msg, *args)

    def info(self, msg, *args):
        self.log(INFO, msg, *args)

    def warning(self, msg, *args):
        self.log(WARNING, msg, *args)

    def error(self, msg, *args):
        self.log(ERROR, msg, *args)

    def critical(self, msg, *args):
        self.log(CRITICAL, msg, *args)


def _print(line):
    _Settings.stream.write(line + "\n")


_loggers = {}


@faulty("log.getLogger")
def getLogger(name="root"):
    """-> the one Logger of this name."""
    if name not in _loggers:
        _loggers[name] = Logger(name)
    return _loggers[name]


@faulty("log.basicConfig")
def basicConfig(level=INFO, filename=None, stream=None, format=None):
    """Set the level of all. `filename` and `format` only make it print that they are not supported."""
    _Settings.level = level
    if stream:
        _Settings.stream = stream
    if filename is not None:
        print("logging.basicConfig: filename arg is not supported")
    if format is not None:
        print("logging.basicConfig: format arg is not supported")


@faulty("log.set_output")
def set_output(out):
    """`out`: a machine.UART, usys.stdout or usys.stderr; anything else raises Exception."""
    if not isinstance(out, UART) and out is not sys.stdout and out is not sys.stderr:
        raise Exception("%s must extend UART" % out)
    _Settings.stream = out
