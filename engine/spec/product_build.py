"""Makes the plan of a product experiment from a checked document. Asks nobody."""

from collections.abc import Iterator

from engine.core.model import Bound, Role
from engine.core.product import (
    Aggregate,
    Dimension,
    Exclusion,
    Measure,
    ProductMetric,
    ProductPlan,
    Share,
    Spending,
    Tables,
)
from engine.spec.metric_parts import Direction
from engine.spec.product import RECORDED, ProductField
from engine.spec.product_metrics import (
    AnyKind,
    ProductConversion,
    ProductCount,
    ProductQuantile,
    ProductRatio,
    ProductRetention,
    ProductSum,
)
from engine.spec.product_parts import MeasureField, ValueField
from engine.spec.read import AnyDocument, Document


def product_plan(document: AnyDocument) -> ProductPlan | None:
    """The plan in the section `product`; None for a document without one."""
    product = document.content.spec.product
    if product is None:
        return None
    return ProductPlan(
        name=document.name,
        question=product.question,
        shares=tuple(_shares(product)),
        tables=_tables(document, product),
        metrics=tuple(_metric(metric) for metric in product.metrics),
        unit=product.unit,
        dimensions=tuple(
            Dimension(column=each.column, confirmatory=not each.exploratory) for each in product.dimensions
        ),
        exclusions=tuple(
            Exclusion(column=column, values=values) for column, values in product.exclude.items()
        ),
        most_events=product.most_events,
        method=product.method,
        spending=product.spending or Spending.OBRIEN_FLEMING,
        correction=product.correction,
        looks=product.looks or 1,
        alpha=product.alpha,
        power=product.power,
        mde=product.mde,
        starts_s=product.starts.timestamp() if product.starts else None,
        ends_s=product.ends.timestamp() if product.ends else None,
    )


def _shares(product: ProductField) -> Iterator[Share]:
    """Control first, then the others as they stand."""
    others = [name for name in product.variants if name != product.control]
    for name in (product.control, *others):
        yield Share(variant=name, share=product.variants[name] / 100)


def _tables(document: AnyDocument, product: ProductField) -> Tables:
    data = product.data
    columns = data.columns.model_dump()
    return Tables(
        warehouse=data.warehouse,
        exposures=data.exposures,
        events=data.events,
        columns={ours: theirs for ours, theirs in columns.items() if ours != theirs},
        recorded_as=_experiment_of_flags(document) if data.warehouse == RECORDED else None,
    )


def _experiment_of_flags(document: AnyDocument) -> str:
    """The name that applications expose users under: that of the target's flags, else the document's."""
    options = document.target_options if isinstance(document, Document) else None
    return str(getattr(options, "experiment", document.name))


def _metric(metric: AnyKind) -> ProductMetric:
    kind, measure, per = _measured(metric)
    from_s, within_s = _times(metric)
    return ProductMetric(
        name=metric.name or "",
        aggregate=kind,
        measure=measure,
        role=metric.role or Role.QUALITY,
        margin=metric.margin.value() if metric.margin else Bound(),
        per=per,
        from_s=from_s,
        within_s=within_s,
        cap=metric.cap if isinstance(metric, ProductCount | ProductSum) else None,
        winsorize=metric.winsorize if isinstance(metric, ProductCount | ProductSum) else None,
        quantile=metric.quantile.q if isinstance(metric, ProductQuantile) else None,
        higher_is_better=metric.direction is Direction.HIGHER,
        before_s=None if isinstance(metric, ProductQuantile) else metric.before,
        value_unit=metric.measured_in,
    )


def _measured(metric: AnyKind) -> tuple[Aggregate, Measure, Measure | None]:
    """What is taken of a unit's events, and of a ratio what it is divided by."""
    match metric:
        case ProductConversion(conversion=event):
            return Aggregate.CONVERSION, Measure(event=event), None
        case ProductCount(count=event):
            return Aggregate.COUNT, Measure(event=event), None
        case ProductSum(sum=of):
            return Aggregate.SUM, _measure(of), None
        case ProductRatio(ratio=ratio):
            return Aggregate.RATIO, _measure(ratio.of), _measure(ratio.per)
        case ProductRetention(retention=retention):
            return Aggregate.CONVERSION, Measure(event=retention.event), None
    return Aggregate.QUANTILE, _measure(metric.quantile), None


def _measure(said: ValueField | MeasureField) -> Measure:
    return Measure(event=said.event, value=said.value)


def _times(metric: AnyKind) -> tuple[float, float | None]:
    """From when to when events count, since a unit's first exposure."""
    if isinstance(metric, ProductRetention):
        return metric.retention.start, metric.retention.within
    return 0.0, metric.within
