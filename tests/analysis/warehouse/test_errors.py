"""Every message says what, where, why and what to type next."""

import sys
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet
import pytest

from analysis.warehouse import WarehouseError, look, untested_engine
from engine.core.product import Aggregate, Dimension, Measure, Tables
from engine.errors import Unreachable
from tests.analysis.warehouse.data import (
    EXPOSURE_SCHEMA,
    NOW_S,
    Event,
    metric,
    people,
    plan,
    purchases,
    records,
    write_csv,
    write_parquet,
)

UNITS = people()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_parquet(tmp_path, UNITS, purchases(UNITS))
    return tmp_path


def with_tables(warehouse: Path | str, **names: object) -> Tables:
    return Tables(**({"warehouse": str(warehouse), "columns": {}} | names))


def test_a_missing_file_is_named_beside_those_that_are_there(folder: Path) -> None:
    with pytest.raises(WarehouseError, match=r"no table `seen`; there are events.parquet, exposures.parquet"):
        look(plan("", tables=with_tables(folder, exposures="seen")), NOW_S)


def test_a_missing_table_is_named_beside_those_that_are_there(tmp_path: Path) -> None:
    path = tmp_path / "shop.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute("CREATE TABLE seen (unit TEXT)")
    with pytest.raises(WarehouseError, match=r"no table `exposures`; there are seen"):
        look(plan(f"duckdb://{path}"), NOW_S)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"unit": "user_id"}, r"exposures: there is no column `user_id` for `unit`; it has unit, variant"),
        ({"name": "event"}, r"events: there is no column `event` for `name`; it has unit, name"),
        ({"id": "event_id"}, r"events: there is no column `event_id` for the id of events"),
    ],
)
def test_a_missing_column_is_named_beside_those_that_are_there(
    folder: Path, columns: dict[str, str], said: str
) -> None:
    with pytest.raises(WarehouseError, match=said):
        look(plan("", tables=with_tables(folder, columns=columns)), NOW_S)


def test_a_missing_dimension_is_named(folder: Path) -> None:
    with pytest.raises(WarehouseError, match=r"no column `planet` for a dimension or exclusion"):
        look(plan(str(folder), dimensions=(Dimension(column="planet"),)), NOW_S)


def test_a_missing_column_of_values_is_named(folder: Path) -> None:
    wrong = metric("revenue", Aggregate.SUM, measure=Measure(event="purchase", value="price"))
    with pytest.raises(WarehouseError, match=r"no column `price` for the values of a metric"):
        look(plan(str(folder), metrics=(wrong,)), NOW_S)


def test_values_that_are_text_are_refused(folder: Path) -> None:
    wrong = metric("revenue", Aggregate.SUM, measure=Measure(event="purchase", value="name"))
    with pytest.raises(WarehouseError, match=r"events.name: is string, not a number"):
        look(plan(str(folder), metrics=(wrong,)), NOW_S)


def test_times_that_are_text_are_refused(folder: Path) -> None:
    with pytest.raises(WarehouseError, match=r"exposures.country: is string, not a time; store timestamps"):
        look(plan("", tables=with_tables(folder, columns={"time": "country"})), NOW_S)


def test_no_exposures_at_all_is_an_error(folder: Path) -> None:
    pa.parquet.write_table(EXPOSURE_SCHEMA.empty_table(), folder / "exposures.parquet")
    with pytest.raises(WarehouseError, match=r"`exposures` has no rows with a unit and a time"):
        look(plan(str(folder)), NOW_S)


def test_no_events_at_all_is_an_error_and_no_zero(folder: Path) -> None:
    write_parquet(folder, UNITS, [])
    with pytest.raises(WarehouseError, match=r"`events` has no rows of purchase, visit"):
        look(plan(str(folder)), NOW_S)


def test_what_is_no_directory_is_refused_with_what_would_do(tmp_path: Path) -> None:
    with pytest.raises(WarehouseError, match=r"is no directory; .* duckdb://FILE, postgres://"):
        look(plan(str(tmp_path / "none")), NOW_S)


def test_a_missing_duckdb_file_is_not_made(tmp_path: Path) -> None:
    path = tmp_path / "shop.duckdb"
    with pytest.raises(WarehouseError, match="there is no file"):
        look(plan(f"duckdb://{path}"), NOW_S)
    assert not path.exists()


@pytest.mark.parametrize(
    ("url", "variable"),
    [
        ("postgres://me:secret@db/shop", "PGPASSWORD"),
        ("postgresql://me@db/shop?password=secret", "PGPASSWORD"),
        ("snowflake://me:secret@db/shop", "RAMPWISE_WAREHOUSE_PASSWORD"),
    ],
)
def test_a_password_in_the_address_is_refused_and_not_repeated(url: str, variable: str) -> None:
    with pytest.raises(WarehouseError, match=f"set the variable {variable} instead") as found:
        look(plan(url), NOW_S)
    assert "secret" not in str(found.value)


def test_an_engine_that_nobody_tested_is_said_to_be_one(tmp_path: Path) -> None:
    assert untested_engine("clickhouse://db/shop") == "clickhouse"
    assert untested_engine("postgres://db/shop") is None
    assert untested_engine(str(tmp_path)) is None


def test_an_engine_that_ibis_does_not_know_is_an_error_with_what_to_type() -> None:
    with pytest.raises(WarehouseError, match=r"pip install 'ibis-framework\[carrierpigeon\]'"):
        look(plan("carrierpigeon://loft"), NOW_S)


def test_the_password_of_other_engines_comes_from_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {}

    def connect(url: str, **more: str) -> None:
        given.update(more, url=url)
        raise ValueError("no driver")

    monkeypatch.setattr("analysis.warehouse.connecting.ibis.connect", connect)
    monkeypatch.setenv("RAMPWISE_WAREHOUSE_PASSWORD", "secret")
    with pytest.raises(WarehouseError, match="no driver"):
        look(plan("clickhouse://db/shop"), NOW_S)
    assert given == {"url": "clickhouse://db/shop", "password": "secret"}


def test_a_missing_driver_is_an_error_with_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analysis.warehouse.connecting.find_spec", lambda _module: None)
    with pytest.raises(WarehouseError, match=r"needs `psycopg`.*pip install 'rampwise\[warehouse\]'"):
        look(plan("postgres://db/shop"), NOW_S)


def test_without_ibis_it_says_what_to_type(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    for name in [name for name in sys.modules if name.startswith("analysis.warehouse.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "ibis", None)
    with pytest.raises(WarehouseError, match=r"pip install 'rampwise\[warehouse\]'"):
        look(plan(str(folder)), NOW_S)


def test_a_server_that_is_not_there_is_unreachable() -> None:
    with pytest.raises(Unreachable, match=r"postgres://127.0.0.1:1/shop: the warehouse gave no answer"):
        look(plan("postgres://127.0.0.1:1/shop"), NOW_S)


def test_a_sum_too_large_to_be_counted_is_an_error_and_no_wrong_sum(folder: Path) -> None:
    huge = [
        Event(unit="u1", us=UNITS[1].us, name="purchase", id=f"huge{index}", amount=1e12)
        for index in range(10)
    ]
    write_parquet(folder, UNITS, [*purchases(UNITS), *huge])
    with pytest.raises(Unreachable, match="the warehouse gave no answer"):
        look(plan(str(folder)), NOW_S)


STRANGE = [float("nan"), float("inf"), -float("inf"), 1.0001e12, -1e15, 1e300, -1.7e308, None]


@pytest.mark.parametrize("strange", STRANGE)
def test_a_value_that_is_no_number_or_too_large_adds_nothing(folder: Path, strange: float | None) -> None:
    clean = look(plan(str(folder)), NOW_S)
    extra = Event(unit="u1", us=UNITS[1].us, name="purchase", id="odd", amount=strange)
    write_parquet(folder, UNITS, [*purchases(UNITS), extra])
    found = look(plan(str(folder)), NOW_S)
    assert found.buckets["new", "typical"] == clean.buckets["new", "typical"]
    assert found.counted.events == clean.counted.events + 1


def test_names_of_columns_that_would_be_sql_are_only_names(tmp_path: Path) -> None:
    evil = 'unit" FROM exposures; DROP TABLE exposures; --'
    write_parquet(tmp_path, UNITS, purchases(UNITS))
    rows = [{(evil if key == "unit" else key): value for key, value in row.items()} for row in records(UNITS)]
    pa.parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "exposures.parquet")
    rows = [
        {(evil if key == "unit" else key): value for key, value in row.items()}
        for row in records(purchases(UNITS))
    ]
    pa.parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "events.parquet")
    found = look(plan("", tables=with_tables(tmp_path, columns={"unit": evil})), NOW_S)
    assert found.counted.exposures == 6


def test_units_of_a_csv_file_keep_their_leading_zeros(tmp_path: Path) -> None:
    units = [replace(UNITS[0], unit="007"), replace(UNITS[1], unit="7")]
    write_csv(tmp_path, units, purchases(units))
    assert look(plan(str(tmp_path)), NOW_S).counted.crossed == 0


def test_seconds_since_1970_are_times_too(folder: Path) -> None:
    clean = look(plan(str(folder)), NOW_S)
    for name in ("exposures", "events"):
        table = pa.parquet.read_table(folder / f"{name}.parquet")
        seconds = [moment.timestamp() for moment in table["time"].to_pylist()]
        place = table.schema.get_field_index("time")
        pa.parquet.write_table(table.set_column(place, "time", pa.array(seconds)), folder / f"{name}.parquet")
    assert look(plan(str(folder)), NOW_S) == clean
