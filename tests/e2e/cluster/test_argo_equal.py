"""Canaries that are compared with a baseline of their own size, on the real Rollouts controller."""

import itertools
from collections.abc import Mapping
from pathlib import Path

import pytest

from engine.adapters.argo_rollouts import RolloutTarget
from engine.adapters.argo_rollouts.ladder import fit_equal_arms
from engine.core.decision import BlockerKind, Rule
from engine.core.run import Phase
from engine.core.target import ALL_TO_CONTROL, ALL_TO_TREATMENT, Weights
from engine.testing.targets import TargetContract, state
from tests.e2e.cluster.bed import layout as at
from tests.e2e.cluster.bed import samples
from tests.e2e.cluster.bed.client import Load, Object
from tests.e2e.cluster.bed.namespace import Namespace
from tests.e2e.cluster.bed.waiting import eventually
from tests.e2e.cluster.driving import document, driven
from tests.e2e.cluster.permissions import as_controller
from tests.e2e.cluster.shops import (
    OBSERVED_PCT,
    await_new_version,
    deploy,
    load,
    options,
    target_in,
    template,
)
from tests.e2e.cluster.vanishing import ApiCanVanish

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

SHARES_PCT = (10, 30)
PODS, PODS_EACH = 2, 3
ARGO = "argoproj.io/v1alpha1"


def start(namespace: Namespace) -> None:
    """A healthy Rollout of v1 as `rampwise prepare --equal-arms` makes it fit, in the mesh."""
    mesh = {"istio": {"virtualService": {"name": "shop", "routes": ["primary"]}}}
    plain = samples.canary("shop", template("v1"), [], PODS, trafficRouting=mesh)
    namespace.apply(
        [samples.service(f"shop-{role}", "shop") for role in ("stable", "canary")],
        samples.virtual_service("shop", namespace.name),
        fit_equal_arms(plain, SHARES_PCT).manifest,
    )
    namespace.await_rollout("shop", "Healthy")


def experiment(namespace: Namespace) -> Object:
    """A quick release of it; errors are those that the pods of the two arms count themselves."""
    arms = f'namespace="{namespace.name}",rampwise_dev_arm!=""'
    errors = {
        "kind": "proportion",
        "name": "errors",
        "bad": f'http_requests_total{{{arms},code="500"}}',
        "total": f"http_requests_total{{{arms}}}",
        "margin": {"absolute": "20pp"},
        "dispersion": 1,
    }
    place = options(namespace, prometheus=at.PROMETHEUS_URL)
    strategy = {"canary": {"steps": list(SHARES_PCT), "hold": "4s", "floor": 50}}
    # Pods start only once the step has begun, those of the baseline behind those of the treatment.
    own = {"strategy": strategy, "metrics": [errors], "progress_deadline": "20s"}
    return document(f"shop-{namespace.name}", {"argo_rollout": place}, **own)


def destinations(namespace: Namespace) -> dict[str, int]:
    """What the VirtualService gives to every Service; those of the same Service are added."""
    found = namespace.get("networking.istio.io/v1alpha3", "VirtualService", "shop")
    assert found is not None
    parts: dict[str, int] = {}
    for part in found["spec"]["http"][0]["route"]:
        host = part["destination"]["host"]
        assert host not in parts, found
        parts[host] = part["weight"]
    return parts


def baseline(namespace: Namespace) -> str:
    """The Service of the baseline that has traffic now."""
    own = destinations(namespace).keys() - {"shop-stable", "shop-canary"}
    assert len(own) == 1, own
    return own.pop()


def current_experiment(namespace: Namespace) -> str:
    """The Experiment that the Rollout has made for its present step."""
    return str(namespace.rollout("shop")["status"]["canary"]["currentExperiment"])


def answers(namespace: Namespace) -> dict[str, int]:
    """Requests that each Service of the mesh has had, all counted at the same moment by the proxy."""
    query = f'traefik_service_requests_total{{service=~"{namespace.name}-.+_mesh@file"}}'
    counted: dict[str, int] = {}
    for each in namespace.cluster.prometheus(f"sum by (service) ({query})"):
        service = each["metric"]["service"].removeprefix(f"{namespace.name}-").removesuffix("_mesh@file")
        counted[service] = int(each["value"][1])
    return counted


def shares_pct(namespace: Namespace, at_least: int = 400) -> Mapping[str, float]:
    """The share of each Service in the next requests."""
    before = answers(namespace)

    def more() -> dict[str, int] | None:
        gained = {name: count - before.get(name, 0) for name, count in answers(namespace).items()}
        return gained if sum(gained.values()) >= at_least else None

    gained = eventually(more, what=f"{at_least} more requests")
    return {name: 100.0 * count / sum(gained.values()) for name, count in gained.items()}


def await_divided(namespace: Namespace, visitors: Load, share_pct: int) -> None:
    """Return when both arms have this share of the requests, and the rest of control the rest."""
    pairs = {"shop-canary": share_pct, baseline(namespace): share_pct, "shop-stable": 100 - 2 * share_pct}
    assert {name: weight for name, weight in destinations(namespace).items() if weight} == pairs

    def agrees() -> bool:
        seen = shares_pct(namespace)
        return all(seen.get(name, 0.0) == pytest.approx(pct, abs=OBSERVED_PCT) for name, pct in pairs.items())

    eventually(agrees, what=f"the arms have {share_pct} % each")
    eventually(
        lambda: visitors.share_pct("v2", 300) == pytest.approx(share_pct, abs=OBSERVED_PCT),
        what="visitors see the same",
    )


@pytest.fixture(scope="class")
def shop(standing: Namespace) -> Namespace:
    start(standing)
    return standing


@pytest.mark.usefixtures("patience")
class TestEqualArmsKeepTheContract(ApiCanVanish, TargetContract):
    versions = itertools.count(2)

    @pytest.fixture
    def target(self, shop: Namespace) -> RolloutTarget:
        deploy(shop, template(f"v{next(self.versions)}"))
        return target_in(shop)

    @pytest.fixture
    def possible_pct(self) -> tuple[int, ...]:
        return SHARES_PCT


def test_a_good_release_is_promoted_by_two_arms_of_the_same_size(namespace: Namespace, home: Path) -> None:
    start(namespace)
    deploy(namespace, template("v2"))
    with load(namespace) as visitors, driven(home, experiment(namespace)) as release:
        for share_pct in SHARES_PCT:
            release.await_weights(share_pct)
        run = release.end()
        assert run.phase is Phase.PROMOTED, run
        visitors.await_all("v2")
        assert visitors.stats()["failed"] == 0
    namespace.await_rollout("shop", "Healthy")
    assert destinations(namespace) == {"shop-stable": 100, "shop-canary": 0}


@pytest.mark.usefixtures("patience")
def test_both_arms_have_the_same_share_of_the_requests(namespace: Namespace) -> None:
    start(namespace)
    deploy(namespace, template("v2"))
    target = target_in(namespace)
    with load(namespace) as visitors:
        for share_pct in SHARES_PCT:
            state(target.apply(Weights.of(share_pct)))
            await_divided(namespace, visitors, share_pct)
        assert visitors.stats()["failed"] == 0


def test_a_bad_release_is_rolled_back_with_its_baseline(namespace: Namespace, home: Path) -> None:
    start(namespace)
    deploy(namespace, template("v2", error_rate=0.5))
    with load(namespace) as visitors, driven(home, experiment(namespace)) as release:
        run = release.end()
        assert (run.phase, run.ended_by) == (Phase.ROLLED_BACK, Rule.HARM), run
        visitors.await_all("v1")
        seen = visitors.counts()
        assert 0 < seen["v2"] < 0.3 * seen["v1"]
    assert namespace.rollout("shop")["status"]["abort"] is True
    eventually(lambda: destinations(namespace) == {"shop-stable": 100, "shop-canary": 0}, what="two routes")


def test_a_treatment_that_crashes_is_rolled_back_for_that(namespace: Namespace, home: Path) -> None:
    start(namespace)
    deploy(namespace, template("v2", {"EXIT_AFTER_S": "0", "EXIT_CODE": "1"}), at_rest=False)
    await_new_version(namespace)
    with load(namespace) as visitors, driven(home, experiment(namespace)) as release:
        run = release.end()
        assert (run.phase, run.ended_by) == (Phase.ROLLED_BACK, Rule.TREATMENT_UNHEALTHY), run
        visitors.await_all("v1")


def test_a_person_who_ends_the_experiment_holds_the_run(namespace: Namespace, home: Path) -> None:
    start(namespace)
    deploy(namespace, template("v2"))
    patient = {**experiment(namespace)}
    patient["spec"]["strategy"]["canary"]["hold"] = "60s"
    with load(namespace) as visitors, driven(home, patient) as release:
        release.await_weights(SHARES_PCT[0])
        end = {"spec": {"terminate": True}}
        name = current_experiment(namespace)
        namespace.cluster.patch(ARGO, "Experiment", name, end, namespace=namespace.name)
        run = release.await_that(
            "a hold", lambda run: any(each.kind is BlockerKind.FOREIGN_WRITER for each in run.blockers)
        )
        assert not run.phase.ended
        # The treatment has no traffic without somebody to compare it with.
        visitors.await_all("v1")


def test_an_experiment_that_somebody_deletes_costs_nobody_the_comparison(
    namespace: Namespace, home: Path
) -> None:
    start(namespace)
    deploy(namespace, template("v2"))
    with load(namespace) as visitors, driven(home, experiment(namespace)) as release:
        release.await_weights(SHARES_PCT[0])
        namespace.cluster.delete(ARGO, "Experiment", current_experiment(namespace), namespace.name)
        run = release.end()
        # The controller makes another, unless it trips over the Service of the old one, which is an abort.
        if run.phase is Phase.PROMOTED:
            visitors.await_all("v2")
            return
        assert (run.phase, run.ended_by) == (Phase.STOPPED, Rule.SUPERSEDED), run
        assert "was aborted" in release.snapshot.reason
        visitors.await_all("v1")


@pytest.mark.usefixtures("patience")
def test_pods_of_the_baseline_stay_while_only_the_share_changes(namespace: Namespace) -> None:
    start(namespace)
    deploy(namespace, template("v2"))
    target = target_in(namespace)
    seen = [state(target.apply(Weights.of(share_pct))) for share_pct in (10, 30, 10)]
    assert {each.compared for each in seen} == {Weights.of(50)}
    assert len({each.control.ready_since_s for each in seen}) == 1
    arms = [pod["metadata"]["labels"].get("rampwise.dev/arm") for pod in namespace.pods()]
    assert (arms.count("shop-baseline"), arms.count("shop-treatment")) == (PODS_EACH, PODS_EACH)


@pytest.mark.usefixtures("patience")
def test_the_role_of_argo_rollouts_is_enough(namespace: Namespace) -> None:
    start(namespace)
    deploy(namespace, template("v2"))
    target = target_in(namespace, as_controller(namespace, "argo-rollouts.yaml"))
    assert state(target.apply(Weights.of(30))).compared == Weights.of(50)
    assert state(target.apply(ALL_TO_TREATMENT)).weights == ALL_TO_TREATMENT
    assert state(target.apply(ALL_TO_CONTROL)).weights == ALL_TO_CONTROL


@pytest.mark.usefixtures("patience")
def test_a_baseline_that_is_ill_gets_no_traffic_and_is_missed(namespace: Namespace) -> None:
    start(namespace)
    deploy(namespace, template("v2"))
    target = target_in(namespace)
    state(target.apply(Weights.of(30)))
    service = baseline(namespace)
    pods = namespace.pods("rampwise.dev/arm=shop-baseline")
    quota = {"kind": "ResourceQuota", "metadata": {"name": "full"}, "spec": {"hard": {"pods": "0"}}}
    namespace.apply({"apiVersion": "v1", **quota})
    namespace.cluster.delete("v1", "Pod", pods[0]["metadata"]["name"], namespace.name)
    eventually(lambda: service not in destinations(namespace), what="no traffic")
    seen = state(target.observe())
    assert (seen.compared, seen.exact, seen.control.ready) == (None, False, False)
    assert seen.control.detail == "its baseline: 2 of 3 pods ready"
    assert seen.weights == Weights.of(30)
    namespace.cluster.delete("v1", "ResourceQuota", "full", namespace.name)
    eventually(lambda: state(target.observe()).compared == Weights.of(50), what="both arms")
