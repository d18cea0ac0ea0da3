"""What `rampwise prepare` makes of manifests: always a ladder as the target reads it, and nothing lost."""

from collections.abc import Sequence

import pytest

from engine.adapters.argo_rollouts import rungs
from engine.adapters.argo_rollouts.ladder import fit_deployment, fit_rollout, steps
from engine.adapters.kubernetes.cluster import Manifest
from engine.errors import UsageError
from tests.adapters.argo_rollouts.shop import COLOURS, LADDER, ROUTED, canary, rollout, template

ONCE = [{"setWeight": 20}, {"pause": {"duration": "5m"}}]


def shares(manifest: Manifest) -> list[int]:
    return [rung.treatment_pct for rung in rungs.ladder(manifest)]


def test_a_routed_canary_has_a_pod_before_it_has_traffic() -> None:
    assert steps([5, 20, 50], routed=True) == LADDER


@pytest.mark.parametrize(
    "rules", [{}, ROUTED, {**ROUTED, "trafficRouting": {"maxTrafficWeight": 1000, "nginx": {}}}]
)
def test_what_is_prepared_is_a_ladder_with_all_else_as_it_was(rules: Manifest) -> None:
    before = rollout({"canary": {**rules, "steps": ONCE, "maxSurge": 1}})
    fit = fit_rollout(before, [1, 30])
    assert shares(fit.manifest) == [0, 1, 30]
    after = fit.manifest["spec"]
    assert after["strategy"]["canary"] | {"steps": ONCE} == before["spec"]["strategy"]["canary"]
    assert after | {"strategy": 0} == before["spec"] | {"strategy": 0}
    assert fit_rollout(fit.manifest, [1, 30]).changes == ()
    assert before["spec"]["strategy"]["canary"]["steps"] == ONCE


def test_pods_are_said_to_be_coarse_where_no_router_divides() -> None:
    assert "shares are those of 4 pods" in fit_rollout(rollout({"canary": {}}), [50]).changes[1]
    assert len(fit_rollout(rollout(canary(ONCE)), [50]).changes) == 1


def test_what_server_and_controllers_wrote_is_left_out() -> None:
    live = rollout({"canary": None})
    live["metadata"] |= {
        "resourceVersion": "7",
        "managedFields": [],
        "annotations": {"rollout.argoproj.io/revision": "3", "team": "shop"},
    }
    made = fit_rollout(live, [50]).manifest
    assert made["metadata"] == {"name": "shop", "namespace": "store", "annotations": {"team": "shop"}}
    assert "status" not in made
    del live["metadata"]["annotations"]["team"]
    assert "annotations" not in fit_rollout(live, [50]).manifest["metadata"]


def test_two_colours_wait_before_the_switch() -> None:
    by_itself = rollout({"blueGreen": {"activeService": "a", "autoPromotionSeconds": 30}})
    fit = fit_rollout(by_itself, [50])
    assert fit.manifest["spec"]["strategy"]["blueGreen"] == {
        "activeService": "a",
        "autoPromotionEnabled": False,
    }
    assert len(fit.changes) == 1
    assert fit_rollout(rollout(COLOURS), [50]).changes == ()


def test_a_deployment_gets_a_rollout_that_refers_to_it() -> None:
    meta = {"name": "shop", "namespace": "store", "labels": {"team": "a"}, "uid": "u"}
    spec = {"selector": {"matchLabels": {"app": "shop"}}, "template": template("v1"), "replicas": 3}
    fit = fit_deployment({"metadata": meta, "spec": spec}, [20])
    assert fit.manifest["spec"]["workloadRef"]["name"] == "shop"
    assert fit.manifest["metadata"] == {"name": "shop", "namespace": "store", "labels": {"team": "a"}}
    assert "template" not in fit.manifest["spec"]
    assert shares(fit.manifest) == [0, 20]
    assert any("3 pods" in change for change in fit.changes)


@pytest.mark.parametrize("wrong", [[], [20, 5], [5, 5], [0, 5], [5, 100]])
def test_steps_that_are_no_ladder_are_refused(wrong: Sequence[int]) -> None:
    with pytest.raises(UsageError):
        steps(wrong, routed=True)


def test_a_rollout_without_a_strategy_is_refused() -> None:
    with pytest.raises(UsageError, match="neither canary nor blueGreen"):
        fit_rollout(rollout({}), [5])
