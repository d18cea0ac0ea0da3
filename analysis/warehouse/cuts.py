"""What numbers of units are cut to, and the buckets in which they are counted for quantiles.

Both are exact: a quantile is a value that a unit has, and buckets have whole bounds that no engine rounds.
"""

from collections.abc import Mapping
from fractions import Fraction
from math import ceil

import ibis
import ibis.expr.types as ir
from ibis import _

from analysis.product.totals import SCALE, Bucket, Variable
from analysis.warehouse.connecting import Warehouse
from analysis.warehouse.layout import Layout, Term
from analysis.warehouse.moments import Numbers, column_of
from analysis.warehouse.units import Exposed
from engine.core.product import Aggregate, ProductMetric, ProductPlan

_BITS = 7
"""Bits after the first one that tell buckets apart: a bucket is at most 1 / 128 of its numbers wide."""


def caps_of(
    warehouse: Warehouse, plan: ProductPlan, layout: Layout, totals: ir.Table, units: int
) -> dict[str, int]:
    """Per metric that is cut, the largest number a unit keeps, in the engine's scale.

    Winsorising cuts to the smallest number that at least the given share of the units of all variants do not
    exceed. Where that is not above 0, because fewer units have any, nothing is cut.
    """
    caps = {}
    for metric in plan.metrics:
        term = next(term for term in layout.terms[metric.name] if term.variable is Variable.Y)
        if not term.capped:
            continue
        found = [_declared(metric, term), _winsorized(warehouse, metric, term, totals, units)]
        if limits := [cap for cap in found if cap is not None]:
            caps[metric.name] = min(limits)
    return caps


def scale_of(layout: Layout, metric: str) -> int:
    """What a 1 of a metric is in the engine."""
    return next(term.scale for term in layout.terms[metric] if term.variable is Variable.Y)


def buckets_of(
    warehouse: Warehouse,
    plan: ProductPlan,
    exposed: Exposed,
    totals: ir.Table,
    numbers: Mapping[str, Numbers],
    units: Mapping[str, int],
) -> dict[tuple[str, str], tuple[Bucket, ...]]:
    """Per variant and quantile metric, buckets with units in them, ascending; `units` per variant."""
    found: dict[tuple[str, str], tuple[Bucket, ...]] = {}
    variants = exposed.cells.select("cell", "variant")
    for metric in plan.metrics:
        if metric.aggregate is not Aggregate.QUANTILE:
            continue
        made = numbers[metric.name]
        column, factor = made.columns[0], SCALE // made.terms[0].scale
        rows = warehouse.rows(
            totals.select("cell", value=column)
            .inner_join(variants, "cell")
            .mutate(size=_.value.abs(), below=_.value < 0)
            .mutate(least=_.size - _.size % _width(_.size))
            .group_by("variant", "below", "least")
            .agg(units=_.count())
        )
        for variant, count in units.items():
            tallies = {
                (row["below"], row["least"]): row["units"] for row in rows if row["variant"] == variant
            }
            silent = count - sum(tallies.values())
            if silent:
                tallies[False, 0] = tallies.get((False, 0), 0) + silent
            buckets = (_bucket(*place, factor, tallied) for place, tallied in tallies.items())
            found[variant, metric.name] = tuple(sorted(buckets, key=lambda bucket: bucket.low))
    return found


def _declared(metric: ProductMetric, term: Term) -> int | None:
    return None if metric.cap is None else round(Fraction(str(metric.cap)) * term.scale)


def _winsorized(
    warehouse: Warehouse, metric: ProductMetric, term: Term, totals: ir.Table, units: int
) -> int | None:
    if metric.winsorize is None or not units:
        return None
    from_above = units - ceil(Fraction(str(metric.winsorize)) * units)
    values = totals.select(value=column_of(totals, term, None)).filter(_.value > 0)
    highest = values.order_by(_.value.desc()).limit(from_above + 1)
    found = warehouse.row(highest.aggregate(rows=_.count(), value=_.value.min()))
    return found["value"] if found["rows"] > from_above else None


def _width(size: ir.IntegerValue, low: int = 0, high: int = 63 - _BITS) -> ir.IntegerValue:
    """How wide the bucket of a number is, a power of two; by bisection, for engines differ in logarithms."""
    if high - low == 1:
        return ibis.literal(1 << low, "int64")
    middle = (low + high) // 2
    return ibis.ifelse(size < 1 << (middle + _BITS), _width(size, low, middle), _width(size, middle, high))


def _bucket(below: bool, least: int, factor: int, units: int) -> Bucket:
    most = least + (1 << max(least.bit_length() - _BITS - 1, 0)) - 1
    low, high = (-most - 1, -least) if below else (least - 1, most)
    return Bucket(low=low * factor, high=high * factor, units=units)
