"""The target where a header route divides visitors: acts, and what others do to its VirtualService."""

from typing import Any

import pytest

from engine.adapters.argo_rollouts import RolloutTarget
from engine.adapters.argo_rollouts.ladder import AUDIENCE, Bucket, steps_by_header
from engine.adapters.argo_rollouts.visitors import VIRTUAL_SERVICES
from engine.adapters.kubernetes.cluster import Manifest
from engine.adapters.kubernetes.fake import FakeCluster
from engine.core.target import ALL_TO_CONTROL, ALL_TO_TREATMENT, Weights
from engine.errors import Unreachable, UsageError
from engine.testing.targets import TargetContract, state
from tests.adapters.argo_rollouts.asking import launched, sent, target_on
from tests.adapters.argo_rollouts.shop import NAMESPACE, canary, order, read, shop, write
from tests.adapters.clusters import FakeApiCanVanish, gone

ISTIO: Manifest = {"istio": {"virtualService": {"name": "shop"}}, "managedRoutes": [{"name": AUDIENCE}]}
HALF = Weights.of(50)


def by_header(*shares_pct: int) -> FakeCluster:
    steps = steps_by_header(shares_pct, Bucket(header="X-Bucket"))
    return shop(canary(steps, trafficRouting=ISTIO))


def routes(cluster: FakeCluster) -> list[Manifest]:
    return list(cluster.get(VIRTUAL_SERVICES, NAMESPACE, "shop")["spec"]["http"])


def set_routes(cluster: FakeCluster, http: list[Manifest]) -> None:
    """As a sync from Git does it; the controller does not look."""
    seen = cluster.get(VIRTUAL_SERVICES, NAMESPACE, "shop")
    cluster.put(VIRTUAL_SERVICES, {**seen, "spec": {"http": http}})


class TestAHeaderRouteKeepsTheContract(FakeApiCanVanish, TargetContract):
    @pytest.fixture
    def cluster(self) -> FakeCluster:
        return by_header(5, 20, 50)

    @pytest.fixture
    def target(self, cluster: FakeCluster) -> RolloutTarget:
        return launched(cluster)

    @pytest.fixture
    def possible_pct(self) -> tuple[int, ...]:
        return (5, 20, 50)


def test_visitors_stay_and_no_router_counts_them() -> None:
    counters = {"total": "sessions_total", "converted": "sessions_converted_total"}
    facts = target_on(by_header(50), router="traefik", sessions=counters).facts()
    assert (facts.sticky, facts.router, facts.rungs_pct) == (True, None, (0, 50))
    assert facts.sessions is not None
    assert facts.sessions.total.name == "sessions_total"
    assert target_on(shop()).facts().sticky is False


def test_a_header_route_is_set_and_taken_away() -> None:
    cluster = by_header(50)
    target = launched(cluster)
    assert state(target.apply(HALF)).weights == HALF
    assert [route["name"] for route in routes(cluster)] == [AUDIENCE, "primary"]
    assert state(target.apply(ALL_TO_CONTROL)).weights == ALL_TO_CONTROL
    assert [route["name"] for route in routes(cluster)] == ["primary"]


def test_another_rung_is_entered_at_its_first_step() -> None:
    cluster = by_header(5, 20, 50)
    target = launched(cluster)
    cluster.patches.clear()
    for share_pct in (50, 5):
        assert state(target.apply(Weights.of(share_pct))).weights == Weights.of(share_pct)
    assert [status["currentStepIndex"] for status in sent(cluster)] == [10, 4]
    found = state(target.observe()).version
    assert state(target.apply(ALL_TO_CONTROL, found)).weights == ALL_TO_CONTROL
    assert sent(cluster)[-1]["currentStepIndex"] == 0
    assert not read(cluster)["status"].get("abort")


def test_a_route_that_somebody_removes_is_seen_and_can_be_set_again() -> None:
    cluster = by_header(50)
    target = launched(cluster)
    before = state(target.apply(HALF))
    set_routes(cluster, routes(cluster)[1:])
    seen = state(target.observe())
    assert (seen.weights, seen.ended) == (ALL_TO_CONTROL, "")
    assert seen.version != before.version
    assert "changed meanwhile" in gone(target.apply(ALL_TO_TREATMENT, before.version))
    assert state(target.apply(HALF, seen.version)).weights == HALF
    assert state(target.apply(HALF)) == before


def test_while_a_promotion_is_under_way_the_split_is_not_known_exactly() -> None:
    cluster = by_header(50)
    target = launched(cluster)
    assert state(target.apply(HALF)).exact
    cluster.after_write = lambda _: None
    gone(target.apply(ALL_TO_TREATMENT))
    set_routes(cluster, routes(cluster)[1:])
    seen = state(target.observe())
    assert (seen.weights, seen.exact) == (HALF, False)


def test_while_a_route_is_on_its_way_nothing_is_sent_again() -> None:
    cluster = by_header(50)
    target = launched(cluster)
    cluster.after_write = lambda _: None
    cluster.patches.clear()
    assert "on its way to 50/50" in gone(target.apply(HALF))
    gone(target.apply(HALF))
    assert len(cluster.patches) == 1


def test_a_changed_match_is_no_share_and_does_not_keep_an_abort_back() -> None:
    cluster = by_header(50)
    target = launched(cluster)
    state(target.apply(HALF))
    http = routes(cluster)
    http[0]["match"] = [{"headers": {"x-bucket": {"prefix": "9"}}}]
    set_routes(cluster, http)
    assert "somebody changed the route audience" in gone(target.observe())
    assert "somebody changed the route audience" in gone(target.apply(ALL_TO_TREATMENT))
    reconcile, cluster.after_write = cluster.after_write, lambda _: None
    assert "somebody changed the route audience" in gone(target.apply(ALL_TO_CONTROL))
    assert read(cluster)["status"]["abort"] is True
    cluster.after_write = reconcile
    write(cluster)
    reconcile(cluster)
    assert state(target.apply(ALL_TO_CONTROL)).weights == ALL_TO_CONTROL


def test_a_person_who_aborts_takes_the_route_away() -> None:
    cluster = by_header(50)
    target = launched(cluster)
    state(target.apply(HALF))
    order(cluster, abort=True)
    seen = state(target.observe())
    assert (seen.weights, seen.ended) == (ALL_TO_CONTROL, "the Rollout shop was aborted")


def test_an_audience_needs_its_share_declared_at_launch() -> None:
    fixed = {"headerName": "x-trial", "headerValue": {"exact": "yes"}}
    steps: list[Any] = steps_by_header([50], Bucket(header="X-Bucket"))
    steps[5] = {"setHeaderRoute": {"name": AUDIENCE, "match": [fixed]}}
    cluster = shop(canary(steps, trafficRouting=ISTIO))
    with pytest.raises(UsageError, match="say so in the target's options"):
        target_on(cluster).facts()
    target = launched(cluster, audience={"share_pct": 30})
    assert state(target.apply(Weights.of(30))).weights == Weights.of(30)
    assert "cannot be at 50 %" in gone(target.apply(HALF))


def test_a_virtual_service_that_is_not_there_is_named() -> None:
    cluster = by_header(50)
    cluster.after_write = lambda _: None
    cluster.delete(VIRTUAL_SERVICES, NAMESPACE, "shop")
    with pytest.raises(Unreachable, match=r'virtualservices\.networking\.istio\.io "shop" not found'):
        target_on(cluster).facts()
