"""Two colours on the real Rollouts controller: by the engine as a whole, and act by act."""

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from engine.adapters.argo_rollouts import RolloutTarget
from engine.core.decision import Rule
from engine.core.run import Phase
from engine.core.target import ALL_TO_CONTROL, ALL_TO_TREATMENT, Weights
from engine.testing.targets import TargetContract, state
from tests.e2e.cluster.bed import samples
from tests.e2e.cluster.bed.client import Object
from tests.e2e.cluster.bed.namespace import ABORT, PROMOTE_A_STEP, Namespace
from tests.e2e.cluster.bed.waiting import eventually
from tests.e2e.cluster.driving import driven
from tests.e2e.cluster.shops import deploy, experiment, gone, load, start_blue_green, target_in, template
from tests.e2e.cluster.vanishing import ApiCanVanish

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

ROUNDS = 5
STRATEGY: Mapping[str, Any] = {
    "blue_green": {"preview": {"rate": 50, "count": 300, "time_limit": "30s"}, "settle": {"hold": "5s"}}
}


@pytest.fixture(scope="class")
def shop(standing: Namespace) -> Namespace:
    start_blue_green(standing)
    return standing


@pytest.mark.usefixtures("patience")
class TestTwoColoursKeepTheContract(ApiCanVanish, TargetContract):
    versions = itertools.count(2)

    @pytest.fixture
    def target(self, shop: Namespace) -> RolloutTarget:
        deploy(shop, template(f"v{next(self.versions)}"))
        return target_in(shop)

    @pytest.fixture
    def possible_pct(self) -> tuple[int, ...]:
        return ()


def colours(namespace: Namespace) -> Object:
    """A release that probes a pod of the new colour, and counts what the pods count."""
    preview_hash = namespace.rollout("shop")["status"]["currentPodHash"]
    pod = namespace.pods(f"{samples.HASH_LABEL}={preview_hash}")[0]
    total = f'http_requests_total{{namespace="{namespace.name}",app="shop"}}'
    errors = {
        "name": "errors",
        "kind": "proportion",
        "bad": total.replace("}", ',code=~"5.."}'),
        "total": total,
        "margin": {"absolute": "20pp"},
        "dispersion": 1,
    }
    document = experiment(namespace, router=False, strategy=STRATEGY, metrics=[errors])
    place = document["spec"]["target"]["argo_rollout"]
    place["preview_url"] = f"http://{pod['status']['podIP']}:8080"
    return document


def test_a_good_colour_is_verified_switched_to_and_watched(namespace: Namespace, home: Path) -> None:
    start_blue_green(namespace)
    deploy(namespace, template("v2"))
    with load(namespace) as visitors, driven(home, colours(namespace)) as release:
        run = release.end()
        assert run.phase is Phase.PROMOTED, run
        visitors.await_all("v2")
        assert visitors.stats()["failed"] == 0


def test_a_colour_that_fails_its_preview_is_never_switched_to(namespace: Namespace, home: Path) -> None:
    start_blue_green(namespace)
    deploy(namespace, template("v2", error_rate=0.5))
    with load(namespace) as visitors, driven(home, colours(namespace)) as release:
        run = release.end()
        assert (run.phase, run.step) == (Phase.ROLLED_BACK, 0), run
        assert run.ended_by in {Rule.PREVIEW_FAILED, Rule.HARM}, run
        assert "v2" not in visitors.counts()
    assert namespace.rollout("shop")["status"]["abort"] is True


def test_a_switch_is_taken_back_when_the_new_colour_fails_then(namespace: Namespace, home: Path) -> None:
    start_blue_green(namespace)
    deploy(namespace, template("v2"))
    document = colours(namespace)
    document["spec"]["strategy"] = {"blue_green": {**STRATEGY["blue_green"], "settle": {"hold": "60s"}}}
    with load(namespace) as visitors, driven(home, document) as release:
        release.await_weights(100)
        namespace.cluster.set_behaviour(namespace.name, "shop", "v2", error_rate=0.9)
        run = release.end()
        assert (run.phase, run.ended_by) == (Phase.ROLLED_BACK, Rule.HARM), run
        visitors.await_all("v1")


@pytest.mark.usefixtures("patience")
def test_the_way_back_never_stops_half_way(namespace: Namespace) -> None:
    start_blue_green(namespace)
    for number in range(ROUNDS):
        deploy(namespace, template(f"v{number + 2}"))
        target = target_in(namespace)
        assert state(target.apply(ALL_TO_TREATMENT)).weights == ALL_TO_TREATMENT
        assert state(target.apply(ALL_TO_CONTROL)).weights == ALL_TO_CONTROL
        namespace.await_rollout("shop", "Healthy")


@pytest.mark.usefixtures("patience")
def test_a_template_kept_in_a_deployment_is_reverted_there(namespace: Namespace) -> None:
    namespace.apply(samples.blue_green_routes("shop", namespace.name))
    namespace.apply(samples.deployment("shop", template("v1"), replicas=0))
    rollout = samples.blue_green("shop", template("v1"))
    del rollout["spec"]["template"]
    rollout["spec"]["workloadRef"] = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"}
    namespace.apply(rollout)
    namespace.await_rollout("shop", "Healthy")
    namespace.apply(samples.deployment("shop", template("v2"), replicas=0))
    namespace.await_rollout("shop", "Paused")
    target = target_in(namespace)
    assert state(target.apply(ALL_TO_TREATMENT)).weights == ALL_TO_TREATMENT
    assert state(target.apply(ALL_TO_CONTROL)).weights == ALL_TO_CONTROL
    kept = namespace.get("apps/v1", "Deployment", "shop")
    assert kept is not None
    assert kept["spec"]["template"]["spec"]["containers"][0]["image"] == "sample:v1"


@pytest.mark.usefixtures("patience")
def test_a_persons_acts_are_seen(namespace: Namespace) -> None:
    start_blue_green(namespace)
    deploy(namespace, template("v2"))
    target = target_in(namespace)
    assert "cannot be at 80/20" in gone(target.apply(Weights.of(20)))
    namespace.patch_rollout("shop", ABORT)
    eventually(lambda: "aborted" in state(target.observe()).ended, what="an abort")
    assert "aborted" in gone(target.apply(ALL_TO_TREATMENT))
    deploy(namespace, template("v3"))
    assert "was changed" in state(target.observe()).ended
    again = target_in(namespace)
    namespace.patch_rollout("shop", PROMOTE_A_STEP)
    eventually(lambda: "promoted" in state(again.observe()).ended, what="a promotion")
    assert state(again.observe()).weights == ALL_TO_TREATMENT
