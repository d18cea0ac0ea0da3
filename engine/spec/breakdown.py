"""The `breakdown` of a metric: which of its values are looked at on their own. Decides nothing."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from engine.core.model import Matcher, Metric, Role, Selector
from engine.spec.strict import FieldError, StrictModel

FEWEST, MOST = 2, 20
"""Values of a breakdown."""
_LONGEST_VALUE = 80
_LABEL = r"[a-zA-Z][a-zA-Z0-9_]*"


def _label(value: str) -> str:
    if not re.fullmatch(_LABEL, value) or value == "le":
        msg = "a label of the metric's counters, such as route; not le, which belongs to histograms"
        raise ValueError(msg)
    return value


def _value(value: str) -> str:
    if not value.strip() or not value.isprintable() or len(value) > _LONGEST_VALUE:
        msg = f"a label value to show, such as /pay, of 1 to {_LONGEST_VALUE} characters"
        raise ValueError(msg)
    return value


LabelName = Annotated[
    str, AfterValidator(_label), WithJsonSchema({"type": "string", "pattern": f"^(?!le$){_LABEL}$"})
]
LabelValue = Annotated[
    str,
    AfterValidator(_value),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": _LONGEST_VALUE}),
]


class BreakdownField(StrictModel):
    """Values of a label whose parts of the metric are shown too, each on its own."""

    label: LabelName
    """Label by which the metric's counters are broken down."""
    # Not strict, because a rule that reads a whole metric first hands on lists.
    values: tuple[LabelValue, ...] = Field(
        strict=False, json_schema_extra={"minItems": FEWEST, "maxItems": MOST, "uniqueItems": True}
    )
    """Its values to be shown, 2 to 20 of them; others are in the whole metric only."""

    @model_validator(mode="after")
    def _are_several(self) -> "BreakdownField":
        count = len(self.values)
        if not FEWEST <= count <= MOST:
            found = f"{count} value{'' if count == 1 else 's'}"
            raise FieldError("values", f"{FEWEST} to {MOST} values, each of which is a query more", found)
        if twice := sorted({value for value in self.values if self.values.count(value) > 1}):
            raise FieldError("values", "every value once", f"{', '.join(twice)} more than once")
        return self


class BrokenDown(StrictModel):
    """A metric that may be shown by the values of a label as well."""

    breakdown: BreakdownField | None = None
    """Values of a label for which the metric is shown on its own; that decides nothing."""


def parts(metric: Metric, breakdown: BreakdownField) -> Iterator[Metric]:
    """The metric's parts: measured like the whole with its settings, shown, and deciding nothing.

    Args:
        metric: the whole, of one treatment.
        breakdown: of it.
    """
    for value in breakdown.values:
        segment = Matcher(label=breakdown.label, op="=", value=value)
        told = f" ({segment.label}={segment.value})"
        yield replace(
            metric,
            name=f"{metric.name}{told}",
            measure=f"{metric.measure}{told}",
            role=Role.QUALITY,
            weight=0.0,
            bad=_only(metric.bad, segment),
            total=_only(metric.total, segment),
            squares=_only(metric.squares, segment),
            buckets=_only(metric.buckets, segment),
            histogram=_only(metric.histogram, segment),
            segment=segment,
            family=metric.name,
        )


def conditioned(metric: Metric, label: str) -> str:
    """A counter of the metric with conditions on the label that leave nothing to break down; else empty.

    One value only has no parts, and conditions that the metric's other counters have not would make parts of
    one thing out of parts of another.
    """
    counters = [
        counter
        for counter in (metric.bad, metric.total, metric.squares, metric.buckets, metric.histogram)
        if counter is not None
    ]
    conditions = [{each for each in counter.matchers if each.label == label} for counter in counters]
    for counter, own in zip(counters, conditions, strict=True):
        alike = all(own == others for others in conditions)
        if own and (not alike or any(each.op == "=" for each in own)):
            return counter.name
    return ""


def _only(selector: Selector | None, segment: Matcher) -> Selector | None:
    """The counter with one more condition."""
    return selector and replace(selector, matchers=(*selector.matchers, segment))
