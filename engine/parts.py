"""What a tick of a run needs: the outside behind ports, what is known already, and the lease. No rules."""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.core.events import Command, Freeze
from engine.core.model import Experiment
from engine.errors import LeaseLost, StoreError
from engine.ports import Clock, Gate, Lease, MetricSource, Prober, Snapshot, Store, Strategy, Target

LEASE_S = 15.0
"""How long a lease lasts unrenewed; longer than any read or act may take."""

RENEW_AFTER_S = 1.0
"""A lease that has run for so long is renewed before anything slow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Everything a run needs: its experiment, and the outside behind ports. `place`: where it is driven."""

    experiment: Experiment
    store: Store
    target: Target
    source: MetricSource
    gate: Gate
    prober: Prober
    strategy: Strategy
    clock: Clock
    place: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What people want of a run, looked up for all runs at once, after the run's latest tick had ended.

    It is moments old: whatever gives traffic asks anew.
    """

    commands: Sequence[Command]
    freeze: Freeze | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What need not be asked of the store, None where it must be.

    Attributes:
        snapshot: what was last written under the very lease that the tick has.
    """

    snapshot: Snapshot | None = None
    asked: Asked | None = None


NOTHING = Known()


def renewed(parts: Parts, lease: Lease, *, strictly: bool) -> Lease:
    """The lease with most of its time left: reads and acts must end before anybody else may drive the run.

    Before a read it need not be so strict: a database that cannot be written must not hide harm from us.
    """
    now_s = parts.clock.now_s()
    if lease.expires_s - now_s > LEASE_S - RENEW_AFTER_S:
        return lease
    try:
        renewed = parts.store.acquire(lease.run_id, lease.owner, now_s, LEASE_S)
    except StoreError:
        if strictly:
            raise
        return lease
    if renewed is None or renewed.token != lease.token:
        msg = f"another engine drives {lease.run_id} now"
        raise LeaseLost(msg)
    return renewed
