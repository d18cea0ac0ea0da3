"""What the demonstration shows: eight releases, each with the outcome it must have. Values only.

Effects are so large that the expected outcome has at least 99.9 % at alpha 0.001; a test computes that.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from engine.core.target import Weights

ALPHA = 0.001
INTERVAL_S = 1.0
REQUESTS_PER_S = 100.0
STEPS_PCT = (10, 30, 50)
HOLD_S = 8.0
BASE_ERROR_RATE = 0.01
ERROR_MARGIN = 0.02
SLO_S = 0.5
LATENCY_MARGIN = 0.02
HORIZON_S = 200.0
SOMEBODY_ELSES_SPLIT = Weights.of(30)


class Twist(StrEnum):
    """What happens to a release besides the release itself."""

    NONE = "none"
    COLD_START = "cold start"
    FLAG_CLOSED = "flag closed"
    ENGINE_KILLED = "engine killed"
    SOURCE_STOPPED = "source stopped"
    NOT_OURS = "not ours"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One release.

    Attributes:
        name: also the service's and the experiment's name. treatment: how v2 differs from v1.
        warm_up_s: the experiment's warm-up.
    """

    name: str
    title: str
    expected: str
    treatment: Mapping[str, float] = field(default_factory=dict)
    twist: Twist = Twist.NONE
    warm_up_s: float = 2.0


SCENARIOS = (
    Scenario(name="healthy", title="A healthy release", expected="promoted"),
    Scenario(
        name="slow-start",
        title="Healthy, but slow for its first 30 s",
        expected="promoted",
        treatment={"slow_start_s": 30.0, "slow_start_factor": 40.0},
        twist=Twist.COLD_START,
        warm_up_s=35.0,
    ),
    Scenario(
        name="errors",
        title="Errors rise from 1 % to 4 %",
        expected="rolled back",
        treatment={"error_rate": 0.04},
    ),
    Scenario(
        name="tail",
        title="Slower in the tail only",
        expected="rolled back",
        treatment={"tail_share": 0.06, "tail_ms": 800.0},
    ),
    Scenario(name="flag", title="Its flag is closed half-way", expected="stopped", twist=Twist.FLAG_CLOSED),
    Scenario(
        name="killed",
        title="The engine is killed half-way",
        expected="resumed, promoted",
        twist=Twist.ENGINE_KILLED,
    ),
    Scenario(
        name="outage",
        title="Prometheus is gone for a while",
        expected="held, promoted",
        twist=Twist.SOURCE_STOPPED,
    ),
    Scenario(
        name="observe",
        title="Observe mode, somebody else moves traffic",
        expected="would roll back, nothing moved",
        treatment={"error_rate": 0.10},
        twist=Twist.NOT_OURS,
    ),
)


def document(scenario: Scenario, platform: str) -> dict[str, Any]:
    """The experiment document of a scenario on the platform in this directory."""
    target = {"service": scenario.name, "control": "v1", "treatment": "v2", "platform": platform}
    steps = {"steps": list(STEPS_PCT), "hold": f"{HOLD_S:g}s", "floor": 100}
    return {
        "apiVersion": "rampwise.dev/v1alpha1",
        "kind": "ReleaseExperiment",
        "metadata": {"name": scenario.name},
        "spec": {
            "description": scenario.title,
            "target": {"local": target},
            "strategy": {"canary": steps},
            "mode": "observe" if scenario.twist is Twist.NOT_OURS else "act",
            "interval": f"{INTERVAL_S:g}s",
            "warm_up": f"{scenario.warm_up_s:g}s",
            "horizon": f"{HORIZON_S:g}s",
            "patience": "2min",
            "alpha_rollback": ALPHA,
            "alpha_promote": ALPHA,
            "metrics": [
                {"preset": "http_errors", "margin": {"absolute": f"{ERROR_MARGIN * 100:g}pp"}},
                {
                    "preset": "http_latency",
                    "slo": f"{SLO_S * 1000:g}ms",
                    "margin": {"absolute": f"{LATENCY_MARGIN * 100:g}pp"},
                },
            ],
        },
    }
