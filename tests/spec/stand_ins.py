"""Stand-in plugins, so that these tests say what a document means whatever is installed."""

from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from engine import plugins
from engine.core.model import Arm, Matcher, Selector
from engine.core.target import RouterSeries, SessionSeries, TargetFacts
from engine.fields import Duration
from strategies.ab import Ab
from strategies.blue_green import BlueGreen
from strategies.canary import Canary


class StandInTarget:
    class Options(BaseModel):
        model_config = ConfigDict(frozen=True)

        service: str = Field(examples=["checkout"])
        control: str = Field(examples=["v1"], description="Version that serves now.")
        treatment: str = Field(examples=["v2"])
        sticky: bool = False


class StandInSource:
    @dataclass(frozen=True)
    class Options:
        url: str
        timeout: Duration = 5.0


class StandInSink:
    class Options(BaseModel):
        model_config = ConfigDict(frozen=True)

        url: str
        timeout: Duration = 5.0


class PickyStrategy:
    class Options(BaseModel):
        pass

    def plan(self, options: Any) -> Any:
        raise ValueError("an even number of steps")


@dataclass(frozen=True)
class StandInEntry:
    name: str
    plugin: Any
    value: str = "stand:in"
    dist: Any = None

    def load(self) -> Any:
        if isinstance(self.plugin, Exception):
            raise self.plugin
        return self.plugin


ENTRIES = {
    plugins.STRATEGIES: [
        StandInEntry("canary", Canary),
        StandInEntry("blue_green", BlueGreen),
        StandInEntry("ab", Ab),
        StandInEntry("picky", PickyStrategy),
        StandInEntry("broken", ImportError("no module named broken")),
    ],
    plugins.TARGETS: [StandInEntry("local", StandInTarget)],
    plugins.SOURCES: [StandInEntry("prometheus", StandInSource)],
    plugins.GATES: [StandInEntry("file", object()), StandInEntry("memory", object())],
    plugins.SINKS: [StandInEntry("webhook", StandInSink), StandInEntry("email", StandInSink)],
}

ROUTER_LABELS = {Arm.CONTROL: {"service": "checkout-v1@file"}, Arm.TREATMENT: {"service": "checkout-v2@file"}}
REQUESTS = Selector(name="router_requests_total")


SESSIONS = SessionSeries(total=Selector(name="sessions_total"), converted=Selector(name="converted_total"))


def facts_of_three(**changes: Any) -> TargetFacts:
    """A target with two treatments, v2 and v3, which knows everything about itself."""
    router = facts_with().router
    assert router is not None
    known = {
        "more_treatments": ("v3",),
        "more_labels": ({"version": "v3"},),
        "router": replace(router, more_labels=({"service": "checkout-v3@file"},), assignments=REQUESTS),
        "sessions": SESSIONS,
    }
    return facts_with(**(known | changes))


def facts_with(**changes: Any) -> TargetFacts:
    known: dict[str, Any] = {
        "key": "local/checkout",
        "control": "v1",
        "treatment": "v2",
        "arm_labels": {Arm.CONTROL: {"version": "v1"}, Arm.TREATMENT: {"version": "v2"}},
        "router": RouterSeries(
            requests=REQUESTS,
            errors=Selector(
                name="router_requests_total", matchers=(Matcher(label="code", op="=~", value="5.."),)
            ),
            buckets=Selector(name="router_duration_seconds_bucket"),
            arm_labels=ROUTER_LABELS,
        ),
        "source_options": {"url": "http://127.0.0.1:9090"},
    }
    return TargetFacts(**(known | changes))
