"""A watch as events: in pieces of any size, with its refusals, and whatever breaks it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from engine.adapters.kubernetes.client import KubernetesCluster
from engine.adapters.kubernetes.cluster import PODS, Expired, NotAllowed
from engine.errors import Unreachable

MADE = {"type": "ADDED", "object": {"metadata": {"name": "a", "resourceVersion": "7"}}}


class Answer:
    """An answer of the API server whose body comes in these pieces."""

    def __init__(self, *pieces: bytes | Exception, status: int = 200) -> None:
        self.pieces, self.status, self.closed = pieces, status, False
        self.response = self

    def stream(self, **_: object) -> Iterator[bytes]:
        for piece in self.pieces:
            if isinstance(piece, Exception):
                raise piece
            yield piece

    def read(self) -> bytes:
        return b"".join(self.stream())

    def close(self) -> None:
        self.closed = True


class Client:
    """Stands in for the official client; gives one answer."""

    def __init__(self, answer: Answer | Exception) -> None:
        self.answer = answer
        self.asked: dict[str, Any] = {}

    def param_serialize(self, *_: object, **given: Any) -> tuple[()]:
        self.asked = given
        return ()

    def call_api(self, **_: object) -> Answer:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def changes(answer: Answer | Exception) -> list[dict[str, Any]]:
    cluster = KubernetesCluster(Client(answer), guard=None)  # type: ignore[arg-type]
    return list(cluster.changes(PODS, "shop", "5", 20.0))


def test_events_come_in_pieces_of_any_size() -> None:
    text = (json.dumps(MADE) + "\n").encode() * 2
    answer = Answer(text[:10], text[10:70], text[70:])
    assert changes(answer) == [MADE, MADE]
    assert answer.closed


def test_what_is_asked_names_where_to_go_on_and_for_how_long() -> None:
    client = Client(Answer())
    cluster = KubernetesCluster(client, guard=None)  # type: ignore[arg-type]
    assert list(cluster.changes(PODS, "shop", "5", 20.0)) == []
    assert dict(client.asked["query_params"]) == {
        "watch": "true",
        "resourceVersion": "5",
        "timeoutSeconds": 20,
        "allowWatchBookmarks": "true",
    }


def a_status(code: int, message: str) -> bytes:
    return json.dumps({"kind": "Status", "code": code, "message": message}).encode()


def test_a_version_that_is_forgotten_is_told_by_an_event_or_at_once() -> None:
    told = b'{"type":"ERROR","object":' + a_status(410, "too old") + b"}\n"
    for answer in (Answer(told), Answer(a_status(410, "too old"), status=410)):
        with pytest.raises(Expired, match="too old"):
            changes(answer)


def test_a_role_that_lacks_the_verb_is_told_with_verb_and_kind() -> None:
    with pytest.raises(NotAllowed, match="a Role must grant verb `watch` on `pods`"):
        changes(Answer(a_status(403, "forbidden"), status=403))


@pytest.mark.parametrize(
    "answer",
    [Answer(ConnectionResetError()), Answer(b"{no json}\n"), Answer(b"[]\n"), ConnectionRefusedError()],
    ids=["cut off", "no JSON", "no event", "refused"],
)
def test_whatever_breaks_a_watch_is_no_usable_answer(answer: Answer | Exception) -> None:
    with pytest.raises(Unreachable, match="no usable answer to watch pods in namespace shop"):
        changes(answer)
