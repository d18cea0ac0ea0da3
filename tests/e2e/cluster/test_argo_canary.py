"""Canaries on the real Rollouts controller: by the engine as a whole, and act by act."""

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from engine.adapters.argo_rollouts import RolloutTarget
from engine.adapters.kubernetes.client import KubernetesCluster
from engine.core.decision import BlockerKind, Rule
from engine.core.run import Phase
from engine.core.target import ALL_TO_CONTROL, ALL_TO_TREATMENT, TargetState, Weights
from engine.testing.targets import TargetContract, state
from tests.e2e.cluster.bed import samples
from tests.e2e.cluster.bed.client import Cluster, Object
from tests.e2e.cluster.bed.namespace import ABORT, PROMOTE_A_STEP, Namespace
from tests.e2e.cluster.bed.waiting import eventually
from tests.e2e.cluster.driving import driven
from tests.e2e.cluster.shops import (
    OBSERVED_PCT,
    await_new_version,
    deploy,
    experiment,
    gone,
    load,
    start_canary,
    target_in,
    template,
)
from tests.e2e.cluster.vanishing import ApiCanVanish

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture(scope="class")
def shop(standing: Namespace) -> Namespace:
    start_canary(standing)
    return standing


@pytest.mark.usefixtures("patience")
class TestACanaryKeepsTheContract(ApiCanVanish, TargetContract):
    versions = itertools.count(2)

    @pytest.fixture
    def target(self, shop: Namespace) -> RolloutTarget:
        deploy(shop, template(f"v{next(self.versions)}"))
        return target_in(shop)

    @pytest.fixture
    def possible_pct(self) -> tuple[int, ...]:
        return (20, 50)


def test_a_good_release_is_promoted_and_visitors_see_just_that(namespace: Namespace, home: Path) -> None:
    start_canary(namespace)
    deploy(namespace, template("v2"))
    with load(namespace) as visitors, driven(home, experiment(namespace)) as release:
        for share_pct in (20, 50):
            release.await_weights(share_pct)
            namespace.await_split("shop", share_pct)
            assert visitors.share_pct("v2", 300) == pytest.approx(share_pct, abs=OBSERVED_PCT)
        run = release.end()
        assert run.phase is Phase.PROMOTED, run
        visitors.await_all("v2")
        assert visitors.stats()["failed"] == 0
    namespace.await_rollout("shop", "Healthy")
    status = namespace.rollout("shop")["status"]
    assert status["stableRS"] == status["currentPodHash"]


def test_a_bad_release_is_rolled_back(namespace: Namespace, home: Path) -> None:
    start_canary(namespace)
    deploy(namespace, template("v2", error_rate=0.5))
    with load(namespace) as visitors, driven(home, experiment(namespace)) as release:
        run = release.end()
        assert (run.phase, run.ended_by) == (Phase.ROLLED_BACK, Rule.HARM), run
        visitors.await_all("v1")
        seen = visitors.counts()
        assert 0 < seen["v2"] < 0.3 * seen["v1"]
    assert namespace.rollout("shop")["status"]["abort"] is True


def test_a_person_who_aborts_ends_the_run_which_leaves_it_at_that(namespace: Namespace, home: Path) -> None:
    start_canary(namespace)
    deploy(namespace, template("v2"))
    with load(namespace), driven(home, experiment(namespace)) as release:
        release.await_weights(20)
        namespace.patch_rollout("shop", ABORT)
        run = release.end()
        assert (run.phase, run.ended_by) == (Phase.STOPPED, Rule.SUPERSEDED), run
        assert "was aborted" in release.snapshot.reason


def test_a_template_that_is_reverted_ends_the_run(namespace: Namespace, home: Path) -> None:
    start_canary(namespace)
    deploy(namespace, template("v2"))
    with load(namespace) as visitors, driven(home, experiment(namespace)) as release:
        release.await_weights(20)
        deploy(namespace, template("v1"), at_rest=False)
        run = release.end()
        assert run.ended_by is Rule.SUPERSEDED, run
        assert "reverted" in release.snapshot.reason
        namespace.await_rollout("shop", "Healthy")
        visitors.await_all("v1")


def test_a_person_who_moves_on_a_step_holds_the_run(namespace: Namespace, home: Path) -> None:
    start_canary(namespace)
    deploy(namespace, template("v2"))
    patient = {"canary": {"steps": [20, 50], "hold": "30s", "floor": 50}}
    with load(namespace), driven(home, experiment(namespace, strategy=patient)) as release:
        release.await_weights(20)
        namespace.patch_rollout("shop", PROMOTE_A_STEP)
        run = release.await_that(
            "a hold", lambda run: any(each.kind is BlockerKind.FOREIGN_WRITER for each in run.blockers)
        )
        assert not run.phase.ended


def test_a_canary_that_crashes_is_rolled_back_for_that(namespace: Namespace, home: Path) -> None:
    start_canary(namespace)
    deploy(namespace, template("v2", {"EXIT_AFTER_S": "0", "EXIT_CODE": "1"}), at_rest=False)
    await_new_version(namespace)
    with load(namespace) as visitors, driven(home, experiment(namespace)) as release:
        run = release.end()
        assert (run.phase, run.ended_by) == (Phase.ROLLED_BACK, Rule.TREATMENT_UNHEALTHY), run
        decided = [event.reason for event in release.store.events(release.run_id)]
        assert any("exit code 1" in reason for reason in decided), decided
        visitors.await_all("v1")


def test_a_restarted_controller_loses_nothing(outages: Cluster, namespace: Namespace, home: Path) -> None:
    start_canary(namespace)
    deploy(namespace, template("v2"))
    with load(namespace) as visitors, driven(home, experiment(namespace)) as release:
        release.await_weights(20)
        with outages.outage("argo-rollouts"):
            release.await_that("an act without effect", lambda run: run.pending is not None)
        run = release.end()
        assert run.phase is Phase.PROMOTED, run
        visitors.await_all("v2")


@contextmanager
def storm(namespace: Namespace) -> Iterator[None]:
    """Somebody who writes the Rollout all the time."""
    over = threading.Event()

    def write() -> None:
        for number in itertools.count():
            if over.wait(0.05):
                return
            meta = {"annotations": {"weather": str(number)}}
            namespace.patch_rollout("shop", {"metadata": meta}, subresource="")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        over.set()
        writer.join()


def tried(target: RolloutTarget, weights: Weights) -> bool:
    """What a tick of the engine does: look, act on what was seen, and try again in the next one."""
    answer = target.apply(weights, state(target.observe()).version)
    assert isinstance(answer, TargetState), answer
    return answer.weights == weights


@pytest.mark.usefixtures("patience")
def test_a_rollout_that_somebody_writes_all_the_time_can_be_moved(namespace: Namespace) -> None:
    start_canary(namespace)
    deploy(namespace, template("v2"))
    target = target_in(namespace)
    with storm(namespace):
        for share_pct in (20, 50, 20):
            eventually(lambda pct=share_pct: tried(target, Weights.of(pct)), what=f"{share_pct} %")
        # Nothing that others write is in the way of taking traffic away.
        assert state(target.apply(ALL_TO_CONTROL)).weights == ALL_TO_CONTROL


@pytest.mark.usefixtures("patience")
def test_nothing_promotes_what_was_aborted(namespace: Namespace) -> None:
    start_canary(namespace)
    deploy(namespace, template("v2"))
    target = target_in(namespace)
    found = state(target.apply(Weights.of(20))).version
    namespace.patch_rollout("shop", ABORT)
    assert "changed meanwhile" in gone(target.apply(ALL_TO_TREATMENT, found))
    assert "aborted" in gone(target.apply(ALL_TO_TREATMENT))
    assert "aborted" in gone(target.apply(Weights.of(50)))
    namespace.await_rollout("shop", "Degraded")
    assert namespace.rollout("shop")["status"].get("promoteFull") is None


@pytest.mark.usefixtures("patience")
def test_an_abort_between_look_and_promotion_wins(
    namespace: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_canary(namespace)
    deploy(namespace, template("v2"))
    target = target_in(namespace)
    state(target.apply(Weights.of(20)))
    patch = KubernetesCluster.patch

    def too_late(self: KubernetesCluster, *arguments: Any, **options: Any) -> Object:
        namespace.patch_rollout("shop", ABORT)
        return patch(self, *arguments, **options)

    monkeypatch.setattr(KubernetesCluster, "patch", too_late)
    assert "aborted" in gone(target.apply(ALL_TO_TREATMENT))
    status = namespace.rollout("shop")["status"]
    assert status["abort"] is True
    assert not status.get("promoteFull")
    assert status["stableRS"] != status["currentPodHash"]


@pytest.mark.usefixtures("patience")
def test_an_abort_wins_over_a_promotion_that_is_under_way(namespace: Namespace) -> None:
    start_canary(namespace)
    deploy(namespace, template("v2", {"EXIT_AFTER_S": "0"}), at_rest=False)
    await_new_version(namespace)
    target = target_in(namespace)
    namespace.patch_rollout("shop", {"status": {"promoteFull": True}})
    assert state(target.apply(ALL_TO_CONTROL)).weights == ALL_TO_CONTROL
    status = namespace.rollout("shop")["status"]
    assert status["abort"] is True
    assert not status.get("promoteFull")


@pytest.mark.usefixtures("patience")
def test_a_promotion_can_be_taken_back(namespace: Namespace) -> None:
    start_canary(namespace)
    deploy(namespace, template("v2"))
    target = target_in(namespace)
    assert state(target.apply(ALL_TO_TREATMENT)).weights == ALL_TO_TREATMENT
    assert state(target.apply(ALL_TO_CONTROL)).weights == ALL_TO_CONTROL
    with load(namespace) as visitors:
        visitors.await_all("v1")


@pytest.mark.usefixtures("patience")
def test_without_a_router_the_share_is_that_of_the_pods(namespace: Namespace) -> None:
    namespace.apply(samples.service("shop", "shop"))
    steps = samples.ladder(0, 20, 50)
    rules = {"canary": {"steps": steps}}
    namespace.apply(samples.rollout("shop", template("v1"), rules, replicas=4))
    namespace.await_rollout("shop", "Healthy")
    deploy(namespace, template("v2"))
    target = target_in(namespace)
    for share_pct in (20, 50):
        seen = state(target.apply(Weights.of(share_pct)))
        assert (seen.weights, seen.exact) == (Weights.of(share_pct), False)
    assert target.facts().router is None
    namespace.patch_rollout("shop", ABORT)
    eventually(lambda: state(target.observe()).weights == ALL_TO_CONTROL, what="no pod of v2 serves")
