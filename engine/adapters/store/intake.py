"""Users' exposures and events in the store's database. Analyses nothing and checks nothing.

What several threads bring at the same moment is committed at once.
"""

import json
import secrets
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Executable, Table, exists, select
from sqlalchemy.dialects import postgresql, sqlite

from engine.adapters.store import removing
from engine.adapters.store.database import Database
from engine.adapters.store.records import AnyRow
from engine.adapters.store.tables import EXPOSURES, OCCURRENCES
from engine.adapters.store.together import Refusals, Together
from engine.errors import CorruptRecord
from engine.intake import Exposure, Forgotten, Occurrence, Old, Record, Swept

_KEY = ("source", "id")
_AT_A_TIME = 5_000
_Insert = postgresql.Insert | sqlite.Insert
Part = tuple[Sequence[Record], float]
"""Records, and when they were received."""


class SqlIntake:
    """`engine.intake.Intake` in a database. Every method raises StoreError when it cannot be used."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._parts: Together[Part] = Together(self._write)

    def take_in(self, records: Sequence[Record], received_s: float) -> None:
        """Keep records; they are on the disk when this returns."""
        if records:
            self._parts.add(secrets.token_hex(8), (records, received_s))

    def exposures(self, experiment: str) -> Iterator[Exposure]:
        """All exposures of an experiment. CorruptRecord when the dimensions of one cannot be read."""
        query = select(EXPOSURES).where(EXPOSURES.c.experiment == experiment)
        yield from map(_exposure, self._rows(query))

    def occurrences(self, experiment: str) -> Iterator[Occurrence]:
        """All that its exposed units ever did."""
        its_unit = (EXPOSURES.c.experiment == experiment) & (EXPOSURES.c.unit == OCCURRENCES.c.unit)
        query = select(OCCURRENCES).where(exists().where(its_unit))
        yield from map(_occurrence, self._rows(query))

    def dimensions(self, experiment: str) -> Sequence[str]:
        """Names of all dimensions that its exposures have, sorted."""
        of_it = EXPOSURES.c.experiment == experiment
        query = select(EXPOSURES.c.dimensions).where(of_it).distinct()
        return sorted({name for row in self._rows(query) for name in _read(row.dimensions, experiment)})

    def sweep(self, kind: type[Record], old: Old, most: int) -> Swept:
        """Delete some old records; what somebody is writing meanwhile stays for the next time."""
        table = EXPOSURES if kind is Exposure else OCCURRENCES
        received = (table.c.received_s > old.after_s) & (table.c.received_s < old.before_s)
        with self._database.write() as connection:
            upto_s = removing.upto_s(connection, table, received, most)
            if upto_s is not None:
                received &= table.c.received_s <= upto_s
            which = received & ~removing.spared(table, old.spare)
            return Swept(deleted=removing.remove(connection, table, which, patient=False), upto_s=upto_s)

    def forget(self, unit: str) -> Forgotten:
        """Delete all that is known of a unit."""
        its = EXPOSURES.c.unit == unit
        with self._database.write() as connection:
            experiments = connection.scalars(select(EXPOSURES.c.experiment).where(its).distinct()).all()
            exposures = removing.remove(connection, EXPOSURES, its, patient=True)
            occurrences = removing.remove(connection, OCCURRENCES, OCCURRENCES.c.unit == unit, patient=True)
        return Forgotten(exposures=exposures, occurrences=occurrences, experiments=sorted(experiments))

    def _rows(self, query: Any) -> Iterator[AnyRow]:
        with self._database.read() as connection:
            yield from connection.execute(query, execution_options={"yield_per": _AT_A_TIME})

    def _write(self, parts: Sequence[Part]) -> Refusals:
        exposures: dict[tuple[str, str], dict[str, Any]] = {}
        occurrences: dict[tuple[str, str], dict[str, Any]] = {}
        for records, received_s in parts:
            for record in records:
                key, row = (record.source, record.id), {**_row(record), "received_s": received_s}
                if isinstance(record, Occurrence):
                    occurrences.setdefault(key, row)
                elif key not in exposures or _told(row) < _told(exposures[key]):
                    exposures[key] = row
        with self._database.write() as connection:
            _add(connection, EXPOSURES, exposures, _the_earliest)
            _add(connection, OCCURRENCES, occurrences, _the_first)
        return {}


def _told(row: dict[str, Any]) -> tuple[float, str]:
    return row["at_s"], row["dimensions"]


def _add(
    connection: Connection,
    table: Table,
    rows: dict[tuple[str, str], dict[str, Any]],
    of_two: Callable[[_Insert], Executable],
) -> None:
    """Rows in the order of their keys, in which no two writers can wait for each other."""
    if rows:
        insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
        connection.execute(of_two(insert(table)), [rows[key] for key in sorted(rows)])


def _the_first(insert: _Insert) -> Executable:
    return insert.on_conflict_do_nothing(index_elements=_KEY)


def _the_earliest(insert: _Insert) -> Executable:
    """Of an exposure told twice, the same one whatever order they come in."""
    new = insert.excluded
    earlier = new.at_s < EXPOSURES.c.at_s
    same_time = (new.at_s == EXPOSURES.c.at_s) & (new.dimensions < EXPOSURES.c.dimensions)
    of_it = {"at_s": new.at_s, "dimensions": new.dimensions}
    return insert.on_conflict_do_update(index_elements=_KEY, set_=of_it, where=earlier | same_time)


def _row(record: Record) -> dict[str, Any]:
    match record:
        case Exposure():
            return {
                "source": record.source,
                "id": record.id,
                "experiment": record.experiment,
                "unit": record.unit,
                "variant": record.variant,
                "at_s": record.at_s,
                "dimensions": json.dumps(dict(record.dimensions), sort_keys=True),
            }
        case Occurrence():
            return {
                "source": record.source,
                "id": record.id,
                "unit": record.unit,
                "name": record.name,
                "value": record.value,
                "at_s": record.at_s,
                "event_id": record.event_id,
            }


def _exposure(row: AnyRow) -> Exposure:
    return Exposure(
        source=row.source,
        id=row.id,
        experiment=row.experiment,
        unit=row.unit,
        variant=row.variant,
        at_s=row.at_s,
        dimensions=_read(row.dimensions, f"exposure {row.id} of {row.source}"),
    )


def _read(dimensions: str, whose: str) -> dict[str, str]:
    try:
        return dict(json.loads(dimensions))
    except (ValueError, TypeError) as error:
        msg = f"{whose}: dimensions {dimensions[:100]!r} cannot be read; restore the database from a backup."
        raise CorruptRecord(msg) from error


def _occurrence(row: AnyRow) -> Occurrence:
    return Occurrence(
        source=row.source,
        id=row.id,
        unit=row.unit,
        name=row.name,
        value=row.value,
        at_s=row.at_s,
        event_id=row.event_id,
    )
