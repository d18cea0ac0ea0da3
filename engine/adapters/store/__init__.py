"""Where runs are kept: a SQL database behind the `Store` port.

store = open_store("sqlite:///rampwise.db")
"""

from engine.adapters.store.database import Database, exists
from engine.adapters.store.schema import prepare
from engine.adapters.store.sql import SqlStore

__all__ = ["SqlStore", "exists", "open_store"]


def open_store(url: str) -> SqlStore:
    """Open the database, make it if there is none, and bring its tables up to date.

    Args:
        url: a SQLAlchemy database URL, such as `sqlite:///path/to/rampwise.db`; with `?timeout=` seconds to
            wait for a lock. The folder is made if it does not exist.

    Raises:
        StoreError: it cannot be used; says where, why and what to do. StoreBusy: it is locked.
    """
    database = Database(url)
    try:
        prepare(database)
    except BaseException:
        database.close()
        raise
    return SqlStore(database)
