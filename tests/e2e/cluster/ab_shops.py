"""Rollouts of the sample service whose header route divides visitors, behind the mesh's stand-in."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

import requests

from engine.adapters.argo_rollouts import RolloutOptions, RolloutTarget
from engine.adapters.argo_rollouts.ladder import AUDIENCE, Bucket, fit_rollout
from engine.adapters.kubernetes.client import KubernetesCluster
from tests.e2e.cluster.bed import layout as at
from tests.e2e.cluster.bed import samples
from tests.e2e.cluster.bed.client import Load, Object
from tests.e2e.cluster.bed.namespace import Namespace
from tests.e2e.cluster.driving import document
from tests.e2e.cluster.shops import options, template

BY_HEADER, BY_COOKIE = Bucket(header="X-Bucket"), Bucket(cookie="bucket")
SESSIONS = {"total": "sessions_total", "converted": "sessions_converted_total"}
VISITORS = 1000
HALF: Mapping[str, Any] = {"ab": {"weights": [50], "hold": "4s", "floor": 50}}


def metrics(namespace: Namespace) -> list[Mapping[str, Any]]:
    """What is bought, and whether answers are errors; other tests' shops are in other namespaces."""
    requests = f'http_requests_total{{namespace="{namespace.name}"'
    return [
        {"preset": "conversions", "dispersion": 1},
        {
            "name": "errors",
            "kind": "proportion",
            "bad": f'{requests},code="500"}}',
            "total": f"{requests}}}",
            "margin": {"absolute": "20pp"},
            "dispersion": 1,
        },
    ]


def start(namespace: Namespace, by: Bucket, shares_pct: tuple[int, ...] = (50,), **rules: Any) -> None:
    """A healthy Rollout of v1 as `rampwise prepare --by` makes it fit."""
    mesh = {"istio": {"virtualService": {"name": "shop", "routes": ["primary"]}}}
    bare = samples.canary("shop", template("v1"), [], trafficRouting=mesh, **rules)
    start_with(namespace, fit_rollout(bare, shares_pct, by).manifest)


def start_with(namespace: Namespace, rollout: Object) -> None:
    """A healthy Rollout with all that it needs beside it."""
    namespace.apply(
        [samples.service(f"shop-{role}", "shop") for role in ("stable", "canary")],
        samples.virtual_service("shop", namespace.name),
    )
    namespace.apply(rollout)
    namespace.await_rollout("shop", "Healthy")


def better(version: str = "v2") -> Object:
    """A version that sells much more."""
    return template(version, conversion_rate=0.9)


def load(namespace: Namespace, by: Bucket) -> AbstractContextManager[Load]:
    """Visitors of the shop, each in a bucket; so many at a time that their share is that of the buckets."""
    host = samples.host("shop", namespace.name)
    return namespace.cluster.load("shop", host, cookie=by.cookie, rate_per_s=150.0, sessions=VISITORS)


def versions_by_bucket(namespace: Namespace, by: Bucket) -> list[str]:
    """Which version answers a visitor of each bucket from 0 to 99."""
    to_shop = {"Host": samples.host("shop", namespace.name)}
    found = []
    for bucket in range(100):
        said = {"Cookie": f"a=1; {by.cookie}={bucket}"} if by.cookie else {by.header: str(bucket)}
        answer = requests.get(f"http://127.0.0.1:{at.WEB_PORT}/", headers={**to_shop, **said}, timeout=10)
        found.append(answer.text.split()[1])
    return found


def target_in(namespace: Namespace, cluster: KubernetesCluster | None = None, **more: Any) -> RolloutTarget:
    """The target of a run: the versions are those of its launch."""
    named = options(namespace, **more)
    facts = RolloutTarget(RolloutOptions.model_validate(named), cluster).facts()
    return RolloutTarget(RolloutOptions.model_validate({**named, **facts.pinned}), cluster)


def experiment(namespace: Namespace, **more: Any) -> Object:
    """A quick A/B test of it."""
    place = options(namespace, prometheus=at.PROMETHEUS_URL, sessions=SESSIONS)
    body = {"strategy": HALF, "metrics": metrics(namespace), **more}
    return document(f"shop-{namespace.name}", {"argo_rollout": place}, **body)


def routes(namespace: Namespace) -> list[Object]:
    """The routes of its VirtualService, as they are."""
    found = namespace.get("networking.istio.io/v1alpha3", "VirtualService", "shop")
    assert found is not None
    return list(found["spec"]["http"])


def is_routed(namespace: Namespace) -> bool:
    """Whether the audience has a route of its own."""
    return any(route.get("name") == AUDIENCE for route in routes(namespace))


def set_routes(namespace: Namespace, http: list[Object]) -> None:
    """What a sync from Git does to the VirtualService."""
    namespace.cluster.patch(
        "networking.istio.io/v1alpha3",
        "VirtualService",
        "shop",
        {"spec": {"http": http}},
        namespace=namespace.name,
    )
