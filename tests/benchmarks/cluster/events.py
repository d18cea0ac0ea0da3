"""What the engine's database has: events in a span of time, and runs by phase. Reads only."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Engine, create_engine, distinct, func, select

from engine.adapters.store.tables import EVENTS, RUNS


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Decided ticks with new windows, and those windows, as committed between two times."""

    ticks: int
    windows: int


class Log:
    """A database of the engine, read from outside."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def kept(self, from_s: float, to_s: float) -> Kept:
        """What was recorded in that time."""
        wanted = select(EVENTS.c.data).where(
            EVENTS.c.type == "observed", EVENTS.c.at_s >= from_s, EVENTS.c.at_s < to_s
        )
        with self._engine.connect() as connection:
            found = [len(json.loads(data)["observations"]) for (data,) in connection.execute(wanted)]
        return Kept(ticks=len(found), windows=sum(found))

    def shifted(self) -> int:
        """Runs whose traffic was moved at least once."""
        wanted = select(func.count(distinct(EVENTS.c.run_id))).where(EVENTS.c.type == "applied")
        with self._engine.connect() as connection:
            return connection.execute(wanted).scalar_one()

    def phases(self) -> dict[str, int]:
        """How many runs there are in each phase."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(RUNS.c.phase, func.count()).group_by(RUNS.c.phase))
            return {phase: count for phase, count in rows}  # noqa: C416 (rows are no mapping's items to SQLAlchemy)


@contextmanager
def log_of(url: str) -> Iterator[Log]:
    """A database by its URL."""
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    try:
        yield Log(engine)
    finally:
        engine.dispose()
