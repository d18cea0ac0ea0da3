"""Argo Rollouts in the cluster: controller, pods, proxy and Prometheus agree with one another."""

from collections import Counter

import pytest

from tests.e2e.cluster.bed import samples
from tests.e2e.cluster.bed.namespace import ABORT, PROMOTE_A_STEP, PROMOTE_FULLY, Namespace
from tests.e2e.cluster.bed.waiting import eventually
from tests.e2e.cluster.releases import start_canary

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

OBSERVED_PCT = 1.0
"""The proxy splits by turns, so that shares are exact but for the requests at both ends."""


def test_a_canary_moves_from_nothing_to_a_fifth_to_everything_and_visitors_see_just_that(
    namespace: Namespace,
) -> None:
    start_canary(namespace)
    with namespace.cluster.load("shop", samples.host("shop", namespace.name)) as load:
        load.await_all("v1")
        unanswered = load.counts().get("none", 0)
        assert load.share_pct("v2") == 0.0
        namespace.patch_rollout("shop", PROMOTE_A_STEP)
        namespace.await_weight("shop", 20)
        namespace.await_rollout("shop", "Paused")
        namespace.await_split("shop", 20)
        assert load.share_pct("v2") == pytest.approx(20.0, abs=OBSERVED_PCT)
        namespace.patch_rollout("shop", PROMOTE_FULLY)
        namespace.await_rollout("shop", "Healthy")
        load.await_all("v2")
        assert load.stats()["failed"] == 0
        assert load.counts().get("none", 0) == unanswered, load.stats()


def test_an_aborted_canary_gives_everything_back(namespace: Namespace) -> None:
    start_canary(namespace)
    namespace.patch_rollout("shop", PROMOTE_A_STEP)
    namespace.await_weight("shop", 20)
    namespace.patch_rollout("shop", ABORT)
    namespace.await_rollout("shop", "Degraded")
    with namespace.cluster.load("shop", samples.host("shop", namespace.name)) as load:
        load.await_all("v1")


def test_pods_proxy_and_load_count_the_same_requests(namespace: Namespace) -> None:
    start_canary(namespace)
    namespace.patch_rollout("shop", PROMOTE_A_STEP)
    namespace.await_weight("shop", 20)
    host = samples.host("shop", namespace.name)
    with namespace.cluster.load("shop", host, duration_s=5.0) as load:
        eventually(load.is_over, what="the load is over")
        seen = load.counts()
    by_version = f'sum by (version) (http_requests_total{{namespace="{namespace.name}",app="shop"}})'
    assert set(seen) == {"v1", "v2"}
    eventually(lambda: by_label(namespace, by_version, "version") == seen, what=f"the pods count {seen}")
    pattern = f"{namespace.name}-shop-(stable|canary)-80@kubernetescrd"
    by_service = f'sum by (service) (traefik_service_requests_total{{service=~"{pattern}"}})'
    counted = {
        f"{namespace.name}-shop-stable-80@kubernetescrd": seen["v1"],
        f"{namespace.name}-shop-canary-80@kubernetescrd": seen["v2"],
    }
    eventually(lambda: by_label(namespace, by_service, "service") == counted, what="the proxy counts, too")


def by_label(namespace: Namespace, query: str, label: str) -> dict[str, int]:
    result = namespace.cluster.prometheus(query)
    return {series["metric"].get(label, ""): int(series["value"][1]) for series in result}


def test_prometheus_knows_which_template_a_pod_is_of(namespace: Namespace) -> None:
    start_canary(namespace)
    status = namespace.rollout("shop")["status"]
    hashes = {status["stableRS"], status["currentPodHash"]}
    query = f'up{{job="pods",namespace="{namespace.name}"}} == 1'

    def scraped() -> Counter[str]:
        return Counter(
            series["metric"]["rollouts_pod_template_hash"] for series in namespace.cluster.prometheus(query)
        )

    eventually(lambda: set(scraped()) == hashes, what=f"series of {hashes}")


def test_blue_and_green_are_two_addresses_until_the_switch(namespace: Namespace) -> None:
    first, second = (samples.pod_template("shop", v, error_rate=0.0) for v in ("v1", "v2"))
    namespace.apply(samples.blue_green_routes("shop", namespace.name), samples.blue_green("shop", first))
    namespace.await_rollout("shop", "Healthy")
    namespace.apply(samples.blue_green("shop", second))
    namespace.await_rollout("shop", "Paused")
    active, preview = (samples.host(name, namespace.name) for name in ("shop", "shop-preview"))
    with namespace.cluster.load("shop", active) as load, namespace.cluster.load("shop", preview) as beside:
        load.await_all("v1")
        beside.await_all("v2")
        namespace.patch_rollout("shop", PROMOTE_A_STEP)
        namespace.await_rollout("shop", "Healthy")
        load.await_all("v2")
