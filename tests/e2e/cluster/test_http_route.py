"""Releases by an HTTPRoute that a real gateway serves: by the engine as a whole, and act by act."""

from pathlib import Path
from typing import Any

import pytest

from engine.adapters.gateway_api import HttpRouteOptions, HttpRouteTarget
from engine.core.decision import BlockerKind, Rule
from engine.core.run import Phase
from engine.core.target import ALL_TO_CONTROL, ALL_TO_TREATMENT, TargetGone, Weights
from engine.testing.targets import ReversibleTargetContract, state
from tests.e2e.cluster.bed import layout as at
from tests.e2e.cluster.bed import samples
from tests.e2e.cluster.bed.client import Object
from tests.e2e.cluster.bed.namespace import Namespace
from tests.e2e.cluster.bed.waiting import eventually
from tests.e2e.cluster.bed.workload import is_ready
from tests.e2e.cluster.driving import document, driven
from tests.e2e.cluster.permissions import as_controller, without
from tests.e2e.cluster.vanishing import ApiCanVanish

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

GATEWAY = "gateway.networking.k8s.io/v1"
OBSERVED_PCT = 1.5


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RAMPWISE_HOME", str(tmp_path))
    return tmp_path


def rules(control: int, treatment: int) -> list[Object]:
    weights = {"shop-v1": control, "shop-v2": treatment}
    backends = [{"name": name, "port": 80, "weight": weight} for name, weight in weights.items()]
    return [{"backendRefs": backends}]


def ready_to_release(namespace: Namespace, **settings: float) -> None:
    """Two Deployments, each behind a Service of its own, and a route with everything on the first."""
    for version, behaviour in (("v1", {}), ("v2", settings)):
        template = samples.pod_template("shop", version, None, **{"error_rate": 0.0, **behaviour})
        named = f"shop-{version}"
        template["metadata"]["labels"] = {"app": named}
        namespace.apply(samples.deployment(named, template), samples.service(named, named))
    namespace.apply(samples.gateway_routes("shop", namespace.name, rules(100, 0)))
    eventually(lambda: sum(map(is_ready, namespace.pods())) == 2, what="two pods are ready")
    target = HttpRouteTarget(HttpRouteOptions(**options(namespace)))
    eventually(lambda: not isinstance(target.observe(), TargetGone), what="the gateway takes the route")


def options(namespace: Namespace, **more: Any) -> dict[str, Any]:
    place = {"route": "shop", "namespace": namespace.name, "control": "shop-v1", "treatment": "shop-v2"}
    return {**place, **more}


def experiment(namespace: Namespace, **more: Any) -> dict[str, Any]:
    place = options(namespace, prometheus=at.PROMETHEUS_URL, router="traefik")
    return document(f"shop-{namespace.name}", {"http_route": place}, **more)


def load(namespace: Namespace) -> Any:
    return namespace.cluster.load("shop", samples.host("shop", namespace.name), rate_per_s=150.0)


def write(namespace: Namespace, wanted: list[Object]) -> None:
    """What a person, or Git, does to the route."""
    namespace.cluster.patch(
        GATEWAY, "HTTPRoute", "shop", {"spec": {"rules": wanted}}, namespace=namespace.name
    )


@pytest.fixture(scope="class")
def released(standing: Namespace) -> Namespace:
    ready_to_release(standing)
    return standing


class TestHttpRouteKeepsTheContract(ApiCanVanish, ReversibleTargetContract):
    @pytest.fixture
    def target(self, released: Namespace) -> HttpRouteTarget:
        target = HttpRouteTarget(HttpRouteOptions(**options(released, rule=0)))
        state(target.apply(ALL_TO_CONTROL))
        return target


def test_a_good_version_is_promoted_and_visitors_see_just_that(namespace: Namespace, home: Path) -> None:
    ready_to_release(namespace)
    with load(namespace) as visitors, driven(home, experiment(namespace)) as release:
        release.await_weights(20)
        assert visitors.share_pct("v2", 300) == pytest.approx(20.0, abs=OBSERVED_PCT)
        run = release.end()
        assert run.phase is Phase.PROMOTED, run
        eventually(lambda: visitors.share_pct("v2", 50) == 100.0, what="everybody sees the new version")
        assert visitors.stats()["failed"] == 0
        assert visitors.counts().get("none", 0) == 0


def test_a_bad_version_is_rolled_back(namespace: Namespace, home: Path) -> None:
    ready_to_release(namespace, error_rate=0.5)
    with load(namespace) as visitors, driven(home, experiment(namespace)) as release:
        run = release.end()
        assert (run.phase, run.ended_by) == (Phase.ROLLED_BACK, Rule.HARM), run
        eventually(lambda: visitors.share_pct("v1", 50) == 100.0, what="everybody sees the old version")


def test_a_sync_that_takes_the_weights_back_holds_the_run(namespace: Namespace, home: Path) -> None:
    ready_to_release(namespace)
    with load(namespace), driven(home, experiment(namespace)) as release:
        release.await_weights(20)
        write(namespace, rules(100, 0))
        run = release.await_that(
            "a hold",
            lambda run: any(blocker.kind is BlockerKind.FOREIGN_WRITER for blocker in run.blockers),
        )
        assert not run.phase.ended


def test_weights_by_a_person_are_given_back_where_the_policy_says_so(
    namespace: Namespace, home: Path
) -> None:
    ready_to_release(namespace)
    with load(namespace) as visitors, driven(home, experiment(namespace, on_foreign="rollback")) as release:
        release.await_weights(20)
        write(namespace, rules(1, 9))
        run = release.end()
        assert (run.phase, run.ended_by) == (Phase.ROLLED_BACK, Rule.FOREIGN_WRITER), run
        eventually(lambda: visitors.share_pct("v1", 50) == 100.0, what="everybody sees the old version")


def test_the_role_is_enough(namespace: Namespace) -> None:
    ready_to_release(namespace)
    cluster = as_controller(namespace, "http-route.yaml")
    target = HttpRouteTarget(HttpRouteOptions(**options(namespace)), cluster)
    assert target.facts().pinned == {"rule": 0}
    assert state(target.apply(ALL_TO_TREATMENT)).weights == ALL_TO_TREATMENT
    assert state(target.apply(ALL_TO_CONTROL)).weights == ALL_TO_CONTROL


def test_missing_permissions_are_named(namespace: Namespace) -> None:
    ready_to_release(namespace)
    routes = "httproutes.gateway.networking.k8s.io"
    for verb, resource in [("patch", routes), ("get", "services"), ("list", "pods")]:
        plural, _, _ = resource.partition(".")
        cluster = as_controller(namespace, "http-route.yaml", without(verb, plural))
        target = HttpRouteTarget(HttpRouteOptions(**options(namespace)), cluster)
        assert_named(target, f"a Role must grant verb `{verb}` on `{resource}`")


def assert_named(target: HttpRouteTarget, wanted: str) -> None:
    def said() -> bool:
        answers = (target.observe(), target.apply(Weights.of(20)))
        return any(wanted in answer.detail for answer in answers if isinstance(answer, TargetGone))

    eventually(said, what=wanted)
