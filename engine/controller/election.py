"""Leader election with a Lease: at most one controller acts at a time.

Followers trust no clock but their own: a lease that has not changed for its duration, as they saw it, is
free. The leader counts from the moment at which its last renewal was *sent*, and stops acting well before
anybody else may begin. Writes rest on the resource version that was read, so that two can never both win.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from engine.adapters.kubernetes.cluster import LEASES, Cluster, Manifest, Moved, NotThere
from engine.errors import Unreachable

LEASE_S = 10.0
"""How long a lease lasts unrenewed."""
RENEW_S = 2.0
"""How often the leader renews it, and others look at it."""
MARGIN_S = 3.0
"""The leader stops acting so long before its lease ends."""


@dataclass(slots=True)
class Election:
    """One candidate. Not for several threads, but `leads` may be asked from any.

    Attributes:
        identity: of this process, unlike any other's. now_s: a clock that never goes back.
    """

    cluster: Cluster
    namespace: str
    name: str
    identity: str
    now_s: Callable[[], float] = time.monotonic
    _until_s: float = -1.0
    _seen: str = ""
    _seen_s: float = field(default=0.0)

    def leads(self) -> bool:
        """Whether this process may act now."""
        return self.now_s() < self._until_s

    def attempt(self) -> bool:
        """Renew the lease or try to get it; whether this process leads now. Trouble changes nothing."""
        asked_s = self.now_s()
        try:
            if self._hold(asked_s):
                self._until_s = asked_s + LEASE_S - MARGIN_S
        except (Moved, Unreachable):
            # Until the margin is used up the lease is still ours, whatever the API server's trouble.
            pass
        return self.leads()

    def resign(self) -> None:
        """Let another process lead at once."""
        if not self.leads():
            return
        self._until_s = -1.0
        try:
            lease = self.cluster.get(LEASES, self.namespace, self.name)
            if lease["spec"].get("holderIdentity") == self.identity:
                self._write(lease, holder="")
        except (Moved, Unreachable):
            return  # it runs out by itself

    def _hold(self, asked_s: float) -> bool:
        try:
            lease = self.cluster.get(LEASES, self.namespace, self.name)
        except NotThere:
            self.cluster.create(LEASES, self.namespace, self._fresh())
            return True
        holder = lease["spec"].get("holderIdentity") or ""
        if holder not in {"", self.identity} and not self._is_stale(lease, asked_s):
            self._until_s = -1.0
            return False
        self._write(lease, holder=self.identity)
        return True

    def _is_stale(self, lease: Manifest, asked_s: float) -> bool:
        version = lease["metadata"]["resourceVersion"]
        if version != self._seen:
            self._seen, self._seen_s = version, asked_s
        return asked_s - self._seen_s >= LEASE_S

    def _write(self, lease: Manifest, *, holder: str) -> None:
        changed = holder != (lease["spec"].get("holderIdentity") or "")
        spec = {"holderIdentity": holder, "leaseDurationSeconds": int(LEASE_S), "renewTime": _micro_time()}
        if changed:
            spec["leaseTransitions"] = lease["spec"].get("leaseTransitions", 0) + 1
        body = {"metadata": {"resourceVersion": lease["metadata"]["resourceVersion"]}, "spec": spec}
        self.cluster.patch(LEASES, self.namespace, self.name, body)

    def _fresh(self) -> Manifest:
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self.name},
            "spec": {
                "holderIdentity": self.identity,
                "leaseDurationSeconds": int(LEASE_S),
                "renewTime": _micro_time(),
            },
        }


def _micro_time() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
