"""Looking at a real API server through copies: no call while nothing changes, and never anything older."""

from collections.abc import Iterator, Mapping, Sequence

import pytest

from engine.adapters.kubernetes.client import KubernetesCluster, connect
from engine.adapters.kubernetes.cluster import Manifest, Resource
from engine.adapters.kubernetes.watching import Copying, Sight, watched
from tests.contracts.cluster_contract import CONFIG_MAPS, ClusterContract, a_map
from tests.e2e.cluster.bed.namespace import Namespace
from tests.e2e.cluster.bed.waiting import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


class Counted(KubernetesCluster):
    """Counts what is read directly."""

    reads = 0

    def get(self, resource: Resource, namespace: str, name: str) -> Manifest:
        self.reads += 1
        return super().get(resource, namespace, name)

    def find(self, resource: Resource, namespace: str, labels: Mapping[str, str]) -> Sequence[Manifest]:
        self.reads += 1
        return super().find(resource, namespace, labels)


class Looking(Sight):
    """All of its reads are looks."""

    get = watched(Sight.get)
    find = watched(Sight.find)


@pytest.fixture
def direct() -> Counted:
    return Counted(connect().client)


@pytest.fixture
def api(direct: Counted) -> Iterator[Looking]:
    copying = Copying()
    copying.begin()
    yield Looking(direct, lambda: copying.of(direct))
    copying.end()


@pytest.fixture
def place(namespace: Namespace) -> str:
    return namespace.name


class TestLooking(ClusterContract):
    """What is read through copies keeps the contract of what is read directly."""

    @pytest.fixture
    def api(self, api: Looking, place: str) -> Looking:
        api.find(CONFIG_MAPS, place, {})
        return api


def test_looking_costs_no_call_and_sees_what_others_do(api: Looking, direct: Counted, place: str) -> None:
    made = direct.create(CONFIG_MAPS, place, a_map("one", {"app": "x"}, colour="blue"))
    eventually(lambda: _costs_nothing(api, direct, place), what="the copy has begun")
    before = direct.reads
    for _ in range(100):
        assert api.get(CONFIG_MAPS, place, "one")["data"] == made["data"]
        assert len(api.find(CONFIG_MAPS, place, {"app": "x"})) == 1
    assert direct.reads == before
    direct.patch(CONFIG_MAPS, place, "one", {"data": {"colour": "red"}})
    eventually(lambda: api.get(CONFIG_MAPS, place, "one")["data"] == {"colour": "red"}, what="seen")
    direct.delete(CONFIG_MAPS, place, "one")
    eventually(lambda: not api.find(CONFIG_MAPS, place, {"app": "x"}), what="gone")
    assert direct.reads == before


def test_after_an_act_looking_shows_it_at_once_and_costs_nothing_again_soon(
    api: Looking, direct: Counted, place: str
) -> None:
    direct.create(CONFIG_MAPS, place, a_map("one", {"app": "x"}))
    eventually(lambda: _costs_nothing(api, direct, place), what="the copy has begun")
    for number in range(30):
        api.patch(CONFIG_MAPS, place, "one", {"data": {"n": str(number)}})
        assert api.get(CONFIG_MAPS, place, "one")["data"] == {"n": str(number)}
    eventually(lambda: _costs_nothing(api, direct, place), what="the copy has caught up")
    assert api.get(CONFIG_MAPS, place, "one")["data"] == {"n": "29"}


def _costs_nothing(api: Looking, direct: Counted, place: str) -> bool:
    before = direct.reads
    api.get(CONFIG_MAPS, place, "one")
    return direct.reads == before
