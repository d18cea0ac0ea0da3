"""One connection door for the store: transactions in, errors out in words. Knows no tables.

What a write transaction reads is still true when it writes. SQLite has one writer at a time (`BEGIN
IMMEDIATE`); on PostgreSQL statements lock the rows that they rest on (`FOR UPDATE`), and the few that rest on
rows which do not exist yet ask to be `alone`. Commits reach the disk before they return: an act must not
outlive the record of its intent.
"""

import re
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from engine.adapters.store import postgresql
from engine.errors import StoreBusy, StoreError

BUSY_S = 5.0
"""How long to wait for another writer before giving up; `?timeout=` in the URL overrides it."""

_ADVICE = {
    sqlite3.SQLITE_READONLY: "it is read-only; make the file and its folder writable for this user",
    sqlite3.SQLITE_FULL: "the disk is full; free some space. What was written before is intact",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; check that folder and file are writable for this user",
    sqlite3.SQLITE_NOTADB: "it is not a database; name another file, or move this one away",
    sqlite3.SQLITE_CORRUPT: "it is damaged; restore it from a backup (`sqlite3 FILE .recover` may save more)",
    sqlite3.SQLITE_IOERR: "the disk reports an error; check the device it is on",
}
_PASSWORD = re.compile("//.*@")
_FORMS = "write it as sqlite:///path/to/rampwise.db, or postgresql://USER@HOST/NAME"
_OTHERWISE = "it did not do as asked; check that it can be reached and that this user may write to it"


class Conflict(StoreError):  # noqa: N818 (as in engine.errors)
    """A constraint of the tables refused a row; nothing was written."""


class Database:
    """A database by URL.

    Attributes:
        where: path or URL without password, for messages.
    """

    def __init__(self, url: str) -> None:
        parsed = _parsed(url)
        self.where = _where(parsed)
        self.sqlite = parsed.get_backend_name() == "sqlite"
        try:
            self._engine = create_engine(parsed, **_settings(parsed))
            self._patience_s = float(str(parsed.query.get("timeout", BUSY_S))) if self.sqlite else BUSY_S
        except (ArgumentError, ImportError) as error:
            msg = f"database {self.where} cannot be used: {error}. {_driver_of(parsed)}"
            raise StoreError(msg) from error
        except (ValueError, TypeError) as error:
            msg = f"database {self.where} cannot be used: {error}; correct its URL, after the `?`"
            raise StoreError(msg) from error
        if self.sqlite:
            _make_file(parsed)
            _configure_sqlite(self._engine)
        self._file = _file_of(parsed) if self.sqlite else None
        self._file_id = _id_of(self._file)
        self._turn = threading.Lock()
        self._writing = self._engine.execution_options(writes=True)
        self._reading = self._engine
        if postgresql.speaks(parsed):
            self._writing = self._engine.execution_options(**postgresql.WRITING)
            self._reading = self._engine.execution_options(**postgresql.READING)

    def read(self) -> AbstractContextManager[Connection]:
        """A transaction that sees one state of the database throughout.

        Raises:
            StoreError: in words, whatever the driver raised.
        """
        return self._transaction(self._reading)

    def write(self, *, alone: bool = False) -> AbstractContextManager[Connection]:
        """A transaction of which all is kept, or nothing.

        Args:
            alone: no other transaction that asks for this is under way meanwhile.

        Raises:
            StoreBusy: another writer did not finish in time.
            Conflict: a constraint refused a row; the caller knows what that means.
            StoreError: in words, whatever else the driver raised; also when the file is another one by now.
        """
        self._require_same_file()
        if self.sqlite:
            return self._write_in_turn()
        return self._transaction(self._writing, alone=alone)

    def use_wal(self) -> None:
        """Let readers and the writer not wait for each other. Stays with the file."""
        with self._translated(), self._engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    @contextmanager
    def _transaction(self, engine: Engine, *, alone: bool = False) -> Iterator[Connection]:
        with self._translated(), engine.begin() as connection:
            if alone:
                postgresql.be_alone(connection)
            yield connection

    @contextmanager
    def _write_in_turn(self) -> Iterator[Connection]:
        """SQLite lets one write at a time; its own way to wait is to sleep and look again."""
        if not self._turn.acquire(timeout=self._patience_s):
            msg = f"database {self.where}: other threads of this process still write. Nothing was written."
            raise StoreBusy(msg)
        try:
            with self._transaction(self._writing) as connection:
                yield connection
        finally:
            self._turn.release()

    def _require_same_file(self) -> None:
        """SQLite would go on with a file that has no name any more, and what it writes would be lost.

        Reading goes on: a run that is known can still lose its traffic.
        """
        if self._file_id is not None and _id_of(self._file) != self._file_id:
            msg = (
                f"database {self.where}: its file was moved, replaced or removed while it was in use. "
                "Put it back, or start this process anew."
            )
            raise StoreError(msg)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except IntegrityError as error:
            msg = f"database {self.where}: {error.orig}. Nothing was written."
            raise Conflict(msg) from error
        except DBAPIError as error:
            raise _explained(error, self.where) from error
        except PoolTimeoutError as error:
            msg = f"database {self.where}: all connections of this process are in use. Nothing was written."
            raise StoreBusy(msg) from error


def exists(url: str) -> bool:
    """Whether a database is there already; one that is no file is taken to be. StoreError: it is no URL."""
    parsed = _parsed(url)
    file = _file_of(parsed) if parsed.get_backend_name() == "sqlite" else None
    return file is None or file.exists()


def _parsed(url: str) -> URL:
    try:
        return postgresql.with_driver(make_url(url))
    except (ArgumentError, ValueError) as error:
        shown = _PASSWORD.sub("//***@", url)
        msg = f"{shown!r} is not a database URL; {_FORMS}"
        raise StoreError(msg) from error


def _where(url: URL) -> str:
    if url.get_backend_name() == "sqlite" and url.database:
        return url.database
    return url.render_as_string(hide_password=True)


def _file_of(url: URL) -> Path | None:
    """The file of a SQLite database, None for one in memory or named in SQLite's own way."""
    if not url.database or url.database == ":memory:" or "uri" in url.query:
        return None
    return Path(url.database)


def _id_of(file: Path | None) -> tuple[int, int] | None:
    """Which file this is, whatever its name; None where there is none."""
    try:
        found = None if file is None else file.stat()
    except OSError:
        return None
    return found and (found.st_dev, found.st_ino)


def _make_file(url: URL) -> None:
    """An empty file that only its owner may read: runs hold what options and people say."""
    file = _file_of(url)
    if file is None:
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"database {url.database}: its folder cannot be made: {error.strerror}. Name another path."
        raise StoreError(msg) from error
    with suppress(OSError):  # there is one already, or SQLite will say why there cannot be one
        file.touch(0o600, exist_ok=False)


def _settings(url: URL) -> dict[str, Any]:
    """How the engine is made for this kind of database."""
    if postgresql.speaks(url):
        return postgresql.settings(url, BUSY_S)
    if url.get_backend_name() == "sqlite" and "timeout" not in url.query:
        return {"connect_args": {"timeout": BUSY_S}}
    return {}


def _driver_of(url: URL) -> str:
    if postgresql.speaks(url):
        return 'Install its driver: `pip install "rampwise[postgresql]"`.'
    return "Install the driver that the URL names."


def _configure_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def _on_connect(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # the driver begins nothing by itself; _on_begin does
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA synchronous=FULL")

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        if options.get("isolation_level") != "AUTOCOMMIT":
            connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("writes") else "BEGIN")


def _explained(error: DBAPIError, where: str) -> StoreError:
    code = getattr(error.orig, "sqlite_errorcode", None)
    primary = code & 0xFF if isinstance(code, int) else sqlite3.SQLITE_OK
    if primary in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED} or postgresql.is_busy(error):
        return StoreBusy(
            f"database {where}: locked by another program, which did not finish in time. "
            "Nothing was written; try again, and close any shell or backup that holds it open."
        )
    return StoreError(f"database {where}: {error.orig}: {_ADVICE.get(primary, _OTHERWISE)}.")
