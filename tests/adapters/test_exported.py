"""Exported files are what an analysis reads by default."""

from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from analysis.warehouse import look
from engine.adapters.exported import Exported, export
from engine.adapters.fakes_intake import MemoryIntake
from engine.core.model import Bound, Role
from engine.core.product import (
    Aggregate,
    Dimension,
    Measure,
    ProductMetric,
    ProductPlan,
    Share,
    Tables,
)
from engine.errors import UsageError
from tests.contracts.intake_contract import DID, EXPOSED, NOW_S


@pytest.fixture
def intake() -> MemoryIntake:
    made = MemoryIntake()
    more = replace(EXPOSED, id="x2", unit="bob", at_s=1_800_000_000.123457, dimensions={"browser": "firefox"})
    made.take_in([EXPOSED, more, DID, replace(DID, id="e2", value=None, unit="bob")], NOW_S)
    return made


def test_the_columns_are_unit_time_variant_and_dimensions(intake: MemoryIntake, tmp_path: Path) -> None:
    assert export(intake, "checkout", tmp_path / "new") == Exported(exposures=2, events=2)
    table = duckdb.sql(f"SELECT * FROM '{tmp_path}/new/exposures.parquet' ORDER BY unit")
    assert dict(zip(table.columns, map(str, table.types), strict=True)) == {
        "unit": "VARCHAR",
        "time": "TIMESTAMP",
        "variant": "VARCHAR",
        "browser": "VARCHAR",
        "country": "VARCHAR",
    }
    ada, bob = table.fetchall()
    assert (ada[0], str(ada[1]), *ada[2:]) == ("ada", "1970-01-01 00:16:40.250000", "v2", None, "de")
    assert (bob[0], str(bob[1]), *bob[2:]) == ("bob", "2027-01-15 08:00:00.123457", "v2", "firefox", None)


def test_the_columns_of_events_are_unit_time_name_value_and_id(intake: MemoryIntake, tmp_path: Path) -> None:
    export(intake, "checkout", tmp_path)
    table = duckdb.sql(f"SELECT * FROM '{tmp_path}/events.parquet' ORDER BY unit")
    assert table.columns == ["unit", "time", "name", "value", "id"]
    assert [(row[0], row[2], row[3], row[4]) for row in table.fetchall()] == [
        ("ada", "purchase", 0.1, "order-1"),
        ("bob", "purchase", None, "order-1"),
    ]


def test_an_experiment_without_exposures_has_empty_files(intake: MemoryIntake, tmp_path: Path) -> None:
    assert export(intake, "unknown", tmp_path) == Exported(exposures=0, events=0)
    assert duckdb.sql(f"SELECT * FROM '{tmp_path}/events.parquet'").fetchall() == []


def test_an_export_replaces_the_one_before_and_leaves_nothing_else(
    intake: MemoryIntake, tmp_path: Path
) -> None:
    export(intake, "unknown", tmp_path)
    export(intake, "checkout", tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["events.parquet", "exposures.parquet"]
    assert len(duckdb.sql(f"SELECT * FROM '{tmp_path}/exposures.parquet'").fetchall()) == 2


def test_a_directory_that_cannot_be_is_told(intake: MemoryIntake, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="name a directory"):
        export(intake, "checkout", tmp_path / "file")


def test_a_look_of_the_warehouse_reads_it_as_it_is(tmp_path: Path) -> None:
    made = MemoryIntake()
    for number in range(100):
        unit, at_s = f"u{number}", 1_800_000_000.0 + number
        variant = "v1" if number % 2 else "v2"
        exposed = replace(EXPOSED, id=f"x{number}", unit=unit, variant=variant, at_s=at_s)
        bought = replace(DID, id=f"e{number}", unit=unit, at_s=at_s + 10, event_id=f"o{number}", value=1.5)
        made.take_in([exposed, bought], NOW_S)
    export(made, "checkout", tmp_path)
    revenue = ProductMetric(
        name="revenue",
        aggregate=Aggregate.SUM,
        measure=Measure(event="purchase", value="value"),
        role=Role.OBJECTIVE,
        margin=Bound(relative=0.1),
    )
    plan = ProductPlan(
        name="checkout",
        question="is it better?",
        shares=(Share(variant="v1", share=0.5), Share(variant="v2", share=0.5)),
        tables=Tables(warehouse=str(tmp_path), columns={}),
        metrics=(revenue,),
        dimensions=(Dimension(column="country"),),
    )
    counted = look(plan, 1_800_001_000.0).counted
    assert (counted.exposures, counted.events) == (100, 100)
    assert (counted.first_s, counted.last_s) == (1_800_000_000.0, 1_800_000_109.0)
