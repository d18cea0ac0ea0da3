"""The copy of all objects: complete after a list, current after a watch, whatever the API server answers."""

import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from engine.adapters.kubernetes import reflector as module
from engine.adapters.kubernetes.cluster import PODS, Expired, NotAllowed
from engine.adapters.kubernetes.reflector import Reflector
from engine.errors import Unreachable
from tests.local.waiting import eventually

Key = tuple[str, str]


def an_object(name: str, version: int, labels: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    meta = {"namespace": "shop", "name": name, "resourceVersion": str(version), "managedFields": [{}]}
    return {"metadata": {**meta, "labels": labels or {}}, "spec": spec}


class Api:
    """Answers of an API server, in order; the last watch stays open until the test ends."""

    def __init__(self, *pages: Any, watches: tuple[Any, ...] = ()) -> None:
        self.pages, self.watches = list(pages), list(watches)
        self.asked: list[str] = []
        self.watched_from: list[str] = []
        self.end = threading.Event()

    def page(self, _resource: object, _namespace: str, more: str) -> Any:
        self.asked.append(more)
        answer = self.pages.pop(0) if len(self.pages) > 1 else self.pages[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def changes(self, _resource: object, _namespace: str, version: str, _within_s: float) -> Iterator[Any]:
        self.watched_from.append(version)
        if not self.watches:
            self.end.wait(20)
            return
        for answer in self.watches.pop(0):
            if isinstance(answer, Exception):
                raise answer
            yield answer


def page(version: int, *objects: dict[str, Any], more: str = "") -> dict[str, Any]:
    return {"metadata": {"resourceVersion": str(version), "continue": more}, "items": list(objects)}


def event(kind: str, manifest: dict[str, Any]) -> dict[str, Any]:
    return {"type": kind, "object": manifest}


class World:
    def __init__(self, api: Api, monkeypatch: pytest.MonkeyPatch, namespace: str = "") -> None:
        self.api, self.heard, self.stop = api, list[Key](), threading.Event()
        monkeypatch.setattr(module, "_SHORTEST_PAUSE_S", 0.001)
        self.reflector = Reflector(feed=api, resource=PODS, namespace=namespace, on_change=self.heard.append)
        self.thread = threading.Thread(target=self.reflector.run, args=(self.stop,))

    def names(self) -> set[str]:
        return {name for _, name in self.reflector.known()}


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    worlds: list[World] = []

    def start(api: Api, namespace: str = "") -> World:
        world = World(api, monkeypatch, namespace)
        worlds.append(world)
        world.thread.start()
        return world

    yield start
    for world in worlds:
        world.stop.set()
        world.api.end.set()
        world.thread.join(10)
        assert not world.thread.is_alive()


@pytest.mark.parametrize("namespace", ["", "shop"])
def test_all_pages_are_read_before_anything_is_watched(started: Any, namespace: str) -> None:
    api = Api(page(1, an_object("a", 1), more="next"), page(5, an_object("b", 1)))
    world = started(api, namespace)
    eventually(lambda: api.watched_from == ["5"])
    assert world.names() == {"a", "b"}
    assert world.reflector.synced.is_set()
    assert api.asked == ["", "next"]
    assert sorted(world.heard) == [("shop", "a"), ("shop", "b")]
    assert "managedFields" not in (world.reflector.get(("shop", "a")) or {})["metadata"]


def test_changes_are_followed_and_a_watch_that_ends_goes_on_from_there(started: Any) -> None:
    changes = (
        event("MODIFIED", an_object("a", 6, changed=True)),
        event("ADDED", an_object("b", 7)),
        event("DELETED", an_object("c", 8)),
        event("BOOKMARK", {"metadata": {"resourceVersion": "90"}}),
    )
    api = Api(page(5, an_object("a", 1), an_object("c", 2)), watches=(changes,))
    world = started(api)
    eventually(lambda: api.watched_from == ["5", "90"])
    assert world.names() == {"a", "b"}
    assert (world.reflector.get(("shop", "a")) or {})["spec"] == {"changed": True}
    assert len(api.asked) == 1
    assert world.heard[-3:] == [("shop", "a"), ("shop", "b"), ("shop", "c")]


def test_a_watch_that_fell_behind_is_listed_anew_and_what_went_meanwhile_is_noticed(started: Any) -> None:
    api = Api(
        page(5, an_object("a", 1), an_object("b", 1)),
        page(50, an_object("b", 1)),
        watches=((Expired("too old"),),),
    )
    world = started(api)
    eventually(lambda: api.watched_from == ["5", "50"])
    assert world.names() == {"b"}
    assert world.heard == [("shop", "a"), ("shop", "b"), ("shop", "a")]


@pytest.mark.parametrize(
    "error",
    [Unreachable("sick"), KeyError("items"), ConnectionResetError(), Expired("too old")],
)
def test_after_trouble_with_the_list_it_is_tried_again(started: Any, error: Exception) -> None:
    api = Api(error, error, page(5, an_object("a", 1)))
    world = started(api)
    eventually(lambda: api.watched_from == ["5"])
    assert world.names() == {"a"}
    assert len(api.asked) == 3


def test_an_api_server_that_stays_away_is_asked_less_and_less(monkeypatch: pytest.MonkeyPatch) -> None:
    api = Api(ConnectionRefusedError())
    world = World(api, monkeypatch)
    pauses: list[float] = []

    class Stop:
        def is_set(self) -> bool:
            return len(pauses) >= 20

        def wait(self, pause_s: float) -> None:
            pauses.append(pause_s)

    monkeypatch.setattr(module, "_SHORTEST_PAUSE_S", 0.5)
    world.reflector.run(Stop())  # type: ignore[arg-type]
    assert 0.25 <= pauses[0] <= 0.5
    assert all(pause_s <= 15.0 for pause_s in pauses)
    assert all(pause_s >= 7.5 for pause_s in pauses[6:])


def test_what_is_seen_outlives_trouble(started: Any) -> None:
    api = Api(page(5, an_object("a", 1)), Unreachable("away"), watches=((ConnectionResetError(),),))
    world = started(api)
    eventually(lambda: len(api.asked) >= 3)
    assert world.names() == {"a"}


def test_a_stopped_one_leaves_the_watch_at_the_next_event(started: Any) -> None:
    api = Api(page(5))
    world = started(api)
    eventually(lambda: api.watched_from == ["5"])
    world.stop.set()
    api.end.set()
    world.thread.join(5)
    assert not world.thread.is_alive()


class Log:
    """What is logged, whatever logs other tests want to see."""

    def __init__(self) -> None:
        self.said: list[tuple[int, str]] = []

    def log(self, level: int, _event: str, *, error: str, **_: object) -> None:
        self.said.append((level, error))

    def warning(self, _event: str, *, error: str, **_: object) -> None:
        self.said.append((logging.WARNING, error))


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    made = Log()
    monkeypatch.setattr(module, "_log", made)
    return made


def test_an_expired_watch_is_nothing_to_worry_about_and_a_sick_server_is(started: Any, log: Log) -> None:
    api = Api(page(5), Unreachable("sick"), page(6), watches=((Expired("too old"),),))
    started(api)
    eventually(lambda: api.watched_from == ["5", "6"])
    assert log.said == [(logging.INFO, "too old"), (logging.WARNING, "sick")]


def test_what_a_role_lacks_is_said_once_with_its_verb(started: Any, log: Log) -> None:
    api = Api(NotAllowed("grant `list` on `pods`"))
    world = started(api)
    eventually(lambda: len(api.asked) >= 4)
    assert log.said == [(logging.WARNING, "grant `list` on `pods`")]
    assert not world.reflector.synced.is_set()


def test_how_far_the_copy_is_and_when_it_was_told_so_is_known(started: Any) -> None:
    bookmark = event("BOOKMARK", {"metadata": {"resourceVersion": "90"}})
    api = Api(page(5), watches=((bookmark,),))
    world = started(api)
    eventually(lambda: api.watched_from == ["5", "90"])
    assert world.reflector.position == 90
    assert world.reflector.heard_s > 0


def test_a_watch_in_which_nothing_happened_was_heard_of_at_its_end() -> None:
    api = Api(page(5), watches=((),))
    reflector = Reflector(feed=api, resource=PODS, namespace="shop", now_s=lambda: 77.0)
    assert reflector._watch("5", threading.Event()) == "5"
    assert reflector.heard_s == 77.0


def test_while_there_is_trouble_the_copy_has_never_been_heard_of(started: Any) -> None:
    api = Api(page(5), Unreachable("away"), watches=((ConnectionResetError(),),))
    world = started(api)
    eventually(lambda: len(api.asked) >= 3)
    assert world.reflector.heard_s == float("-inf")


def test_labels_choose_as_they_are_now(started: Any) -> None:
    blue, red = {"app": "x", "colour": "blue"}, {"app": "x", "colour": "red"}
    changes = (event("MODIFIED", an_object("b", 6, blue)), event("DELETED", an_object("c", 7, red)))
    objects = [an_object(name, 1, red) for name in ("c", "b", "a")]
    api = Api(page(5, *objects), watches=(changes,))
    world = started(api)
    eventually(lambda: api.watched_from == ["5", "7"])

    def named(namespace: str = "shop", **labels: str) -> list[str]:
        return [each["metadata"]["name"] for each in world.reflector.labelled(namespace, labels)]

    assert named(colour="red") == ["a"]
    assert named(colour="blue", app="x") == ["b"]
    assert (named(app="x"), named(), named(namespace="")) == (["a", "b"], ["a", "b"], ["a", "b"])
    assert (named(app="y"), named(namespace="other", app="x")) == ([], [])
