"""Tables that grow between looks that keep, each compared with plain Python over everything."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet

from analysis.product.totals import Totals
from analysis.warehouse import Keep, look
from engine.core.product import ProductPlan
from tests.analysis.warehouse import reference
from tests.analysis.warehouse.data import NOW_S, Event, Exposure, plan, tables

LATER_S = NOW_S + 40 * 86_400
"""After every row."""


@dataclass(slots=True, kw_only=True)
class Shop:
    """Tables that grow by files, and an experiment that is looked at now and then."""

    folder: Path
    exposures: list[Exposure] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def add(self, exposures: Sequence[Exposure], events: Sequence[Event]) -> None:
        """A file more of each table."""
        for name, table in tables(exposures, events).items():
            place = self.folder / "tables" / name
            place.mkdir(parents=True, exist_ok=True)
            pa.parquet.write_table(table, place / f"part-{len(list(place.iterdir()))}.parquet")
        self.exposures += exposures
        self.events += events

    def plan(self, **more: object) -> ProductPlan:
        return plan(str(self.folder / "tables"), **more)

    def look(self, now_s: float = LATER_S, **more: object) -> Totals:
        """Looks, keeps, and compares with plain Python over everything."""
        self.said.clear()
        asked = self.plan(**more)
        found = look(asked, now_s, Keep(folder=self.folder / "keep", say=self.said.append))
        expected = reference.look(asked, self.exposures, self.events, now_s)
        assert found.counted == expected.counted
        assert found == expected
        return found
