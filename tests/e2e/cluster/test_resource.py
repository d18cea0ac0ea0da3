"""What the API server itself refuses of a `ReleaseExperiment`, before any controller sees it."""

from typing import Any

import pytest

from tests.e2e.cluster.bed.client import Object
from tests.e2e.cluster.bed.namespace import Namespace
from tests.e2e.cluster.controllers import API, KIND, METRIC, experiment, grant, on_knative

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

MEAN = {"kind": "mean", "name": "basket", "count": "basket_count", "sum": "basket_sum"}
POINTS = "in percentage points, such as 0.1pp"
OWN_UNIT = "in the metric's own unit, such as 20, '0.5' or 20ms"


def canary(*weights: int) -> Object:
    return {"strategy": {"canary": {"steps": [{"weight": weight} for weight in weights]}}}


def errors(**more: Any) -> Object:
    return {"metrics": [{"preset": "http_errors", **more}]}


def product(**more: Any) -> Object:
    """A product experiment of which everything stands in a field of another type, short and whole."""
    section: Object = {
        "question": "Do more visitors buy?",
        "variants": {"short": 50, "control": 50},
        "data": {"warehouse": "duckdb://shop", "columns": {"unit": "user_id"}},
        "metrics": [
            {"conversion": "purchase", "within": "7d", "before": "14d"},
            {"sum": {"event": "purchase", "value": "amount"}, "winsorize": "99.9%"},
            {"count": "visit", "cap": 17.5, "role": "guardrail", "margin": {"absolute": 1}, "within": "7d"},
            {"ratio": {"of": {"event": "purchase", "value": "amount"}, "per": "purchase"}},
            {"retention": {"event": "visit", "from": "7d", "within": "14d"}},
            {"quantile": {"event": "load", "value": "seconds", "q": "90%"}},
        ],
        "dimensions": ["country", {"column": "browser", "exploratory": True}],
        "exclude": {"is_bot": ["true"]},
        "method": "group_sequential",
        "looks": 4,
        "alpha": 0.01,
        "starts": "2026-11-02T00:00:00Z",
        "ends": "2026-11-30T00:00:00Z",
    }
    return {"product": section | more}


def a_mean(**more: Any) -> Object:
    return {"metrics": [METRIC, {**MEAN, **more}]}


@pytest.fixture(scope="class")
def place(standing: Namespace) -> Namespace:
    grant(standing, [])
    return standing


class TestTheApiServer:
    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (canary(50, 20), "weights of steps go up"),
            (canary(20, 20), "weights of steps go up"),
            ({"strategy": {"canary": {}, "ab": {}}}, "at most 1"),
            (errors(margin="5%"), "expected map"),
            (errors(tolerance="5%"), "expected map"),
            (errors(margin={}), "at least 1 properties"),
            (errors(margin={"relative": "5"}), "should match"),
            (errors(margin={"absolute": "5%"}), f"margin.absolute of a share is {POINTS}"),
            (errors(margin={"absolute": "0.1"}), POINTS),
            (errors(margin={"absolute": 5}), POINTS),
            (errors(margin={"relative": "50%", "absolute": "20ms"}), POINTS),
            (errors(tolerance={"absolute": "5%"}), f"tolerance.absolute of a share is {POINTS}"),
            (a_mean(margin={"absolute": "0.1pp"}), f"margin.absolute of a count, .* is {OWN_UNIT}"),
            (a_mean(margin={"absolute": "5%"}), OWN_UNIT),
            (a_mean(margin={"absolute": -1}), OWN_UNIT),
            (a_mean(tolerance={"absolute": "0.1pp"}), f"tolerance.absolute of a count, .* is {OWN_UNIT}"),
            (a_mean(margin={"absolute": 0.5}), "integer,string"),
            (errors(margn={}), "not declared"),
            (product(mde=2), "expected string"),
            (product(mde="2"), "should match"),
            (product(variants={"control": "50%", "short": "50%"}), "expected numeric"),
            (product(metrics=[{"conversion": "purchase", "within": "7"}]), "should match"),
            (product(ends="2026-11-30"), "should match"),
            (product(dimension=["country"]), "not declared"),
            ({"interval": "fast"}, "should match"),
            ({"split_tolerance": {"absolute": "5%"}}, "should match"),
        ],
    )
    def test_what_is_wrong_is_refused(self, place: Namespace, change: Object, message: str) -> None:
        with pytest.raises(Exception, match=message):
            place.apply(experiment("wrong", on_knative(), **change))
        assert place.get(API, KIND, "wrong") is None

    @pytest.mark.parametrize(
        "change",
        [
            canary(1, 5, 20, 50),
            errors(margin={"relative": "50%", "absolute": "0.1pp"}, tolerance={"absolute": "1 pp"}),
            a_mean(margin={"absolute": 20}),
            a_mean(margin={"absolute": "0.5"}, tolerance={"relative": "5%"}),
            a_mean(margin={"absolute": "20ms"}, value_unit="s"),
            product(),
            product(data="data/"),
        ],
    )
    def test_what_is_right_is_taken(self, place: Namespace, change: Object) -> None:
        place.apply(experiment("right", on_knative(), **change))
        place.cluster.delete(API, KIND, "right", place.name)

    def test_a_spec_can_be_mended_until_its_run_has_started(self, place: Namespace) -> None:
        place.apply(experiment("mended", on_knative()))
        place.apply(experiment("mended", on_knative(), interval="2s"))
        status = {"status": {"phase": "running", "run": "mended-0001"}}
        place.cluster.patch(API, KIND, "mended", status, namespace=place.name, subresource="status")
        for change in ({"interval": "3s"}, {"interval": None}, canary(1, 5), errors(role="quality")):
            with pytest.raises(Exception, match="has started, and its spec cannot change any more"):
                place.cluster.patch(API, KIND, "mended", {"spec": change}, namespace=place.name)
        notes = {"metadata": {"annotations": {"rampwise.dev/command": "pause"}}}
        place.cluster.patch(API, KIND, "mended", notes, namespace=place.name)
