"""The port of the leases: who may drive which run. Every store is one."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to drive one run until `expires_s`; `token` grows with every new holder."""

    run_id: str
    owner: str
    token: int
    expires_s: float


class Leases(Protocol):
    """Leases of all runs, one per run."""

    def acquire(self, run_id: str, owner: str, now_s: float, ttl_s: float) -> Lease | None:
        """The lease (renewed if already ours), or None while somebody else holds it."""
        ...

    def acquire_all(
        self, run_ids: Collection[str], owner: str, now_s: float, ttl_s: float
    ) -> Mapping[str, Lease | None]:
        """What `acquire` says of each of these runs; runs that there are not, or not now, are left out."""
        ...

    def release(self, lease: Lease) -> None:
        """Give the lease up; harmless when it is no longer ours."""
        ...

    def holder(self, run_id: str, now_s: float) -> Lease | None:
        """Who drives the run now."""
        ...
