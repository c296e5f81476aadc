# SPDX-License-Identifier: MIT
"""The configuration of this port: a dict, checked once, with its defaults filled in.

{"apn", "apn_user", "apn_password", "broker": {"host", "port", "user", "password", "ca", "cert", "key", "keepalive_s",
"ignore_local_time"}}. Only `broker.host` is required. `ca`, `cert` and `key` are PEM: a path on the board, or the text
itself.
"""

from ports.at_modem.fields import plain
from quell.errors import QuellError

_PORT, _TLS_PORT = 1883, 8883


class ConfigError(QuellError):
    """A configuration that cannot work. The text names the key, never a value."""


def _text(most):
    def check(value):
        good = isinstance(value, str) and 1 <= len(value) <= most and plain(value)
        return "" if good else "a text of 1 to " + str(most) + " printable ASCII characters without quotes"

    return check


def _number(least, most):
    def check(value):
        good = isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
        return "" if good else "a number of " + str(least) + " to " + str(most)

    return check


def _pem(value):
    return "" if isinstance(value, str) and value else "a path or a PEM text"


def _flag(value):
    return "" if isinstance(value, bool) else "true or false"


def _map(value):
    return "" if isinstance(value, dict) else "a map"


_KEYS = {"apn": _text(99), "apn_user": _text(64), "apn_password": _text(64), "broker": _map}
_BROKER_KEYS = {
    "host": _text(100),  # QMTOPEN takes no more
    "port": _number(1, 65535),
    "user": _text(128),
    "password": _text(128),
    "ca": _pem,
    "cert": _pem,
    "key": _pem,
    "keepalive_s": _number(10, 3600),
    "ignore_local_time": _flag,
}


def _check(values, known, prefix):
    for key in values:
        if key not in known:
            raise ConfigError("unknown key " + prefix + str(key))
        wanted = known[key](values[key])
        if wanted:
            raise ConfigError(prefix + key + " is not " + wanted)


def checked(config):
    """`config` (dict) -> a dict of the same shape with every key; what is not set is None. Raises ConfigError."""
    if not isinstance(config, dict):
        raise ConfigError("not a map")
    _check(config, _KEYS, "")
    broker = config.get("broker")
    if broker is None:
        raise ConfigError("broker is missing")
    _check(broker, _BROKER_KEYS, "broker.")
    if "host" not in broker:
        raise ConfigError("broker.host is missing")
    if ("cert" in broker) != ("key" in broker):
        raise ConfigError("broker.cert and broker.key belong together")
    if "cert" in broker and "ca" not in broker:
        raise ConfigError("broker.cert needs broker.ca")
    out = {key: config.get(key) for key in _KEYS}
    out["broker"] = full = {key: broker.get(key) for key in _BROKER_KEYS}
    full["port"] = broker.get("port", _TLS_PORT if broker.get("ca") else _PORT)
    full["keepalive_s"] = broker.get("keepalive_s", 60)
    full["ignore_local_time"] = broker.get("ignore_local_time", False)
    return out
