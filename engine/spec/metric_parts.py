"""What metrics of several kinds have in common: names, roles, labels, comparison with control. No kinds."""

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from engine.core.model import Arm, Role, Unit
from engine.fields import Percent, PositiveDuration, SelectorText, format_percent, format_selector
from engine.spec.bounds import BoundField, Bounds, share_bound
from engine.spec.breakdown import BrokenDown
from engine.spec.strict import BrokenRulesError, FieldError, StrictModel

_NAME = r"[A-Za-z][A-Za-z0-9_.-]{0,62}"
MARGIN_OF_GOOD = share_bound(relative="10%")
"""Half as many conversions again would be no margin: shares of good trials are large."""


def _name(value: str) -> str:
    if not re.fullmatch(_NAME, value):
        msg = "a letter, then letters, digits, _, . or -, at most 63 in all"
        raise ValueError(msg)
    return value


Name = Annotated[str, AfterValidator(_name), WithJsonSchema({"type": "string", "pattern": f"^{_NAME}$"})]
"""A metric's name, short enough for a table."""


class Direction(StrEnum):
    """Which values of a metric are better."""

    LOWER = "lower"
    HIGHER = "higher"


class ArmLabels(StrictModel):
    """Label values that tell the series of the two arms apart."""

    control: dict[str, str] = Field(min_length=1)
    """Labels of the control's series."""
    treatment: dict[str, str] = Field(min_length=1)
    """Labels of the treatment's series."""

    @model_validator(mode="after")
    def _differ(self) -> Self:
        if self.control == self.treatment:
            raise FieldError("treatment", "other label values than the control's")
        return self

    def by_arm(self) -> dict[Arm, dict[str, str]]:
        """Labels per arm."""
        return {Arm.CONTROL: self.control, Arm.TREATMENT: self.treatment}


class MetricField(StrictModel):
    """What every metric has."""

    role: Role = Role.GUARDRAIL
    """What it may decide: guardrail, objective, or quality, which is only shown."""
    weight: float | None = Field(default=None, gt=0, le=1e6, allow_inf_nan=False)
    """Share of the rollback evidence, relative to the others; if absent, half on errors, the rest equal."""

    @property
    def decides(self) -> bool:
        """Whether it takes part in verdicts."""
        return self.role is not Role.QUALITY

    def broken_rules(self) -> Iterator[FieldError]:
        """The rules over several fields that it breaks."""
        if self.weight is not None and not self.decides:
            yield FieldError("weight", "no weight, because a quality metric never decides", reads=("role",))

    @model_validator(mode="after")
    def _keeps_rules(self) -> Self:
        """One validator for all, because the first that fails would hide the others."""
        if broken := tuple(self.broken_rules()):
            raise BrokenRulesError(broken)
        return self


class Compared(MetricField):
    """Treatment against control. Which form its bounds have is said by what derives from it."""

    tolerance: Bounds
    """Worse than control by more than this is harm."""
    margin: Bounds
    """Not worse than control by this may ship."""
    effect: Percent | None = None
    """How much worse than control should be found soonest, such as 50%; the margin's ratio, if absent."""
    dispersion: float | None = Field(default=None, ge=1, le=1e6, allow_inf_nan=False)
    """How many times more its windows vary than independent trials, known from `rampwise calibrate`."""

    def broken_rules(self) -> Iterator[FieldError]:
        """Tolerance within margin, a margin that allows something, an effect that is harm."""
        yield from super().broken_rules()
        yield from self._broken_bounds()
        tolerated = self.tolerance.value().relative or 0.0
        if self.effect is not None and self.effect <= tolerated:
            expected = f"more than the tolerance of {format_percent(tolerated)}, or it would be no harm"
            yield FieldError("effect", expected, reads=("tolerance",))

    def _broken_bounds(self) -> Iterator[FieldError]:
        tolerance, margin = self.tolerance.value(), self.margin.value()
        if not (margin.relative or margin.absolute):
            yield FieldError("margin", "a margin over zero, or nothing could ever be shown to be inside it")
            return
        pairs = {
            "relative": (tolerance.relative, margin.relative),
            "absolute": (tolerance.absolute, margin.absolute),
        }
        for part, (tolerated, allowed) in pairs.items():
            if tolerated is not None and allowed is not None and tolerated > allowed:
                yield self._beyond(part)

    def _beyond(self, part: str) -> FieldError:
        tolerance, margin = self.tolerance.written(part), self.margin.written(part)
        found = f"a tolerance of {part} {tolerance} beyond the margin of {part} {margin}"
        field = "tolerance" if "tolerance" in self.model_fields_set else "margin"
        return FieldError(field, "a tolerance of at most the margin", found, reads=("tolerance", "margin"))


class ComparedShare(BrokenDown, Compared):
    """Treatment's share of trials against control's."""

    tolerance: BoundField = share_bound(relative="5%")
    """Worse than control by more than this is harm."""
    margin: BoundField = share_bound(relative="50%", absolute="0.1pp")
    """Not worse than control by this may ship."""


class ComparedLatency(ComparedShare):
    """A histogram against control's."""

    margin: BoundField = share_bound(relative="20%", absolute="0.5pp")
    """Not worse than control by this may ship; it bounds the share of requests over `slo`."""
    slo: PositiveDuration | None = None
    """Latency objective, one of the histogram's bounds; required unless the role is quality."""

    def broken_rules(self) -> Iterator[FieldError]:
        """What decides can promote."""
        yield from super().broken_rules()
        if self.decides and self.slo is None:
            expected = "slo: 500ms (without it nothing could promote), or role: quality"
            yield FieldError("slo", expected, "no slo", reads=("role",))


class Named(StrictModel):
    """A metric that names its own counters."""

    name: Name
    """Name of the metric, unique in the experiment."""
    arm_labels: ArmLabels | None = None
    """What tells the arms' series apart; the target's own labels, if absent."""


class Counted(Named):
    """A metric whose counters count trials, or something per trial."""

    unit: Unit = Unit.REQUEST
    """What one trial is: request, session or user."""


class FromHistogram(StrictModel):
    """A metric that may read a histogram."""

    buckets: SelectorText | None = None
    """The `_bucket` counter of a classic histogram."""
    histogram: SelectorText | None = None
    """A native histogram by its name, instead of `buckets`."""

    def histogram_rules(self) -> Iterator[FieldError]:
        """A native histogram is no classic one."""
        if self.histogram is not None and self.histogram.name.endswith("_bucket"):
            found = f"{format_selector(self.histogram)}, which is of a classic histogram"
            yield FieldError("histogram", "buckets: with it, or a native histogram's name", found)
