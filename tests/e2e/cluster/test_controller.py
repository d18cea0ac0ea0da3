"""`rampwise controller` in a real cluster: objects become releases, whatever happens to it and around it."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from engine.cli.main import app
from engine.core.events import Applied, Intended
from engine.core.evolve import replay
from engine.ports import Store
from tests import postgresql
from tests.e2e.cluster.bed import layout as at
from tests.e2e.cluster.bed import samples
from tests.e2e.cluster.bed.namespace import Namespace
from tests.e2e.cluster.bed.waiting import eventually
from tests.e2e.cluster.controllers import (
    API,
    KIND,
    Controllers,
    await_status,
    controllers,
    experiment,
    grant,
    on_knative,
    status_of,
)
from tests.e2e.cluster.permissions import without
from tests.e2e.cluster.releases import start_canary, start_knative

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

TAKEN_OVER_WITHIN_S = 15.0


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgresql.server() as url:
        yield url


@pytest.fixture
def one(namespace: Namespace, tmp_path: Path) -> Iterator[Controllers]:
    """One replica with SQLite, as in `manifests/base`, and a Service with two ready revisions."""
    grant(namespace, ["knative.yaml"])
    start_knative(namespace)
    with controllers(namespace, tmp_path, f"sqlite:///{tmp_path}/rampwise.sqlite3", "only") as crew:
        yield crew


def visitors(namespace: Namespace) -> Any:
    return namespace.cluster.load("shop", f"shop.{namespace.name}.{at.KNATIVE_DOMAIN}", rate_per_s=150.0)


def apply(namespace: Namespace, name: str = "shop", **more: Any) -> None:
    namespace.apply(experiment(name, on_knative(), **more))


def slowly(hold: str) -> dict[str, Any]:
    return {"canary": {"steps": [{"weight": 20}, {"weight": 50}], "hold": hold, "floor": 50}}


def rx(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["rx", *arguments])
    assert result.exit_code == 0, result.output
    return result.output


def acts(store: Store, run_id: str) -> list[tuple[int, str, bool]]:
    """All acts in the order of the log: number, weights asked for, and whether that is what there was."""
    done = []
    intended: dict[int, str] = {}
    for event in store.events(run_id):
        match event.payload:
            case Intended(act=act):
                assert act.number not in intended, "one act was intended twice"
                intended[act.number] = str(act.weights)
            case Applied(act_number=number, ok=ok):
                done.append((number, intended[number], ok))
    return done


def test_a_good_release_is_promoted_with_people_looking_on(one: Controllers, namespace: Namespace) -> None:
    apply(namespace, strategy=slowly("4s"))
    with visitors(namespace) as load:
        await_status(namespace, "shop", weights="80/20")
        assert load.share_pct("v2", 300) == pytest.approx(20.0, abs=1.5)
        answer = rx("pause", "shop", "-n", namespace.name, "--reason", "lunch")
        assert "paused" in answer
        shown = namespace.cluster.kubectl("get", "rx", "-n", namespace.name).splitlines()
        assert shown[0].split() == ["NAME", "PHASE", "STEP", "WEIGHTS", "VERDICT", "AGE"]
        assert shown[1].split()[:4] == ["shop", "paused", "1/2", "80/20"]
        rx("resume", "shop", "-n", namespace.name, "--reason", "back")
        status = await_status(namespace, "shop", phase="promoted", weights="0/100")
        load.await_all("v2")
        assert load.stats()["failed"] == 0
    assert (status["command"]["verb"], status["command"]["actor"]) == ("resume", "admin@annotation")
    assert status["history"][-1]["decision"] == "promote"
    assert {each["type"]: each["status"] for each in status["conditions"]} == {
        "Accepted": "True",
        "Blocked": "False",
        "Ended": "True",
    }
    told = namespace.cluster.kubectl("get", "events", "-n", namespace.name, "-o", "name")
    assert "event/shop." in told
    eventually(lambda: not held(namespace, "shop"), what="the object may be deleted")


@pytest.mark.parametrize(
    ("error_rate", "phase", "weights"), [(0.0, "promoted", "0/100"), (0.5, "rolled_back", "100/0")]
)
def test_a_rollout_goes_through_an_object(
    namespace: Namespace, tmp_path: Path, error_rate: float, phase: str, weights: str
) -> None:
    grant(namespace, ["argo-rollouts.yaml"])
    start_canary(namespace)
    namespace.cluster.set_behaviour(namespace.name, "shop", "v2", error_rate=error_rate)
    target = {"argo_rollout": {"rollout": "shop", "prometheus": at.PROMETHEUS_URL, "router": "traefik"}}
    canary = {"canary": {"steps": [{"weight": 20}], "hold": "3s", "floor": 50}}
    url = f"sqlite:///{tmp_path}/rampwise.sqlite3"
    host = samples.host("shop", namespace.name)
    with controllers(namespace, tmp_path, url, "only"), namespace.cluster.load("shop", host) as load:
        namespace.apply(experiment("shop", target, strategy=canary))
        await_status(namespace, "shop", phase=phase, weights=weights)
        load.await_all("v2" if phase == "promoted" else "v1")


def held(namespace: Namespace, name: str) -> list[str]:
    found = namespace.get(API, KIND, name)
    assert found is not None
    return list(found["metadata"].get("finalizers", ()))


def test_a_bad_release_is_rolled_back_and_its_spec_was_fixed_from_the_start(
    one: Controllers, namespace: Namespace
) -> None:
    namespace.cluster.set_behaviour(namespace.name, "shop", "v2", error_rate=0.5)
    apply(namespace)
    with visitors(namespace) as load:
        await_status(namespace, "shop", phase="running")
        for change in (
            {"target": {"knative": {"prometheus": "http://elsewhere"}}},
            {"strategy": {"canary": {"hold": "1s"}}},
            {"metrics": []},
            {"gate": {"options": {"open": False}}},
            {"source": {"prometheus": {"url": "http://elsewhere"}}},
        ):
            with pytest.raises(Exception, match=r"cannot change any more|at least 1 item"):
                namespace.cluster.patch(API, KIND, "shop", {"spec": change}, namespace=namespace.name)
        status = await_status(namespace, "shop", phase="rolled_back", weights="100/0")
        load.await_all("v1")
    assert status["verdict"] == "harmful"


def test_a_killed_leader_is_followed_within_seconds_and_no_step_is_lost_or_doubled(
    namespace: Namespace, tmp_path: Path, server: str
) -> None:
    grant(namespace, ["knative.yaml"])
    start_knative(namespace)
    url = postgresql.new_database(server, namespace.name)
    with controllers(namespace, tmp_path, url, "a", "b") as crew, visitors(namespace):
        apply(namespace, strategy=slowly("6s"))
        await_status(namespace, "shop", weights="80/20")
        leader = crew.leader()
        [run_id] = crew.store.active()
        crew.kill(leader)
        killed_s = time.monotonic()
        [other] = {"a", "b"} - {leader}
        eventually(lambda: crew.leader() == other, what="the other one leads")
        lease = eventually(lambda: ticked_by(crew, run_id, other), what="it drives the run")
        assert time.monotonic() - killed_s <= TAKEN_OVER_WITHIN_S, crew.log(other)
        assert lease.token == 2
        await_status(namespace, "shop", phase="promoted", weights="0/100")
        assert [(weights, ok) for _, weights, ok in acts(crew.store, run_id)] == [
            ("80/20", True),
            ("50/50", True),
            ("0/100", True),
        ]
        assert replay(crew.store.events(run_id)) == crew.store.load(run_id).snapshot.run


def ticked_by(crew: Controllers, run_id: str, name: str) -> Any:
    lease = crew.store.holder(run_id, time.time())
    pid = f"/{crew.processes[name].pid}/"
    return lease if lease is not None and pid in lease.owner else None


def test_an_api_server_that_was_away_finds_the_release_where_it_left_it(
    outages: object,
    one: Controllers,
    namespace: Namespace,
    lasting: Callable[[float, float], float],
) -> None:
    with visitors(namespace) as load:
        apply(namespace, strategy=slowly("5s"))
        await_status(namespace, "shop", weights="80/20")
        with namespace.cluster.outage("kube-apiserver"):
            requests = int(150 * lasting(10.0, 30.0))
            assert load.share_pct("v2", requests) == pytest.approx(20.0, abs=1.5)
        await_status(namespace, "shop", phase="promoted", weights="0/100")
        assert load.stats()["failed"] == 0
    [stored] = one.store.runs()
    assert [weights for _, weights, ok in acts(one.store, stored.snapshot.run.id) if ok] == [
        "80/20",
        "50/50",
        "0/100",
    ]


def test_one_service_has_one_experiment_and_a_deleted_one_leaves_its_traffic_on_control(
    one: Controllers, namespace: Namespace
) -> None:
    with visitors(namespace) as load:
        apply(namespace, "first", strategy=slowly("60s"))
        await_status(namespace, "first", weights="80/20")
        apply(namespace, "second")
        status = await_status(namespace, "second", phase="pending")
        assert "owns the target" in status["reason"]
        namespace.cluster.kubectl("delete", "rx", "first", "-n", namespace.name, "--timeout=30s")
        load.await_all("v1")
        traffic = namespace.knative("shop")["spec"]["traffic"]
        assert [each["percent"] for each in traffic] == [100, 0]
        namespace.cluster.kubectl("delete", "rx", "second", "-n", namespace.name, "--timeout=30s")


def test_a_missing_permission_is_named_on_the_object(one: Controllers, namespace: Namespace) -> None:
    cluster = namespace.cluster
    role = namespace.get("rbac.authorization.k8s.io/v1", "Role", "rampwise-knative")
    assert role is not None
    without("get", "services")(role)
    body = {"rules": role["rules"]}
    cluster.patch("rbac.authorization.k8s.io/v1", "Role", "rampwise-knative", body, namespace=namespace.name)
    apply(namespace)
    status = await_status(namespace, "shop", phase="pending")
    assert "a Role must grant verb `get` on `services.serving.knative.dev`" in status["reason"]
    assert status_of(namespace, "shop")["conditions"][0]["status"] == "False"
