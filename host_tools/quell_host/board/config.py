# SPDX-License-Identifier: MIT
"""The configuration that a board stores: a JSON text, from options or a file, checked before it is sent.

Keys: broker {host, port, user, password, ca, cert, key, keepalive_s, …}, apn, apn_user, apn_password. `ca`, `cert` and
`key` are PEM texts, or paths on the board: it has no files of this machine. The board itself checks every key.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509

from quell_host.errors import ExitCode, QuellError

MAX_CONFIG_BYTES = 8192
_PORT, _TLS_PORT = 1883, 8883


@dataclass(frozen=True)
class Wanted:
    """The options, as given."""

    broker: str | None = None
    ca: Path | None = None
    apn: str | None = None
    file: Path | None = None

    def text(self) -> str | None:
        """The JSON text to store, None when nothing is wanted. Raises QuellError (USAGE)."""
        if self.file is not None:
            if self.broker or self.ca or self.apn:
                raise _usage("--config is given together with --broker, --ca or --apn", "give one or the other")
            return _read(self.file)
        if self.broker is None and (self.ca is not None or self.apn is not None):
            raise _usage("--ca and --apn are given without --broker", "give --broker HOST:PORT")
        made: dict[str, Any] = {}
        if self.broker is not None:
            made["broker"] = _broker(self.broker, self.ca)
        if self.apn is not None:
            if not self.apn.isprintable() or not self.apn.isascii() or not 1 <= len(self.apn) <= 100:
                raise _usage("--apn must be 1 to 100 printable characters of ASCII", "ask the network's operator")
            made["apn"] = self.apn
        return json.dumps(made) if made else None


def _broker(text: str, ca: Path | None) -> dict[str, Any]:
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        host, port = text, str(_TLS_PORT if ca else _PORT)
    host = host.strip("[]")
    if "/" in text or "@" in text or not host or not port.isdigit() or not 1 <= int(port) <= 65535:
        raise _usage("--broker is no HOST:PORT", "a user and a password go into --config FILE.json")
    made: dict[str, Any] = {"host": host, "port": int(port)}
    if ca is not None:
        made["ca"] = _certificate(ca)
    return made


def _certificate(path: Path) -> str:
    try:
        data = path.read_bytes()[: MAX_CONFIG_BYTES + 1]
        x509.load_pem_x509_certificates(data)
    except OSError as error:
        raise _usage(f"cannot read {path}: {error.strerror}", "see --ca") from None
    except ValueError:
        raise _usage(f"{path} holds no certificate", "give a PEM file") from None
    return data.decode("ascii", "replace")


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_CONFIG_BYTES + 1)
        open_to_others = os.name == "posix" and path.stat().st_mode & 0o077
    except OSError as error:
        raise _usage(f"cannot read {path}: {error.strerror}", "see --config") from None
    if len(data) > MAX_CONFIG_BYTES:
        raise _usage(f"{path} is over {MAX_CONFIG_BYTES} bytes", "leave out what the board does not need")
    try:
        values = json.loads(data)
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", 1)
        raise _usage(f"{path}:{line}: no JSON", "correct it") from None
    broker = values.get("broker", {}) if isinstance(values, dict) else None
    if not isinstance(broker, dict):
        raise _usage(f"{path} is no map with a map broker", "see host_tools/docs/boards.md")
    secrets = [name for name in ("password", "key", "apn_password") if name in broker or name in values]
    if secrets and open_to_others:
        raise _usage(f"{path} holds a {secrets[0]} and can be read by others", f"run: chmod 600 {path}")
    return json.dumps(values)


def _usage(what: str, hint: str) -> QuellError:
    return QuellError(what, hint, ExitCode.USAGE)
