"""The API server as the stand-ins use it: plain documents, no models, because pods are many and cores few.

Tests use the official client (`bed.client`). Not to reach the server raises `requests.RequestException`.
"""

import json
import random
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import requests

from tests.e2e.cluster.bed.layout import ADMIN_TOKEN, API_URL, Layout

Object = dict[str, Any]
MERGE = "application/merge-patch+json"
REQUEST_TIMEOUT_S = 15.0
WATCH_S = 240
RETRY_S = 0.3


class Api:
    """The administrator's access; usable from several threads."""

    def __init__(self, layout: Layout) -> None:
        self._certificate = str(layout.api_certificate)
        self._local = threading.local()

    def get(self, path: str, **query: str) -> Object:
        """A document. HTTPError when the server refuses."""
        return self._call("GET", path, query)

    def post(self, path: str, body: Object) -> Object:
        """Create something."""
        return self._call("POST", path, {}, json.dumps(body), "application/json")

    def ensure(self, path: str, document: Object) -> None:
        """Create something unless it is there; much cheaper than to apply it."""
        answer = self._send("POST", path, {}, json.dumps(document), "application/json")
        if answer.status_code != requests.codes.conflict:
            _check(answer)

    def merge(self, path: str, changes: Object) -> Object:
        """Merge patch."""
        return self._call("PATCH", path, {}, json.dumps(changes), MERGE)

    def delete_now(self, path: str) -> None:
        """Delete without a grace period, as a kubelet does in the end; gone already is well, too."""
        options = json.dumps({"gracePeriodSeconds": 0})
        answer = self._send("DELETE", path, {}, options, "application/json")
        if answer.status_code != requests.codes.not_found:
            answer.raise_for_status()

    def watch(self, path: str, version: str) -> Iterator[tuple[str, Object]]:
        """Changes since a resource version, until the server ends it or says that the version is too old."""
        query = {"watch": "1", "resourceVersion": version, "timeoutSeconds": str(WATCH_S)}
        with self._session.get(
            API_URL + path, params=query, stream=True, timeout=(REQUEST_TIMEOUT_S, WATCH_S + 30)
        ) as answer:
            answer.raise_for_status()
            for line in answer.iter_lines(chunk_size=None):
                event = json.loads(line)
                if event["type"] == "ERROR":
                    return
                yield event["type"], event["object"]

    def _call(
        self, method: str, path: str, query: Mapping[str, str], body: str | None = None, kind: str = ""
    ) -> Object:
        answer = self._send(method, path, query, body, kind)
        _check(answer)
        return dict(answer.json())

    def _send(
        self, method: str, path: str, query: Mapping[str, str], body: str | None, kind: str
    ) -> requests.Response:
        headers = {"Content-Type": kind} if kind else {}
        return self._session.request(
            method, API_URL + path, params=query, data=body, headers=headers, timeout=REQUEST_TIMEOUT_S
        )

    @property
    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = requests.Session()
            session.verify = self._certificate
            session.trust_env = False
            session.headers["Authorization"] = f"Bearer {ADMIN_TOKEN}"
        return session


def _check(answer: requests.Response) -> None:
    """HTTPError with what the server says, when it refuses."""
    if not answer.ok:
        what = f"{answer.request.method} {answer.request.path_url}"
        raise requests.HTTPError(f"{what}: {answer.status_code} {answer.text}", response=answer)


class Follow(threading.Thread):
    """Tells about every object at a path, now and after each change, for as long as the process lives.

    `tell(object)` is called from this thread; `gone(object)` with what was last seen of a deleted one.
    """

    def __init__(
        self, api: Api, path: str, tell: Callable[[Object], None], gone: Callable[[Object], None]
    ) -> None:
        super().__init__(daemon=True, name=f"follow {path}")
        self._api, self._path, self._tell, self._gone = api, path, tell, gone
        self._known: dict[str, Object] = {}

    def run(self) -> None:
        """List, then watch, again and again; the server may be away for a while."""
        pause = threading.Event()
        while True:
            try:
                version = self._list()
                for kind, thing in self._api.watch(self._path, version):
                    self._take(kind, thing)
            except (requests.RequestException, json.JSONDecodeError):
                pause.wait(RETRY_S * (1 + random.random()))

    def _list(self) -> str:
        page = self._api.get(self._path)
        listed = {thing["metadata"]["uid"]: thing for thing in page["items"]}
        for uid in self._known.keys() - listed.keys():
            self._gone(self._known.pop(uid))
        for thing in listed.values():
            self._take("ADDED", thing)
        return str(page["metadata"]["resourceVersion"])

    def _take(self, kind: str, thing: Object) -> None:
        uid = thing["metadata"]["uid"]
        if kind == "DELETED":
            self._known.pop(uid, None)
            self._gone(thing)
        else:
            self._known[uid] = thing
            self._tell(thing)


class Seen:
    """Objects of one kind as they are now."""

    def __init__(self, api: Api, path: str, changed: threading.Event) -> None:
        self._objects: dict[str, Object] = {}
        self._changed, self._lock = changed, threading.Lock()
        Follow(api, path, self._tell, self._gone).start()

    def all(self) -> list[Object]:
        """Oldest first, so that equal objects give an equal file."""
        with self._lock:
            return sorted(self._objects.values(), key=lambda thing: str(thing["metadata"]["uid"]))

    def _tell(self, thing: Object) -> None:
        with self._lock:
            self._objects[thing["metadata"]["uid"]] = thing
        self._changed.set()

    def _gone(self, thing: Object) -> None:
        with self._lock:
            self._objects.pop(thing["metadata"]["uid"], None)
        self._changed.set()
