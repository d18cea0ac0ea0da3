"""What the demonstration shows: thirteen releases, each with the outcome it must have. Values only.

Effects are so large that the expected outcome has at least 99.7 % at alpha 0.001; a test computes that.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from engine.core.target import Weights

ALPHA = 0.001
INTERVAL_S = 1.0
REQUESTS_PER_S = 75.0
"""On each service; a session has about ten of them."""
STEPS_PCT = (10, 30, 50)
HOLD_S = 8.0
BASE_ERROR_RATE = 0.01
ERROR_MARGIN = 0.02
SLO_S = 0.5
LATENCY_MARGIN = 0.02
HORIZON_S = 200.0
SOMEBODY_ELSES_SPLIT = Weights.of(30)
LEFTOVER_SPLIT = {"v1": 0, "v2": 100}
"""Where the route that an earlier release left behind takes the visitors it catches, three in ten."""
VISITORS_PER_S = 30.0
"""Of the shop that asks for its flag; each comes once."""
CANARY_PCT, TEST_PCT = 10, 50
"""Of its new checkout, first and then."""
CLASSIC, SHORT = "classic", "short"
"""Its checkouts, as its flag names them."""
SECRET_VARIABLE = "RAMPWISE_DEMO_WEBHOOK_SECRET"  # noqa: S105 (a name, not a secret)

_Plain = Mapping[str, Any]

_KNOWN: _Plain = {"dispersion": 1}
"""The sample service answers every request on its own; of a real one, `rampwise calibrate` finds out."""
_ERRORS: _Plain = {"preset": "http_errors", "margin": {"absolute": f"{ERROR_MARGIN * 100:g}pp"}, **_KNOWN}
_LATENCY: _Plain = {
    "preset": "http_latency",
    "slo": f"{SLO_S * 1000:g}ms",
    "margin": {"absolute": f"{LATENCY_MARGIN * 100:g}pp"},
    **_KNOWN,
}
_CONVERSIONS: _Plain = {"preset": "conversions", **_KNOWN}
_HOLD = {"hold": f"{HOLD_S:g}s", "floor": 60}
_CANARY: _Plain = {"canary": {"steps": list(STEPS_PCT), **_HOLD}}
_BLUE_GREEN: _Plain = {
    "blue_green": {
        "preview": {"rate": 30, "count": 900, "time_limit": "90s", "errors": "10%"},
        "bridge": {"weight": 50, **_HOLD},
        "settle": _HOLD,
    }
}
_DECLINED: _Plain = {
    "kind": "proportion",
    "name": "declined_payments",
    "bad": 'payments_total{outcome="declined"}',
    "total": "payments_total",
    "margin": {"absolute": "10pp"},
    **_KNOWN,
}
"""Its margin is wide, because a demonstration has a few hundred payments to show it with."""
_CANARY_THEN_TEST: _Plain = {
    "ab": {
        "weights": [TEST_PCT],
        "hold": "10s",
        "floor": 50,
        "canary": {"steps": [CANARY_PCT], "hold": "5s", "floor": 5},
    }
}
_PRODUCT: _Plain = {
    "question": "Do more visitors buy with the short checkout?",
    "unit": "visitor",
    "variants": {CLASSIC: 50, SHORT: 50},
    "control": CLASSIC,
    "data": "recorded",
    "metrics": [
        {"conversion": "purchase", "name": "bought", "role": "objective"},
        {
            "sum": {"event": "purchase", "value": "value"},
            "name": "revenue",
            "role": "guardrail",
            "margin": {"relative": "10%"},
            "value_unit": "EUR",
            "winsorize": "99%",
        },
        {"conversion": "declined", "name": "declined", "direction": "lower"},
    ],
    "dimensions": ["device"],
    "mde": "20%",
}
"""Of those who see the classic checkout 40 % buy, of the others 62 %: every fifth visitor gives up at each
form, and the short one has two forms fewer."""


class Twist(StrEnum):
    """What happens to a release besides the release itself."""

    NONE = "none"
    COLD_START = "cold start"
    FLAG_CLOSED = "flag closed"
    ENGINE_KILLED = "engine killed"
    SOURCE_STOPPED = "source stopped"
    NOT_OURS = "not ours"
    ROUTE_LEFT_BEHIND = "route left behind"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One release.

    Attributes:
        name: also the service's and the experiment's name. treatment: how v2 differs from v1.
        strategy, metrics, product: as the experiment document has them. sticky: visitors stay by cookie.
            With `product` a flag decides who gets what, and users decide which variant stays.
        warm_up_s, horizon_s, patience_s: the experiment's.
    """

    name: str
    title: str
    expected: str
    treatment: Mapping[str, float] = field(default_factory=dict)
    twist: Twist = Twist.NONE
    strategy: _Plain = field(default_factory=lambda: _CANARY)
    metrics: tuple[_Plain, ...] = (_ERRORS, _LATENCY)
    sticky: bool = False
    warm_up_s: float = 2.0
    horizon_s: float = HORIZON_S
    patience_s: float = 120.0
    product: _Plain | None = None


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
    Scenario(
        name="switch",
        title="Blue/green, a healthy release",
        expected="promoted (settled)",
        strategy=_BLUE_GREEN,
        horizon_s=230.0,
    ),
    Scenario(
        name="preview",
        title="Blue/green, errors that probes find",
        expected="rolled back, no user served",
        strategy=_BLUE_GREEN,
        treatment={"error_rate": 0.30},
    ),
    Scenario(
        name="better",
        title="A/B test, v2 sells four times as often",
        expected="promoted",
        strategy={"ab": {"weights": [50], "hold": "20s"}},
        metrics=(_CONVERSIONS, _ERRORS),
        sticky=True,
        treatment={"conversion_rate": 0.40},
    ),
    Scenario(
        name="split",
        title="The same, but visitors split by an old route",
        expected="untrustworthy, expired",
        strategy={"ab": {"weights": [20], "hold": "75s"}},
        metrics=(_CONVERSIONS, _ERRORS),
        sticky=True,
        treatment={"conversion_rate": 0.40},
        twist=Twist.ROUTE_LEFT_BEHIND,
        horizon_s=90.0,
    ),
    Scenario(
        name="checkout",
        title="A flag: a canary, then users decide",
        expected="canary, ship, promoted to everybody",
        strategy=_CANARY_THEN_TEST,
        metrics=(_DECLINED,),
        horizon_s=240.0,
        product=_PRODUCT,
    ),
)


def users_report(scenario: Scenario) -> str:
    """The file with the report of what a scenario's users did."""
    return f"{scenario.name}-users.html"


def local_target(scenario: Scenario, platform: str) -> dict[str, Any]:
    """A service of the platform in this directory."""
    sticky = {"sticky": "cookie"} if scenario.sticky else {}
    target = {"service": scenario.name, "control": "v1", "treatment": "v2", "platform": platform}
    return {"target": {"local": target | sticky}}


def flag_target(scenario: Scenario, flags: str, prometheus: str) -> dict[str, Any]:
    """The flags of the experiment in this file, with their kill switch as the gate."""
    target = {
        "experiment": scenario.name,
        "file": flags,
        "control": CLASSIC,
        "treatments": [SHORT],
        "split_pct": [50, 50],
        "dimensions": ["device"],
        "prometheus": prometheus,
    }
    gate = {"provider": "flag", "flag": f"exp.{scenario.name}.enabled", "options": {"file": flags}}
    return {"target": {"flag": target}, "gate": gate}


def document(scenario: Scenario, target: Mapping[str, Any], webhook_url: str) -> dict[str, Any]:
    """The experiment document of a scenario on this target, telling this webhook."""
    product = {} if scenario.product is None else {"product": dict(scenario.product)}
    return {
        "apiVersion": "rampwise.dev/v1alpha1",
        "kind": "ReleaseExperiment",
        "metadata": {"name": scenario.name},
        "spec": {
            "description": scenario.title,
            **target,
            "strategy": dict(scenario.strategy),
            "mode": "observe" if scenario.twist is Twist.NOT_OURS else "act",
            "interval": f"{INTERVAL_S:g}s",
            "warm_up": f"{scenario.warm_up_s:g}s",
            "horizon": f"{scenario.horizon_s:g}s",
            "patience": f"{scenario.patience_s:g}s",
            "alpha_rollback": ALPHA,
            "alpha_promote": ALPHA,
            "metrics": [dict(metric) for metric in scenario.metrics],
            "notify": [{"webhook": {"url": webhook_url, "secret": {"env": SECRET_VARIABLE}}}],
            **product,
        },
    }
