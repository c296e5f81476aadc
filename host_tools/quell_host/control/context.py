# SPDX-License-Identifier: MIT
"""What commands over the ledger share: the open ledger, its keys and the clock."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection, RowMapping

from quell_host import home
from quell_host.broker import Broker, publish_retained
from quell_host.errors import ExitCode, QuellError
from quell_host.keys.files import Signer
from quell_host.keys.opening import open_signer
from quell_host.ledger import bundles, devices, policies
from quell_host.ledger.database import Ledger
from quell_host.ledger.keyring import Keyring
from quell_host.policy.document import Document
from quell_host.policy.model import Purpose

_POLL_S = 0.2


def now() -> int:
    """Unix seconds."""
    return int(time.time())


@dataclass(frozen=True)
class Context:
    """An open ledger with its region keys."""

    ledger: Ledger
    keyring: Keyring
    clock: Callable[[], int] = field(default=now)

    def publish(self, broker: Broker | None) -> bool:
        """Publish every bundle that changed. False without a broker: the receiver does it then.

        Raises QuellError (UNREACHABLE); the bundles stay due, and the receiver publishes them.
        """
        if broker is None:
            return False
        with self.ledger.read() as connection:
            due = []
            for device, kid in bundles.unpublished(connection):
                due += bundles.messages(connection, self.keyring, device, kid)
        try:
            publish_retained(broker, due)
        except QuellError as error:
            hint = "what was signed is kept, and quell receive sends it"
            raise QuellError(error.message, hint, error.code) from None
        with self.ledger.write() as connection:
            for topic, payload in due:
                bundles.published(connection, self.keyring, topic, payload)
        return True

    def wait(self, done: Callable[[Connection], bool], wait_s: float) -> bool:
        """Look into the ledger until `done` or `wait_s` seconds are over. Looks once at least."""
        end = time.monotonic() + wait_s
        while True:
            with self.ledger.read() as connection:
                if done(connection):
                    return True
            if time.monotonic() >= end:
                return False
            time.sleep(_POLL_S)


@contextlib.contextmanager
def open_context() -> Iterator[Context]:
    """The ledger and keys of `$QUELL_HOME`. Raises QuellError when there is no ledger."""
    ledger = Ledger.open(home.ledger_path())
    try:
        yield Context(ledger, Keyring(home.keys_dir()))
    finally:
        ledger.close()


def load_named_signer(name: str, folder: Path | None = None) -> Signer:
    """A signer by the path of its key file or its name in the keys' folder. Raises QuellError."""
    path = Path(name)
    if path.suffix != ".key":
        path = (folder or home.keys_dir()) / f"{name}.key"
    return open_signer(path)


def document_of(connection: Connection, device: RowMapping) -> Document | None:
    """The policy that the device runs, else the one that it is to run, or None."""
    running = policies.of_device(connection, device["policy_hash"])
    return running or policies.of_device(connection, device["wanted_policy"])


def purpose_of(connection: Connection, device: RowMapping, name: str) -> Purpose:
    """The purpose with this name or id in the device's policy. Raises QuellError."""
    document = document_of(connection, device)
    if document is None:
        what = f"device {devices.title(device)} has no policy that the ledger knows"
        raise QuellError(what, "give it one: quell policy push", ExitCode.PENDING)
    for purpose in document.purposes:
        if name in (purpose.name, str(purpose.id)):
            return purpose
    known = ", ".join(purpose.name for purpose in document.purposes)
    what = f"policy {document.name} has no purpose {name!r}"
    raise QuellError(what, f"its purposes: {known}", ExitCode.USAGE)
