"""When the target gives traffic, and when it must not."""

from typing import Any

import pytest

from engine.adapters.argo_rollouts.kinds import ROLLOUTS, WORKLOAD_GENERATION
from engine.adapters.kubernetes.cluster import Manifest
from engine.core.target import ALL_TO_CONTROL, ALL_TO_TREATMENT, Weights
from engine.testing.targets import state
from tests.adapters.argo_rollouts.asking import BY_PODS, launched, sent
from tests.adapters.argo_rollouts.shop import (
    COLOURS,
    NAMESPACE,
    V1,
    V2,
    V3,
    canary,
    deploy,
    order,
    read,
    shop,
    write,
)
from tests.adapters.clusters import gone


def test_the_next_rung_ends_a_pause_and_others_are_jumped_to() -> None:
    cluster = shop()
    target = launched(cluster)
    cluster.patches.clear()
    for share_pct in (5, 50, 20):
        state(target.apply(Weights.of(share_pct)))
    assert sent(cluster) == [
        {"pauseConditions": None},
        {"pauseConditions": None, "controllerPause": False, "currentStepIndex": 9},
        {"pauseConditions": None, "controllerPause": False, "currentStepIndex": 7},
    ]


def test_what_is_under_way_is_not_sent_again() -> None:
    cluster = shop()
    target = launched(cluster)
    cluster.after_write = lambda _: None
    cluster.patches.clear()
    detail = gone(target.apply(Weights.of(5)))
    assert "on its way to 95/5" in detail
    gone(target.apply(Weights.of(5)))
    assert sent(cluster) == [{"pauseConditions": None}]
    gone(target.apply(ALL_TO_TREATMENT))
    gone(target.apply(ALL_TO_TREATMENT))
    assert sent(cluster)[1:] == [{"promoteFull": True}]


def test_an_abort_takes_a_promotion_back_that_is_under_way_and_rests_on_nothing() -> None:
    cluster = shop()
    target = launched(cluster)
    write(cluster, promoteFull=True)
    cluster.patches.clear()
    assert state(target.apply(ALL_TO_CONTROL)).weights == ALL_TO_CONTROL
    assert cluster.patches == [
        ("rollouts.argoproj.io/status", "shop", {"status": {"abort": True, "promoteFull": False}})
    ]
    assert read(cluster)["status"]["stableRS"] == V1


@pytest.mark.parametrize("strategy", [canary(), BY_PODS, COLOURS], ids=["routed", "by pods", "two colours"])
@pytest.mark.parametrize("weights", [Weights.of(5), ALL_TO_TREATMENT], ids=str)
def test_what_was_aborted_gets_nothing_more(strategy: Manifest, weights: Weights) -> None:
    cluster = shop(strategy)
    target = launched(cluster)
    order(cluster, abort=True)
    cluster.patches.clear()
    assert "it was aborted" in gone(target.apply(weights))
    assert cluster.patches == []
    assert state(target.observe()).ended == "the Rollout shop was aborted"


def test_an_abort_that_comes_between_reading_and_writing_wins() -> None:
    cluster = shop()
    target = launched(cluster)
    patch = cluster.patch

    def late(*arguments: Any, **options: Any) -> Manifest:
        cluster.patch = patch  # type: ignore[method-assign]
        order(cluster, abort=True)
        return patch(*arguments, **options)

    cluster.patch = late  # type: ignore[method-assign]
    assert "it was aborted" in gone(target.apply(ALL_TO_TREATMENT))
    assert read(cluster)["status"]["stableRS"] == V1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"pauseConditions": [{"reason": "InconclusiveAnalysisRun"}]}, "InconclusiveAnalysisRun"),
        ({"observedGeneration": "0"}, "has not looked at the latest change"),
        ({"currentPodHash": V3}, f"was changed \\(now {V3}\\)"),
        ({"currentPodHash": V1}, "was reverted"),
        ({"stableRS": V3}, f"another version of the Rollout shop was promoted \\({V3}\\)"),
        ({"stableRS": V2, "currentPodHash": V3}, "was promoted"),
        ({"stableRS": ""}, "was made anew"),
        (
            {"conditions": [{"type": "InvalidSpec", "status": "True"}]},
            "takes it for invalid: its specification is invalid",
        ),
    ],
)
@pytest.mark.parametrize("weights", [Weights.of(5), ALL_TO_TREATMENT], ids=str)
def test_what_others_did_keeps_traffic_from_being_given(
    change: Manifest, said: str, weights: Weights
) -> None:
    cluster = shop()
    target = launched(cluster)
    write(cluster, **change)
    cluster.patches.clear()
    with pytest.raises(AssertionError, match=said):
        state(target.apply(weights))
    assert cluster.patches == []


def test_a_paused_rollout_is_left_to_whoever_paused_it() -> None:
    cluster = shop()
    target = launched(cluster)
    cluster.patch(ROLLOUTS, NAMESPACE, "shop", {"spec": {"paused": True}})
    assert "spec.paused" in gone(target.apply(Weights.of(5)))


def test_a_workload_that_changed_meanwhile_is_waited_for() -> None:
    cluster = shop()
    target = launched(cluster)
    cluster.patch(ROLLOUTS, NAMESPACE, "shop", {"metadata": {"annotations": {WORKLOAD_GENERATION: "2"}}})
    assert "has not looked" in gone(target.apply(ALL_TO_TREATMENT))
    write(cluster, workloadObservedGeneration="2")
    assert state(target.apply(ALL_TO_TREATMENT)).weights == ALL_TO_TREATMENT


@pytest.mark.parametrize("strategy", [canary(), BY_PODS, COLOURS], ids=["routed", "by pods", "two colours"])
def test_a_step_without_a_share_waits_and_ends_nothing(strategy: Manifest) -> None:
    cluster = shop(strategy)
    target = launched(cluster)
    found = state(target.observe())
    cluster.patches.clear()
    assert state(target.apply(ALL_TO_CONTROL, found.version)) == found
    assert cluster.patches == []


def test_a_canary_waits_at_its_first_rung_again() -> None:
    cluster = shop()
    target = launched(cluster)
    found = state(target.apply(Weights.of(5)))
    seen = state(target.apply(ALL_TO_CONTROL, found.version))
    assert (seen.weights, seen.ended, read(cluster)["status"]["currentStepIndex"]) == (ALL_TO_CONTROL, "", 2)


@pytest.mark.parametrize("weights", [Weights.of(5), ALL_TO_TREATMENT], ids=str)
def test_a_template_that_the_controller_has_seen_and_not_said_is_not_promoted(weights: Weights) -> None:
    cluster = shop()
    target = launched(cluster)
    cluster.after_write = lambda _: None
    deploy(cluster, "v3")
    write(cluster, observedGeneration=str(read(cluster)["metadata"]["generation"]))
    cluster.patches.clear()
    assert "its template is not the one launched" in gone(target.apply(weights))
    assert cluster.patches == []


def test_shares_that_are_no_rung_are_refused() -> None:
    assert "only at 0 %, 5 %, 20 %, 50 %" in gone(launched(shop()).apply(Weights.of(30)))
    assert "it cannot be at 95/5" in gone(launched(shop(COLOURS)).apply(Weights.of(5)))


def test_a_promoted_release_cannot_be_at_a_rung_any_more() -> None:
    target = launched(shop())
    state(target.apply(ALL_TO_TREATMENT))
    assert "cannot be at 5 %" in gone(target.apply(Weights.of(5)))
