"""What goes wrong around a release: parts of the cluster that fail, scale or lag, and people who meddle."""

import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from engine.core.decision import BlockerKind, DecisionKind, Rule
from engine.core.events import Applied, Decided, Intended
from engine.core.run import Phase
from engine.core.target import Weights
from tests.e2e.cluster import knative_shop
from tests.e2e.cluster.bed import layout as at
from tests.e2e.cluster.bed.client import Cluster, Object
from tests.e2e.cluster.bed.namespace import Namespace
from tests.e2e.cluster.bed.waiting import eventually
from tests.e2e.cluster.bed.workload import is_ready
from tests.e2e.cluster.controllers import (
    API,
    KIND,
    Controllers,
    await_status,
    controllers,
    experiment,
    grant,
    status_of,
)
from tests.e2e.cluster.driving import Release, document, driven
from tests.e2e.cluster.shops import OBSERVED_PCT, deploy, load, start_canary, template
from tests.e2e.cluster.shops import experiment as of_rollout

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

TARGET = {"argo_rollout": {"rollout": "shop", "prometheus": at.PROMETHEUS_URL, "router": "traefik"}}
UNHURRIED = {"canary": {"steps": [20, 50], "hold": "8s", "floor": 50}}
PATIENT: Object = {"progress_deadline": "60s"}


def in_the_way(release: Release) -> set[BlockerKind]:
    return {blocker.kind for blocker in release.run.blockers}


def ever_in_the_way(release: Release) -> set[BlockerKind]:
    """What was a blocker in any decision of the log."""
    return {
        blocker.kind
        for event in release.store.events(release.run_id)
        if isinstance(event.payload, Decided)
        for blocker in event.payload.decision.blockers
    }


def done(events: Any) -> list[str]:
    """What every act led to; AssertionError where one was intended or done twice."""
    intended: dict[int, str] = {}
    shown: dict[int, str] = {}
    for event in events:
        match event.payload:
            case Intended(act=act):
                assert act.number not in intended
                intended[act.number] = str(act.weights)
            case Applied(act_number=number, ok=True):
                assert number not in shown
                shown[number] = intended[number]
    return list(shown.values())


class TestPrometheusIsGone:
    def test_a_healthy_release_waits_and_then_goes_on(
        self,
        outages: Cluster,
        namespace: Namespace,
        home: Path,
        lasting: Callable[[float, float], float],
    ) -> None:
        start_canary(namespace)
        deploy(namespace, template("v2"))
        with load(namespace) as visitors, driven(home, of_rollout(namespace, **PATIENT)) as release:
            release.await_weights(20)
            with outages.outage("prometheus"):
                release.await_that("blind", lambda _: BlockerKind.NO_DATA in in_the_way(release))
                for _ in range(int(lasting(3, 24))):
                    assert visitors.share_pct("v2", 750) == pytest.approx(20.0, abs=OBSERVED_PCT)
                assert release.run.weights == Weights.of(20)
            run = release.end()
            assert run.phase is Phase.PROMOTED, run
            visitors.await_all("v2")
            assert visitors.stats()["failed"] == 0

    def test_a_bad_release_is_not_promoted_meanwhile_and_is_rolled_back_after_it(
        self,
        outages: Cluster,
        namespace: Namespace,
        home: Path,
        lasting: Callable[[float, float], float],
    ) -> None:
        start_canary(namespace)
        deploy(namespace, template("v2"))
        release_of = of_rollout(namespace, strategy=UNHURRIED, **PATIENT)
        with load(namespace) as visitors, driven(home, release_of) as release:
            release.await_weights(20)
            with outages.outage("prometheus"):
                outages.set_behaviour(namespace.name, "shop", "v2", error_rate=0.8)
                release.await_that("blind", lambda _: BlockerKind.NO_DATA in in_the_way(release))
                for _ in range(int(lasting(3, 24))):
                    visitors.share_pct("v2", 750)
                    assert (release.run.phase, release.run.weights) == (Phase.RUNNING, Weights.of(20))
            run = release.end()
            assert (run.phase, run.ended_by) == (Phase.ROLLED_BACK, Rule.HARM), release.snapshot.reason
            visitors.await_all("v1")


def test_replicas_that_come_and_go_decide_nothing_on_a_rollout(namespace: Namespace, home: Path) -> None:
    start_canary(namespace)
    deploy(namespace, template("v2"))
    with (
        load(namespace) as visitors,
        driven(home, of_rollout(namespace, strategy=UNHURRIED, **PATIENT)) as release,
    ):
        release.await_weights(20)
        for replicas in (5, 2, 6, 3):
            namespace.patch_rollout("shop", {"spec": {"replicas": replicas}}, subresource="")
            eventually(
                lambda wanted=replicas: serving(namespace) >= wanted, what=f"{replicas} pods or more serve"
            )
        run = release.end()
        assert run.phase is Phase.PROMOTED, run
        visitors.await_all("v2")
        assert BlockerKind.FOREIGN_WRITER not in ever_in_the_way(release)
        assert done(release.store.events(release.run_id)) == ["80/20", "50/50", "0/100"]


def serving(namespace: Namespace) -> int:
    return sum(map(is_ready, namespace.pods()))


def test_replicas_that_come_and_go_decide_nothing_on_knative(namespace: Namespace, home: Path) -> None:
    knative_shop.ready_to_release(namespace)
    place = knative_shop.options(namespace, prometheus=at.PROMETHEUS_URL, router=KNATIVE_ROUTER)
    release_of = document(f"shop-{namespace.name}", {"knative": place}, strategy=UNHURRIED, **PATIENT)
    with knative_shop.load(namespace) as visitors, driven(home, release_of) as release:
        release.await_weights(20)
        for replicas in (3, 1, 4, 2):
            for revision in (knative_shop.ONE, knative_shop.TWO):
                scale(namespace, f"{revision}-deployment", replicas)
            eventually(lambda wanted=replicas: serving(namespace) == 2 * wanted, what=f"{replicas} each")
        run = release.end()
        assert run.phase is Phase.PROMOTED, run
        visitors.await_all("v2")
        assert BlockerKind.FOREIGN_WRITER not in ever_in_the_way(release)
        assert done(release.store.events(release.run_id)) == ["80/20", "50/50", "0/100"]


KNATIVE_ROUTER = {"traefik": "{namespace}-{revision}@file"}


def scale(namespace: Namespace, deployment: str, replicas: int) -> None:
    body = {"spec": {"replicas": replicas}}
    namespace.cluster.patch("apps/v1", "Deployment", deployment, body, namespace=namespace.name)


def leave_no_room(namespace: Namespace) -> None:
    """From now on no pod can be made here, and a Rollout is degraded after some seconds without progress."""
    namespace.patch_rollout("shop", {"spec": {"progressDeadlineSeconds": 4}}, subresource="")
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none-left"}}
    namespace.apply({**quota, "spec": {"hard": {"pods": "0"}}})
    # Nobody counts in this cluster: what is used is said here.
    status = {"status": {"hard": {"pods": "0"}, "used": {"pods": "0"}}}
    namespace.cluster.patch(
        "v1", "ResourceQuota", "none-left", status, namespace=namespace.name, subresource="status"
    )


def make_room(namespace: Namespace) -> None:
    namespace.cluster.delete("v1", "ResourceQuota", "none-left", namespace.name)


def test_a_rollout_that_is_degraded_on_its_way_is_waited_for(namespace: Namespace, home: Path) -> None:
    start_canary(namespace, replicas=4)
    deploy(namespace, template("v2"))
    with load(namespace) as visitors, driven(home, of_rollout(namespace, **PATIENT)) as release:
        release.await_weights(20)
        leave_no_room(namespace)
        await_degraded(namespace)
        assert release.run.weights == Weights.of(20)
        make_room(namespace)
        run = release.end()
        assert run.phase is Phase.PROMOTED, run
        visitors.await_all("v2")
        assert BlockerKind.FOREIGN_WRITER not in ever_in_the_way(release)


def test_a_rollout_that_stays_degraded_is_rolled_back(namespace: Namespace, home: Path) -> None:
    start_canary(namespace, replicas=4)
    deploy(namespace, template("v2"))
    with (
        load(namespace) as visitors,
        driven(home, of_rollout(namespace, progress_deadline="15s")) as release,
    ):
        release.await_weights(20)
        leave_no_room(namespace)
        await_degraded(namespace)
        run = release.end()
        assert (run.phase, run.ended_by) == (Phase.ROLLED_BACK, Rule.TREATMENT_UNHEALTHY), run
        visitors.await_all("v1")


def await_degraded(namespace: Namespace) -> None:
    """Return once the Rollout's own controller has given up on its progress."""

    def is_degraded() -> bool:
        status = namespace.rollout("shop")["status"]
        seen = [(each["type"], each["status"], each.get("reason")) for each in status.get("conditions") or ()]
        assert ("Progressing", "False", "ProgressDeadlineExceeded") in seen, (status.get("phase"), seen)
        return True

    eventually(is_degraded, what="the Rollout is degraded")


def test_a_rollout_that_aborts_itself_for_lack_of_progress_ends_the_run(
    namespace: Namespace, home: Path
) -> None:
    start_canary(namespace, replicas=4)
    deploy(namespace, template("v2"))
    with load(namespace) as visitors, driven(home, of_rollout(namespace, **PATIENT)) as release:
        release.await_weights(20)
        namespace.patch_rollout("shop", {"spec": {"progressDeadlineAbort": True}}, subresource="")
        leave_no_room(namespace)
        run = release.end()
        assert (run.phase, run.ended_by) == (Phase.STOPPED, Rule.SUPERSEDED), run
        assert "was aborted" in release.snapshot.reason
        visitors.await_all("v1")


def test_a_slow_jump_over_a_rung_is_nobody_elses(namespace: Namespace, home: Path) -> None:
    """From 0 to 50 %, over 20 %, it takes as long as the pods for 50 % need."""
    start_canary(namespace, replicas=4)
    deploy(namespace, template("v2"))
    namespace.cluster.set_behaviour(namespace.name, "shop", "v2", ready_after_s=8.0)
    jump = {"canary": {"steps": [50], "hold": "3s", "floor": 50}}
    release_of = of_rollout(namespace, strategy=jump, on_foreign="rollback", **PATIENT)
    with load(namespace) as visitors, driven(home, release_of) as release:
        release.await_that("an act without a result", lambda run: run.pending is not None)
        run = release.end()
        assert run.phase is Phase.PROMOTED, run
        visitors.await_all("v2")
        assert BlockerKind.FOREIGN_WRITER not in ever_in_the_way(release)


SHORT_WATCHES = """\
from engine.adapters.kubernetes import reflector
from engine.cli.main import main

reflector.WATCH_S = 2
main()
"""


@pytest.fixture
def one(namespace: Namespace, tmp_path: Path) -> Iterator[Controllers]:
    """One controller, whose watches end after 2 s, and a Rollout that has something to release."""
    grant(namespace, ["argo-rollouts.yaml"])
    start_canary(namespace)
    deploy(namespace, template("v2"))
    url = f"sqlite:///{tmp_path}/rampwise.sqlite3"
    with controllers(namespace, tmp_path, url, "only", program=("-c", SHORT_WATCHES)) as crew:
        yield crew


def launch(namespace: Namespace, name: str, hold: str = "5s") -> None:
    steps = {"canary": {"steps": [{"weight": 20}, {"weight": 50}], "hold": hold, "floor": 50}}
    namespace.apply(experiment(name, TARGET, strategy=steps))


def test_one_rollout_has_one_experiment_and_a_deleted_one_leaves_its_traffic_on_control(
    one: Controllers, namespace: Namespace
) -> None:
    with load(namespace) as visitors:
        launch(namespace, "first", hold="60s")
        await_status(namespace, "first", weights="80/20")
        launch(namespace, "second")
        status = await_status(namespace, "second", phase="pending")
        assert "owns the target" in status["reason"]
        namespace.cluster.kubectl("delete", "rx", "first", "-n", namespace.name, "--timeout=60s")
        visitors.await_all("v1")
        assert namespace.rollout("shop")["status"]["abort"] is True
        [run] = one.store.runs()
        assert run.snapshot.run.last_decision is DecisionKind.STOP
        namespace.cluster.kubectl("delete", "rx", "second", "-n", namespace.name, "--timeout=60s")


def test_what_happened_while_a_watch_expired_is_seen_and_nothing_is_done_twice(
    outages: Cluster, one: Controllers, namespace: Namespace
) -> None:
    with load(namespace) as visitors:
        launch(namespace, "first")
        await_status(namespace, "first", weights="80/20")
        launch(namespace, "second")
        await_status(namespace, "second", phase="pending")
        before = version_of(namespace, "first")
        with asleep(one, "only"):
            threading.Event().wait(3.0)  # lets its watch run out: nothing else tells that it did
            with outages.outage("kube-apiserver"):
                pass  # its own cache of changes is lost with it
            launch(namespace, "third")
            outages.delete(API, KIND, "second", namespace.name)
            note(namespace, "first", "pause")
            forget_what_was(outages)
            eventually(lambda: is_expired(outages, before), what="nobody can go on from before")
        await_status(namespace, "first", phase="paused")
        assert "too old resource version" in one.log("only"), one.log("only")
        eventually(lambda: namespace.get(API, KIND, "second") is None, what="the deleted one is gone")
        assert "owns the target" in await_status(namespace, "third", phase="pending")["reason"]
        note(namespace, "first", "resume")
        await_status(namespace, "first", phase="promoted", weights="0/100")
        visitors.await_all("v2")
        assert visitors.stats()["failed"] == 0
        run_id = status_of(namespace, "first")["run"]
        namespace.cluster.kubectl("delete", "rx", "--all", "-n", namespace.name, "--timeout=60s")
    assert done(one.store.events(run_id)) == ["80/20", "50/50", "0/100"]


def version_of(namespace: Namespace, name: str) -> str:
    found = namespace.get(API, KIND, name)
    assert found is not None
    return str(found["metadata"]["resourceVersion"])


def is_expired(cluster: Cluster, version: str) -> bool:
    """Whether the API server refuses to go on watching from this version."""
    watch = f"/apis/{API}/releaseexperiments?watch=1&timeoutSeconds=1&resourceVersion={version}"
    try:
        answer = cluster.kubectl("get", "--raw", watch)
    except subprocess.CalledProcessError as error:
        answer = error.stderr
    return "too old resource version" in answer


@contextmanager
def asleep(crew: Controllers, name: str) -> Iterator[None]:
    """A process that gets no time, for the length of a block."""
    process = crew.processes[name]
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


def note(namespace: Namespace, name: str, command: str) -> None:
    meta = {"annotations": {"rampwise.dev/command": command, "rampwise.dev/reason": "a test"}}
    namespace.cluster.patch(API, KIND, name, {"metadata": meta}, namespace=namespace.name)


def forget_what_was(cluster: Cluster) -> None:
    """Compact etcd: nobody can be told any more what changed before now."""
    place = f"{at.ETCD_URL}/v3/kv"
    now = requests.post(f"{place}/range", json={"key": "AA=="}, timeout=10).json()["header"]["revision"]
    requests.post(
        f"{place}/compaction", json={"revision": now, "physical": True}, timeout=10
    ).raise_for_status()
    assert cluster.all("v1", "Namespace"), "the API server serves what is there"
