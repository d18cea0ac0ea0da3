"""The cluster itself: faults, outages, strictness, and its end."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.e2e.cluster.bed import samples
from tests.e2e.cluster.bed.namespace import PROMOTE_A_STEP, PROMOTE_FULLY, Namespace
from tests.e2e.cluster.bed.waiting import eventually
from tests.e2e.cluster.bed.workload import is_ready
from tests.e2e.cluster.releases import start_canary

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[3]
RATE_PER_S = 100.0
NOT_STARTED: samples.Object = {"state": {}}


def test_a_faulty_version_is_set_while_it_runs_and_its_later_pods_are_as_faulty(namespace: Namespace) -> None:
    start_canary(namespace)
    namespace.patch_rollout("shop", PROMOTE_FULLY)
    namespace.await_rollout("shop", "Healthy")
    namespace.cluster.set_behaviour(namespace.name, "shop", "v2", error_rate=1.0)
    namespace.patch_rollout("shop", {"spec": {"replicas": 4}}, subresource="")
    eventually(lambda: sum(map(is_ready, namespace.pods())) == 4, what="four pods are ready")
    with namespace.cluster.load("shop", samples.host("shop", namespace.name)) as load:
        eventually(lambda: sum(load.counts().values()) > 200, what="some answers")
        assert set(load.stats()["counts"]["v2"]) == {"500"}


def test_a_crashing_pod_is_seen_as_one(namespace: Namespace) -> None:
    template = samples.pod_template("shop", "v1", {"EXIT_AFTER_S": "0.2", "EXIT_CODE": "3"})
    namespace.apply(samples.canary_routes("shop", namespace.name))
    namespace.apply(samples.canary("shop", template, [], replicas=1))

    def crashed() -> bool:
        (pod,) = namespace.pods()
        (container,) = pod["status"].get("containerStatuses", [NOT_STARTED])
        return bool(
            container["state"].get("waiting", {}).get("reason") == "CrashLoopBackOff"
            and container["restartCount"] >= 2
            and container["lastState"]["terminated"]["exitCode"] == 3
        )

    eventually(lambda: len(namespace.pods()) == 1, what="a pod")
    eventually(crashed, what="a crash loop")


def test_an_image_that_cannot_be_pulled_never_becomes_ready(namespace: Namespace) -> None:
    template = samples.pod_template("shop", "missing")
    namespace.apply(samples.canary_routes("shop", namespace.name))
    namespace.apply(samples.canary("shop", template, [], replicas=1))

    def waits() -> bool:
        pods = namespace.pods()
        states = [status["state"] for pod in pods for status in pod["status"].get("containerStatuses", ())]
        return [state.get("waiting", {}).get("reason") for state in states] == ["ImagePullBackOff"]

    eventually(waits, what="the image is missing")


def test_an_unknown_field_is_an_error(namespace: Namespace) -> None:
    rollout = samples.canary("shop", samples.pod_template("shop", "v1"), [])
    rollout["spec"]["replicaz"] = 3
    with pytest.raises(Exception, match="replicaz"):
        namespace.apply(rollout)


def test_the_api_server_goes_and_comes_back_and_pods_serve_on(
    outages: object, namespace: Namespace, lasting: Callable[[float, float], float]
) -> None:
    start_canary(namespace)
    before = {pod["metadata"]["name"] for pod in namespace.pods()}
    host = samples.host("shop", namespace.name)
    with namespace.cluster.load("shop", host, rate_per_s=RATE_PER_S) as load:
        with namespace.cluster.outage("kube-apiserver"):
            requests = int(RATE_PER_S * lasting(3.0, 30.0))
            assert load.share_pct("v1", requests) == 100.0
        namespace.patch_rollout("shop", PROMOTE_A_STEP)
        namespace.await_weight("shop", 20)
        assert load.stats()["failed"] == 0
    assert before <= {pod["metadata"]["name"] for pod in namespace.pods()}


def test_nothing_is_left_when_the_owner_of_a_cluster_is_killed(tmp_path: Path) -> None:
    """A second cluster, in namespaces of its own, ended by SIGKILL while it starts."""
    command = [str(ROOT / "tools" / "rampwise-cluster"), "run", "sleep", "600"]
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    owner = subprocess.Popen(command, env=env)
    try:
        eventually(lambda: list(tmp_path.glob("*/pids/kube-apiserver")), what="an API server")
        started = members(tmp_path)
    finally:
        owner.kill()
        owner.wait()
    assert len(started) >= 3
    eventually(lambda: not members(tmp_path), what="all of them are gone")


def members(directory: Path) -> list[int]:
    """Processes that have the directory in their command line, in this and inner process namespaces."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        words = process.info["cmdline"] or []
        if process.info["status"] != psutil.STATUS_ZOMBIE and any(str(directory) in word for word in words):
            found.append(process.pid)
    return found
