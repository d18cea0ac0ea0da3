"""A/B tests by header and cookie on the real Rollouts controller: by the engine as a whole, and by acts."""

import itertools
import math
import re
from pathlib import Path

import pytest

from engine.adapters.argo_rollouts import RolloutTarget
from engine.adapters.argo_rollouts.ladder import AUDIENCE, Bucket
from engine.core.decision import BlockerKind, Rule
from engine.core.run import Phase
from engine.core.target import ALL_TO_CONTROL, ALL_TO_TREATMENT, Weights
from engine.errors import Unreachable, UsageError
from engine.testing.targets import TargetContract, state
from tests.e2e.cluster.ab_shops import (
    BY_COOKIE,
    BY_HEADER,
    VISITORS,
    better,
    experiment,
    is_routed,
    load,
    routes,
    set_routes,
    start,
    target_in,
    versions_by_bucket,
)
from tests.e2e.cluster.bed import samples
from tests.e2e.cluster.bed.namespace import ABORT, Namespace
from tests.e2e.cluster.bed.waiting import eventually
from tests.e2e.cluster.driving import driven
from tests.e2e.cluster.permissions import as_controller, without
from tests.e2e.cluster.shops import deploy, gone, template
from tests.e2e.cluster.vanishing import ApiCanVanish

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

OBSERVED_PCT = 400 * math.sqrt(0.25 * (1 / VISITORS + 1 / 1500))
"""Four standard errors of a share of 1,500 requests, whose visitors drew their buckets at random."""
HALF = Weights.of(50)

by_both = pytest.mark.parametrize("by", [BY_HEADER, BY_COOKIE], ids=["header", "cookie"])


@pytest.fixture(scope="class")
def shop(standing: Namespace) -> Namespace:
    start(standing, BY_HEADER, (20, 50))
    return standing


@pytest.mark.usefixtures("patience")
class TestAHeaderRouteKeepsTheContract(ApiCanVanish, TargetContract):
    versions = itertools.count(2)

    @pytest.fixture
    def target(self, shop: Namespace) -> RolloutTarget:
        deploy(shop, template(f"v{next(self.versions)}"))
        return target_in(shop)

    @pytest.fixture
    def possible_pct(self) -> tuple[int, ...]:
        return (20, 50)


@by_both
@pytest.mark.usefixtures("patience")
def test_each_bucket_has_its_version_and_visitors_divide_so(namespace: Namespace, by: Bucket) -> None:
    start(namespace, by)
    deploy(namespace, template("v2"))
    assert state(target_in(namespace).apply(HALF)).weights == HALF
    halves = ["v1"] * 50 + ["v2"] * 50
    eventually(lambda: versions_by_bucket(namespace, by) == halves, what="a version for each bucket")
    with load(namespace, by) as visitors:
        assert visitors.share_pct("v2", 1500) == pytest.approx(50, abs=OBSERVED_PCT)
        assert visitors.stats()["moved"] == 0


@by_both
def test_a_better_treatment_is_promoted(namespace: Namespace, home: Path, by: Bucket) -> None:
    start(namespace, by)
    deploy(namespace, better())
    with load(namespace, by) as visitors:
        visitors.await_all("v1")
        with driven(home, experiment(namespace)) as release:
            release.await_weights(50)
            run = release.end()
        assert run.phase is Phase.PROMOTED, run
        assert not any("somebody" in event.reason for event in release.store.events(release.run_id))
        visitors.await_all("v2")
        assert visitors.stats()["failed"] == 0
        assert "none" not in visitors.counts()
    assert not is_routed(namespace)


@by_both
def test_a_harmful_treatment_is_rolled_back(namespace: Namespace, home: Path, by: Bucket) -> None:
    start(namespace, by)
    deploy(namespace, template("v2", error_rate=0.5))
    with load(namespace, by) as visitors, driven(home, experiment(namespace)) as release:
        run = release.end()
        assert (run.phase, run.ended_by) == (Phase.ROLLED_BACK, Rule.HARM), run
        visitors.await_all("v1")
        assert visitors.counts()["v2"] > 0
    assert not is_routed(namespace)
    assert namespace.rollout("shop")["status"]["abort"] is True


def test_a_person_who_aborts_ends_the_run(namespace: Namespace, home: Path) -> None:
    start(namespace, BY_HEADER)
    deploy(namespace, template("v2"))
    with load(namespace, BY_HEADER) as visitors, driven(home, experiment(namespace)) as release:
        release.await_weights(50)
        namespace.patch_rollout("shop", ABORT)
        run = release.end()
        assert (run.phase, run.ended_by) == (Phase.STOPPED, Rule.SUPERSEDED), run
        assert "was aborted" in release.snapshot.reason
        visitors.await_all("v1")
    assert not is_routed(namespace)


def test_a_route_that_somebody_removes_holds_the_run(namespace: Namespace, home: Path) -> None:
    start(namespace, BY_HEADER)
    deploy(namespace, template("v2"))
    with load(namespace, BY_HEADER), driven(home, experiment(namespace)) as release:
        release.await_weights(50)
        set_routes(namespace, [route for route in routes(namespace) if route["name"] != AUDIENCE])
        run = release.await_that(
            "a hold", lambda run: any(each.kind is BlockerKind.FOREIGN_WRITER for each in run.blockers)
        )
        assert not run.phase.ended
        assert any("traffic to 100/0" in each.detail for each in run.blockers)


@pytest.mark.usefixtures("patience")
def test_a_route_that_was_lost_is_set_again_when_asked_for(namespace: Namespace) -> None:
    start(namespace, BY_HEADER)
    deploy(namespace, template("v2"))
    target = target_in(namespace)
    state(target.apply(HALF))
    set_routes(namespace, [route for route in routes(namespace) if route["name"] != AUDIENCE])
    assert state(target.observe()).weights == ALL_TO_CONTROL
    assert state(target.apply(HALF)).weights == HALF
    assert is_routed(namespace)


@pytest.mark.usefixtures("patience")
def test_a_match_that_somebody_changes_leaves_open_who_has_the_treatment(namespace: Namespace) -> None:
    start(namespace, BY_HEADER)
    deploy(namespace, template("v2"))
    target = target_in(namespace)
    state(target.apply(HALF))
    http = routes(namespace)
    http[0]["match"] = [{"headers": {"x-bucket": {"prefix": "9"}}}]
    set_routes(namespace, http)
    assert "somebody changed the route audience" in gone(target.observe())
    assert state(target.apply(ALL_TO_CONTROL)).weights == ALL_TO_CONTROL


@pytest.mark.usefixtures("patience")
def test_visitors_of_a_version_that_is_replaced_get_control(namespace: Namespace) -> None:
    start(namespace, BY_HEADER)
    deploy(namespace, template("v2"))
    target = target_in(namespace)
    state(target.apply(HALF))
    with load(namespace, BY_HEADER) as visitors:
        eventually(lambda: visitors.counts().get("v2"), what="the treatment is seen")
        deploy(namespace, template("v3", {"EXIT_AFTER_S": "0"}), at_rest=False)
        visitors.await_all("v1")
    assert not is_routed(namespace)


@pytest.mark.usefixtures("patience")
def test_a_treatment_that_loses_all_its_pods_has_no_visitors_until_told_again(namespace: Namespace) -> None:
    start(namespace, BY_HEADER)
    deploy(namespace, template("v2"))
    target = target_in(namespace)
    state(target.apply(HALF))
    treatment = namespace.rollout("shop")["status"]["currentPodHash"]
    namespace.cluster.kubectl(
        *("delete", "pods", "-n", namespace.name, "-l", f"{samples.HASH_LABEL}={treatment}", "--wait=false")
    )
    eventually(lambda: not is_routed(namespace), what="the route is taken away")
    eventually(lambda: state(target.observe()).treatment.ready, what="the treatment has pods again")
    assert state(target.observe()).weights == ALL_TO_CONTROL
    assert state(target.apply(HALF)).weights == HALF
    with load(namespace, BY_HEADER) as visitors:
        eventually(lambda: visitors.counts().get("v2"), what="the treatment is seen again")


@pytest.mark.usefixtures("patience")
def test_a_promotion_loses_no_visitor(namespace: Namespace) -> None:
    start(namespace, BY_HEADER)
    deploy(namespace, template("v2"))
    target = target_in(namespace)
    state(target.apply(HALF))
    with load(namespace, BY_HEADER) as visitors:
        assert state(target.apply(ALL_TO_TREATMENT)).weights == ALL_TO_TREATMENT
        visitors.await_all("v2")
        assert (visitors.stats()["failed"], visitors.counts().get("none", 0)) == (0, 0)
    assert not is_routed(namespace)


def test_a_match_without_buckets_has_the_share_that_is_declared(namespace: Namespace) -> None:
    start(namespace, BY_HEADER)
    fixed = {"headerName": "x-trial", "headerValue": {"exact": "yes"}}
    steps = namespace.rollout("shop")["spec"]["strategy"]["canary"]["steps"]
    steps[5]["setHeaderRoute"]["match"] = [fixed]
    namespace.patch_rollout("shop", {"spec": {"strategy": {"canary": {"steps": steps}}}}, subresource="")
    deploy(namespace, template("v2"))
    with pytest.raises(UsageError, match=re.escape("audience: {share_pct: 50}")):
        target_in(namespace)
    target = target_in(namespace, audience={"share_pct": 30})
    assert state(target.apply(Weights.of(30))).weights == Weights.of(30)
    host = samples.host("shop", namespace.name)
    with namespace.cluster.load("shop", host, {"X-Trial": "yes"}) as trials:
        trials.await_all("v2")


@pytest.mark.usefixtures("patience")
def test_the_role_is_enough(namespace: Namespace) -> None:
    start(namespace, BY_HEADER)
    deploy(namespace, template("v2"))
    target = target_in(namespace, as_controller(namespace, "argo-rollouts.yaml"))
    for weights in (HALF, ALL_TO_TREATMENT, ALL_TO_CONTROL):
        assert state(target.apply(weights)).weights == weights


def test_a_missing_permission_is_named_at_launch(namespace: Namespace) -> None:
    start(namespace, BY_HEADER)
    deploy(namespace, template("v2"))
    cluster = as_controller(namespace, "argo-rollouts.yaml", without("get", "virtualservices"))

    def said() -> bool:
        try:
            target_in(namespace, cluster)
        except Unreachable as error:
            return "verb `get` on `virtualservices.networking.istio.io`" in str(error)
        return False

    eventually(said, what="the verb and the resource")
