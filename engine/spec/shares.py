"""Kinds whose value is a share of trials: proportion, distribution, threshold. Absolute bounds are in pp."""

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import ConfigDict, model_validator

from engine.fields import Percent, SelectorText
from engine.spec.metric_parts import (
    MARGIN_OF_GOOD,
    ComparedLatency,
    ComparedShare,
    Counted,
    Direction,
    FromHistogram,
    MetricField,
)
from engine.spec.strict import FieldError


def _with_margin_of_good(value: dict[str, Any]) -> dict[str, Any]:
    return {"margin": MARGIN_OF_GOOD.model_dump(mode="json", exclude_none=True)} | value


class Proportion(Counted, ComparedShare):
    """Bad or good trials out of all trials, treatment against control."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["bad"]}, {"required": ["good"]}]})

    kind: Literal["proportion"]
    """Bad or good out of all trials, compared between the arms."""
    bad: SelectorText | None = None
    """Counter of bad trials; more is worse."""
    good: SelectorText | None = None
    """Counter of good trials, instead of `bad`; fewer is worse."""
    total: SelectorText
    """Counter of all trials."""

    @model_validator(mode="before")
    @classmethod
    def _good_trials_have_a_margin_of_their_own(cls, value: Any) -> Any:
        return _with_margin_of_good(value) if isinstance(value, dict) and "good" in value else value

    def broken_rules(self) -> Iterator[FieldError]:
        """Either bad or good trials are counted."""
        yield from super().broken_rules()
        if self.bad is None and self.good is None:
            expected = "the counter of bad trials, or good: with that of good ones"
            yield FieldError("bad", expected, "neither bad nor good", reads=("good",))
        if self.bad is not None and self.good is not None:
            yield FieldError("good", "only one of bad and good", "both bad and good", reads=("bad",))


class Distribution(Counted, FromHistogram, ComparedLatency):
    """A histogram, treatment against control."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["buckets"]}, {"required": ["histogram"]}]}
    )

    kind: Literal["distribution"]
    """A histogram, compared between the arms."""
    direction: Direction = Direction.LOWER
    """Which values are better: lower, or higher (then the share over `slo` is good)."""

    @model_validator(mode="before")
    @classmethod
    def _where_high_is_good_the_margin_is_that_of_good_trials(cls, value: Any) -> Any:
        is_high = isinstance(value, dict) and value.get("direction") == Direction.HIGHER
        return _with_margin_of_good(value) if is_high else value

    def broken_rules(self) -> Iterator[FieldError]:
        """One histogram, of one of the two forms."""
        yield from super().broken_rules()
        yield from self.histogram_rules()
        if self.buckets is None and self.histogram is None:
            expected = "the _bucket counter of a classic histogram, or histogram: with a native one's name"
            yield FieldError("buckets", expected, "neither buckets nor histogram", reads=("histogram",))
        if self.buckets is not None and self.histogram is not None:
            expected, found = "only one of buckets and histogram", "both buckets and histogram"
            yield FieldError("histogram", expected, found, reads=("buckets",))


class Threshold(Counted, MetricField):
    """Bad trials out of all trials, treatment against a declared limit."""

    kind: Literal["threshold"]
    """Bad out of all trials of the treatment, against a limit."""
    bad: SelectorText
    """Counter of bad trials."""
    total: SelectorText
    """Counter of all trials."""
    limit: Percent
    """Largest acceptable share of bad trials."""

    def broken_rules(self) -> Iterator[FieldError]:
        """A limit that can be kept and can be broken."""
        yield from super().broken_rules()
        if not 0 < self.limit < 1:
            yield FieldError("limit", "a percentage over 0% and under 100%")
