# SPDX-License-Identifier: MIT
"""The configuration of this port: a dict, checked once, with its defaults filled in.

{"broker": {"host", "port", "user", "password", "tls", "cert", "key", "keepalive_s"}, "flush_below_mv", "watchdog_s"}.
Only `broker.host` is required. `tls` encrypts and authenticates nobody (link.py), so a `ca` is refused rather than
ignored. `cert` and `key`: PEM texts. The APN is the module's own affair: `/usr/user_apn.json` or dataCall.
"""

from ports.settings import ConfigError, check, flag, number, pem, text

_PORT, _TLS_PORT = 1883, 8883
_KEYS = {
    "broker": lambda value: "" if isinstance(value, dict) else "a map",
    "flush_below_mv": number(1000, 60000),
    "watchdog_s": number(60, 3600),
}
_BROKER_KEYS = {
    "host": text(100),
    "port": number(1, 65535),
    "user": text(128),
    "password": text(128),
    "tls": flag,
    "cert": pem,
    "key": pem,
    "keepalive_s": number(30, 240),  # networks forget an idle connection after some minutes
}


def checked(config):
    """`config` (dict) -> a dict of the same shape with every key; what is not set is None. Raises ConfigError."""
    check(config, _KEYS, "")
    broker = config.get("broker")
    if broker is None:
        raise ConfigError("broker is missing")
    if "ca" in broker:
        raise ConfigError("broker.ca: QuecPython's TLS verifies no server; leave it out and give tls, or neither")
    check(broker, _BROKER_KEYS, "broker.")
    if "host" not in broker:
        raise ConfigError("broker.host is missing")
    if ("cert" in broker) != ("key" in broker) or "cert" in broker and not broker.get("tls"):
        raise ConfigError("broker.cert, broker.key and broker.tls belong together")
    out = {key: config.get(key) for key in _KEYS}
    out["broker"] = full = {key: broker.get(key) for key in _BROKER_KEYS}
    full["tls"] = broker.get("tls", False)
    full["port"] = broker.get("port", _TLS_PORT if full["tls"] else _PORT)
    full["keepalive_s"] = broker.get("keepalive_s", 120)
    return out
