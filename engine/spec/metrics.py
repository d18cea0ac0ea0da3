"""Metrics as a document writes them: presets and explicit kinds, with their defaults. Reads no facts."""

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    WithJsonSchema,
    model_validator,
)

from engine.core.model import Arm, Role, Unit
from engine.fields import BoundField, Percent, PositiveDuration, SelectorText
from engine.spec.strict import BrokenRulesError, FieldError, StrictModel

_NAME = r"[A-Za-z][A-Za-z0-9_.-]{0,62}"


def _name(value: str) -> str:
    if not re.fullmatch(_NAME, value):
        msg = "a letter, then letters, digits, _, . or -, at most 63 in all"
        raise ValueError(msg)
    return value


Name = Annotated[str, AfterValidator(_name), WithJsonSchema({"type": "string", "pattern": f"^{_NAME}$"})]
"""A metric's name, short enough for a table."""


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


class _Metric(StrictModel):
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


def _bound(**parts: str) -> BoundField:
    return BoundField.model_validate(parts)


_MARGIN_OF_GOOD = _bound(relative="10%")
"""Half as many conversions again would be no margin: shares of good trials are large."""


class Compared(_Metric):
    """Treatment against control."""

    tolerance: BoundField = _bound(relative="5%")
    """Worse than control by more than this is harm."""
    margin: BoundField = _bound(relative="50%", absolute="0.1pp")
    """Not worse than control by this may ship."""

    def broken_rules(self) -> Iterator[FieldError]:
        """Tolerance within margin, and a margin that allows something."""
        yield from super().broken_rules()
        if not (self.margin.relative or self.margin.absolute):
            yield FieldError("margin", "a margin over zero, or nothing could ever be shown to be inside it")
            return
        for part in ("relative", "absolute"):
            tolerance, margin = getattr(self.tolerance, part), getattr(self.margin, part)
            if tolerance is not None and margin is not None and tolerance > margin:
                yield _beyond(self, part)


def _beyond(metric: Compared, part: str) -> FieldError:
    shown = {name: getattr(metric, name).model_dump(mode="json")[part] for name in ("tolerance", "margin")}
    found = f"a tolerance of {part} {shown['tolerance']} beyond the margin of {part} {shown['margin']}"
    field = "tolerance" if "tolerance" in metric.model_fields_set else "margin"
    return FieldError(field, "a tolerance of at most the margin", found, reads=("tolerance", "margin"))


class _Distribution(Compared):
    margin: BoundField = _bound(relative="20%", absolute="0.5pp")
    """Not worse than control by this may ship; it bounds the share of requests over `slo`."""
    slo: PositiveDuration | None = None
    """Latency objective, one of the histogram's bounds; required unless the role is quality."""

    def broken_rules(self) -> Iterator[FieldError]:
        """What decides can promote."""
        yield from super().broken_rules()
        if self.decides and self.slo is None:
            expected = "slo: 500ms (without it nothing could promote), or role: quality"
            yield FieldError("slo", expected, "no slo", reads=("role",))


class _Explicit(StrictModel):
    name: Name
    """Name of the metric, unique in the experiment."""
    unit: Unit = Unit.REQUEST
    """What one trial is: request, session or user."""
    arm_labels: ArmLabels | None = None
    """What tells the arms' series apart; the target's own labels, if absent."""


class HttpErrors(Compared):
    """Failed requests as the router counts them."""

    preset: Literal["http_errors"]
    """Reads the router's own counters."""
    name: Name = "http_errors"
    """Name of the metric, unique in the experiment."""


class HttpLatency(_Distribution):
    """Latency as the router measures it."""

    preset: Literal["http_latency"]
    """Reads the router's own histogram."""
    name: Name = "http_latency"
    """Name of the metric, unique in the experiment."""


class Conversions(Compared):
    """Sessions that reached their goal, as the application counts them; fewer is worse."""

    preset: Literal["conversions"]
    """Reads the application's counters of sessions."""
    name: Name = "conversions"
    """Name of the metric, unique in the experiment."""
    role: Role = Role.OBJECTIVE
    """What it may decide: guardrail, objective, or quality, which is only shown."""
    margin: BoundField = _MARGIN_OF_GOOD
    """Not worse than control by this may ship."""


class Proportion(_Explicit, Compared):
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
        if isinstance(value, dict) and "good" in value and "margin" not in value:
            return {**value, "margin": _MARGIN_OF_GOOD.model_dump(mode="json", exclude_none=True)}
        return value

    def broken_rules(self) -> Iterator[FieldError]:
        """Either bad or good trials are counted."""
        yield from super().broken_rules()
        if self.bad is None and self.good is None:
            expected = "the counter of bad trials, or good: with that of good ones"
            yield FieldError("bad", expected, "neither bad nor good", reads=("good",))
        if self.bad is not None and self.good is not None:
            yield FieldError("good", "only one of bad and good", "both bad and good", reads=("bad",))


class Distribution(_Explicit, _Distribution):
    """A histogram, treatment against control."""

    kind: Literal["distribution"]
    """A classic histogram, compared between the arms."""
    buckets: SelectorText
    """The `_bucket` counter of the histogram."""


class Threshold(_Explicit, _Metric):
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


PRESETS: dict[str, type[BaseModel]] = {
    "http_errors": HttpErrors,
    "http_latency": HttpLatency,
    "conversions": Conversions,
}
"""Metric models by what their `preset` says."""

KINDS: dict[str, type[BaseModel]] = {
    "proportion": Proportion,
    "distribution": Distribution,
    "threshold": Threshold,
}
"""Metric models by what their `kind` says."""


def kind_of(value: Any) -> str | None:
    """What a metric calls itself: its preset, else its kind, else None."""
    if isinstance(value, dict):
        said = value.get("preset", value.get("kind"))
    else:
        said = getattr(value, "preset", None) or getattr(value, "kind", None)
    return said if isinstance(said, str) else None


def _tag_of(value: Any) -> str | None:
    """Which model reads a metric; None for one of no known preset or kind."""
    said = kind_of(value)
    is_preset = "preset" in value if isinstance(value, dict) else hasattr(value, "preset")
    return said if said in (PRESETS if is_preset else KINDS) else None


AnyMetric = Annotated[
    Annotated[HttpErrors, Tag("http_errors")]
    | Annotated[HttpLatency, Tag("http_latency")]
    | Annotated[Conversions, Tag("conversions")]
    | Annotated[Proportion, Tag("proportion")]
    | Annotated[Distribution, Tag("distribution")]
    | Annotated[Threshold, Tag("threshold")],
    Discriminator(_tag_of),
]
"""One entry of `metrics:`."""
