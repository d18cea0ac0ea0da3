"""The traps of the Rollouts API, on manifests as controllers leave them."""

import pytest

from engine.adapters.argo_rollouts import reading, rungs, series, templates
from engine.adapters.argo_rollouts.kinds import CANARY_PAUSE
from engine.adapters.argo_rollouts.reading import Instances, Pair
from engine.adapters.argo_rollouts.rungs import Rung
from engine.adapters.kubernetes.cluster import Manifest
from engine.core.target import Weights
from engine.errors import UsageError
from tests.adapters.argo_rollouts.shop import LADDER, V1, V2, V3, canary, rollout

PAIR = Pair(control=V1, treatment=V2)
NOBODY = Instances(replica_set=None, pods=())


def seen(strategy: Manifest | None = None, **status: object) -> Manifest:
    return {**rollout(strategy or canary(), "v2"), "status": {"stableRS": V1, "currentPodHash": V2, **status}}


def routed(canary_weight: int, stable_weight: int, canary_hash: str = V2, stable_hash: str = V1) -> Manifest:
    return {
        "weights": {
            "canary": {"weight": canary_weight, "podTemplateHash": canary_hash},
            "stable": {"weight": stable_weight, "podTemplateHash": stable_hash},
        }
    }


def split(manifest: Manifest) -> Weights:
    return reading.weights(manifest, PAIR, NOBODY, NOBODY)


def test_the_ladder_is_the_indefinite_pauses() -> None:
    assert rungs.ladder(seen()) == tuple(
        Rung(index=index, treatment_pct=share, enter=index)
        for index, share in ((2, 0), (5, 5), (7, 20), (9, 50))
    )


def test_weights_may_be_parts_of_more_than_a_hundred() -> None:
    steps = [{"pause": {}}, {"setWeight": 50}, {"pause": {}}]
    fine = canary(steps, trafficRouting={"maxTrafficWeight": 1000, "nginx": {}})
    assert [rung.treatment_pct for rung in rungs.ladder(seen(fine))] == [0, 5]
    assert split(seen(fine, canary=routed(50, 950))) == Weights.of(5)
    assert split(seen(fine, canary=routed(1, 999))) == Weights.of(1)


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([], "gets traffic at once"),
        ([{"setWeight": 5}, {"pause": {}}], "gets traffic at once"),
        ([{"pause": {}}, {"setWeight": 5}, {"pause": {"duration": "5m"}}], "step 3 ends by itself"),
        ([{"pause": {}}, {"setWeight": 5}], "promotes by itself"),
        ([{"pause": {}}, {"analysis": {}}, {"pause": {}}], "step 2 is analysis"),
        ([{"pause": {}}, {"pause": {}}], "do not rise"),
        ([{"pause": {}}, {"setWeight": 20}, {"pause": {}}, {"setWeight": 5}, {"pause": {}}], "0, 20, 5"),
        ([{}], "an empty step"),
    ],
)
def test_steps_that_are_no_ladder_say_why(steps: list[Manifest], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        rungs.ladder(seen(canary(steps)))


def test_a_part_of_a_percent_is_no_rung() -> None:
    steps = [{"pause": {}}, {"setWeight": 15}, {"pause": {}}]
    with pytest.raises(UsageError, match="15 of 1000"):
        rungs.ladder(seen(canary(steps, trafficRouting={"maxTrafficWeight": 1000})))


def test_a_pause_that_somebody_has_ended_is_not_rested_at() -> None:
    ladder = rungs.ladder(seen())
    left = seen(currentStepIndex=5, controllerPause=True, phase="Paused")
    assert rungs.resting_on(left, ladder) is None
    assert rungs.heading_for(left, ladder) == ladder[2]
    waiting = seen(currentStepIndex=5, controllerPause=True, pauseConditions=[{"reason": CANARY_PAUSE}])
    assert rungs.resting_on(waiting, ladder) == rungs.heading_for(waiting, ladder) == ladder[1]
    assert rungs.resting_on(seen(currentStepIndex=0), ladder) is None
    assert rungs.heading_for(seen(currentStepIndex=10), ladder) is None


def test_an_aborted_or_promoted_rollout_heads_for_no_rung() -> None:
    ladder = rungs.ladder(seen())
    reasons = [{"reason": CANARY_PAUSE}]
    assert rungs.resting_on(seen(currentStepIndex=2, abort=True, pauseConditions=reasons), ladder) is None
    assert rungs.heading_for(seen(currentStepIndex=2, abort=True), ladder) is None
    assert rungs.heading_for(seen(currentStepIndex=2, promoteFull=True), ladder) is None


def test_the_split_is_by_hash_whatever_role_it_has() -> None:
    assert split(seen(canary=routed(20, 80))) == Weights.of(20)
    assert split(seen(canary=routed(0, 100, V2, V2), stableRS=V2)) == Weights.of(100)
    assert split(seen(canary=routed(30, 70, V1, V2), stableRS=V2)) == Weights.of(70)


def test_what_a_third_version_has_is_not_controls() -> None:
    assert split(seen(canary=routed(20, 80, V3), currentPodHash=V3)) == Weights.of(20)
    extra = routed(20, 70)
    extra["weights"]["additional"] = [{"weight": 10, "podTemplateHash": V3}]
    assert split(seen(canary=extra)) == Weights.of(30)


def test_a_router_that_was_never_told_sends_everybody_to_the_stable_version() -> None:
    assert split(seen()) == Weights.of(0)
    assert split(seen(stableRS=V2)) == Weights.of(100)


def test_a_third_active_colour_counts_as_traffic_that_control_lacks() -> None:
    strategy = {"blueGreen": {"activeService": "a"}}
    for active, share in ((V1, 0), (V2, 100), (V3, 100)):
        assert split(seen(strategy, blueGreen={"activeSelector": active})) == Weights.of(share)


def test_replicas_and_annotations_are_no_change_of_version() -> None:
    before = reading.version(seen(canary=routed(20, 80), replicas=3))
    after = seen(canary=routed(20, 80), replicas=5)
    after["metadata"] |= {"generation": 9, "annotations": {"weather": "fine"}}
    assert reading.version(after) == before
    assert reading.version(seen(canary=routed(20, 80), currentStepIndex=3)) != before
    assert reading.version(seen(canary=routed(20, 80), abort=True)) != before


def test_a_service_without_a_port_is_said_to_have_none() -> None:
    with pytest.raises(UsageError, match="shop-preview has no port"):
        series.first_port({"metadata": {"name": "shop-preview"}, "spec": {}})


def test_only_a_true_condition_makes_a_rollout_invalid() -> None:
    mended = {"type": "InvalidSpec", "status": "False", "message": "was odd"}
    assert reading.invalid(seen(conditions=[{"type": "Progressing", "status": "True"}, mended])) == ""


def test_versions_are_named_by_the_tag_that_differs() -> None:
    def version(*images: str) -> Manifest:
        return {"spec": {"template": {"spec": {"containers": [{"image": image} for image in images]}}}}

    hashes = (V1, V2)
    one = version("proxy:1", "registry:5000/shop:v1@sha256:aa")
    assert templates.names(one, version("proxy:1", "registry:5000/shop:v2@sha256:bb"), hashes) == ("v1", "v2")
    assert templates.names(version("shop:v1"), version("shop:v1"), hashes) == hashes
    assert templates.names(version("shop@sha256:aa"), version("shop@sha256:bb"), hashes) == hashes
    assert templates.names(version("shop:v1"), version("store:v1"), hashes) == hashes


def test_the_ladder_of_the_tests_is_as_prepare_writes_it() -> None:
    assert rungs.ladder(seen(canary(LADDER)))[-1] == Rung(index=9, treatment_pct=50, enter=9)
