"""All forms that one entry of `metrics:` can have. The forms themselves are in the modules named here."""

from typing import Annotated, Any

from pydantic import BaseModel, Discriminator, Tag

from engine.spec.presets import PRESETS, Conversions, HttpErrors, HttpLatency
from engine.spec.quantities import Count, Gauge, Mean, Ratio
from engine.spec.shares import Distribution, Proportion, Threshold

KINDS: dict[str, type[BaseModel]] = {
    "proportion": Proportion,
    "count": Count,
    "mean": Mean,
    "distribution": Distribution,
    "ratio": Ratio,
    "gauge": Gauge,
    "threshold": Threshold,
}
"""Metric models by what their `kind` says."""

Explicit = Proportion | Count | Mean | Distribution | Ratio | Gauge | Threshold
"""A metric that names its own counters."""


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
    | Annotated[Count, Tag("count")]
    | Annotated[Mean, Tag("mean")]
    | Annotated[Distribution, Tag("distribution")]
    | Annotated[Ratio, Tag("ratio")]
    | Annotated[Gauge, Tag("gauge")]
    | Annotated[Threshold, Tag("threshold")],
    Discriminator(_tag_of),
]
"""One entry of `metrics:`."""
