"""Questions as an AnalysisTemplate sends them, on a desk that has what they need."""

from typing import Any

from engine.adapters.observed import ObservedTarget
from engine.plugins import STRATEGIES, TARGETS
from strategies.blue_green import BlueGreen
from tests.cli.desk import Desk, Entry

KEY = {"namespace": "shop", "rollout": "checkout", "control": "aaa", "treatment": "bbb"}
ERRORS = {
    "name": "errors",
    "kind": "proportion",
    "bad": "errors_total",
    "total": "requests_total",
    "margin": {"absolute": "5pp"},
    "dispersion": 1,
}
QUICK = {"canary": {"hold": "10s", "floor": 2500}}
COLOURS = {"blue_green": {"preview": {"count": 120, "rate": 100}, "settle": {"hold": "20s", "floor": 50}}}


def spec(**changes: Any) -> dict[str, Any]:
    """What the engine is to measure."""
    observed = {"control": {"hash": "aaa"}, "treatment": {"hash": "bbb"}}
    base = {
        "target": {"observed": observed},
        "source": {"desk": {}},
        "interval": "10s",
        "strategy": QUICK,
        "metrics": [ERRORS],
    }
    return {**base, **changes}


def colours(**changes: Any) -> dict[str, Any]:
    """The same for two colours, of which the new one is probed."""
    observed = {"control": {"hash": "aaa"}, "treatment": {"hash": "bbb"}, "preview_url": "http://127.0.0.1:9"}
    return spec(target={"observed": observed}, strategy=COLOURS, **changes)


def body(analysis: str = "step", spec_: dict[str, Any] | None = None, **key: str) -> dict[str, Any]:
    """The JSON of a request."""
    return {"key": {**KEY, **key}, "analysis": analysis, "spec": spec() if spec_ is None else spec_}


def equip(desk: Desk) -> None:
    """The plugins that questions name."""
    desk.more_entries[TARGETS] = [Entry("observed", ObservedTarget)]
    desk.more_entries[STRATEGIES] = [Entry("blue_green", BlueGreen)]
