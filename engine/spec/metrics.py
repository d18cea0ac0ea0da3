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

_NAME = r"[A-Za-z][A-Za-z0-9_.-]{0,62}"


def _name(value: str) -> str:
    if not re.fullmatch(_NAME, value):
        msg = "a letter, then letters, digits, _, . or -, at most 63 in all"
        raise ValueError(msg)
    return value


Name = Annotated[str, AfterValidator(_name), WithJsonSchema({"type": "string", "pattern": f"^{_NAME}$"})]
"""A metric's name, short enough for a table."""


class FieldError(ValueError):
    """A rule over several fields is broken.

    Attributes:
        field: where it shows. found: what was found, if not just the field's value.
        reads: all fields that the rule looks at.
    """

    def __init__(self, field: str, expected: str, found: str = "", reads: tuple[str, ...] = ()) -> None:
        super().__init__(expected)
        self.field = field
        self.found = found
        self.reads = frozenset({field, *reads})


class BrokenRulesError(ValueError):
    """All rules over several fields that a model breaks."""

    def __init__(self, errors: tuple[FieldError, ...]) -> None:
        super().__init__("; ".join(map(str, errors)))
        self.errors = errors


class StrictModel(BaseModel):
    """Refuses unknown fields and other types than asked for."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)


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


class _Proportion(Compared):
    """Errors out of requests."""


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


class HttpErrors(_Proportion):
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


class Proportion(_Explicit, _Proportion):
    """Bad trials out of all trials, treatment against control."""

    kind: Literal["proportion"]
    """Bad out of all trials, compared between the arms."""
    bad: SelectorText
    """Counter of bad trials."""
    total: SelectorText
    """Counter of all trials."""


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


PRESETS: dict[str, type[BaseModel]] = {"http_errors": HttpErrors, "http_latency": HttpLatency}
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
    | Annotated[Proportion, Tag("proportion")]
    | Annotated[Distribution, Tag("distribution")]
    | Annotated[Threshold, Tag("threshold")],
    Discriminator(_tag_of),
]
"""One entry of `metrics:`."""


def with_weights(metrics: tuple[AnyMetric, ...]) -> tuple[AnyMetric, ...]:
    """The metrics with the weights of those that decide filled in, adding up to 1.

    Half on errors (proportion, threshold) and half on the others, equal within; declared weights replace
    these defaults before all are scaled.
    """
    deciding = [metric for metric in metrics if metric.decides]
    latency = [metric for metric in deciding if isinstance(metric, _Distribution)]
    classes = (len(latency), len(deciding) - len(latency))
    share = 0.5 if all(classes) else 1.0
    raw = {
        metric.name: metric.weight or share / classes[not isinstance(metric, _Distribution)]
        for metric in deciding
    }
    total = sum(raw.values())
    # Filled-in weights add up to 1 but for rounding; scaling them again would change their last digits.
    scale = 1.0 if abs(total - 1) < 1e-9 else total
    return tuple(
        metric.model_copy(update={"weight": raw[metric.name] / scale}) if metric.decides else metric
        for metric in metrics
    )
