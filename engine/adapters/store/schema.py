"""Brings a database to the form this version knows. Never steps back, never touches a newer database."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, column, inspect, select, table

from engine.adapters.store.database import BUSY_S, Database
from engine.errors import StoreBusy, StoreError

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0004"
"""The newest migration; a test compares it with the migrations themselves."""
VERSION_TABLE = "rampwise_version"
_PAUSE_S = 0.02


_MIGRATING = threading.Lock()
"""Alembic keeps the migration that is under way in a global of its own."""


def prepare(database: Database) -> None:
    """Make the tables, or bring them up to date; several processes may do so at once.

    Raises:
        StoreError: the database belongs to a newer Rampwise or to another program, or cannot be used.
        StoreBusy: another program kept it locked.
    """
    with database.read() as connection:
        version = _version(connection, database.where)
    if version == HEAD:
        return
    if database.sqlite:
        _patiently(database.use_wal)
    with _MIGRATING, database.write(alone=True) as connection:
        _upgrade(connection, _version(connection, database.where), database.where)


def migrations() -> "Config":
    """Alembic's view of the packaged migrations."""
    from alembic.config import Config  # noqa: PLC0415 (slow to import, needed once in a database's life)

    config = Config()
    folder = str(Path(__file__).parent / "migrations")
    config.set_main_option("script_location", folder.replace("%", "%%"))
    config.attributes["version_table"] = VERSION_TABLE
    return config


def _upgrade(connection: Connection, version: str | None, where: str) -> None:
    from alembic import command  # noqa: PLC0415 (as above)
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    if version == HEAD:
        return
    config = migrations()
    known = {step.revision for step in ScriptDirectory.from_config(config).walk_revisions()}
    if version is not None and version not in known:
        msg = (
            f"database {where} was written by a newer version of Rampwise (its form is {version}, this "
            f"version knows up to {HEAD}). Upgrade Rampwise; the database was not changed."
        )
        raise StoreError(msg)
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _version(connection: Connection, where: str) -> str | None:
    names = inspect(connection).get_table_names()
    if VERSION_TABLE in names:
        versions = table(VERSION_TABLE, column("version_num"))
        found: str | None = connection.scalar(select(versions.c.version_num))
        return found
    if names:
        msg = f"database {where} belongs to another program (tables {', '.join(names[:3])}); name another."
        raise StoreError(msg)
    return None


def _patiently(act: Callable[[], None]) -> None:
    """SQLite changes its journal only while alone, and does not wait for that by itself."""
    deadline_s = time.monotonic() + BUSY_S
    while True:
        try:
            return act()
        except StoreBusy:
            if time.monotonic() > deadline_s:
                raise
        time.sleep(_PAUSE_S)
