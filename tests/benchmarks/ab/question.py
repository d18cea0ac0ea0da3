"""What is asked of the tables: ten metrics with CUPED, five dimensions, results by day. Pure."""

from engine.core.model import Bound, Role
from engine.core.product import Aggregate, Dimension, Measure, ProductMetric, ProductPlan, Share, Tables
from tests.benchmarks.ab.tables import DIMENSIONS

WEEK_S = 7 * 86_400.0
AT_S = 1_790_208_000.0
"""A day after the last event."""


def _metric(
    name: str,
    aggregate: Aggregate,
    event: str,
    value: str | None = None,
    *,
    per: Measure | None = None,
    winsorize: float | None = None,
) -> ProductMetric:
    return ProductMetric(
        name=name,
        aggregate=aggregate,
        measure=Measure(event=event, value=value),
        role=Role.OBJECTIVE,
        margin=Bound(relative=0.05),
        per=per,
        winsorize=winsorize,
        before_s=WEEK_S,
    )


METRICS = (
    _metric("buyers", Aggregate.CONVERSION, "purchase"),
    _metric("with a cart", Aggregate.CONVERSION, "cart"),
    _metric("players", Aggregate.CONVERSION, "play"),
    _metric("visits", Aggregate.COUNT, "visit"),
    _metric("searches", Aggregate.COUNT, "search"),
    _metric("purchases", Aggregate.COUNT, "purchase"),
    _metric("carts", Aggregate.COUNT, "cart"),
    _metric("revenue", Aggregate.SUM, "purchase", "amount", winsorize=0.999),
    _metric("minutes", Aggregate.SUM, "play", "minutes"),
    _metric("order value", Aggregate.RATIO, "purchase", "amount", per=Measure(event="purchase")),
)


def plan(folder: str) -> ProductPlan:
    """The experiment over the tables in a folder."""
    return ProductPlan(
        name="bench",
        question="How long does it take?",
        shares=(Share(variant="old", share=0.5), Share(variant="new", share=0.5)),
        tables=Tables(warehouse=folder, columns={}),
        metrics=METRICS,
        dimensions=tuple(Dimension(column=name) for name in DIMENSIONS),
    )
