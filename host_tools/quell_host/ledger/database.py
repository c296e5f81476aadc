# SPDX-License-Identifier: MIT
"""The database file: opened, made, and read or written in transactions.

WAL, foreign keys, `secure_delete` (freed pages are overwritten) and full sync: an acknowledgement
that follows a commit must never outlive it. Mode 0600.
"""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, exc, insert, select, text

from quell_host.errors import QuellError
from quell_host.ledger import schema
from quell_host.ledger.views import VIEWS

_BUSY_TIMEOUT_S = 10
_MAGIC = b"SQLite format 3\0"
_PRAGMAS = ("journal_mode=WAL", "foreign_keys=ON", "secure_delete=ON", "synchronous=FULL")


class Ledger:
    """An open ledger. Several processes may have one open; writers wait for each other."""

    def __init__(self, path: Path, engine: Engine) -> None:
        self.path = path
        self._engine = engine

    @classmethod
    def open(cls, path: Path) -> "Ledger":
        """Open the ledger at `path`. Raises QuellError when it is missing or not a ledger."""
        if not path.is_file():
            raise QuellError(f"no ledger {path}", "provision a device first: quell provision")
        ledger = cls(path, _engine(path))
        ledger._check_version()
        return ledger

    @classmethod
    def open_or_make(cls, path: Path) -> "Ledger":
        """Open the ledger at `path`, or make an empty one, mode 0600. Raises QuellError."""
        if path.exists():
            return cls.open(path)
        # Made under another name: a ledger that was cut off in the making is none.
        draft = path.with_name(path.name + ".new")
        try:
            draft.unlink(missing_ok=True)
            os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            _make(cls(draft, _engine(draft)))
            os.replace(draft, path)
        except OSError as error:
            raise QuellError(f"cannot make {path}: {error.strerror}") from None
        return cls.open(path)

    def _check_version(self) -> None:
        if self.path.stat().st_mode & 0o077:
            hint = f"run: chmod 600 {self.path}"
            raise QuellError(f"{self.path} can be read by others", hint)
        hint = "restore a backup: quell ledger backup --help"
        with self.path.open("rb") as file:
            if file.read(len(_MAGIC)) != _MAGIC:
                raise QuellError(f"{self.path} is not a ledger or is damaged", hint)
        try:
            with self.read() as connection:
                found = connection.execute(text("PRAGMA user_version")).scalar_one()
        except exc.DatabaseError:
            raise QuellError(f"{self.path} is not a ledger or is damaged", hint) from None
        if found != schema.SCHEMA_VERSION:
            what = f"{self.path} has schema {found}, this quell knows {schema.SCHEMA_VERSION}"
            raise QuellError(what, "use the quell that made it")

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction that writes; committed at the end, rolled back on any error."""
        with self._transaction("BEGIN IMMEDIATE") as connection:
            yield connection

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """One transaction that reads."""
        with self._transaction("BEGIN") as connection:
            yield connection

    @contextlib.contextmanager
    def _transaction(self, begin: str) -> Iterator[Connection]:
        try:
            with self._engine.connect() as connection:
                connection.exec_driver_sql(begin)
                try:
                    yield connection
                except BaseException:
                    connection.exec_driver_sql("ROLLBACK")
                    raise
                connection.exec_driver_sql("COMMIT")
        except exc.OperationalError as error:
            # The driver's words name no values; SQLAlchemy's would show the statement.
            what = str(error.orig)
            hint = "free space, check its mode, or wait for the other program that has it open"
            raise QuellError(f"ledger {self.path}: {what}", hint) from None

    def checkpoint(self) -> bool:
        """Move the write-ahead log into the database and empty it: what was erased is then in
        neither. False when another program is reading; then do it again later."""
        with self._engine.connect() as connection:
            row = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
        return row[0] == 0

    def setting(self, name: str) -> str:
        """A value of the table `settings`. Raises KeyError."""
        with self.read() as connection:
            query = select(schema.settings.c.value).where(schema.settings.c.name == name)
            value = connection.execute(query).scalar_one_or_none()
        if value is None:
            raise KeyError(name)
        return value

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


def _make(ledger: Ledger) -> None:
    with ledger.write() as connection:
        schema.metadata.create_all(connection)
        for name, statement in VIEWS.items():
            connection.execute(text(f"CREATE VIEW {name} AS {statement}"))
        receiver_id = {"name": "receiver_id", "value": os.urandom(16).hex()}
        connection.execute(insert(schema.settings).values(receiver_id))
        connection.execute(text(f"PRAGMA user_version = {schema.SCHEMA_VERSION}"))
    ledger.checkpoint()
    ledger.close()


def _engine(path: Path) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}", connect_args={"timeout": _BUSY_TIMEOUT_S}, hide_parameters=True
    )

    @event.listens_for(engine, "connect")
    def _connected(connection: sqlite3.Connection, _record: Any) -> None:
        # We begin transactions ourselves: the driver's implicit BEGIN takes no write lock.
        connection.isolation_level = None
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")

    return engine
