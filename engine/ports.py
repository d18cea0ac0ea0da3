"""One narrow port per outside system. Adapters translate errors into `engine.errors` or into values."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

from engine.core.events import Actor, Command, Event, Freeze, Verb
from engine.core.gate import GateState
from engine.core.letter import Delivered, Letter, Refused
from engine.core.measure import Missing, Reading, Window
from engine.core.model import Metric
from engine.core.notice import Notice
from engine.core.plan import Plan
from engine.core.proposal import Progress, Proposal
from engine.core.run import Phase, Run
from engine.core.target import TargetFacts, TargetGone, TargetState, Weights
from engine.errors import CorruptRecord
from engine.leases import Lease as Lease  # noqa: PLC0414 (one of the ports' words)
from engine.leases import Leases
from engine.outbox import Outbox

Json = Mapping[str, Any]
"""A plain JSON object; only its owner looks inside."""


class Strategy(Protocol):
    """A pure plan from options and progress to the next traffic split. Plugin group `rampwise.strategies`.

    The engine makes one instance without arguments. `Options` is a class that pydantic can validate.
    """

    Options: ClassVar[type]

    def plan(self, options: Any) -> Plan:
        """The rungs that these options mean; ValueError says which one is wrong and what would be right."""
        ...

    def propose(self, plan: Plan, progress: Progress) -> Proposal:
        """What to do next, were nothing in the way."""
        ...


class Target(Protocol):
    """What carries traffic. Plugin group `rampwise.targets`: a factory taking its checked options.

    The factory has a class attribute `Options` like a strategy and is called with one instance of it; it does
    no I/O beyond reading local state. `apply` is absolute and idempotent. All methods are bounded in time.
    """

    Options: ClassVar[type]

    def facts(self) -> TargetFacts:
        """Identity, variant names and labels, asked for once, before a launch.

        Unreachable when the target gives no answer, UsageError when it has nothing like that to release.
        """
        ...

    def observe(self) -> TargetState | TargetGone:
        """What the target really routes now."""
        ...

    def apply(self, weights: Weights, found: str | None = None) -> TargetState | TargetGone:
        """Be at these weights, and return what the target then really routes.

        `found` is the version on which the decision rests: a target that has moved on since is left as it is,
        and the answer is TargetGone. None where traffic is taken away, which nothing may block.
        """
        ...


@runtime_checkable
class Tidy(Protocol):
    """A target with things that only a run needs (`TargetState.leftovers`), which go with its last act."""

    def finish(self, weights: Weights, found: str | None = None) -> TargetState | TargetGone:
        """As `apply`, for the act that ends a run; in one write, so that the winner never loses anything."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryRecord:
    """One query as sent and what came back, for `--explain`, dry runs and reports."""

    metric: str
    query: str
    at_s: float
    took_ms: float
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Readings of all metrics for consecutive windows.

    Attributes:
        readings: one mapping (metric name to reading) per window asked for, in order; none when the source
            itself failed (then the cursor is unchanged, and the same windows are asked for again later).
        trouble: why the source itself gave nothing (down, slow, error), or None.
        cursor: where to go on; opaque to the engine, kept with the run, plain JSON.
        queries: what was asked.
    """

    readings: tuple[Mapping[str, Reading], ...]
    cursor: Json
    queries: Sequence[QueryRecord]
    trouble: Missing | None = None


class MetricSource(Protocol):
    """Where counters are read. Plugin group `rampwise.sources`: a factory taking its checked options."""

    Options: ClassVar[type]

    @property
    def watermark_s(self) -> float:
        """How long after its end a window may be read."""
        ...

    def read(self, metrics: Sequence[Metric], windows: Sequence[Window], cursor: Json) -> Batch:
        """Readings for these windows; trouble becomes `Missing`, never an exception. Bounded in time."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """One probe: whether it was answered without an error, and how long that took."""

    ok: bool
    took_s: float


class Prober(Protocol):
    """Sends requests of the engine's own to a treatment that has no traffic yet."""

    def probe(
        self, url: str, *, count: int, rate_per_s: float, timeout_s: float, within_s: float
    ) -> Sequence[Probed]:
        """At most `count` requests, one after the other at this rate at most, all within this time.

        What cannot be sent in time is left out; what is not answered is not ok. Never raises.
        """
        ...


class Gate(Protocol):
    """The experiment's flag."""

    def read(self) -> GateState:
        """The flag's answer now; trouble becomes `unknown`. Bounded in time."""
        ...


class Sink(Protocol):
    """Tells somebody. Plugin group `rampwise.sinks`: a factory taking its checked options.

    Options are kept with the run and shown, so they name secrets and never hold them.
    """

    Options: ClassVar[type]

    def deliver(self, notice: Notice) -> Delivered | Refused:
        """One attempt, bounded in time; trouble is `Refused`, never an exception.

        The same notice, by its `id`, may come several times: at least once is promised.
        """
        ...


class Clock(Protocol):
    """Wall-clock time."""

    def now_s(self) -> float:
        """Epoch seconds."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A run's state as of its last event: what a restarted engine goes on from.

    `evidence` belongs to `analysis.evaluate`, `cursor` to the metric source; the engine looks into neither.
    `ticked_s` and `reason` are of the latest tick, also of one that had nothing new to record.
    """

    run: Run
    evidence: Json
    cursor: Json
    ticked_s: float | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRun:
    """A run as kept: the experiment document it was launched with and its snapshot."""

    spec: Json
    snapshot: Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """An active run in the way of a launch: of the same experiment, or else on the same target."""

    run_id: str
    same_name: bool


class Store(Outbox, Leases, Protocol):
    """Runs, events, leases, commands and letters. Every write is one transaction; the log only grows."""

    def create(
        self,
        snapshot: Snapshot,
        spec: Json,
        events: Sequence[Event],
        *,
        letters: Sequence[Letter] = (),
        replace: str | None = None,
    ) -> None:
        """Add a run with its first events and what is told of them.

        UsageError when name or target has another active run.
        """
        ...

    def load(self, run_id: str) -> StoredRun:
        """One run. UsageError when there is none (naming near ones), CorruptRecord when it cannot be read."""
        ...

    def runs(self, *, most_ended: int | None = None) -> Sequence[StoredRun]:
        """All runs that can be read, newest first; of those that have ended, this many of the newest."""
        ...

    def each_run(self) -> Iterator[StoredRun]:
        """All runs that can be read, oldest first, one at a time: together they may not fit into memory."""
        ...

    def phases(self) -> Mapping[Phase, int]:
        """How many runs there are in each phase; phases without runs may be left out."""
        ...

    def unreadable(self) -> Sequence[CorruptRecord]:
        """The runs, commands and freezes that cannot be read, and why."""
        ...

    def rival(self, name: str, target_key: str) -> Rival | None:
        """Who keeps an experiment of this name from being launched on this target; need not be readable."""
        ...

    def active(self) -> Sequence[str]:
        """Ids of runs that have not ended, oldest first."""
        ...

    def waiting(self) -> Mapping[str, Sequence[Command]]:
        """Readable commands not yet done of active runs, by run; oldest first."""
        ...

    def append(
        self, lease: Lease, events: Sequence[Event], snapshot: Snapshot, letters: Sequence[Letter] = ()
    ) -> None:
        """Events, the state they lead to, and what is told of them.

        LeaseLost when the lease is not ours, or the log moved on.
        """
        ...

    def events(self, run_id: str, after_seq: int = 0, most: int | None = None) -> Sequence[Event]:
        """Events in order, at most so many of them."""
        ...

    def request(
        self,
        run_id: str,
        verb: Verb,
        actor: Actor,
        reason: str,
        source: str,
        now_s: float,
        treatment: str = "",
    ) -> Command:
        """Record a command for whoever drives the run."""
        ...

    def requested(self, run_id: str) -> Sequence[Command]:
        """Commands not yet done that can be read, oldest first.

        A command is done when its Commanded event is appended.
        """
        ...

    def set_freeze(self, freeze: Freeze | None) -> None:
        """Begin or end the freeze."""
        ...

    def freeze(self) -> Freeze | None:
        """The freeze in force, if any; one that cannot be read is one, and its reason says so."""
        ...
