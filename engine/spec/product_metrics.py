"""One entry of `product.metrics`: which number each unit has, as a document writes it.

What a metric is, is its one field of a kind: `conversion`, `count`, `sum`, `ratio`, `retention`, `quantile`.
Rules over several metrics are in `product_checks`.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from engine.core.model import Role
from engine.fields import Percent, PositiveDuration
from engine.spec.bounds import AmountBoundField, BoundField, Bounds, amount_bound, share_bound
from engine.spec.metric_parts import Direction, Name
from engine.spec.product_parts import (
    EventName,
    QuantileField,
    RatioField,
    RetentionField,
    ValueField,
    default_name,
)
from engine.spec.quantities import SECONDS, ValueUnit
from engine.spec.strict import BrokenRulesError, FieldError, StrictModel

_LARGEST = 1e12
"""Numbers of units are kept in millionths and squared; beyond this no warehouse sums them exactly."""


def _upper_quantile(value: float) -> float:
    if not 0.5 <= value < 1:
        msg = "a percentage of at least 50% and below 100%, such as 99.9%"
        raise ValueError(msg)
    return value


class ProductMetricField(StrictModel):
    """What every metric has."""

    name: Name | None = None
    """Name of the metric, unique among these; made of its events, if absent."""
    role: Role | None = None
    """What it may decide: objective, guardrail, or quality, which is only shown. If absent, the first is the
    objective and others are quality."""
    margin: Bounds | None = None
    """How much worse than control a guardrail may be; 5% of control, if absent."""
    default_margin: ClassVar[Bounds]
    direction: Direction = Direction.HIGHER
    """Which values are better: higher or lower."""

    @property
    def measured_in(self) -> str:
        """The unit of its values, empty where it has none."""
        return ""

    def broken_rules(self) -> Iterator[FieldError]:
        """A name, and a margin that fits the role and the values."""
        plain = self.model_dump(mode="json", by_alias=True, exclude_none=True)
        if self.name is None and not default_name(plain):
            kinds = tuple(KINDS)
            yield FieldError("name", "a name, because none can be made of the event's", "no name", kinds)
        if self.margin is not None and self.role is not Role.GUARDRAIL:
            found = f"a margin of {'a metric without role' if self.role is None else f'role {self.role}'}"
            yield FieldError("margin", "role: guardrail, or no margin", found, reads=("role",))
        if self.margin is not None and not (self.margin.value().relative or self.margin.value().absolute):
            yield FieldError("margin", "a margin over zero, or nothing could ever be shown to be inside it")

    @model_validator(mode="after")
    def _keeps_rules(self) -> Self:
        """One validator for all, because the first that fails would hide the others."""
        if broken := tuple(self.broken_rules()):
            raise BrokenRulesError(broken)
        return self


class Share(ProductMetricField):
    """A metric whose value is a share of units."""

    margin: BoundField | None = None
    """How much worse than control a guardrail may be; 5% of control, if absent."""
    default_margin: ClassVar[Bounds] = share_bound(relative="5%")


class Number(ProductMetricField):
    """A metric whose value is a number with a unit of its own."""

    margin: AmountBoundField | None = None
    """How much worse than control a guardrail may be; 5% of control, if absent."""
    default_margin: ClassVar[Bounds] = amount_bound(relative="5%")

    def broken_rules(self) -> Iterator[FieldError]:
        """Amounts are durations only where values are."""
        yield from super().broken_rules()
        amount = self.margin.absolute if self.margin else None
        if amount is not None and amount.is_duration and self.measured_in != SECONDS:
            found = f"absolute {amount.written()}, a duration, for values in {self.measured_in or 'no unit'}"
            expected = f"a number, or value_unit: {SECONDS} of a sum, ratio or quantile"
            yield FieldError("margin", expected, found, reads=("value_unit",))


class InUnit(StrictModel):
    """Values are measured in something."""

    value_unit: ValueUnit | None = None
    """What values are measured in, as shown beside them, such as EUR or s."""

    @property
    def measured_in(self) -> str:
        """The unit of its values, empty where it has none."""
        return self.value_unit or ""


class Timed(StrictModel):
    """Events count up to some time."""

    within: PositiveDuration | None = None
    """How long after a unit's first exposure its events count; until the data end, if absent."""


class Adjusted(StrictModel):
    """Earlier behaviour may predict a unit's number."""

    before: PositiveDuration | None = None
    """How long before its first exposure a unit's events predict its number (CUPED); no time, if absent."""


class Limited(Number):
    """Very large numbers of single units may be cut."""

    winsorize: Annotated[Percent, AfterValidator(_upper_quantile)] | None = None
    """Numbers of units over this quantile of all units are cut to it."""
    cap: float | None = Field(default=None, gt=0, le=_LARGEST, allow_inf_nan=False)
    """Numbers of units over this are cut to it."""

    def broken_rules(self) -> Iterator[FieldError]:
        """Cut once."""
        yield from super().broken_rules()
        if self.cap is not None and self.winsorize is not None:
            yield FieldError("cap", "only one of cap and winsorize", "both", reads=("winsorize",))


class ProductConversion(Timed, Adjusted, Share):
    """The share of units that have an event."""

    conversion: EventName
    """Name of the events, of which a unit has one or not."""


class ProductCount(Timed, Adjusted, Limited):
    """How many of some events a unit has."""

    count: EventName
    """Name of the events."""


class ProductSum(InUnit, Timed, Adjusted, Limited):
    """The sum of a column of a unit's events."""

    sum: ValueField
    """Events, and their column that is summed."""


class ProductRatio(InUnit, Timed, Adjusted, Number):
    """The sum over all units of one number over that of another."""

    ratio: RatioField
    """What is divided by what."""


class ProductRetention(Adjusted, Share):
    """The share of units that have an event late enough."""

    retention: RetentionField
    """Events, and when they count."""


class ProductQuantile(InUnit, Timed, Number):
    """A quantile over units of the sum of a column of their events."""

    quantile: QuantileField
    """Events, their column that is summed, and which quantile of the sums."""


AnyKind = ProductConversion | ProductCount | ProductSum | ProductRatio | ProductRetention | ProductQuantile
"""A metric of some kind."""

KINDS: dict[str, type[AnyKind]] = {
    "conversion": ProductConversion,
    "count": ProductCount,
    "sum": ProductSum,
    "ratio": ProductRatio,
    "retention": ProductRetention,
    "quantile": ProductQuantile,
}
"""Metric models by the field that says the kind."""

_PREFIX = "product."
TAGS = {f"{_PREFIX}{kind}": model for kind, model in KINDS.items()}
"""The same by how pydantic tells of them, which is no kind of `spec.metrics`."""


def kinds_of(metric: Any) -> list[str]:
    """All fields of a plain metric that say a kind; there should be one."""
    return [kind for kind in KINDS if isinstance(metric, Mapping) and kind in metric]


def _tag_of(value: Any) -> str | None:
    """Which model reads a metric; None for one of no kind or several."""
    kinds = (
        kinds_of(value)
        if isinstance(value, Mapping)
        else [kind for kind, model in KINDS.items() if isinstance(value, model)]
    )
    return f"{_PREFIX}{kinds[0]}" if len(kinds) == 1 else None


AnyProductMetric = Annotated[
    Annotated[ProductConversion, Tag("product.conversion")]
    | Annotated[ProductCount, Tag("product.count")]
    | Annotated[ProductSum, Tag("product.sum")]
    | Annotated[ProductRatio, Tag("product.ratio")]
    | Annotated[ProductRetention, Tag("product.retention")]
    | Annotated[ProductQuantile, Tag("product.quantile")],
    Discriminator(_tag_of),
]
"""One entry of `product.metrics`."""
