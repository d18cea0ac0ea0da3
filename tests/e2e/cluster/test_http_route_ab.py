"""A/B tests by an HTTPRoute that a real gateway serves: a header or a cookie leads to the treatment."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from engine.adapters.gateway_api import HttpRouteOptions, HttpRouteTarget
from engine.adapters.kubernetes.client import KubernetesCluster
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
from tests.e2e.cluster.permissions import as_controller
from tests.e2e.cluster.vanishing import ApiCanVanish
from tests.e2e.cluster.visitors import AB, CONVERTS, SESSIONS, SHARE_PCT, Visitors, visitors

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

GATEWAY = "gateway.networking.k8s.io/v1"
SHARE = Weights.of(SHARE_PCT)
BY_HEADER = [{"headers": [{"name": "X-Trial", "value": "yes"}]}]
BY_COOKIE = [
    {
        "headers": [
            {"type": "RegularExpression", "name": "Cookie", "value": r"(^|.*;\s*)trial=yes(;.*|$)"},
        ]
    }
]
HEADER, COOKIE = {"X-Trial": "yes"}, {"Cookie": "theme=dark; trial=yes; lang=en"}
EITHER = pytest.mark.parametrize(
    ("matches", "sent"), [(BY_HEADER, HEADER), (BY_COOKIE, COOKIE)], ids=["header", "cookie"]
)


def rule(name: str, control: int, treatment: int, matches: list[Object]) -> Object:
    weights = {"shop-v1": control, "shop-v2": treatment}
    backends = [{"name": backend, "port": 80, "weight": weight} for backend, weight in weights.items()]
    return {"name": name, "matches": matches, "backendRefs": backends}


def rules(matches: list[Object], treatment_pct: int = 0) -> list[Object]:
    """Everybody's rule with all on control, and the audience's."""
    everybody = rule("pages", 100, 0, [{"path": {"type": "PathPrefix", "value": "/"}}])
    return [everybody, rule("trial", 100 - treatment_pct, treatment_pct, matches)]


def ready_to_test(namespace: Namespace, matches: list[Object] = BY_HEADER, **settings: float) -> None:
    """Two Deployments, each behind a Service of its own, and a route with everything on the first."""
    for version, behaviour in (("v1", {}), ("v2", settings)):
        template = samples.pod_template("shop", version, None, **{"error_rate": 0.0, **behaviour})
        named = f"shop-{version}"
        template["metadata"]["labels"] = {"app": named}
        namespace.apply(samples.deployment(named, template), samples.service(named, named))
    namespace.apply(samples.gateway_routes("shop", namespace.name, rules(matches)))
    eventually(lambda: sum(map(is_ready, namespace.pods())) == 2, what="two pods are ready")
    target = HttpRouteTarget(HttpRouteOptions(**options(namespace)))
    eventually(lambda: not isinstance(target.observe(), TargetGone), what="the gateway takes the route")


def options(namespace: Namespace, **more: Any) -> dict[str, Any]:
    place = {"route": "shop", "namespace": namespace.name, "control": "shop-v1", "treatment": "shop-v2"}
    return {**place, "audience": {"rule": "trial", "share_pct": SHARE_PCT}, **more}


def target_in(namespace: Namespace, cluster: KubernetesCluster | None = None) -> HttpRouteTarget:
    """The target of a run: rules and matches are those of its launch."""
    chosen = options(namespace)
    facts = HttpRouteTarget(HttpRouteOptions(**chosen), cluster).facts()
    return HttpRouteTarget(HttpRouteOptions(**{**chosen, **facts.pinned}), cluster)


def experiment(namespace: Namespace, **more: Any) -> dict[str, Any]:
    place = options(
        namespace, prometheus=at.PROMETHEUS_URL, router="traefik", service_label="app", sessions=SESSIONS
    )
    return document(f"shop-{namespace.name}", {"http_route": place}, strategy=AB, metrics=CONVERTS, **more)


def shoppers(namespace: Namespace, sent: Mapping[str, str] = HEADER) -> AbstractContextManager[Visitors]:
    return visitors(namespace, samples.host("shop", namespace.name), sent)


def write(namespace: Namespace, wanted: list[Object]) -> None:
    """What a person, or Git, does to the route."""
    body = {"spec": {"rules": wanted}}
    namespace.cluster.patch(GATEWAY, "HTTPRoute", "shop", body, namespace=namespace.name)


@pytest.fixture(scope="class")
def released(standing: Namespace) -> Namespace:
    ready_to_test(standing)
    return standing


class TestAnAudienceOfARuleKeepsTheContract(ApiCanVanish, ReversibleTargetContract):
    @pytest.fixture
    def target(self, released: Namespace) -> HttpRouteTarget:
        target = target_in(released)
        state(target.apply(ALL_TO_CONTROL))
        return target

    @pytest.fixture
    def possible_pct(self) -> tuple[int, ...]:
        return (SHARE_PCT,)


@EITHER
def test_the_audience_is_given_and_taken_back(
    namespace: Namespace, matches: list[Object], sent: dict[str, str]
) -> None:
    ready_to_test(namespace, matches)
    target = target_in(namespace)
    other = {name: value.replace("yes", "yesterday") for name, value in sent.items()}
    with shoppers(namespace, sent) as shop, shoppers(namespace, other) as strangers:
        shop.await_all("v1")
        state(target.apply(SHARE))
        shop.assert_divided()
        strangers.await_all("v1")
        state(target.apply(ALL_TO_CONTROL))
        shop.await_all("v1")
        state(target.apply(ALL_TO_TREATMENT))
        shop.await_all("v2")
        strangers.await_all("v2")
        shop.assert_served()


@EITHER
def test_a_version_that_sells_more_is_promoted(
    namespace: Namespace, home: Path, matches: list[Object], sent: dict[str, str]
) -> None:
    ready_to_test(namespace, matches)
    with shoppers(namespace, sent) as shop, driven(home, experiment(namespace)) as release:
        release.await_weights(SHARE_PCT)
        shop.assert_divided()
        namespace.cluster.set_behaviour(namespace.name, "shop", "v2", conversion_rate=0.9)
        run = release.end()
        assert (run.phase, run.ended_by) == (Phase.PROMOTED, Rule.EVIDENCE), run
        shop.await_all("v2")
        shop.assert_served()


@EITHER
def test_a_harmful_version_is_rolled_back(
    namespace: Namespace, home: Path, matches: list[Object], sent: dict[str, str]
) -> None:
    ready_to_test(namespace, matches, error_rate=0.5)
    with shoppers(namespace, sent) as shop, driven(home, experiment(namespace)) as release:
        run = release.end()
        assert (run.phase, run.ended_by) == (Phase.ROLLED_BACK, Rule.HARM), run
        shop.await_all("v1")
        assert shop.audience.counts()["v2"] > 0
        assert "v2" not in shop.others.counts()
        shop.assert_served()


def test_matches_that_somebody_changes_end_the_test_and_stay_theirs(namespace: Namespace, home: Path) -> None:
    ready_to_test(namespace)
    with shoppers(namespace) as shop, driven(home, experiment(namespace)) as release:
        release.await_weights(SHARE_PCT)
        write(namespace, rules(BY_COOKIE, treatment_pct=100))
        run = release.end()
        assert (run.phase, run.ended_by) == (Phase.STOPPED, Rule.SUPERSEDED), run
        shop.await_all("v1")
        route = namespace.get(GATEWAY, "HTTPRoute", "shop")
        assert route is not None
        assert [ref["weight"] for ref in route["spec"]["rules"][1]["backendRefs"]] == [0, 100]


def test_a_rule_that_somebody_takes_out_ends_the_test(namespace: Namespace, home: Path) -> None:
    ready_to_test(namespace)
    with shoppers(namespace) as shop, driven(home, experiment(namespace, on_foreign="rollback")) as release:
        release.await_weights(SHARE_PCT)
        write(namespace, rules(BY_HEADER)[:1])
        run = release.end()
        assert (run.phase, run.ended_by) == (Phase.STOPPED, Rule.SUPERSEDED), run
        shop.await_all("v1")


def test_a_sync_that_takes_the_audience_back_holds_the_run(namespace: Namespace, home: Path) -> None:
    ready_to_test(namespace)
    with shoppers(namespace) as shop, driven(home, experiment(namespace)) as release:
        release.await_weights(SHARE_PCT)
        write(namespace, rules(BY_HEADER))
        run = release.await_that(
            "a hold",
            lambda run: any(blocker.kind is BlockerKind.FOREIGN_WRITER for blocker in run.blockers),
        )
        assert not run.phase.ended
        shop.await_all("v1")


def test_a_split_by_a_person_is_given_back_where_the_policy_says_so(namespace: Namespace, home: Path) -> None:
    ready_to_test(namespace)
    with shoppers(namespace) as shop, driven(home, experiment(namespace, on_foreign="rollback")) as release:
        release.await_weights(SHARE_PCT)
        write(namespace, rules(BY_HEADER, treatment_pct=50))
        run = release.end()
        assert (run.phase, run.ended_by) == (Phase.ROLLED_BACK, Rule.FOREIGN_WRITER), run
        shop.await_all("v1")


def test_the_role_is_enough(namespace: Namespace) -> None:
    ready_to_test(namespace)
    target = target_in(namespace, as_controller(namespace, "http-route.yaml"))
    assert state(target.apply(SHARE)).weights == SHARE
    assert state(target.apply(ALL_TO_TREATMENT)).weights == ALL_TO_TREATMENT
    assert state(target.apply(ALL_TO_CONTROL)).weights == ALL_TO_CONTROL
