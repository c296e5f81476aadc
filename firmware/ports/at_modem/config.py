# SPDX-License-Identifier: MIT
"""The configuration of this port: a dict, checked once, with its defaults filled in.

{"apn", "apn_user", "apn_password", "broker": {"host", "port", "user", "password", "ca", "cert", "key", "keepalive_s",
"ignore_local_time"}}. Only `broker.host` is required. `ca`, `cert` and `key` are PEM: a path on the board, or the text
itself.
"""

from ports.settings import ConfigError, check, flag, number, pem, text

_PORT, _TLS_PORT = 1883, 8883
_KEYS = {
    "apn": text(99),
    "apn_user": text(64),
    "apn_password": text(64),
    "broker": lambda value: "" if isinstance(value, dict) else "a map",
}
_BROKER_KEYS = {
    "host": text(100),  # QMTOPEN takes no more
    "port": number(1, 65535),
    "user": text(128),
    "password": text(128),
    "ca": pem,
    "cert": pem,
    "key": pem,
    "keepalive_s": number(10, 3600),
    "ignore_local_time": flag,
}


def checked(config):
    """`config` (dict) -> a dict of the same shape with every key; what is not set is None. Raises ConfigError."""
    check(config, _KEYS, "")
    broker = config.get("broker")
    if broker is None:
        raise ConfigError("broker is missing")
    check(broker, _BROKER_KEYS, "broker.")
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
