"""What the store asks of PostgreSQL: its driver, bounded waits, and isolation. Knows no tables.

Locks are waited for, statements run and connections stay idle for a bounded time only, as the server counts
it: an engine that was frozen in the middle of a transaction must not keep its successor from writing.
"""

from typing import Any

from sqlalchemy import URL, Connection
from sqlalchemy.exc import DBAPIError

WRITING: dict[str, Any] = {"isolation_level": "READ COMMITTED"}
"""After a row was locked, the next statement sees what its last holder wrote."""
READING: dict[str, Any] = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
"""All statements see one state."""

_CONNECT_S = 5
_STATEMENT_S = 30
_CONNECTIONS, _MORE_CONNECTIONS = 8, 24
_ALONE = 0x52414D50
"""Key of the advisory lock: `RAMP`."""
_BUSY = {
    "40001",  # could not serialize
    "40P01",  # deadlock
    "55P03",  # a lock was not available in time
    "57014",  # the statement took too long
}


def speaks(url: URL) -> bool:
    """Whether this is a PostgreSQL database."""
    return url.get_backend_name() == "postgresql"


def with_driver(url: URL) -> URL:
    """The URL with the driver that the extra `postgresql` installs, where it names none.

    >>> from sqlalchemy import make_url
    >>> with_driver(make_url("postgresql://host/name")).drivername
    'postgresql+psycopg'
    """
    return url.set(drivername="postgresql+psycopg") if url.drivername == "postgresql" else url


def settings(url: URL, busy_s: float) -> dict[str, Any]:
    """How the engine is made; what the URL says itself is left as it says.

    Args:
        url: of the database.
        busy_s: how long to wait for another writer.
    """
    busy_ms = int(1000 * busy_s)
    limits = {
        "lock_timeout": busy_ms,
        "statement_timeout": 1000 * _STATEMENT_S,
        "idle_in_transaction_session_timeout": busy_ms,
    }
    wanted: dict[str, Any] = {
        "connect_timeout": _CONNECT_S,
        "tcp_user_timeout": 1000 * _STATEMENT_S,
        "application_name": "rampwise",
        "options": " ".join(f"-c {name}={value}" for name, value in limits.items()),
    }
    return {
        "connect_args": {name: value for name, value in wanted.items() if name not in url.query},
        "pool_pre_ping": True,
        "pool_size": _CONNECTIONS,
        "max_overflow": _MORE_CONNECTIONS,
        "pool_timeout": busy_s,
    }


def be_alone(connection: Connection) -> None:
    """Wait until no other transaction is alone; ends with the transaction."""
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ALONE})")


def is_busy(error: DBAPIError) -> bool:
    """Whether trying again may help, because others were in the way."""
    return getattr(error.orig, "sqlstate", None) in _BUSY
