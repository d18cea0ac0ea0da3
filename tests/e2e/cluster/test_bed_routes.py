"""Knative, header routes and HTTPRoutes in the cluster: visitors go where they say."""

import pytest

from tests.e2e.cluster.bed import layout as at
from tests.e2e.cluster.bed import samples
from tests.e2e.cluster.bed.namespace import Namespace
from tests.e2e.cluster.bed.waiting import eventually
from tests.e2e.cluster.bed.workload import is_ready
from tests.e2e.cluster.releases import start_knative

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

OBSERVED_PCT = 1.0
"""The proxy splits by turns, so that shares are exact but for the requests at both ends."""


def test_a_knative_service_splits_by_revision_and_by_tag(namespace: Namespace) -> None:
    start_knative(namespace)
    host = f"shop.{namespace.name}.{at.KNATIVE_DOMAIN}"
    tag = {"Knative-Serving-Tag": "candidate"}
    with namespace.cluster.load("shop", host, tag) as tagged:
        tagged.await_all("v2")
    with namespace.cluster.load("shop", host) as load:
        load.await_all("v1")
        split = [{"revisionName": "shop-one", "percent": 80}, {"revisionName": "shop-two", "percent": 20}]
        patched = {"spec": {"traffic": split}}
        namespace.cluster.patch(
            "serving.knative.dev/v1", "Service", "shop", patched, namespace=namespace.name
        )
        namespace.await_knative("shop")
        assert load.share_pct("v2") == pytest.approx(20.0, abs=OBSERVED_PCT)
        status = namespace.knative("shop")["status"]
        assert {part["revisionName"]: part["percent"] for part in status["traffic"]} == {
            "shop-one": 80,
            "shop-two": 20,
        }
        counted = f'traefik_service_requests_total{{service="{namespace.name}-shop-two@file"}}'
        eventually(lambda: namespace.cluster.prometheus(counted), what="the proxy counts by revision")
    query = f'up{{job="pods",namespace="{namespace.name}",revision="shop-two"}} == 1'
    eventually(lambda: namespace.cluster.prometheus(query), what="Prometheus knows the revision")


def test_knative_refuses_a_split_that_is_not_whole(namespace: Namespace) -> None:
    traffic = [{"latestRevision": True, "percent": 99}]
    with pytest.raises(Exception, match="want 100"):
        namespace.apply(samples.knative("shop", samples.pod_template("shop", "v1"), traffic))


def test_a_header_route_of_a_rollout_leads_to_the_canary(namespace: Namespace) -> None:
    name, trial = "shop", {"headerName": "X-Trial", "headerValue": {"exact": "yes"}}
    steps: list[samples.Object] = [
        {"setCanaryScale": {"replicas": 1}},
        {"setHeaderRoute": {"name": "trial", "match": [trial]}},
        {"pause": {}},
    ]
    mesh = {
        "managedRoutes": [{"name": "trial"}],
        "istio": {"virtualService": {"name": name, "routes": ["primary"]}},
    }
    first, second = (samples.pod_template(name, v, error_rate=0.0) for v in ("v1", "v2"))
    services = [samples.service(f"{name}-stable", name), samples.service(f"{name}-canary", name)]
    namespace.apply(services, samples.virtual_service(name, namespace.name))
    namespace.apply(samples.canary(name, first, steps, trafficRouting=mesh))
    namespace.await_rollout(name, "Healthy")
    namespace.apply(samples.canary(name, second, steps, trafficRouting=mesh))
    namespace.await_rollout(name, "Paused")
    host = samples.host(name, namespace.name)
    with namespace.cluster.load(name, host, {"X-Trial": "yes"}) as trials:
        trials.await_all("v2")
        with namespace.cluster.load(name, host) as others:
            others.await_all("v1")


def test_an_http_route_splits_between_plain_deployments(namespace: Namespace) -> None:
    backends = []
    for version, weight in (("v1", 80), ("v2", 20)):
        template = samples.pod_template("shop", version, error_rate=0.0)
        template["metadata"]["labels"] = {"app": f"shop-{version}"}
        named = f"shop-{version}"
        namespace.apply(samples.deployment(named, template), samples.service(named, named))
        backends.append({"name": named, "port": 80, "weight": weight})
    namespace.apply(samples.gateway_routes("shop", namespace.name, [{"backendRefs": backends}]))
    eventually(lambda: sum(map(is_ready, namespace.pods())) == 2, what="two pods are ready")
    with namespace.cluster.load("shop", samples.host("shop", namespace.name)) as load:
        eventually(lambda: load.share_pct("v1", 50) > 0, what="the route leads somewhere")
        assert load.share_pct("v2") == pytest.approx(20.0, abs=OBSERVED_PCT)
