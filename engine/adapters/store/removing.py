"""Takes users' records out of the database. Decides nothing: who calls says which.

Rows go in the order of their keys, in which no two writers can wait for each other.
"""

from collections.abc import Collection

from sqlalchemy import ColumnElement, Connection, Table, bindparam, delete, exists, select

from engine.adapters.store.tables import EXPOSURES, OCCURRENCES


def upto_s(connection: Connection, table: Table, received: ColumnElement[bool], most: int) -> float | None:
    """The time of receipt of the last of the `most` oldest such rows, None when there are fewer."""
    times = select(table.c.received_s).where(received).order_by(table.c.received_s)
    found: float | None = connection.scalar(times.offset(most - 1).limit(1))
    return found


def spared(table: Table, experiments: Collection[str]) -> ColumnElement[bool]:
    """Exposures of these experiments, or what units that they exposed did."""
    of_them = EXPOSURES.c.experiment.in_(experiments)
    return (
        of_them if table is EXPOSURES else exists().where(of_them & (EXPOSURES.c.unit == OCCURRENCES.c.unit))
    )


def remove(connection: Connection, table: Table, which: ColumnElement[bool], *, patient: bool) -> int:
    """Delete these rows and say how many; without patience those that somebody else is writing stay."""
    keys = select(table.c.source, table.c.id).where(which).order_by(table.c.source, table.c.id)
    rows = connection.execute(keys.with_for_update(skip_locked=not patient)).all()
    if rows:
        one = (table.c.source == bindparam("its_source")) & (table.c.id == bindparam("its_id"))
        connection.execute(delete(table).where(one), [{"its_source": s, "its_id": i} for s, i in rows])
    return len(rows)
