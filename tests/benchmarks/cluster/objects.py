"""What the benchmark puts into the cluster: documents. Pure."""

from collections.abc import Sequence
from typing import Any

from tests.benchmarks.cluster.signals import Pair
from tests.e2e.cluster.bed import layout as at
from tests.e2e.cluster.bed import samples

Object = samples.Object
NAMESPACE = "bench"
GATEWAY = "gateway.networking.k8s.io/v1"
ARGO = "argoproj.io/v1alpha1"
RATE_PER_S = 40.0
"""Requests of a pair of Services behind an HTTPRoute."""
ROLLOUT_RATE_PER_S = 200.0
HEALTHY_ERROR_RATE, BAD_ERROR_RATE = 0.01, 0.2
SHARE_PCT = 20
WINDOW = "1m"
"""Of Argo's queries, as the examples of its documentation have them."""
LONG = "6h"
"""Longer than the benchmark runs, so that nothing is promoted meanwhile."""
_SLO = "500ms"


def paths(kind: str, namespace: str = NAMESPACE) -> str:
    """Where objects of a kind are listed and created."""
    roots = {
        "services": "/api/v1",
        "pods": "/api/v1",
        "httproutes": f"/apis/{GATEWAY}",
        "traefikservices": "/apis/traefik.io/v1alpha1",
        "releaseexperiments": "/apis/rampwise.dev/v1alpha1",
    }
    return f"{roots.get(kind, f'/apis/{ARGO}')}/namespaces/{namespace}/{kind}"


def version(pair: int, number: int) -> str:
    """The Service and the app of a version of a pair."""
    return f"shop-{pair}-v{number}"


def pods(pair: int) -> list[Object]:
    """One pod of each version; nobody starts a process for it."""
    return [_pod(version(pair, number)) for number in (1, 2)]


def _pod(app: str) -> Object:
    template = _on_a_node(samples.pod_template("shop", app))
    return {"apiVersion": "v1", "kind": "Pod", **template, "metadata": {"name": app, "labels": {"app": app}}}


def _on_a_node(template: Object) -> Object:
    """Nobody schedules here, and Endpoints need a node."""
    return {**template, "spec": {**template["spec"], "nodeName": at.NODE}}


def services(pair: int) -> list[Object]:
    """The Services of both versions."""
    return [samples.service(version(pair, number), version(pair, number)) for number in (1, 2)]


def http_route(number: int, pairs: int) -> Object:
    """A route of its own with everything on the first version of one of the pairs."""
    weights = {version(number % pairs, 1): 100, version(number % pairs, 2): 0}
    backends = [{"name": name, "port": 80, "weight": weight} for name, weight in weights.items()]
    route = samples.gateway_routes(f"shop-{number}", NAMESPACE, [{"backendRefs": backends}])[1]
    route["spec"]["parentRefs"] = [{"name": "web"}]
    return route


def route_pair(number: int, pairs: int) -> Pair:
    """What is counted for a route: by the gateway, as Traefik names it, and by the application."""
    names = [version(number % pairs, each) for each in (1, 2)]
    prefix = f"httproute-{NAMESPACE}-shop-{number}-gw-{NAMESPACE}-web-ep-web-0-{number:020x}-svc-{NAMESPACE}"
    gateway = [f"{prefix}-{name}-80@kubernetesgateway" for name in names]
    orders = [f'namespace="{NAMESPACE}",service="{name}",route="shop-{number}"' for name in names]
    return Pair(
        name=f"{NAMESPACE}/shop-{number}",
        services=(gateway[0], gateway[1]),
        orders=(orders[0], orders[1]),
        rate_per_s=RATE_PER_S,
        error_rate=HEALTHY_ERROR_RATE,
    )


def experiment(number: int, pairs: int, interval_s: int) -> Object:
    """Three metrics on a route, at its first step for as long as the benchmark runs."""
    target = {
        "route": f"shop-{number}",
        "control": version(number % pairs, 1),
        "treatment": version(number % pairs, 2),
        "prometheus": at.PROMETHEUS_URL,
        "router": "traefik",
    }
    orders = f'orders_total{{namespace="{NAMESPACE}",route="shop-{number}"'
    own = {
        "kind": "proportion",
        "name": "orders",
        "bad": f'{orders},result="failed"}}',
        "total": f"{orders}}}",
    }
    return _experiment(f"shop-{number}", {"http_route": target}, [*_by_router(), own], interval_s)


def rollout_experiment(name: str, interval_s: int, **known: float) -> Object:
    """Two metrics on a Rollout, likewise; `known` is what they say beyond the shortest document."""
    target = {"rollout": name, "prometheus": at.PROMETHEUS_URL, "router": "traefik"}
    metrics = [{**metric, **known} for metric in _by_router()]
    return _experiment(name, {"argo_rollout": target}, metrics, interval_s)


def _by_router() -> list[Object]:
    return [{"preset": "http_errors"}, {"preset": "http_latency", "slo": _SLO}]


def _experiment(name: str, target: Object, metrics: Sequence[Object], interval_s: int) -> Object:
    [options] = target.values()
    options["namespace"] = NAMESPACE
    spec = {
        "target": target,
        "strategy": {"canary": {"steps": [{"weight": SHARE_PCT}], "hold": LONG}},
        "metrics": list(metrics),
        "interval": f"{interval_s}s",
        "warm_up": "1s",
    }
    meta = {"name": name, "namespace": NAMESPACE}
    return {
        "apiVersion": "rampwise.dev/v1alpha1",
        "kind": "ReleaseExperiment",
        "metadata": meta,
        "spec": spec,
    }


def analysis_run(number: int, pair: Pair, interval_s: int) -> Object:
    """The same three signals of the treatment, as an AnalysisRun reads them."""
    requests = f'traefik_service_requests_total{{service="{pair.services[1]}"'
    buckets = f'traefik_service_request_duration_seconds_bucket{{service="{pair.services[1]}"}}[{WINDOW}]'
    orders = f"orders_total{{{pair.orders[1]}" if pair.orders is not None else ""
    queries = {
        "errors": _ratio(f'{requests},code=~"5.."}}', f"{requests}}}"),
        "latency": f"histogram_quantile(0.95, sum by (le) (rate({buckets})))",
        "orders": _ratio(f'{orders},result="failed"}}', f"{orders}}}"),
    }
    limits = {"errors": "0.05", "latency": "1", "orders": "0.1"}
    metrics = [_metric(name, query, _limit(limits[name]), interval_s) for name, query in queries.items()]
    meta = {"name": f"shop-{number}", "namespace": NAMESPACE}
    return {"apiVersion": ARGO, "kind": "AnalysisRun", "metadata": meta, "spec": {"metrics": metrics}}


def errors_query(name: str) -> str:
    """The share of failed requests of a Rollout's canary."""
    requests = f'traefik_service_requests_total{{service="{NAMESPACE}-{name}-canary-80@kubernetescrd"'
    return _ratio(f'{requests},code=~"5.."}}', f"{requests}}}")


def analysis_template(name: str, interval_s: int) -> Object:
    """Fails when more than 5 % of the canary's requests did within the window."""
    metric = _metric("errors", errors_query(name), _limit("0.05"), interval_s)
    meta = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": ARGO, "kind": "AnalysisTemplate", "metadata": meta, "spec": {"metrics": [metric]}}


def _limit(most: str) -> str:
    """Without traffic there is nothing to say, and Argo would take that for a failure."""
    return f"isNaN(result[0]) || result[0] < {most}"


def _ratio(bad: str, total: str) -> str:
    return f"sum(rate({bad}[{WINDOW}])) / sum(rate({total}[{WINDOW}]))"


def _metric(name: str, query: str, condition: str, interval_s: int) -> Object:
    return {
        "name": name,
        "interval": f"{interval_s}s",
        "failureLimit": 0,
        "successCondition": condition,
        "provider": {"prometheus": {"address": at.PROMETHEUS_URL, "query": query}},
    }


def rollout(name: str, image: str, *, analysed: bool) -> Object:
    """A canary that waits at every rung; with a background analysis from the first traffic on."""
    analysis: dict[str, Any] = {}
    first: list[Object] = [{"setCanaryScale": {"replicas": 1}}, {"setWeight": 0}, {"pause": {}}]
    rungs: list[Object] = [{"setCanaryScale": {"matchTrafficWeight": True}}, *samples.ladder(SHARE_PCT)]
    if analysed:
        analysis = {"analysis": {"templates": [{"templateName": name}], "startingStep": 4}}
    template = _on_a_node(samples.pod_template(name, image))
    # While a canary that was aborted still has pods, the controller writes its Services many times a second.
    brief = {"abortScaleDownDelaySeconds": 1}
    return samples.canary(name, template, [*first, *rungs], replicas=1, **brief, **analysis)


def rollout_routes(name: str) -> tuple[list[Object], Object]:
    """The two Services and the weights between them."""
    stable, trial, weights, _ = samples.canary_routes(name, NAMESPACE)
    return [stable, trial], weights


def rollout_pair(name: str) -> Pair:
    """What Traefik counts for a Rollout."""
    services = [f"{NAMESPACE}-{name}-{role}-80@kubernetescrd" for role in ("stable", "canary")]
    return Pair(
        name=f"{NAMESPACE}/{name}",
        services=(services[0], services[1]),
        rate_per_s=ROLLOUT_RATE_PER_S,
        error_rate=HEALTHY_ERROR_RATE,
    )
