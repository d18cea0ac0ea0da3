"""Kinds whose value is no share: count, mean, ratio, gauge. Absolute bounds are in the metric's own unit."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, JsonValue, WithJsonSchema, model_validator

from engine.fields import SelectorText
from engine.spec.bounds import AmountBoundField, amount_bound
from engine.spec.breakdown import BrokenDown
from engine.spec.expression import ExpressionText
from engine.spec.metric_parts import Compared, Counted, Direction, FromHistogram, Named
from engine.spec.strict import FieldError

SECONDS = "s"
"""The `value_unit` whose amounts may be written as durations."""
_LONGEST_UNIT = 12
_MARGIN_OF_BAD_EVENTS = amount_bound(relative="50%")
"""As of failed requests: such events are rare, and a tenth more of them would take days to rule out."""
_MEAN_FORMS = ("sum", "buckets", "histogram")
"""What a mean is read from; a sum needs a count too."""


def _any_of(*fields: str) -> JsonValue:
    return {"anyOf": [{"required": [field]} for field in fields]}


_MEAN_SCHEMAS: list[JsonValue] = [
    {"required": ["sum", "count"], "not": _any_of("buckets", "histogram")},
    {"required": ["buckets"], "not": _any_of("sum", "count", "sum_sq", "histogram")},
    {"required": ["histogram"], "not": _any_of("sum", "count", "sum_sq", "buckets")},
]


def _value_unit(value: str) -> str:
    if not value.strip() or not value.isprintable() or len(value) > _LONGEST_UNIT:
        msg = f"a unit to show beside values, such as s or bytes, at most {_LONGEST_UNIT} characters"
        raise ValueError(msg)
    return value


ValueUnit = Annotated[
    str,
    AfterValidator(_value_unit),
    WithJsonSchema(
        {"type": "string", "minLength": 1, "maxLength": _LONGEST_UNIT, "examples": ["s", "bytes"]}
    ),
]
"""What a value is measured in, as shown."""


class Quantity(Compared):
    """A treatment's value against control's."""

    tolerance: AmountBoundField = amount_bound(relative="5%")
    """Worse than control by more than this is harm."""
    margin: AmountBoundField = amount_bound(relative="10%")
    """Not worse than control by this may ship."""
    direction: Direction = Direction.LOWER
    """Which values are better: lower or higher."""

    @property
    def measured_in(self) -> str:
        """The unit of its values, empty where it has none."""
        return ""

    def broken_rules(self) -> Iterator[FieldError]:
        """Amounts are durations only where values are."""
        yield from super().broken_rules()
        for field, bound in (("tolerance", self.tolerance), ("margin", self.margin)):
            amount = bound.absolute
            if amount is not None and amount.is_duration and self.measured_in != SECONDS:
                found = (
                    f"absolute {amount.written()}, a duration, for values in {self.measured_in or 'no unit'}"
                )
                yield FieldError(field, self._instead_of_a_duration(), found, reads=("value_unit",))

    def _instead_of_a_duration(self) -> str:
        return f"a number, or value_unit: {SECONDS}, where durations may stand"


class Valued(Quantity):
    """A quantity with a unit."""

    value_unit: ValueUnit | None = None
    """What its values are measured in, as shown beside them, such as s or bytes."""

    @property
    def measured_in(self) -> str:
        """The unit of its values, empty where it has none."""
        return self.value_unit or ""


class Count(BrokenDown, Counted, Quantity):
    """Events without a denominator, treatment against control, each for its planned share of traffic."""

    kind: Literal["count"]
    """Events, compared between the arms for their planned shares of traffic."""
    count: SelectorText
    """Counter of events."""

    @model_validator(mode="before")
    @classmethod
    def _bad_events_have_a_margin_of_their_own(cls, value: Any) -> Any:
        if not isinstance(value, dict) or value.get("direction", Direction.LOWER) != Direction.LOWER:
            return value
        return {"margin": _MARGIN_OF_BAD_EVENTS.model_dump(mode="json", exclude_none=True)} | value

    def _instead_of_a_duration(self) -> str:
        return "a number of events per window, at all traffic"


class Mean(BrokenDown, Counted, FromHistogram, Valued):
    """The mean of values, treatment against control."""

    model_config = ConfigDict(json_schema_extra={"oneOf": _MEAN_SCHEMAS})

    kind: Literal["mean"]
    """The mean of values, compared between the arms."""
    sum: SelectorText | None = None
    """Counter of the values' sum; with `count`, or else `buckets` or `histogram`."""
    count: SelectorText | None = None
    """Counter of how many values."""
    sum_sq: SelectorText | None = None
    """Counter of the squared values' sum, where there is one; it makes verdicts sooner."""

    def broken_rules(self) -> Iterator[FieldError]:
        """Values come from one place, and whole."""
        yield from super().broken_rules()
        yield from self.histogram_rules()
        reads = ("count", "sum_sq", *_MEAN_FORMS)
        forms = [name for name in _MEAN_FORMS if getattr(self, name) is not None]
        if len(forms) > 1:
            found = " and ".join(forms)
            yield FieldError(forms[-1], "only one of sum with count, buckets, histogram", found, reads)
        elif not forms:
            expected = "sum: with count:, or buckets: of a classic histogram, or histogram: with a native one"
            yield FieldError("sum", expected, "no sum, buckets or histogram", reads)
        elif forms == ["sum"] and self.count is None:
            expected = "the counter of how many values were summed up"
            yield FieldError("count", expected, "sum without count", reads)
        elif forms != ["sum"] and (self.count or self.sum_sq) is not None:
            field = "count" if self.count is not None else "sum_sq"
            yield FieldError(field, f"no {field}, because {forms[0]} has it", reads=reads)


class Ratio(Counted, Valued):
    """One sum over another, treatment against control; neither counts trials."""

    kind: Literal["ratio"]
    """One sum over another, compared between the arms."""
    numerator: SelectorText
    """Counter of what is divided."""
    denominator: SelectorText
    """Counter of what it is divided by."""


class Gauge(Named, Valued):
    """A level, read once per window, treatment against control."""

    kind: Literal["gauge"]
    """A level, compared between the arms window by window."""
    expression: ExpressionText
    """PromQL that gives one series per arm, told apart by `arm_labels`."""
