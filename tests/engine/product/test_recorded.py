"""What applications told the engine is looked at as tables that are there for the look only."""

from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from analysis import warehouse
from analysis.product.analyse import analyse
from analysis.product.result import Answer, Outcome, ProductRule
from analysis.product.totals import Totals
from engine.adapters.fakes_intake import MemoryIntake
from engine.adapters.store import open_store
from engine.core.product import Dimension, Exclusion, ProductPlan
from engine.errors import UsageError
from engine.product import looking
from engine.product.recorded import recorded
from tests.contracts.intake_contract import DID, EXPOSED, NOW_S
from tests.engine.product.test_looking import plan, totals
from tests.engine.world import FakeClock


def asked(experiment: str = "checkout") -> ProductPlan:
    made = plan("recorded")
    return replace(made, tables=replace(made.tables, recorded_as=experiment))


def columns(directory: str) -> list[str]:
    return duckdb.sql(f"SELECT * FROM '{directory}/exposures.parquet'").columns


def test_the_tables_are_gone_after_the_look() -> None:
    intake = MemoryIntake()
    intake.take_in([EXPOSED, DID], NOW_S)
    with recorded(asked(), "checkout", intake, FakeClock(NOW_S), NOW_S) as place:
        directory = Path(place.tables.warehouse)
        assert {file.name for file in directory.iterdir()} == {"exposures.parquet", "events.parquet"}
        assert columns(place.tables.warehouse) == ["unit", "time", "variant", "country"]
    assert not directory.exists()


def test_a_failing_look_leaves_nothing_behind() -> None:
    intake, seen = MemoryIntake(), []
    intake.take_in([EXPOSED], NOW_S)

    def fail() -> None:
        with recorded(asked(), "checkout", intake, FakeClock(NOW_S), NOW_S) as place:
            seen.append(Path(place.tables.warehouse))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not seen[0].exists()


def test_what_happens_while_records_are_read_had_not_come_yet_at_the_look() -> None:
    intake = MemoryIntake()
    then_s = {"before": NOW_S, "meanwhile": NOW_S + 2, "never yet": NOW_S + 60}
    units = [replace(EXPOSED, id=name, unit=name, at_s=at_s) for name, at_s in then_s.items()]
    did = [replace(DID, id=name, unit="before", name=name, at_s=at_s) for name, at_s in then_s.items()]
    intake.take_in([*units, *did], NOW_S)
    with recorded(asked(), "checkout", intake, FakeClock(NOW_S + 3), NOW_S) as place:
        for column, table in (("unit", "exposures"), ("name", "events")):
            file = f"{place.tables.warehouse}/{table}.parquet"
            found = duckdb.sql(f"SELECT {column} FROM '{file}' ORDER BY time").fetchall()
            assert found == [("before",), ("never yet",)]


def test_declared_dimensions_are_there_even_if_nobody_told_them() -> None:
    intake = MemoryIntake()
    intake.take_in([EXPOSED], NOW_S)
    wanted = replace(
        asked(),
        dimensions=(Dimension(column="browser"),),
        exclusions=(Exclusion(column="kind", values=("bot",)), Exclusion(column="unit", values=("bob",))),
    )
    with recorded(wanted, "checkout", intake, FakeClock(NOW_S), NOW_S) as place:
        assert columns(place.tables.warehouse) == ["unit", "time", "variant", "browser", "country", "kind"]


def test_exposures_of_an_earlier_release_are_left_out_and_events_are_not() -> None:
    intake = MemoryIntake()
    later = replace(EXPOSED, id="again", at_s=EXPOSED.at_s + 50)
    intake.take_in([EXPOSED, later, replace(DID, at_s=EXPOSED.at_s - 5)], NOW_S)
    since_s = EXPOSED.at_s + 50
    with recorded(asked(), "checkout", intake, FakeClock(NOW_S), NOW_S, since_s) as place:
        for table, rows in (("exposures", 1), ("events", 1)):
            found = duckdb.sql(f"SELECT epoch(time) FROM '{place.tables.warehouse}/{table}.parquet'")
            assert len(found.fetchall()) == rows


def test_what_nobody_did_yet_is_zero_and_no_error() -> None:
    intake = MemoryIntake()
    intake.take_in([EXPOSED], NOW_S)
    with recorded(asked(), "checkout", intake, FakeClock(NOW_S), NOW_S) as place:
        found = warehouse.look(place, NOW_S)
    assert (found.counted.exposures, found.counted.events) == (1, 0)
    assert found.counted.events_by_name == {"order": 0}


def test_before_anybody_is_exposed_anew_there_are_no_data_and_no_error() -> None:
    intake = MemoryIntake()
    intake.take_in([EXPOSED, DID], NOW_S)
    with recorded(asked(), "checkout", intake, FakeClock(NOW_S), NOW_S, NOW_S) as place:
        found = warehouse.look(place, NOW_S)
    assert found.counted.exposures == 0
    assert analyse(asked(), found, NOW_S).answer == Answer(
        outcome=Outcome.KEEP_RUNNING, rule=ProductRule.NO_DATA
    )


def test_before_anybody_was_exposed_there_is_nothing_to_look_at() -> None:
    with pytest.raises(UsageError, match="nobody was exposed to checkout yet, as far as this database"):
        recorded(asked(), "checkout", MemoryIntake(), FakeClock(NOW_S), NOW_S).__enter__()


def test_a_look_reads_the_store_that_the_environment_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path}/rampwise.sqlite3"
    monkeypatch.setenv("RAMPWISE_DATABASE", url)
    open_store(url).intake.take_in([EXPOSED, DID], NOW_S)
    rows = []

    def look(place: ProductPlan, _now_s: float) -> Totals:
        rows.extend(duckdb.sql(f"SELECT unit FROM '{place.tables.warehouse}/events.parquet'").fetchall())
        return totals()

    monkeypatch.setattr(looking, "look", look)
    looking.totals_of(asked(), Path("experiment.yaml"), NOW_S)
    assert rows == [("ada",)]


def test_without_a_database_none_is_made_for_a_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAMPWISE_DATABASE", f"sqlite:///{tmp_path}/rampwise.sqlite3")
    with pytest.raises(UsageError, match="RAMPWISE_DATABASE"):
        looking.totals_of(asked(), Path("experiment.yaml"), NOW_S)
    assert list(tmp_path.iterdir()) == []
