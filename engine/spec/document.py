"""The experiment document as pydantic models: fields, types, defaults. Rules over sections are in `checks`.

The JSON Schema and the reference are made from, and checked against, these models.
"""

import re
from datetime import time
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    PlainValidator,
    WithJsonSchema,
)

from engine.core.model import Mode
from engine.core.plan import Policy
from engine.fields import Duration, PositiveDuration
from engine.spec.bounds import BoundField
from engine.spec.metrics import AnyMetric
from engine.spec.product import ProductSection
from engine.spec.sinks import SinkField
from engine.spec.strict import StrictModel

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"


def _one_plugin(value: object) -> object:
    """`canary` is short for `{canary: {}}`; options left empty are an empty mapping."""
    if isinstance(value, str) and value:
        return {value: {}}
    if isinstance(value, dict) and len(value) == 1:
        return {name: {} if options is None else options for name, options in value.items()}
    msg = "one name, or one name with its options, such as {canary: {hold: 5min}}"
    raise ValueError(msg)


Plugin = Annotated[
    dict[str, dict[str, object]],
    BeforeValidator(_one_plugin),
    WithJsonSchema(
        {
            "oneOf": [
                {"type": "string", "minLength": 1},
                {
                    "type": "object",
                    "minProperties": 1,
                    "maxProperties": 1,
                    "additionalProperties": {"type": ["object", "null"]},
                },
            ]
        }
    ),
]
"""A plugin by name with its options; the plugin checks those."""


def _days(value: object) -> tuple[int, ...]:
    texts = [value] if isinstance(value, str) else value
    if isinstance(texts, list) and texts and all(isinstance(text, str) for text in texts):
        days = [day for text in texts for day in _span(text)]
        if days and None not in days:
            return tuple(sorted({day for day in days if day is not None}))
    msg = "days such as [mon, wed] or mon-fri"
    raise ValueError(msg)


def _span(text: str) -> list[int | None]:
    """Days of `mon` or `fri-mon`; None for what is no day."""
    first, dash, last = text.partition("-")
    if first not in _DAYS or (dash and last not in _DAYS):
        return [None]
    start, end = _DAYS.index(first), _DAYS.index(last or first)
    return [(start + offset) % 7 for offset in range((end - start) % 7 + 1)]


def _clock_time(value: object) -> time:
    try:
        parsed = time.fromisoformat(value) if isinstance(value, str) and len(value) == 5 else None
    except ValueError:
        parsed = None
    if parsed is None:
        msg = 'a time of day such as "09:00", up to "23:59"'
        raise ValueError(msg)
    return parsed


def _time_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ValueError, OSError, KeyError) as error:
        msg = "a time zone such as Europe/Berlin or UTC"
        raise ValueError(msg) from error
    return value


def _label(value: str) -> str:
    if not re.fullmatch(_LABEL, value):
        msg = "lower-case letters, digits and dashes inside, at most 63, such as checkout-v2"
        raise ValueError(msg)
    return value


def _alpha(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 0.5:
        msg = "a probability over 0 and at most 0.5, such as 0.01"
        raise ValueError(msg)
    return value


Days = Annotated[
    tuple[int, ...],
    PlainValidator(_days),
    PlainSerializer(lambda days: [_DAYS[day] for day in days], return_type=list[str]),
    WithJsonSchema(
        {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}
    ),
]
ClockTime = Annotated[
    time,
    PlainValidator(_clock_time),
    PlainSerializer(lambda at: at.strftime("%H:%M"), return_type=str),
    WithJsonSchema({"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"}),
]
Label = Annotated[str, AfterValidator(_label), WithJsonSchema({"type": "string", "pattern": f"^{_LABEL}$"})]
Alpha = Annotated[
    float,
    BeforeValidator(_alpha),
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "maximum": 0.5}),
]


class Metadata(StrictModel):
    """What the experiment is called."""

    name: Label
    """Lower-case letters, digits and dashes, at most 63."""
    owner: str | None = None
    """Who answers for the release."""
    labels: dict[str, str] = Field(default_factory=dict)
    """Free labels."""


class WindowField(StrictModel):
    """Weekly local time in which traffic may be given; `to` at or before `from` is the next day."""

    days: Days
    """Weekdays on which it starts: [mon, wed] or mon-fri."""
    start: ClockTime = Field(alias="from")
    """Local time it opens, quoted."""
    end: ClockTime = Field(alias="to")
    """Local time it closes, quoted."""
    time_zone: Annotated[str, AfterValidator(_time_zone)]
    """Name of the time zone, such as Europe/Berlin."""


class GateField(StrictModel):
    """The flag that must be open."""

    flag: str | None = Field(default=None, min_length=1)
    """Name of the flag; the experiment's name, if absent."""
    provider: str = Field(default="file", min_length=1)
    """Which OpenFeature provider answers: a gate plugin, or `package.module:Class`."""
    options: dict[str, object] = Field(default_factory=dict)
    """Options of the provider."""


class Spec(StrictModel):
    """What is released, how, and by which evidence."""

    description: str = ""
    """What the release changes, for the report."""
    target: Plugin
    """What carries traffic, with its options."""
    strategy: Plugin
    """How traffic moves, with its options."""
    metrics: tuple[AnyMetric, ...] = Field(json_schema_extra={"minItems": 1})
    """What is measured on both versions."""
    source: Plugin | None = None
    """Where metrics are read; the target's own source, if absent."""
    gate: GateField = GateField()
    """The flag that must be open."""
    mode: Mode = Mode.ACT
    """act, or observe: decide and record, but move nothing."""
    interval: PositiveDuration = 15.0
    """Length of a window, and time between decisions."""
    warm_up: Duration = 60.0
    """How long windows do not count after the last new instance is ready."""
    horizon: PositiveDuration | None = None
    """When `on_undecided` applies at the latest; the strategy's, if absent."""
    patience: PositiveDuration = 600.0
    """How long there may be no usable evidence before its policy applies."""
    progress_deadline: PositiveDuration = 120.0
    """How long the treatment may be unhealthy before it is rolled back."""
    alpha_rollback: Alpha = 0.01
    """Chance of rolling back a treatment that is within tolerance, over the whole run."""
    alpha_promote: Alpha = 0.05
    """Chance of promoting a treatment that is worse by the margin or more."""
    split_tolerance: BoundField = BoundField.model_validate({"relative": "10%", "absolute": "1pp"})
    """How far a treatment's share of traffic may be off, relative to the smaller arm's."""
    on_blind: Policy | None = None
    """When data is missing for longer than `patience`: rollback, or hold for a person; the strategy's."""
    on_untrustworthy: Policy | None = None
    """When data cannot be trusted for longer than `patience`: rollback or hold; the strategy's."""
    on_undecided: Policy = Policy.ROLLBACK
    """At the horizon: rollback, or hold for a person."""
    on_foreign: Policy = Policy.HOLD
    """When somebody else moves traffic or ends the release on the target: hold leaves it as it is, rollback
    gives all traffic to control."""
    windows: tuple[WindowField, ...] = ()
    """When traffic may be given; always, if empty."""
    notify: tuple[SinkField, ...] = ()
    """Who is told of what; nobody, if empty."""
    product: ProductSection | None = None
    """An A/B test on users' events beside the release: what is asked of them."""


class ProductSpec(StrictModel):
    """What is asked of users' events, where nothing is released."""

    description: str = ""
    """What the variants differ in, for the report."""
    product: ProductSection
    """An A/B test on users' events: what is asked of them."""


class _Head(StrictModel):
    """What every document begins with."""

    api_version: Literal["rampwise.dev/v1alpha1"] = Field(alias="apiVersion")
    """Version of this format."""
    kind: Literal["ReleaseExperiment"]
    """What this document is."""
    metadata: Metadata
    """What the experiment is called."""


class ReleaseExperiment(_Head):
    """A release run as an experiment."""

    spec: Spec
    """What is released, how, and by which evidence."""


class ProductExperiment(_Head):
    """A product experiment alone, which declares nothing to launch."""

    spec: ProductSpec
    """What is asked of users' events."""


class AnyExperiment(_Head):
    """A release run as an experiment, a product experiment, or both at once."""

    spec: Spec | ProductSpec
    """What is released, how, and by which evidence; or `product` alone, where nothing is."""
