"""Sums and products of units' numbers per variant and slice: whole numbers all the way, and so exact.

A product of two numbers is taken in 64 bits where the largest ones there are fit, else in 38 decimal digits.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations_with_replacement

import ibis
import ibis.expr.types as ir

from analysis.product.totals import SCALE, Moments, Variable
from analysis.warehouse.connecting import Warehouse
from analysis.warehouse.known import Sums
from analysis.warehouse.layout import Layout, Term
from analysis.warehouse.slices import WIDE, sums_by_slice
from analysis.warehouse.units import Exposed

_MOST = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """A metric's variables as expressions over a unit's row, with the largest absolute value of each.

    Attributes:
        sign: what a row counts for, 1 or -1, where they are signed.
    """

    terms: tuple[Term, ...]
    columns: tuple[ir.IntegerColumn, ...]
    largest: tuple[int, ...]
    sign: ir.IntegerColumn | None


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
            sign=totals["sign"] if "sign" in totals.columns else None,
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


def moments_of(
    warehouse: Warehouse, exposed: Exposed, totals: ir.Table, numbers: Mapping[str, Numbers]
) -> dict[str, Sums]:
    """Per metric, for slices with any row of `totals`; how many units they are is not counted."""
    if not numbers:
        return {}
    products = _products(numbers)
    values = {one.name: _value(warehouse, exposed, numbers[one.metric], one) for one in products}
    found = sums_by_slice(warehouse, exposed, totals.select("cell", **values))
    return {
        metric: {key: _moments(sums, metric, made, products) for key, sums in found.items()}
        for metric, made in numbers.items()
    }


def none_of(terms: tuple[Term, ...]) -> Moments:
    """Of no units at all."""
    variables = [term.variable for term in terms]
    pairs = combinations_with_replacement(variables, 2)
    return Moments(units=0, sums=dict.fromkeys(variables, 0), products=dict.fromkeys(pairs, 0))


def _products(numbers: Mapping[str, Numbers]) -> list[_Product]:
    found = []
    for index, (metric, made) in enumerate(numbers.items()):
        places = range(len(made.terms))
        for parts in [*((place,) for place in places), *combinations_with_replacement(places, 2)]:
            name = f"s{index}_{'_'.join(map(str, parts))}"
            found.append(_Product(name=name, metric=metric, parts=parts))
    return found


def _value(warehouse: Warehouse, exposed: Exposed, numbers: Numbers, product: _Product) -> ir.NumericColumn:
    columns = [numbers.columns[part] for part in product.parts]
    if numbers.sign is not None:
        columns[0] = columns[0] * numbers.sign
    largest = 1
    for part in product.parts:
        largest *= max(numbers.largest[part], 1)
    if largest > _MOST:
        columns = [column.cast(WIDE) for column in columns]
    value = columns[0] if len(columns) == 1 else columns[0] * columns[1]
    if largest > _MOST or (largest * exposed.count > _MOST and not warehouse.wide_sums):
        value = value.cast(WIDE)
    return value


def _moments(
    found: Mapping[str, int], metric: str, numbers: Numbers, products: Iterable[_Product]
) -> Moments:
    sums: dict[Variable, int] = {}
    pairs: dict[tuple[Variable, Variable], int] = {}
    for product in products:
        if product.metric != metric:
            continue
        terms = [numbers.terms[part] for part in product.parts]
        value = found[product.name]
        for term in terms:
            value *= SCALE // term.scale
        if len(terms) == 1:
            sums[terms[0].variable] = value
        else:
            pairs[terms[0].variable, terms[1].variable] = value
    return Moments(units=0, sums=sums, products=pairs)
