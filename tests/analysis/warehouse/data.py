"""Small tables for looks: rows as values, and how they are written where each engine reads them."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from engine.core.model import Bound, Role
from engine.core.product import (
    Aggregate,
    Dimension,
    Exclusion,
    Measure,
    ProductMetric,
    ProductPlan,
    Share,
    Tables,
)

START_US = 1_790_000_000_000_000
NOW_S = START_US / 1e6 + 20 * 86_400
DAY_US = 86_400_000_000
NO_TIME = -(2**62)
"""Of a row whose time is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """A row of exposures; `us` is microseconds since the start."""

    unit: str | None
    us: int
    variant: str | None
    country: str | None = "de"
    browser: str | None = "firefox"
    staff: str | None = "no"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A row of events."""

    unit: str | None
    us: int
    name: str
    id: str | None
    amount: float | None = None


def at(row: Exposure | Event) -> datetime | None:
    """Its time, None for none."""
    if row.us == NO_TIME:
        return None
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=START_US + row.us)


def records(rows: Sequence[Exposure | Event]) -> list[dict[str, Any]]:
    """As a table has them."""
    return [
        {field.name: getattr(row, field.name) for field in fields(row) if field.name != "us"}
        | {"time": at(row)}
        for row in rows
    ]


EXPOSURE_SCHEMA = pa.schema(
    [
        ("unit", pa.string()),
        ("variant", pa.string()),
        ("country", pa.string()),
        ("browser", pa.string()),
        ("staff", pa.string()),
        ("time", pa.timestamp("us", tz="UTC")),
    ]
)
EVENT_SCHEMA = pa.schema(
    [
        ("unit", pa.string()),
        ("name", pa.string()),
        ("id", pa.string()),
        ("amount", pa.float64()),
        ("time", pa.timestamp("us", tz="UTC")),
    ]
)


def tables(exposures: Sequence[Exposure], events: Sequence[Event]) -> dict[str, pa.Table]:
    """Both as Arrow tables, by name."""
    return {
        "exposures": pa.Table.from_pylist(records(exposures), schema=EXPOSURE_SCHEMA),
        "events": pa.Table.from_pylist(records(events), schema=EVENT_SCHEMA),
    }


def write_parquet(
    folder: Path, exposures: Sequence[Exposure], events: Sequence[Event], files: int = 1
) -> None:
    """Each table as one file, or as a folder of several."""
    for name, table in tables(exposures, events).items():
        if files == 1:
            pa.parquet.write_table(table, folder / f"{name}.parquet")
            continue
        (folder / name).mkdir()
        size = -(-len(table) // files) or 1
        for index in range(files):
            pa.parquet.write_table(table.slice(index * size, size), folder / name / f"{index}.parquet")


def write_csv(folder: Path, exposures: Sequence[Exposure], events: Sequence[Event]) -> None:
    """Each table as one file, times as text of UTC."""
    for name, table in tables(exposures, events).items():
        place = table.schema.get_field_index("time")
        naive = table.set_column(place, "time", table["time"].cast(pa.timestamp("us")))
        pa.csv.write_csv(naive, folder / f"{name}.csv")


def metric(name: str, aggregate: Aggregate, **more: Any) -> ProductMetric:
    """A metric of purchases unless said otherwise."""
    summed = aggregate in {Aggregate.SUM, Aggregate.QUANTILE}
    measure = Measure(event="purchase", value="amount" if summed else None)
    given = {"measure": measure, "role": Role.OBJECTIVE, "margin": Bound(absolute=0.01)} | more
    return ProductMetric(name=name, aggregate=aggregate, **given)


METRICS = (
    metric("buyers", Aggregate.CONVERSION, before_s=5 * 86_400.0),
    metric(
        "back", Aggregate.CONVERSION, measure=Measure(event="visit"), from_s=86_400.0, within_s=3 * 86_400.0
    ),
    metric("visits", Aggregate.COUNT, measure=Measure(event="visit"), cap=2.5, before_s=2 * 86_400.0),
    metric("revenue", Aggregate.SUM, winsorize=0.9, before_s=5 * 86_400.0),
    metric("spent", Aggregate.SUM, within_s=86_400.0, cap=20.0),
    metric(
        "per_visit",
        Aggregate.RATIO,
        measure=Measure(event="purchase", value="amount"),
        per=Measure(event="visit"),
        before_s=5 * 86_400.0,
    ),
    metric("typical", Aggregate.QUANTILE, quantile=0.5),
    metric("often", Aggregate.QUANTILE, quantile=0.9, measure=Measure(event="visit")),
)


def plan(warehouse: str, **more: Any) -> ProductPlan:
    """Of all kinds of metrics, with two dimensions and staff left out."""
    given: dict[str, Any] = {
        "name": "checkout",
        "question": "Do people buy more?",
        "shares": (Share(variant="old", share=0.5), Share(variant="new", share=0.5)),
        "tables": Tables(warehouse=warehouse, columns={}),
        "metrics": METRICS,
        "dimensions": (Dimension(column="country"), Dimension(column="browser", confirmatory=False)),
        "exclusions": (Exclusion(column="staff", values=("yes", "bot")),),
        "most_events": 1000,
    }
    return ProductPlan(**(given | more))


def people(count: int = 6) -> list[Exposure]:
    """So many units, every other one of each variant, an hour apart."""
    return [
        Exposure(unit=f"u{index}", us=index * 3_600_000_000, variant=("old", "new")[index % 2])
        for index in range(count)
    ]


def purchases(units: Sequence[Exposure]) -> list[Event]:
    """One of each unit, a minute after its exposure, of 10 for the first, 11 for the second, ..."""
    return [
        Event(unit=unit.unit, us=unit.us + 60_000_000, name="purchase", id=f"p{index}", amount=10.0 + index)
        for index, unit in enumerate(units)
    ]
