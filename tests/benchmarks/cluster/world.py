"""Everything around the controllers: `python -m tests.benchmarks.cluster.world DIRECTORY PORT`.

Stands in for kubelets (every pod is ready, without a process), for a gateway (every HTTPRoute is taken at
once) and for the proxy: its counters, split by the weights that controllers set. Prometheus scrapes it.
"""

import json
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import requests

from tests.benchmarks.cluster.signals import Pair, Signals
from tests.e2e.cluster.bed.api import Api, Follow, Object
from tests.e2e.cluster.bed.layout import Layout
from tests.e2e.cluster.bed.workload import Facts, Stage, status

SEED = 20261123
GATEWAY = "/apis/gateway.networking.k8s.io/v1"
TRAEFIK = "/apis/traefik.io/v1alpha1"
_AGAIN_S = 0.5
_HANDS = 8
_POD_ADDRESS = "10.65.0.1"
"""Nobody listens there, but Endpoints must not name a loopback address."""


class World:
    """The stand-ins' state; `changes` is when which share came to be, by the pair's name."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._signals, self._lock = Signals(SEED), threading.Lock()
        self._shares: dict[str, float] = {}
        self._hands = ThreadPoolExecutor(_HANDS)
        self.changes: dict[str, list[tuple[float, float]]] = {}

    def follow(self) -> None:
        """Begin to look at the cluster."""
        told: tuple[tuple[str, Callable[[Object], None]], ...] = (
            ("/api/v1/pods", self._pod),
            (f"{GATEWAY}/httproutes", self._http_route),
            (f"{TRAEFIK}/traefikservices", self._traefik_service),
        )
        for path, tell in told:
            Follow(self._api, path, tell, lambda _: None).start()

    def add(self, pairs: list[Pair]) -> None:
        """Count for these, too."""
        with self._lock:
            self._signals.add(pairs, time.time())
            for pair in pairs:
                self._signals.set_share(pair.name, self._shares.get(pair.name, 0.0), time.time())

    def fail(self, name: str, error_rate: float) -> float:
        """From now on so many of a treatment's requests fail; the time of it, epoch seconds."""
        with self._lock:
            now_s = time.time()
            self._signals.set_error_rate(name, error_rate, now_s)
            return now_s

    def exposition(self) -> bytes:
        """What Prometheus scrapes."""
        with self._lock:
            return self._signals.exposition(time.time())

    def _share(self, name: str, share_pct: float) -> None:
        with self._lock:
            if self._shares.get(name) != share_pct:
                now_s = time.time()
                self._shares[name] = share_pct
                self._signals.set_share(name, share_pct, now_s)
                self.changes.setdefault(name, []).append((now_s, share_pct))

    def _pod(self, pod: Object) -> None:
        if "conditions" not in pod.get("status", {}) and "deletionTimestamp" not in pod["metadata"]:
            meta, now = pod["metadata"], _now()
            facts = Facts(stage=Stage.READY, address=_POD_ADDRESS, changed_at=now, started_at=now)
            path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}/status"
            self._write(path, {"status": status(pod, facts)})

    def _http_route(self, route: Object) -> None:
        meta = route["metadata"]
        backends = route["spec"]["rules"][0]["backendRefs"]
        self._share(
            f"{meta['namespace']}/{meta['name']}", _share_pct([int(each["weight"]) for each in backends])
        )
        parents = route.get("status", {}).get("parents", ())
        taken = [each["observedGeneration"] for parent in parents for each in parent["conditions"]]
        if taken != [meta["generation"]]:
            path = f"{GATEWAY}/namespaces/{meta['namespace']}/httproutes/{meta['name']}/status"
            self._write(path, {"status": {"parents": [_taken(route)]}})

    def _traefik_service(self, service: Object) -> None:
        meta, parts = service["metadata"], service["spec"]["weighted"]["services"]
        shares = {part["name"]: int(part["weight"]) for part in parts}
        stable, canary = (shares[f"{meta['name']}-{role}"] for role in ("stable", "canary"))
        self._share(f"{meta['namespace']}/{meta['name']}", _share_pct([stable, canary]))

    def _write(self, path: str, body: Object) -> None:
        self._hands.submit(_insist, partial(self._api.merge, path, body))


def _insist(act: Callable[[], object]) -> None:
    """Until the server answers at all; what it refuses has gone meanwhile."""
    pause = threading.Event()
    while True:
        try:
            act()
        except requests.HTTPError:
            return
        except requests.RequestException:
            pause.wait(_AGAIN_S)
        else:
            return


def _share_pct(weights: list[int]) -> float:
    control, treatment = weights
    return 100.0 * treatment / (control + treatment)


def _taken(route: Object) -> Object:
    condition = {
        "type": "Accepted",
        "status": "True",
        "reason": "Accepted",
        "message": "",
        "observedGeneration": route["metadata"]["generation"],
        "lastTransitionTime": _now(),
    }
    return {
        "parentRef": route["spec"]["parentRefs"][0],
        "controllerName": "rampwise.dev/stand-in",
        "conditions": [condition],
    }


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def serve(world: World, port: int) -> None:
    """Answer on 127.0.0.1 for as long as the process lives."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/changes":
                self._answer(json.dumps(world.changes).encode())
            else:
                self._answer(world.exposition() if self.path == "/metrics" else b"ok")

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path == "/pairs":
                world.add([Pair(**each) for each in asked])
                self._answer(b"null")
            else:
                self._answer(json.dumps(world.fail(asked["name"], asked["error_rate"])).encode())

        def _answer(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


def main() -> None:
    """Stand in until ended."""
    directory, port = sys.argv[1:]
    world = World(Api(Layout.of(Path(directory))))
    world.follow()
    serve(world, int(port))


if __name__ == "__main__":
    main()
