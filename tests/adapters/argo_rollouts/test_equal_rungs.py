"""The target on a Rollout whose steps start a baseline of the treatment's size."""

import copy
from typing import Any

import pytest

from engine.adapters.argo_rollouts import RolloutTarget, rungs
from engine.adapters.argo_rollouts.equal_arms import ARM_LABEL
from engine.adapters.argo_rollouts.kinds import CANARY_PAUSE
from engine.adapters.argo_rollouts.ladder import fit_equal_arms
from engine.adapters.kubernetes.cluster import PODS, Manifest
from engine.adapters.kubernetes.fake import FakeCluster
from engine.core.model import Arm
from engine.core.target import ALL_TO_CONTROL, ALL_TO_TREATMENT, Weights
from engine.errors import UsageError
from engine.testing.targets import TargetContract, state
from tests.adapters.argo_rollouts.asking import launched, sent, target_on
from tests.adapters.argo_rollouts.equal_shop import PODS_EACH, STEPS, shop, strategy
from tests.adapters.argo_rollouts.shop import COLOURS, NAMESPACE, order, read, rollout, write
from tests.adapters.clusters import FakeApiCanVanish, gone

FIRST, GUARD, SECOND = 4, 6, 8


class TestEqualArmsKeepTheContract(FakeApiCanVanish, TargetContract):
    @pytest.fixture
    def cluster(self) -> FakeCluster:
        return shop()

    @pytest.fixture
    def target(self, cluster: FakeCluster) -> RolloutTarget:
        return launched(cluster)

    @pytest.fixture
    def possible_pct(self) -> tuple[int, ...]:
        return (5, 20, 50)


def test_arms_are_told_apart_by_their_own_label() -> None:
    facts = target_on(shop(), router="traefik").facts()
    assert facts.arm_labels == {
        Arm.CONTROL: {"namespace": NAMESPACE, "rampwise_dev_arm": "shop-baseline"},
        Arm.TREATMENT: {"namespace": NAMESPACE, "rampwise_dev_arm": "shop-treatment"},
    }
    assert (facts.rungs_pct, facts.router) == ((0, 5, 20, 50), None)
    renamed = target_on(shop(), arm_label="arm").facts()
    assert renamed.arm_labels[Arm.CONTROL] == {"namespace": NAMESPACE, "arm": "shop-baseline"}


def test_at_a_baseline_two_equal_arms_are_compared_and_control_has_the_rest_too() -> None:
    cluster = shop()
    target = launched(cluster)
    before = state(target.observe())
    assert (before.weights, before.compared, before.exact) == (ALL_TO_CONTROL, None, True)
    assert not before.counts_control
    seen = state(target.apply(Weights.of(20)))
    assert (seen.weights, seen.compared, seen.exact) == (Weights.of(20), Weights.of(50), True)
    assert seen.counts_control
    assert read(cluster)["status"]["canary"]["weights"]["stable"]["weight"] == 60


def test_baselines_stay_from_rung_to_rung_and_start_behind_the_treatments_pods() -> None:
    cluster = shop()
    target = launched(cluster)
    for share_pct in (5, 20, 5, 0, 20):
        state(target.apply(Weights.of(share_pct), state(target.observe()).version))
    orders = [each.get("currentStepIndex") for each in sent(cluster) if each]
    assert orders == [None, SECOND, FIRST, 1, SECOND - 1]


def test_a_baseline_that_is_not_there_yet_is_waited_for() -> None:
    cluster = shop()
    target = launched(cluster)
    cluster.after_write = lambda _: None
    write(cluster, currentStepIndex=FIRST, controllerPause=False, pauseConditions=[])
    assert "on its way" in gone(target.apply(Weights.of(5)))
    assert not any(sent(cluster))
    seen = state(target.observe())
    assert (seen.compared, seen.exact) == (None, False)
    assert (seen.control.ready, seen.control.detail) == (False, f"its baseline: 0 of {PODS_EACH} pods ready")


def test_an_experiment_that_somebody_ended_is_begun_again_by_the_next_act() -> None:
    cluster = shop()
    target = launched(cluster)
    found = state(target.apply(Weights.of(5)))
    pause: dict[str, Any] = {"pauseConditions": [{"reason": CANARY_PAUSE}], "controllerPause": True}
    write(cluster, currentStepIndex=GUARD, **pause, canary={"weights": _all_to_stable()})
    seen = state(target.observe())
    assert seen.version != found.version
    assert (seen.weights, seen.compared) == (ALL_TO_CONTROL, None)
    assert "changed meanwhile" in gone(target.apply(Weights.of(20), found.version))
    assert state(target.apply(Weights.of(5))).compared == Weights.of(50)
    assert sent(cluster)[-1]["currentStepIndex"] == FIRST - 1


def _all_to_stable() -> Manifest:
    return {"canary": {"weight": 0}, "stable": {"weight": 100, "podTemplateHash": "hash-v1"}}


def test_a_pod_of_the_baseline_that_is_gone_is_missed() -> None:
    cluster = shop()
    target = launched(cluster)
    state(target.apply(Weights.of(5)))
    cluster.after_write = lambda _: None
    cluster.delete(PODS, NAMESPACE, "shop-x-2-baseline-0")
    assert state(target.observe()).control.detail.startswith("its baseline: 2 of 3 pods ready")


def test_an_unknown_destination_counts_as_the_treatments() -> None:
    cluster = shop()
    target = launched(cluster)
    found = state(target.apply(Weights.of(5))).version
    weights = copy.deepcopy(read(cluster)["status"]["canary"]["weights"])
    weights["additional"].append({"serviceName": "stranger", "weight": 7})
    weights["stable"]["weight"] -= 7
    write(cluster, canary={"weights": weights, "currentExperiment": "shop-x-2"})
    seen = state(target.observe())
    assert (seen.weights, seen.version != found) == (Weights.of(12), True)


def test_a_promotion_and_an_abort_leave_the_baseline() -> None:
    for weights in (ALL_TO_TREATMENT, ALL_TO_CONTROL):
        target = launched(shop())
        state(target.apply(Weights.of(50)))
        seen = state(target.apply(weights))
        assert (seen.weights, seen.compared, seen.exact) == (weights, None, True)


def test_a_promotion_has_not_ended_before_the_weights_have_moved() -> None:
    cluster = shop()
    target = launched(cluster)
    state(target.apply(Weights.of(50)))
    write(cluster, stableRS="hash-v2", currentStepIndex=99)
    between = state(target.observe())
    assert (between.weights, between.ended) == (Weights.of(50), "")
    weights = {"stable": {"weight": 100, "podTemplateHash": "hash-v2"}}
    write(cluster, canary={"weights": weights})
    after = state(target.observe())
    assert (after.weights, "was promoted" in after.ended) == (ALL_TO_TREATMENT, True)


def test_a_pause_that_was_left_behind_is_no_rest_at_a_baseline() -> None:
    cluster = shop()
    write(cluster, currentStepIndex=FIRST, pauseConditions=[{"reason": CANARY_PAUSE}])
    seen = read(cluster)
    assert rungs.resting_on(seen, rungs.ladder(seen)) is None


def test_a_ladder_that_compares_unequal_arms_says_how_to_write_one() -> None:
    steps = copy.deepcopy(STEPS)
    steps[FIRST]["experiment"]["duration"] = "1h"
    with pytest.raises(UsageError, match=r"ends by itself .*prepare rollout/shop -n store --equal-arms`"):
        target_on(shop(strategy(steps))).facts()


def test_steps_that_go_on_behind_the_last_baseline_promote_by_themselves() -> None:
    steps = [*STEPS, {"setWeight": 60}]
    with pytest.raises(UsageError, match="promotes by itself"):
        target_on(shop(strategy(steps))).facts()


def test_header_routes_are_not_for_equal_arms() -> None:
    steps = [*STEPS, {"setHeaderRoute": {"name": "x"}}, {"pause": {}}]
    with pytest.raises(UsageError, match="header routes and start experiments"):
        target_on(shop(strategy(steps))).facts()


def test_a_prepared_rollout_has_the_pods_that_its_largest_share_needs() -> None:
    before = rollout(strategy([]), replicas=11)
    del before["spec"]["strategy"]["canary"]["canaryMetadata"]
    fit = fit_equal_arms(before, [5, 30])
    made = fit.manifest["spec"]["strategy"]["canary"]
    assert made["canaryMetadata"] == {"labels": {ARM_LABEL: "shop-treatment"}}
    assert made["steps"][2] == {"setCanaryScale": {"replicas": 4}}
    assert [rung.treatment_pct for rung in rungs.ladder(fit.manifest)] == [0, 5, 30]
    assert "both arms have 4 pods" in fit.changes[1]
    assert fit_equal_arms(fit.manifest, [5, 30]).changes == ()
    assert fit_equal_arms(fit.manifest, [5, 40]).changes


def test_of_few_pods_a_bad_one_could_not_be_told_from_a_bad_release() -> None:
    fit = fit_equal_arms(rollout(strategy([]), replicas=2), [5])
    assert fit.manifest["spec"]["strategy"]["canary"]["steps"][2] == {"setCanaryScale": {"replicas": 3}}


@pytest.mark.parametrize("rules", [COLOURS, {"canary": {}}, {"canary": {"trafficRouting": {"nginx": {}}}}])
def test_equal_arms_need_a_router_that_weighs_experiments(rules: Manifest) -> None:
    with pytest.raises(UsageError, match="one of alb, istio, plugins, smi"):
        fit_equal_arms(rollout(rules), [5])


def test_an_order_of_somebody_moves_the_version() -> None:
    cluster = shop()
    target = launched(cluster)
    before = state(target.apply(Weights.of(5))).version
    order(cluster, currentStepIndex=SECOND)
    after = state(target.observe())
    assert (after.weights, after.version != before) == (Weights.of(20), True)
