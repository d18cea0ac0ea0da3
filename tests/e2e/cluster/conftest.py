"""One cluster for all tests, a fresh namespace for each; all of it inside `tools/rampwise-cluster`.

A test that stops a component asks for `outages`; no other test is then in the cluster, in any process.
"""

import fcntl
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.adapters.kubernetes import acting
from tests.e2e.cluster.bed.client import Cluster, NoClusterError
from tests.e2e.cluster.bed.layout import CLUSTER_VARIABLE
from tests.e2e.cluster.bed.namespace import Namespace

SOAK_VARIABLE = "RAMPWISE_SOAK"

collect_ignore = ["bed", "tools"]


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    """The cluster in which this process runs; without one, the tests fail."""
    named = os.environ.get(CLUSTER_VARIABLE)
    try:
        if named is None:
            return Cluster.here()
        with _turn(Path(named), alone=False):
            return Cluster.here()
    except NoClusterError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture
def namespace(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[Namespace]:
    """A namespace of its own, gone after the test."""
    with _fresh(cluster, alone="outages" in request.fixturenames) as fresh:
        yield fresh


@pytest.fixture(scope="class")
def standing(cluster: Cluster) -> Iterator[Namespace]:
    """A namespace for all tests of a class, which leave things as they found them."""
    with _fresh(cluster, alone=False) as fresh:
        yield fresh


@contextmanager
def _fresh(cluster: Cluster, *, alone: bool) -> Iterator[Namespace]:
    with _turn(cluster.layout.directory, alone=alone):
        name = f"t-{secrets.token_hex(4)}"
        cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        try:
            yield Namespace(cluster, name)
        finally:
            cluster.delete("v1", "Namespace", name)


@pytest.fixture
def outages(namespace: Namespace) -> Cluster:
    """The cluster, for a test that stops parts of it: nobody else is in it meanwhile."""
    return namespace.cluster


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Rampwise's own directory, for one test."""
    monkeypatch.setenv("RAMPWISE_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """An act may take as long as pods need to start on a busy machine; the engine would ask again instead."""
    monkeypatch.setattr(acting, "SHOWS_WITHIN_S", 60.0)


@pytest.fixture(scope="session")
def lasting() -> Callable[[float, float], float]:
    """How long a fault lasts, in seconds: the first number as a rule, the second in `make soak`."""
    return lambda short_s, full_s: full_s if os.environ.get(SOAK_VARIABLE) else short_s


@contextmanager
def _turn(directory: Path, *, alone: bool) -> Iterator[None]:
    """Be in the cluster together with others, or alone. Who wants to be alone lets nobody new in."""
    with (directory / "door.lock").open("a") as door, (directory / "room.lock").open("a") as room:
        fcntl.flock(door, fcntl.LOCK_EX)
        fcntl.flock(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(door, fcntl.LOCK_UN)
        yield
