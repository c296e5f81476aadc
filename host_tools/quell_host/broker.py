# SPDX-License-Identifier: MIT
"""The MQTT broker as host commands reach it: URL, TLS, and publishing what is to be retained."""

import asyncio
import os
import ssl
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import aiomqtt

from quell_host.errors import ExitCode, QuellError

BROKER_VARIABLE = "QUELL_BROKER"
_PORTS = {"mqtt": 1883, "mqtts": 8883}
_TIMEOUT_S = 10


@dataclass(frozen=True)
class Broker:
    """Where the broker is. `tls` verifies its certificate, against `ca` if given."""

    host: str
    port: int
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = False
    ca: Path | None = None

    @classmethod
    def parse(cls, url: str, ca: Path | None = None) -> "Broker":
        """`mqtt://[user[:password]@]host[:port]`, or `mqtts://` for TLS. Raises QuellError."""
        try:
            parts = urlsplit(url if "://" in url else f"mqtt://{url}")
            port = parts.port
        except ValueError:
            raise _usage("the broker's URL cannot be read") from None
        if parts.scheme not in _PORTS or not parts.hostname or parts.path.strip("/"):
            raise _usage("the broker's URL cannot be read")
        tls = parts.scheme == "mqtts"
        if ca is not None and not tls:
            raise _usage("a CA file needs TLS")
        if ca is not None and not ca.is_file():
            raise _usage(f"no CA file {ca}")
        user = unquote(parts.username) if parts.username else None
        password = unquote(parts.password) if parts.password else None
        return cls(parts.hostname, port or _PORTS[parts.scheme], user, password, tls, ca)

    @property
    def name(self) -> str:
        """`host:port`: for messages, without the password."""
        return f"{self.host}:{self.port}"

    def client(self, **options: Any) -> aiomqtt.Client:
        """An unconnected client of the broker. Raises QuellError when the CA file is no good."""
        context = None
        if self.tls:
            try:
                context = ssl.create_default_context(cafile=self.ca)
            except (ssl.SSLError, OSError):
                raise _usage(f"{self.ca} holds no certificate") from None
        return aiomqtt.Client(
            self.host,
            self.port,
            username=self.user,
            password=self.password,
            tls_context=context,
            timeout=_TIMEOUT_S,
            **options,
        )

    def unreachable(self, error: BaseException) -> QuellError:
        """The error to raise when the client gave `error`."""
        why = " ".join(str(error).split()) or type(error).__name__
        hint = "check --broker and that it runs"
        return QuellError(f"broker {self.name}: {why}", hint, ExitCode.UNREACHABLE)


def _usage(message: str) -> QuellError:
    return QuellError(message, "write mqtt://user@host:port or mqtts://…", ExitCode.USAGE)


def broker_from(url: str | None, ca: Path | None) -> Broker | None:
    """The broker of the option `--broker`, else of QUELL_BROKER, else None."""
    given = url or os.environ.get(BROKER_VARIABLE)
    return Broker.parse(given, ca) if given else None


def publish_retained(broker: Broker, messages: Iterable[tuple[str, bytes]]) -> None:
    """Publish topic and payload pairs, retained, QoS 1, in order; returns when the broker has all.

    Raises QuellError (UNREACHABLE).
    """

    async def run() -> None:
        async with broker.client() as client:
            for topic, payload in messages:
                await client.publish(topic, payload, qos=1, retain=True)

    try:
        asyncio.run(run())
    except (aiomqtt.MqttError, OSError) as error:
        raise broker.unreachable(error) from None
