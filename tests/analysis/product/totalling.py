"""Units' numbers as totals, for tests."""

from collections.abc import Mapping, Sequence
from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import NDArray

from analysis.product.totals import ALL, SCALE, Bucket, Moments, Slice, Totals, Variable
from engine.core.model import Bound, Role
from engine.core.product import (
    Aggregate,
    Measure,
    Method,
    ProductMetric,
    ProductPlan,
    Share,
    Spending,
    Tables,
)
from tests.analysis.product.counting import counted

Numbers = NDArray[np.float64]


def moments_of(**numbers: Numbers) -> Moments:
    """Of one cell; `y`, and as there are `d`, `x`, `w`."""
    whole = {Variable(name): [round(float(value) * SCALE) for value in row] for name, row in numbers.items()}
    return Moments(
        units=len(numbers["y"]),
        sums={name: sum(row) for name, row in whole.items()},
        products={
            (one, other): sum(a * b for a, b in zip(whole[one], whole[other], strict=True))
            for one, other in combinations_with_replacement(sorted(whole, key=list(Variable).index), 2)
        },
    )


def a_metric(name: str = "bought", **changes: object) -> ProductMetric:
    values: dict[str, object] = {
        "aggregate": Aggregate.SUM,
        "measure": Measure(event="purchase"),
        "role": Role.OBJECTIVE,
        "margin": Bound(),
    }
    return ProductMetric(name=name, **(values | changes))  # type: ignore[arg-type]


def a_plan(
    *metrics: ProductMetric,
    variants: Sequence[str] = ("control", "short"),
    method: Method = Method.ANYTIME,
    looks: int = 1,
    spending: Spending = Spending.OBRIEN_FLEMING,
    mde: float = 0.1,
    ends_s: float | None = None,
) -> ProductPlan:
    return ProductPlan(
        name="checkout",
        question="Do more buy?",
        shares=tuple(Share(variant=variant, share=1 / len(variants)) for variant in variants),
        tables=Tables(warehouse="data", columns={}),
        metrics=metrics,
        method=method,
        looks=looks,
        spending=spending,
        mde=mde,
        starts_s=0.0,
        ends_s=ends_s,
    )


def totals_of(
    cells: Mapping[tuple[str, str], Moments],
    part: Slice = ALL,
    buckets: Mapping[tuple[str, str], tuple[Bucket, ...]] | None = None,
) -> Totals:
    """Cells per variant and metric, all in one slice."""
    buckets = buckets or {}
    return Totals(
        units={(variant, part): cell.units for (variant, _), cell in cells.items()}
        | {(variant, part): sum(each.units for each in found) for (variant, _), found in buckets.items()},
        moments={(variant, part, metric): cell for (variant, metric), cell in cells.items()},
        buckets=buckets,
        caps={},
        counted=counted(first_s=0.0, last_s=1.0),
    )
