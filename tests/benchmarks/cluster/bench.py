"""What all parts share: the cluster, the programs, sizes, and a line of progress now and then."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import requests

from tests.benchmarks.cluster import meters
from tests.benchmarks.cluster import objects as of
from tests.benchmarks.cluster.bulk import Bulk
from tests.benchmarks.cluster.programs import PAUSE, PROMETHEUS, WORLD, Programs
from tests.benchmarks.cluster.signals import Pair
from tests.benchmarks.cluster.sizes import Sizes
from tests.e2e.cluster.bed.client import Cluster
from tests.e2e.cluster.bed.waiting import eventually
from tests.e2e.cluster.controllers import MANIFESTS, rendered

STACK = ("kube-apiserver", "etcd", PROMETHEUS)
"""What belongs to the whole stack whoever drives."""
_LONG_S = 900.0


@dataclass
class Bench:
    """One run of the benchmark."""

    cluster: Cluster
    bulk: Bulk
    programs: Programs
    sizes: Sizes
    folder: Path
    began_s: float

    def say(self, text: str) -> None:
        """A line of progress."""
        sys.stderr.write(f"[{time.monotonic() - self.began_s:6.0f} s] {text}\n")

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        PAUSE.wait(seconds)

    def until(self, look: Callable[[], int], wanted: int, what: str) -> None:
        """Return when so many are as wanted; says how many are meanwhile."""
        said_s = time.monotonic()

        def enough() -> bool:
            nonlocal said_s
            found = look()
            if time.monotonic() - said_s > 15:
                said_s = time.monotonic()
                self.say(f"{found} of {wanted} {what}")
            PAUSE.wait(1.0)
            return found >= wanted

        eventually(enough, _LONG_S, f"{wanted} {what}")
        self.say(f"{wanted} {what}")

    def count_for(self, pairs: Sequence[Pair]) -> None:
        """Let the stand-ins count for these, too."""
        self.ask("/pairs", [asdict(pair) for pair in pairs])

    def ask(self, path: str, body: Any) -> Any:
        """Tell the stand-ins something."""
        answer = requests.post(f"{self.programs.url(WORLD)}{path}", json=body, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def changes(self) -> dict[str, list[tuple[float, float]]]:
        """When which share of traffic came to be, by the pair's name."""
        answer = requests.get(f"{self.programs.url(WORLD)}/changes", timeout=30)
        return {name: [(at_s, share) for at_s, share in each] for name, each in answer.json().items()}

    def measured(self, seconds: float, pids: Mapping[str, int]) -> meters.Span:
        """The meters over the next so many seconds, of these programs and the rest of the stack."""
        all_pids = {**pids, **{name: self.programs.pid(name) for name in STACK}}
        before = meters.read(self.cluster.layout, all_pids)
        PAUSE.wait(seconds)
        return meters.between(before, meters.read(self.cluster.layout, all_pids))

    def install(self) -> None:
        """Kinds, account and Roles as they are shipped, and a namespace for the objects."""
        for document in rendered(self.cluster, "base"):
            if document["kind"] not in {"Deployment", "Service", "PersistentVolumeClaim", "NetworkPolicy"}:
                self.cluster.apply(document, document["metadata"].get("namespace"))
        self.cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": of.NAMESPACE}})
        for file in ("http-route.yaml", "argo-rollouts.yaml"):
            self.cluster.apply((MANIFESTS / "rbac" / file).read_text(encoding="utf-8"), of.NAMESPACE)
        eventually(lambda: self.cluster.kubectl("get", "rx", "-A") is not None, what="the kind is served")
