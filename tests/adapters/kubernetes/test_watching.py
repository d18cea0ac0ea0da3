"""Looking costs no call while nothing changes, and never shows what is older than what was seen or done."""

from collections.abc import Iterator
from typing import Any

import pytest

from engine.adapters.kubernetes import watching
from engine.adapters.kubernetes.cluster import PODS, SERVICES, Manifest, Moved, NotAllowed, NotThere, Resource
from engine.adapters.kubernetes.fake import FakeCluster
from engine.adapters.kubernetes.reflector import Reflector
from engine.adapters.kubernetes.watching import Copies, Copying, Sight, watched
from engine.errors import Unreachable
from tests.local.waiting import eventually


class Counted(FakeCluster):
    """Counts reads; its feed is at `version` and hears of nothing by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.reads: list[str] = []

    def get(self, resource: Resource, namespace: str, name: str) -> Manifest:
        self.reads.append(f"{resource.plural}/{name}")
        return super().get(resource, namespace, name)

    def find(self, resource: Resource, namespace: str, labels: Any) -> Any:
        self.reads.append(resource.plural)
        return super().find(resource, namespace, labels)


class World:
    """A target's sight of a cluster, and copies that are as far as the test says."""

    def __init__(self) -> None:
        self.cluster, self.now_s = Counted(), 1000.0
        self.copies = Copies(feed=None)  # type: ignore[arg-type]
        self.sight = Sight(self.cluster, lambda: self.copies, now_s=lambda: self.now_s)
        self.version = int(self.put(PODS, "a")["metadata"]["resourceVersion"])

    def put(self, resource: Resource, name: str, **spec: Any) -> Manifest:
        meta = {"namespace": "shop", "name": name, "labels": {"app": "x"}}
        return self.cluster.put(resource, {"metadata": meta, "spec": spec})

    def copy(self, resource: Resource = PODS) -> Reflector:
        """The kind as it stands now, copied."""
        made = Reflector(feed=None, resource=resource, namespace="shop", now_s=lambda: self.now_s)  # type: ignore[arg-type]
        for each in FakeCluster.find(self.cluster, resource, "shop", {}):
            made._take("ADDED", each)
            made._heard(str(max(made.position, int(each["metadata"]["resourceVersion"]))))
        self.copies._reflectors[resource, "shop"] = made
        return made

    @watched
    def look(self, resource: Resource = PODS, name: str = "a") -> Manifest:
        return self.sight.get(resource, "shop", name)

    @watched
    def look_for(self) -> list[str]:
        return [each["metadata"]["name"] for each in self.sight.find(PODS, "shop", {"app": "x"})]


@pytest.fixture
def world() -> World:
    return World()


def test_looking_costs_no_call(world: World) -> None:
    world.copy()
    assert world.look()["metadata"]["name"] == "a"
    assert world.look_for() == ["a"]
    assert world.cluster.reads == []


def test_whoever_acts_reads_directly(world: World) -> None:
    world.copy()
    world.sight.get(PODS, "shop", "a")
    world.sight.find(PODS, "shop", {"app": "x"})
    assert world.cluster.reads == ["pods/a", "pods"]


def test_without_copies_everything_is_read_directly(world: World) -> None:
    sight = Sight(world.cluster, lambda: None)
    watched(sight.get)(PODS, "shop", "a")
    assert world.cluster.reads == ["pods/a"]


def test_what_a_copy_lacks_is_asked_for(world: World) -> None:
    world.copy()
    with pytest.raises(NotThere):
        world.look(name="b")
    assert world.cluster.reads == ["pods/b"]


def test_after_an_act_nothing_older_is_seen(world: World) -> None:
    world.copy()
    world.sight.patch(PODS, "shop", "a", {"spec": {"colour": "red"}})
    assert world.look()["spec"] == {"colour": "red"}
    world.cluster.reads.clear()
    world.copy()
    assert world.look()["spec"] == {"colour": "red"}
    assert world.cluster.reads == []


def test_a_kind_in_which_nothing_happens_costs_no_call_after_an_act_on_another(world: World) -> None:
    world.put(SERVICES, "s")
    world.copy(SERVICES)
    world.sight.patch(PODS, "shop", "a", {"spec": {"colour": "red"}})
    world.cluster.reads.clear()
    world.look(SERVICES, "s")
    assert world.cluster.reads == []


def test_what_was_seen_directly_is_never_seen_older(world: World) -> None:
    world.copy()
    world.put(PODS, "a", colour="red")
    world.sight.get(PODS, "shop", "a")
    assert world.look()["spec"] == {"colour": "red"}


def test_a_copy_that_was_not_heard_of_answers_nothing(world: World) -> None:
    world.copy()
    world.now_s += watching.HEARD_WITHIN_S + 1
    world.look()
    assert world.cluster.reads == ["pods/a"]


def test_after_a_write_whose_outcome_nobody_knows_everything_is_read_directly(world: World) -> None:
    world.copy()
    world.cluster.trouble = Unreachable("no answer")
    with pytest.raises(Unreachable):
        world.sight.patch(PODS, "shop", "a", {})
    world.cluster.trouble = None
    world.look()
    assert world.cluster.reads == ["pods/a"]
    world.now_s += watching.UNSURE_S
    world.look()
    assert world.cluster.reads == ["pods/a"]


@pytest.mark.parametrize("refusal", [Moved, NotAllowed])
def test_a_write_that_was_refused_has_changed_nothing(world: World, refusal: type[Unreachable]) -> None:
    world.copy()
    world.cluster.trouble = refusal("no")
    with pytest.raises(refusal):
        world.sight.create(PODS, "shop", {"metadata": {"name": "b"}})
    world.cluster.trouble = None
    world.look()
    assert world.cluster.reads == []


def test_after_a_deletion_everything_is_read_directly(world: World) -> None:
    world.copy()
    world.sight.delete(PODS, "shop", "a")
    assert world.look_for() == []


class Feed:
    """Lists one pod, and then says nothing."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error, self.listed, self.watching = error, 0, True

    def page(self, _resource: Resource, namespace: str, _more: str) -> Manifest:
        self.listed += 1
        if self.error:
            raise self.error
        pod = {"metadata": {"namespace": namespace, "name": "a", "resourceVersion": "7"}}
        return {"metadata": {"resourceVersion": "9"}, "items": [pod]}

    def changes(self, *_: object) -> Iterator[Manifest]:
        eventually(lambda: not self.watching)
        return iter(())


@pytest.fixture
def copying() -> Iterator[Copying]:
    made = Copying()
    yield made
    made.end()


def test_a_copy_begins_when_it_is_first_asked_for_and_is_kept_once(copying: Copying) -> None:
    feed = Feed()
    assert copying.of(feed) is None
    copying.begin()
    copies = copying.of(feed)
    assert copies is not None
    assert copies is copying.of(feed)
    eventually(lambda: copies.of(PODS, "shop", 0) is not None)
    assert copies.of(PODS, "shop", 10) is None
    assert feed.listed == 1
    copying.begin()
    assert copying.of(feed) is not copies
    feed.watching = False


def test_no_more_copies_than_can_be_held_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "MOST_COPIES", 2)
    feed = Feed(NotAllowed("grant `list` on `pods`"))
    copies = Copies(feed)
    for namespace in ("a", "b", "c", "a"):
        assert copies.of(PODS, namespace, 0) is None
    assert len(copies._reflectors) == 2
    copies.stop.set()
