# SPDX-License-Identifier: MIT
"""Checks of a configuration's values, for the ports that are configured by a JSON text."""

from quell.errors import QuellError


class ConfigError(QuellError):
    """A configuration that cannot work. The text names the key, never a value."""


def plain(value):
    """True for a str that is printable ASCII without quote and backslash: it may stand in quotes in a command."""
    for c in value:
        if not " " <= c <= "~" or c in '"\\':
            return False
    return True


def text(most):
    """A check of texts of 1 to `most` characters -> callable(value) -> "" or what it is not."""

    def wrong(value):
        good = isinstance(value, str) and 1 <= len(value) <= most and plain(value)
        return "" if good else "a text of 1 to " + str(most) + " printable ASCII characters without quotes"

    return wrong


def number(least, most):
    """A check of whole numbers."""

    def wrong(value):
        good = isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
        return "" if good else "a number of " + str(least) + " to " + str(most)

    return wrong


def pem(value):
    """A check of a PEM text or path."""
    return "" if isinstance(value, str) and value else "a path or a PEM text"


def flag(value):
    """A check of true and false."""
    return "" if isinstance(value, bool) else "true or false"


def check(values, known, prefix):
    """Raises ConfigError unless `values` is a map whose keys are in `known` and pass its checks."""
    if not isinstance(values, dict):
        raise ConfigError((prefix.rstrip(".") or "the configuration") + " is not a map")
    for key in values:
        if key not in known:
            raise ConfigError("unknown key " + prefix + str(key))
        wanted = known[key](values[key])
        if wanted:
            raise ConfigError(prefix + key + " is not " + wanted)
