"""Sums over units in every slice: of all, of each value of a dimension, of each day.

DuckDB sums up all slices in one pass over units. Others do it per cell, and then per slice.
"""

from collections.abc import Mapping
from typing import Any

import ibis
import ibis.expr.types as ir
from ibis import _

from analysis.product.totals import ALL, DAY, Slice
from analysis.warehouse.connecting import Warehouse
from analysis.warehouse.errors import told
from analysis.warehouse.units import Exposed, day_of

WIDE = "decimal(38, 0)"
"""Whole numbers that any sum is in."""
_FEW_CELLS = 100_000
"""Up to so many cells, units are summed up per cell once, and cells per slice; beyond, units per slice."""
_KEYS = ["variant", "dimension", "value"]

SliceSums = dict[tuple[str, Slice], dict[str, int]]
"""Per variant and slice with any row, the sum of each column."""


def sums_by_slice(warehouse: Warehouse, exposed: Exposed, rows: ir.Table) -> SliceSums:
    """Sums of all columns of `rows` beside `cell`, which places them."""
    if warehouse.is_duckdb:
        return _in_one_pass(warehouse, exposed, rows)
    return _per_cell(warehouse, exposed, rows)


def _in_one_pass(warehouse: Warehouse, exposed: Exposed, rows: ir.Table) -> SliceSums:
    """A column that a set of keys does not have is null there; dimensions and days never are."""
    parts = _parts(exposed)
    keys, names = list(parts.values()), _summed(rows)
    placed = rows.inner_join(exposed.cells.select("cell", "variant", *keys), "cell").drop("cell")
    sets = ", ".join(["(variant)", *(f"(variant, {key})" for key in keys)])
    sums = ", ".join(f"sum({name})" for name in names)
    query = f"""
        SELECT variant, {", ".join(keys)}, {sums} FROM ({warehouse.backend.compile(placed)})
        GROUP BY GROUPING SETS ({sets})"""  # noqa: S608 (our own names)
    with told(warehouse.where):
        found = warehouse.backend.con.execute(query).fetchall()
    return {
        _key(variant, parts, row): dict(zip(names, map(int, row[len(keys) :]), strict=True))
        for variant, *row in found
    }


def _key(variant: str, parts: Mapping[str, str], row: list[Any]) -> tuple[str, Slice]:
    values = ((part, value) for part, value in zip(parts, row, strict=False) if value is not None)
    return variant, _slice(*next(values, (ALL.dimension, ALL.value)))


def _per_cell(warehouse: Warehouse, exposed: Exposed, rows: ir.Table) -> SliceSums:
    sums = {name: _[name].sum().cast(WIDE) for name in _summed(rows)}
    if exposed.cell_count <= _FEW_CELLS:
        rows = warehouse.keep(rows.group_by("cell").agg(**sums))
    placed = rows.inner_join(_slices(exposed), "cell")
    return {
        (row["variant"], _slice(row["dimension"], row["value"])): {name: int(row[name]) for name in sums}
        for row in warehouse.rows(placed.group_by(_KEYS).agg(**sums))
    }


def _slices(exposed: Exposed) -> ir.Table:
    """Each cell in every slice that it is a part of: one query for all slices, for writing one takes long."""
    cells = exposed.cells
    values = {ALL.dimension: ibis.literal(ALL.value)}
    values |= {dimension: cells[column].cast("string") for dimension, column in _parts(exposed).items()}
    slices = [
        cells.select("cell", "variant", dimension=ibis.literal(dimension), value=value)
        for dimension, value in values.items()
    ]
    return ibis.union(*slices)


def _parts(exposed: Exposed) -> dict[str, str]:
    """Columns of cells by the dimension of their slices."""
    return {**exposed.names, DAY: "day"}


def _summed(rows: ir.Table) -> list[str]:
    return [name for name in rows.columns if name != "cell"]


def _slice(dimension: str, value: Any) -> Slice:
    return Slice(dimension=dimension, value=day_of(int(value)) if dimension == DAY else value)
