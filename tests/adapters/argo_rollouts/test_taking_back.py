"""The ways back, and what is seen when things go wrong."""

import pytest
from pydantic import ValidationError

from engine.adapters.argo_rollouts import RolloutTarget
from engine.adapters.argo_rollouts.kinds import ROLLOUTS
from engine.adapters.kubernetes.cluster import DEPLOYMENTS, PODS, REPLICA_SETS, Manifest, NotThere
from engine.adapters.kubernetes.fake import FakeCluster
from engine.core.target import ALL_TO_CONTROL, ALL_TO_TREATMENT, Weights
from engine.testing.targets import state
from tests.adapters.argo_rollouts import shop as at
from tests.adapters.argo_rollouts.asking import BY_PODS, launched, sent, target_on
from tests.adapters.argo_rollouts.shop import (
    COLOURS,
    NAMESPACE,
    V1,
    V2,
    canary,
    deploy,
    put_version,
    read,
    shop,
    template,
    write,
)
from tests.adapters.clusters import gone


@pytest.mark.parametrize("strategy", [canary(), BY_PODS, COLOURS], ids=["routed", "by pods", "two colours"])
def test_what_was_promoted_goes_back_to_controls_template_and_does_not_stop_half_way(
    strategy: Manifest,
) -> None:
    cluster = shop(strategy)
    target = launched(cluster)
    seen = state(target.apply(ALL_TO_TREATMENT))
    assert seen.ended == "the Rollout shop was promoted"
    cluster.patches.clear()
    seen = state(target.apply(ALL_TO_CONTROL))
    assert (seen.weights, seen.ended) == (ALL_TO_CONTROL, "the template of the Rollout shop was reverted")
    assert read(cluster)["spec"]["template"] == template("v1")
    assert sent(cluster) == [None, {"promoteFull": True}]
    assert state(target.apply(ALL_TO_CONTROL)) == seen


def test_a_switch_under_analysis_can_be_aborted() -> None:
    watched = {"blueGreen": {**COLOURS["blueGreen"], "postPromotionAnalysis": {"templates": []}}}
    cluster = shop(watched)
    target = launched(cluster)
    cluster.after_write = lambda _: None
    write(
        cluster,
        pauseConditions=[],
        controllerPause=False,
        blueGreen={"activeSelector": V2, "previewSelector": V2},
    )
    seen = state(target.apply(ALL_TO_TREATMENT))
    assert (seen.weights, seen.ended) == (ALL_TO_TREATMENT, "")
    cluster.after_write = at.reconcile
    assert state(target.apply(ALL_TO_CONTROL)).weights == ALL_TO_CONTROL
    assert read(cluster)["status"]["abort"] is True


def with_workload(kind: str) -> tuple[FakeCluster, RolloutTarget]:
    """A promoted Rollout whose template is somebody else's."""
    cluster = shop(COLOURS)
    target = launched(cluster)
    state(target.apply(ALL_TO_TREATMENT))
    meta = {"name": "shop", "namespace": NAMESPACE, "generation": 2}
    cluster.put(DEPLOYMENTS, {"metadata": meta, "spec": {"template": template("v2")}})
    seen = read(cluster)
    seen["spec"]["workloadRef"] = {"apiVersion": "apps/v1", "kind": kind, "name": "shop"}
    cluster.put(ROLLOUTS, seen)
    return cluster, target


def test_a_deployments_template_is_reverted_there() -> None:
    cluster, target = with_workload("Deployment")

    def resolve(cluster: FakeCluster) -> None:
        seen = read(cluster)
        seen["spec"]["template"] = cluster.get(DEPLOYMENTS, NAMESPACE, "shop")["spec"]["template"]
        cluster.put(ROLLOUTS, seen)
        at.reconcile(cluster)

    cluster.after_write = resolve
    assert state(target.apply(ALL_TO_CONTROL)).weights == ALL_TO_CONTROL
    assert cluster.get(DEPLOYMENTS, NAMESPACE, "shop")["spec"]["template"] == template("v1")


def test_a_deployment_that_has_the_template_already_is_left_alone() -> None:
    cluster, target = with_workload("Deployment")
    cluster.after_write = lambda _: None
    gone(target.apply(ALL_TO_CONTROL))
    cluster.patches.clear()
    assert "on its way to 100/0" in gone(target.apply(ALL_TO_CONTROL))
    assert cluster.patches == []


def test_a_template_that_cannot_be_reverted_here_is_named() -> None:
    _, target = with_workload("PodTemplate")
    assert "a PodTemplate's; revert that" in gone(target.apply(ALL_TO_CONTROL))


def test_without_controls_replica_set_there_is_no_way_back() -> None:
    cluster = shop()
    target = launched(cluster)
    state(target.apply(ALL_TO_TREATMENT))
    cluster.after_write = lambda _: None
    cluster.delete(REPLICA_SETS, NAMESPACE, f"shop-{V1}")
    assert f"the ReplicaSet of {V1} is gone" in gone(target.apply(ALL_TO_CONTROL))


def test_a_template_that_somebody_reverts_is_not_aborted() -> None:
    cluster = shop()
    target = launched(cluster)
    deploy(cluster, "v1")
    cluster.patches.clear()
    assert state(target.apply(ALL_TO_CONTROL)).weights == ALL_TO_CONTROL
    assert cluster.patches == []


def test_a_reverted_template_that_the_controller_has_not_seen_is_waited_for() -> None:
    cluster = shop()
    target = launched(cluster)
    state(target.apply(ALL_TO_TREATMENT))
    write(cluster, currentPodHash=V1, observedGeneration="0")
    cluster.patches.clear()
    assert "on its way to 100/0" in gone(target.apply(ALL_TO_CONTROL))
    assert cluster.patches == []


def test_crashing_pods_are_said_in_words() -> None:
    cluster = shop()
    target = launched(cluster)
    put_version(cluster, read(cluster), V2, 2, ready=False)
    seen = state(target.observe())
    assert not seen.treatment.ready
    assert "0 of 2 pods ready" in seen.treatment.detail
    assert "CrashLoopBackOff: exit code 1" in seen.treatment.detail


def test_a_version_that_is_scaled_to_zero_is_ready() -> None:
    cluster = shop()
    put_version(cluster, read(cluster), V2, 0)
    seen = state(launched(cluster).observe())
    assert (seen.treatment.ready, seen.treatment.ready_since_s) == (True, at.SINCE_S)


def test_without_a_router_ready_pods_are_counted_while_the_rollout_moves() -> None:
    cluster = shop(BY_PODS)
    target = launched(cluster)
    state(target.apply(Weights.of(20)))
    write(cluster, pauseConditions=[])
    seen = state(target.observe())
    assert (seen.weights, seen.exact) == (Weights.of(25), False)
    for pod in cluster.find(PODS, NAMESPACE, {}):
        cluster.put(PODS, {**pod, "status": {}})
    assert state(target.observe()).weights == ALL_TO_CONTROL


def test_pods_are_counted_where_the_steps_are_no_ladder_any_more() -> None:
    cluster = shop(BY_PODS)
    target = launched(cluster)
    state(target.apply(Weights.of(50)))
    seen = read(cluster)
    seen["spec"]["strategy"]["canary"]["steps"] = [{"setWeight": 20}]
    cluster.put(ROLLOUTS, seen)
    assert state(target.observe()).weights == Weights.of(50)


def test_a_rollout_that_is_gone_says_so() -> None:
    cluster = shop()
    target = launched(cluster)
    cluster.trouble = NotThere('rollouts.argoproj.io "shop" not found')
    assert "not found" in gone(target.observe())


def test_one_version_is_not_compared_with_itself() -> None:
    with pytest.raises(ValidationError, match="named twice"):
        target_on(shop(), pinned={"control": V1, "treatment": V1, "template": "x"})
