"""What a Rollout needs for a release on a real cluster: a ladder, and a Role that is just wide enough."""

import pytest

from engine.adapters.argo_rollouts import RolloutTarget
from engine.adapters.argo_rollouts.ladder import fit_deployment, fit_rollout
from engine.core.target import ALL_TO_CONTROL, ALL_TO_TREATMENT, TargetGone, Weights
from engine.errors import UsageError
from engine.testing.targets import state
from tests.e2e.cluster.bed import samples
from tests.e2e.cluster.bed.namespace import Namespace
from tests.e2e.cluster.bed.waiting import eventually
from tests.e2e.cluster.permissions import as_controller, without
from tests.e2e.cluster.shops import (
    await_new_version,
    deploy,
    start_canary,
    target_in,
    template,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def test_what_moves_on_by_itself_is_not_launched(namespace: Namespace) -> None:
    namespace.apply(
        samples.canary_routes("shop", namespace.name),
        samples.canary("shop", template("v1"), samples.ladder(20, 50)),
    )
    namespace.await_rollout("shop", "Healthy")
    deploy(namespace, template("v2"))
    with pytest.raises(UsageError, match=f"`rampwise prepare rollout/shop -n {namespace.name}` writes one"):
        target_in(namespace)


def test_a_prepared_rollout_is_taken_strictly_and_waits_at_every_step(namespace: Namespace) -> None:
    ready = [{"setWeight": 20}, {"pause": {"duration": "1h"}}]
    namespace.apply(
        samples.canary_routes("shop", namespace.name), samples.canary("shop", template("v1"), ready)
    )
    namespace.await_rollout("shop", "Healthy")
    namespace.apply(fit_rollout(namespace.rollout("shop"), [5, 30]).manifest)
    namespace.await_rollout("shop", "Healthy")
    deploy(namespace, template("v2"))
    assert target_in(namespace).facts().rungs_pct == (0, 5, 30)


@pytest.mark.usefixtures("patience")
def test_a_prepared_deployment_can_be_released(namespace: Namespace) -> None:
    namespace.apply(samples.service("shop", "shop"), samples.deployment("shop", template("v1"), replicas=2))
    live = namespace.get("apps/v1", "Deployment", "shop")
    assert live is not None
    namespace.apply(fit_deployment(live, [50]).manifest)
    namespace.await_rollout("shop", "Healthy")
    change = {"spec": {"template": template("v2")}}
    namespace.cluster.patch("apps/v1", "Deployment", "shop", change, namespace=namespace.name)
    await_new_version(namespace)
    namespace.await_rollout("shop", "Paused")
    target = target_in(namespace)
    assert state(target.apply(Weights.of(50))).weights == Weights.of(50)
    assert state(target.apply(ALL_TO_TREATMENT)).weights == ALL_TO_TREATMENT


@pytest.mark.usefixtures("patience")
def test_the_role_is_enough(namespace: Namespace) -> None:
    start_canary(namespace)
    deploy(namespace, template("v2"))
    target = target_in(namespace, as_controller(namespace, "argo-rollouts.yaml"))
    assert state(target.apply(Weights.of(20))).weights == Weights.of(20)
    assert state(target.apply(ALL_TO_TREATMENT)).weights == ALL_TO_TREATMENT
    assert state(target.apply(ALL_TO_CONTROL)).weights == ALL_TO_CONTROL


@pytest.mark.parametrize(
    ("verb", "resource", "named"),
    [
        ("patch", "rollouts/status", "rollouts.argoproj.io/status"),
        ("get", "rollouts", "rollouts.argoproj.io"),
        ("list", "replicasets", "replicasets.apps"),
        ("list", "pods", "pods"),
    ],
)
def test_a_missing_permission_is_named(namespace: Namespace, verb: str, resource: str, named: str) -> None:
    start_canary(namespace)
    deploy(namespace, template("v2"))
    allowed = target_in(namespace)
    cluster = as_controller(namespace, "argo-rollouts.yaml", without(verb, resource))
    target = RolloutTarget(allowed._options, cluster)

    def said() -> bool:
        answers = (target.observe(), target.apply(Weights.of(20)))
        details = [answer.detail for answer in answers if isinstance(answer, TargetGone)]
        return any(f"a Role must grant verb `{verb}` on `{named}`" in each for each in details)

    eventually(said, what="the verb and the resource")
