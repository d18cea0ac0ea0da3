"""Many calls to the API server at once, as the administrator. Knows no kinds."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from tests.e2e.cluster.bed.api import Api, Object

T = TypeVar("T")
_HANDS = 8


class Bulk:
    """The administrator's access, with several hands."""

    def __init__(self, api: Api) -> None:
        self.api = api

    def each(self, act: Callable[[T], object], things: Iterable[T]) -> None:
        """Do it to each of them, and return when all are done. The first trouble is raised."""
        with ThreadPoolExecutor(_HANDS) as hands:
            for _ in hands.map(act, list(things)):
                pass

    def make(self, path: str, documents: Iterable[Object]) -> None:
        """Create these, all of one kind, whose list is at `path`."""
        self.each(lambda document: self.api.ensure(path, document), documents)

    def names(self, path: str) -> list[str]:
        """The names of all objects at `path`."""
        return [each["metadata"]["name"] for each in self.api.get(path)["items"]]

    def clear(self, path: str) -> None:
        """Delete all objects at `path`, whatever they still wait for."""
        names = self.names(path)
        self.each(lambda name: self.api.merge(f"{path}/{name}", {"metadata": {"finalizers": None}}), names)
        self.each(lambda name: self.api.delete_now(f"{path}/{name}"), names)
