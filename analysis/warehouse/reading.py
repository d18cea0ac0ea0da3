"""The tables of exposures and events under our names and types; nothing is computed here yet.

Every expression is made by Ibis, so that names that users wrote are quoted by it.
"""

from pathlib import Path

import ibis
import ibis.expr.types as ir
from ibis.common.exceptions import TableNotFound

from analysis.product.totals import SCALE
from analysis.warehouse.address import Engine
from analysis.warehouse.connecting import Warehouse
from analysis.warehouse.errors import WarehouseError, missing_column, missing_table, told
from analysis.warehouse.files import read_file
from analysis.warehouse.functions import epoch_us, unix_micros
from analysis.warehouse.layout import MICROSECONDS, Layout
from engine.core.product import LARGEST_VALUE, ProductPlan


def exposures_of(warehouse: Warehouse, plan: ProductPlan, only: tuple[Path, ...] | None = None) -> ir.Table:
    """Columns `unit`, `us`, `variant`, and one per dimension and exclusion as text; "" where nothing is.

    Rows without a unit or a time are there too, so that they are counted: see `is_complete`. With `only`, of
    these files.
    """
    table = _table(warehouse, plan, plan.tables.exposures, (), only)
    extras = extra_columns(plan)
    unit, time, variant = _ours(plan, plan.tables.exposures, table, ("unit", "time", "variant"))
    for column in extras.values():
        if column not in table.columns:
            raise missing_column("a dimension or exclusion", column, plan.tables.exposures, table.columns)
    return table.select(
        unit=table[unit],
        us=_microseconds(warehouse, table[time], f"{plan.tables.exposures}.{time}"),
        variant=_text(table[variant]),
        **{ours: _text(table[column]) for ours, column in extras.items()},
    )


def extra_columns(plan: ProductPlan) -> dict[str, str]:
    """Columns of the first exposure that matter beside the variant, by our names for them."""
    names = [dimension.column for dimension in plan.dimensions]
    names += [exclusion.column for exclusion in plan.exclusions]
    return {f"extra{index}": name for index, name in enumerate(dict.fromkeys(names))}


def events_of(
    warehouse: Warehouse, plan: ProductPlan, layout: Layout, only: tuple[Path, ...] | None = None
) -> ir.Table:
    """Columns `unit`, `us`, `name`, `id` if there is one, and `value0`, ... that are summed, in 1 / SCALE.

    Only events that a metric asks for, also those without a unit or a time: see `is_complete`. A value that
    is missing, no number or too large is null, and an id that is an empty text is none. With `only`, of these
    files.
    """
    name = plan.tables.events
    table = _table(warehouse, plan, name, layout.values, only)
    unit, time, event = _ours(plan, name, table, ("unit", "time", "name"))
    identity = plan.tables.columns.get("id", "id")
    if "id" in plan.tables.columns and identity not in table.columns:
        raise missing_column("the id of events", identity, name, table.columns)
    for value in layout.values:
        if value not in table.columns:
            raise missing_column("the values of a metric", value, name, table.columns)
    wanted = table.filter(table[event].cast("string").isin(sorted(layout.earlier)))
    columns = {
        "unit": wanted[unit],
        "us": _microseconds(warehouse, wanted[time], f"{name}.{time}"),
        "name": wanted[event].cast("string"),
        **{
            f"value{index}": _millionths(wanted[value], f"{name}.{value}")
            for index, value in enumerate(layout.values)
        },
    }
    if identity in table.columns:
        columns["id"] = _id(wanted[identity])
    return wanted.select(**columns)


def is_complete(rows: ir.Table) -> ir.BooleanValue:
    """Whether a row has a unit and a time; one without says nothing of anybody."""
    return rows.unit.notnull() & rows.us.notnull()


def same_units(exposures: ir.Table, events: ir.Table) -> tuple[ir.Table, ir.Table]:
    """Both with units of one type, so that they can be joined; whole numbers stay what they are."""
    types = {exposures.unit.type().copy(nullable=True), events.unit.type().copy(nullable=True)}
    if len(types) == 1 or all(kind.is_integer() for kind in types):
        return exposures, events
    return with_text_units(exposures), with_text_units(events)


def with_text_units(table: ir.Table) -> ir.Table:
    """The table with its units as text."""
    return table.mutate(unit=table.unit.cast("string"))


def _table(
    warehouse: Warehouse,
    plan: ProductPlan,
    name: str,
    values: tuple[str, ...],
    only: tuple[Path, ...] | None,
) -> ir.Table:
    if warehouse.address.engine is Engine.FILES:
        return read_file(warehouse, name, plan.tables.columns.get("time", "time"), values, only)
    schema, _, bare = name.rpartition(".")
    with told(warehouse.where):
        try:
            return warehouse.backend.table(bare, database=schema or None)
        except TableNotFound as fault:
            raise missing_table(name, warehouse.where, warehouse.tables(schema or None)) from fault


def _ours(plan: ProductPlan, name: str, table: ir.Table, wanted: tuple[str, ...]) -> list[str]:
    columns = [plan.tables.columns.get(ours, ours) for ours in wanted]
    for ours, column in zip(wanted, columns, strict=True):
        if column not in table.columns:
            raise missing_column(f"`{ours}`", column, name, table.columns)
    return columns


def _text(column: ir.Column) -> ir.StringColumn:
    return column.cast("string").fill_null("")


def _id(column: ir.Column) -> ir.Column:
    """An empty text names no event: all that have one would be the same."""
    return column.nullif("") if column.type().is_string() else column


def _microseconds(warehouse: Warehouse, column: ir.Column, where: str) -> ir.IntegerColumn:
    kind = column.type()
    if kind.is_integer():
        return column.cast("int64") * MICROSECONDS
    if kind.is_numeric():
        return (column.cast("float64") * float(MICROSECONDS) + 0.5).floor().cast("int64")
    if not (kind.is_timestamp() or kind.is_date()):
        raise WarehouseError(
            f"{where}: is {kind}, not a time; store timestamps, or seconds since 1970 as a number"
        )
    if warehouse.is_duckdb:
        return epoch_us(column)
    if warehouse.address.engine is Engine.SPARK:
        return unix_micros(column.cast("timestamp('UTC')"))
    moment = column.cast("timestamp") if kind.is_date() else column
    return moment.truncate("s").epoch_seconds().cast("int64") * MICROSECONDS + moment.microsecond().cast(
        "int64"
    )


def _millionths(column: ir.Column, where: str) -> ir.IntegerColumn:
    """The nearest whole one, halves up: engines differ in how they round, not in how they add and cut.

    What does not fit is null before it is made whole, which would be an error in every engine. Some hold NaN
    for larger than any number, others compare it as false; no engine holds it for smaller than one.
    """
    if not column.type().is_numeric():
        raise WarehouseError(
            f"{where}: is {column.type()}, not a number; name a column of numbers as `value`"
        )
    value = column.cast("float64")
    is_number = value.abs() <= LARGEST_VALUE
    return ibis.ifelse(is_number, (value * float(SCALE) + 0.5).floor(), ibis.null("float64")).cast("int64")
