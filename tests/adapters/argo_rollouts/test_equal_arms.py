"""Ladders with a baseline of the treatment's size, and what the controller says at such a step. Pure."""

import copy
from collections.abc import Callable

import pytest

from engine.adapters.argo_rollouts import equal_arms
from engine.adapters.argo_rollouts.equal_arms import ARM_LABEL, Place
from engine.adapters.kubernetes.cluster import Manifest
from engine.core.target import Health
from engine.errors import UsageError
from tests.adapters.argo_rollouts.shop import ROUTED, SINCE, SINCE_S, V2

STEPS = equal_arms.steps("shop", [5, 20], 3)
FIRST, SECOND = 4, 8
EXPERIMENT = f"shop-{V2}-2-4"
READY = Health(ready=True, ready_since_s=5.0)
ILL = Health(ready=False, ready_since_s=None, detail="0 of 3 pods ready")


def strategy(steps: list[Manifest] = STEPS) -> Manifest:
    return {**ROUTED, "canaryMetadata": {"labels": {ARM_LABEL: "shop-treatment"}}, "steps": steps}


def at(step: int, *, treatment: int = 5, baseline: int | None = 5, **status: object) -> Manifest:
    """A Rollout at a step, with these weights."""
    weights: Manifest = {"canary": {"weight": treatment}, "stable": {"weight": 100 - treatment}}
    if baseline is not None:
        weights["additional"] = [{"serviceName": f"{EXPERIMENT}-baseline", "weight": baseline}]
    seen = {"weights": weights, "currentExperiment": EXPERIMENT}
    return {
        "spec": {"strategy": {"canary": strategy()}},
        "status": {"currentStepIndex": step, "canary": seen, **status},
    }


def test_the_written_ladder_waits_without_traffic_and_at_every_baseline() -> None:
    assert equal_arms.is_used(strategy())
    assert equal_arms.places("shop", strategy(), 100) == [
        Place(index=1, enter=1, weight=0),
        Place(index=FIRST, enter=3, weight=5),
        Place(index=SECOND, enter=7, weight=20),
    ]


def test_a_ladder_of_weights_starts_no_baselines() -> None:
    assert not equal_arms.is_used({"steps": [{"setWeight": 0}, {"pause": {}}]})
    assert not equal_arms.is_used({})


def test_two_equal_arms_have_at_most_everything() -> None:
    assert equal_arms.steps("shop", [50], 1)[3] == {"setWeight": 50}
    with pytest.raises(UsageError, match="at most 50 %, not 51 %"):
        equal_arms.steps("shop", [20, 51], 1)
    with pytest.raises(UsageError, match="at most 50 % of the traffic"):
        equal_arms.places("shop", strategy(), 39)


def template_of(steps: list[Manifest], index: int = FIRST) -> Manifest:
    template: Manifest = steps[index]["experiment"]["templates"][0]
    return template


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda steps: steps[4]["experiment"].update(duration="1h"), "step 5 ends by itself"),
        (lambda steps: steps[4]["experiment"].update(analyses=[{}]), "ended by analyses"),
        (lambda steps: steps[4]["experiment"].update(templates=[]), "one template, of the stable version"),
        (lambda steps: template_of(steps).update(specRef="canary"), "canary's own pods"),
        (
            lambda steps: steps[4]["experiment"]["templates"].append({"specRef": "canary"}),
            "may keep the weight of a second template",
        ),
        (lambda steps: template_of(steps).update(service={"name": "x"}), "leave service out"),
        (lambda steps: template_of(steps).update(metadata={}), f"{ARM_LABEL}: shop-baseline"),
        (lambda steps: template_of(steps).update(weight=6), "has 6 weight, the treatment 5"),
        (lambda steps: template_of(steps).pop("weight"), "has no weight, the treatment 5"),
        (lambda steps: template_of(steps).update(replicas=2), "has 2 pods, the treatment 3"),
        (lambda steps: steps[2].update(setCanaryScale={"matchTrafficWeight": True}), "the treatment no"),
        (lambda steps: template_of(steps).update(name="other"), "differ in name or replicas"),
        (lambda steps: steps.pop(5), "just after the experiment at step 5"),
        (lambda steps: steps.pop(6), "just after the experiment at step 5"),
        (lambda steps: steps.pop(), "just after the experiment at step 9"),
        (lambda steps: steps.insert(4, {"setCanaryScale": {"replicas": 3}}), "just before the experiment"),
        (lambda steps: steps.insert(8, {"pause": {}}), "step 9 the treatment has traffic without a baseline"),
    ],
)
def test_steps_whose_arms_are_not_equal_say_why(
    change: Callable[[list[Manifest]], object], said: str
) -> None:
    steps = copy.deepcopy(STEPS)
    change(steps)
    with pytest.raises(UsageError, match=said):
        equal_arms.places("shop", strategy(steps), 100)


def test_arms_need_weights_and_labels_of_their_own() -> None:
    plain = {"steps": STEPS, "canaryMetadata": strategy()["canaryMetadata"]}
    with pytest.raises(UsageError, match="without trafficRouting"):
        equal_arms.places("shop", plain, 100)
    with pytest.raises(UsageError, match=r"canaryMetadata must label its pods .*: shop-treatment"):
        equal_arms.places("shop", {**ROUTED, "steps": STEPS}, 100)
    # Two Rollouts of one namespace are told apart.
    with pytest.raises(UsageError, match="cart-treatment"):
        equal_arms.places("cart", strategy(), 100)


def test_arms_are_compared_while_both_have_the_weight_of_the_step() -> None:
    assert equal_arms.is_compared(at(FIRST))
    assert not equal_arms.is_compared(at(FIRST, baseline=None))
    assert not equal_arms.is_compared(at(SECOND))
    assert not equal_arms.is_compared(at(FIRST, treatment=20, baseline=20))
    assert not equal_arms.is_compared(at(6, treatment=0, baseline=None))


@pytest.mark.parametrize("ended", [{"abort": True}, {"promoteFull": True}])
def test_an_ended_release_compares_nothing(ended: Manifest) -> None:
    assert not equal_arms.is_compared(at(FIRST, **ended))
    assert not equal_arms.has_baseline(at(FIRST, **ended))


def test_the_weight_of_a_baseline_is_that_of_its_own_experiment() -> None:
    assert equal_arms.baseline_weight(at(FIRST)) == 5
    assert equal_arms.replica_set(at(FIRST)) == f"{EXPERIMENT}-baseline"
    strange = at(FIRST)
    strange["status"]["canary"]["weights"]["additional"].append({"serviceName": "other", "weight": 7})
    assert equal_arms.baseline_weight(strange) == 5
    strange["status"]["canary"]["currentExperiment"] = ""
    assert equal_arms.baseline_weight(strange) == 0
    assert equal_arms.replica_set({"spec": {"strategy": {"canary": {}}}}) == ""


def test_a_step_may_wait_for_its_baseline() -> None:
    assert equal_arms.has_baseline(at(FIRST))
    waiting = at(FIRST, baseline=None)
    waiting["status"]["canary"]["currentExperiment"] = ""
    assert equal_arms.is_at_baseline(waiting)
    assert not equal_arms.has_baseline(waiting)
    assert not equal_arms.is_at_baseline(at(6))
    assert not equal_arms.is_at_baseline(at(len(STEPS)))
    assert not equal_arms.is_at_baseline({"spec": {}})


def pods(owner: str, count: int = 3) -> list[Manifest]:
    condition = {"type": "Ready", "status": "True", "lastTransitionTime": SINCE}
    meta = {"name": "p", "ownerReferences": [{"name": owner}]}
    return [{"metadata": meta, "status": {"conditions": [condition]}} for _ in range(count)]


def test_control_serves_when_all_of_it_does_and_since_its_baseline_does() -> None:
    own = pods(f"{EXPERIMENT}-baseline")
    assert equal_arms.control_health(READY, at(FIRST), own) == Health(ready=True, ready_since_s=SINCE_S)
    assert equal_arms.control_health(ILL, at(FIRST), own) == ILL


@pytest.mark.parametrize("there", [[], pods(f"{EXPERIMENT}-baseline", 2), pods("of-one-that-has-ended")])
def test_a_baseline_serves_with_all_of_its_own_pods(there: list[Manifest]) -> None:
    said = equal_arms.control_health(READY, at(FIRST), there)
    assert not said.ready
    assert said.detail.startswith("its baseline: ")
    assert said.detail.endswith("of 3 pods ready")
