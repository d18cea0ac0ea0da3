"""Presets: metrics whose counters the target knows. Reads no facts; `engine.spec.declare` fills those in."""

from typing import Literal

from pydantic import BaseModel

from engine.core.model import Role
from engine.spec.bounds import BoundField
from engine.spec.metric_parts import MARGIN_OF_GOOD, ComparedLatency, ComparedShare, Name


class HttpErrors(ComparedShare):
    """Failed requests as the router counts them."""

    preset: Literal["http_errors"]
    """Reads the router's own counters."""
    name: Name = "http_errors"
    """Name of the metric, unique in the experiment."""


class HttpLatency(ComparedLatency):
    """Latency as the router measures it."""

    preset: Literal["http_latency"]
    """Reads the router's own histogram."""
    name: Name = "http_latency"
    """Name of the metric, unique in the experiment."""


class Conversions(ComparedShare):
    """Sessions that reached their goal, as the application counts them; fewer is worse."""

    preset: Literal["conversions"]
    """Reads the application's counters of sessions."""
    name: Name = "conversions"
    """Name of the metric, unique in the experiment."""
    role: Role = Role.OBJECTIVE
    """What it may decide: guardrail, objective, or quality, which is only shown."""
    margin: BoundField = MARGIN_OF_GOOD
    """Not worse than control by this may ship."""


PRESETS: dict[str, type[BaseModel]] = {
    "http_errors": HttpErrors,
    "http_latency": HttpLatency,
    "conversions": Conversions,
}
"""Metric models by what their `preset` says."""
