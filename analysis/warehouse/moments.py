"""Sums and products of units' numbers per variant and slice: whole numbers all the way, and so exact.

A product of two numbers is taken in 64 bits where the largest ones there are fit, else in 38 decimal digits.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Any

import ibis
import ibis.expr.types as ir
from ibis import _

from analysis.product.totals import ALL, DAY, SCALE, Moments, Slice, Variable
from analysis.warehouse.connecting import Warehouse
from analysis.warehouse.layout import Layout, Term
from analysis.warehouse.units import Exposed, day_of

_MOST = 2**63 - 1
_WIDE = "decimal(38, 0)"
_FEW_CELLS = 100_000
"""Up to so many cells, units are summed up per cell once, and cells per slice; beyond, units per slice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """A metric's variables as expressions over a unit's row, with the largest absolute value of each."""

    terms: tuple[Term, ...]
    columns: tuple[ir.IntegerColumn, ...]
    largest: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Product:
    """One sum over units that is asked for: of a variable, or of a product of two."""

    name: str
    metric: str
    parts: tuple[int, ...]


def numbers_of(
    totals: ir.Table, layout: Layout, caps: Mapping[str, int], largest: tuple[int, ...]
) -> dict[str, Numbers]:
    """Per metric; `caps` in the engine's scale, `largest` per kept number."""
    return {
        metric: Numbers(
            terms=terms,
            columns=tuple(column_of(totals, term, caps.get(metric)) for term in terms),
            largest=tuple(1 if term.whether else largest[term.kept] * term.factor for term in terms),
        )
        for metric, terms in layout.terms.items()
    }


def column_of(totals: ir.Table, term: Term, cap: int | None) -> ir.IntegerColumn:
    """A variable of a unit, cut to `cap` where the term is."""
    kept = totals[f"kept{term.kept}"]
    if term.whether:
        return ibis.ifelse(kept > 0, 1, 0).cast("int64")
    column = kept if term.factor == 1 else kept * term.factor
    return ibis.least(column, ibis.literal(cap, "int64")) if term.capped and cap is not None else column


def units_and_moments(
    warehouse: Warehouse, exposed: Exposed, totals: ir.Table, numbers: Mapping[str, Numbers]
) -> tuple[dict[tuple[str, Slice], int], dict[tuple[str, Slice, str], Moments]]:
    """Per variant and slice; `totals` are of units that count. Units without events only add to `units`."""
    products = _products(numbers)
    parts = warehouse.keep(_parts(exposed))
    keys = ["variant", "dimension", "value"]
    sums = {one.name: _sum(warehouse, exposed, numbers[one.metric], one) for one in products}
    few = exposed.cell_count <= _FEW_CELLS
    if few:
        per_cell = warehouse.keep(totals.group_by("cell").agg(**sums))
        source = parts.drop("units").inner_join(per_cell, "cell")
        sums = {one.name: _[one.name].cast(_WIDE).sum().cast(_WIDE) for one in products}
    else:
        source = totals.inner_join(parts.drop("units"), "cell")
    found = warehouse.rows(parts.group_by(keys).agg(units=_.units.sum()))
    units = {_key(row): int(row["units"]) for row in found}
    moments: dict[tuple[str, Slice, str], Moments] = {}
    for row in warehouse.rows(source.group_by(keys).agg(**sums)):
        key = _key(row)
        for metric, made in numbers.items():
            moments[(*key, metric)] = _moments(row, units[key], metric, made, products)
    for key, count in units.items():
        for metric, made in numbers.items():
            moments.setdefault((*key, metric), _moments({}, count, metric, made, products))
    return units, moments


def _parts(exposed: Exposed) -> ir.Table:
    """Each cell in every slice that it is a part of: one query for all slices, for writing one takes long."""
    cells = exposed.cells
    values = {ALL.dimension: ibis.literal(ALL.value)}
    values |= {dimension: cells[column] for dimension, column in exposed.names.items()}
    values |= {DAY: cells["day"].cast("string")}
    slices = [
        cells.select("cell", "variant", "units", dimension=ibis.literal(dimension), value=value)
        for dimension, value in values.items()
    ]
    return ibis.union(*slices)


def _key(row: Mapping[str, Any]) -> tuple[str, Slice]:
    if row["dimension"] == DAY:
        return row["variant"], Slice(dimension=DAY, value=day_of(int(row["value"])))
    return row["variant"], Slice(dimension=row["dimension"], value=row["value"])


def _products(numbers: Mapping[str, Numbers]) -> list[_Product]:
    found = []
    for index, (metric, made) in enumerate(numbers.items()):
        places = range(len(made.terms))
        for parts in [*((place,) for place in places), *combinations_with_replacement(places, 2)]:
            name = f"s{index}_{'_'.join(map(str, parts))}"
            found.append(_Product(name=name, metric=metric, parts=parts))
    return found


def _sum(warehouse: Warehouse, exposed: Exposed, numbers: Numbers, product: _Product) -> ir.DecimalScalar:
    columns = [numbers.columns[part] for part in product.parts]
    largest = 1
    for part in product.parts:
        largest *= max(numbers.largest[part], 1)
    if largest > _MOST:
        columns = [column.cast(_WIDE) for column in columns]
    value = columns[0] if len(columns) == 1 else columns[0] * columns[1]
    if largest > _MOST or (largest * exposed.count > _MOST and not warehouse.wide_sums):
        value = value.cast(_WIDE)
    return value.sum().cast(_WIDE)


def _moments(
    row: Mapping[str, Any], units: int, metric: str, numbers: Numbers, products: Iterable[_Product]
) -> Moments:
    sums: dict[Variable, int] = {}
    pairs: dict[tuple[Variable, Variable], int] = {}
    for product in products:
        if product.metric != metric:
            continue
        terms = [numbers.terms[part] for part in product.parts]
        value = int(row.get(product.name) or 0)
        for term in terms:
            value *= SCALE // term.scale
        if len(terms) == 1:
            sums[terms[0].variable] = value
        else:
            pairs[terms[0].variable, terms[1].variable] = value
    return Moments(units=units, sums=sums, products=pairs)
