"""What the engine tells Prometheus about itself, in a registry of its own. No free texts as labels.

Counters count what this process did; the gauges of runs show the board, so they vanish with their runs.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import ClassVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from engine.core.events import Decided
from engine.core.letter import LetterState
from engine.core.measure import Missing, Window
from engine.core.model import Metric as ExperimentMetric
from engine.core.run import Phase, Run
from engine.errors import LeaseLost, PluginError, SpecError, StoreBusy, StoreError, Unreachable, UsageError
from engine.ports import Batch, Json, MetricSource, Snapshot, Store
from engine.web.board import Board

MOST_RUNS = 200
"""Live runs with series of their own; further ones are counted by phase only."""

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_TICK_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20)
_KINDS: tuple[tuple[type[Exception], str], ...] = (
    (LeaseLost, "lease_lost"),
    (StoreBusy, "store_busy"),
    (StoreError, "store"),
    (PluginError, "plugin"),
    (SpecError, "spec"),
    (UsageError, "usage"),
    (Unreachable, "unreachable"),
)


class Metrics:
    """The engine's own metrics; an observer of its driver."""

    def __init__(self, store: Store, board: Board, version: str) -> None:
        self.registry = CollectorRegistry()
        self._store = store
        self._seen: dict[str, Run] = {}
        self._round_s: float | None = None
        self._decisions = Counter(
            "rampwise_decisions",
            "Decisions that differ from the one before",
            ["decision", "rule"],
            registry=self.registry,
        )
        self._ticks = Histogram(
            "rampwise_tick_seconds",
            "Time that one tick of one run took",
            buckets=_TICK_BUCKETS_S,
            registry=self.registry,
        )
        self._tick_errors = Counter(
            "rampwise_tick_errors", "Ticks that failed and were tried again", ["kind"], registry=self.registry
        )
        self._query_errors = Counter(
            "rampwise_query_errors",
            "Readings that gave no data, and sources that gave none",
            ["reason"],
            registry=self.registry,
        )
        info = Gauge("rampwise_build_info", "Always 1", ["version"], registry=self.registry)
        info.labels(version=version).set(1)
        self.registry.register(_RunCollector(board))

    def exposition(self) -> bytes:
        """All metrics in Prometheus's text format."""
        return generate_latest(self.registry)

    @property
    def round_age_s(self) -> float | None:
        """How long ago the driver last looked which runs are due; None before it began."""
        return None if self._round_s is None else time.monotonic() - self._round_s

    def on_round(self) -> None:
        """The driver is alive."""
        self._round_s = time.monotonic()

    def on_start(self, run_id: str, known: Run | None) -> None:
        """Events from here on are this tick's; another engine may have written before."""
        self._seen[run_id] = known or self._store.load(run_id).snapshot.run

    def on_tick(self, snapshot: Snapshot, took_s: float) -> None:
        """Count the tick and its decisions."""
        run = snapshot.run
        self._ticks.observe(took_s)
        before = self._seen.pop(run.id, run)
        if _may_have_decided(before, run):
            for event in self._store.events(run.id, before.seq):
                if isinstance(event.payload, Decided):
                    decision = event.payload.decision
                    self._decisions.labels(decision=decision.kind.value, rule=decision.rule.value).inc()

    def on_error(self, run_id: str, error: Exception) -> None:
        """Count the failure by its kind."""
        kind = next((kind for group, kind in _KINDS if isinstance(error, group)), "unexpected")
        self._tick_errors.labels(kind=kind).inc()

    def on_batch(self, batch: Batch) -> None:
        """Count what a source did not give."""
        readings = (reading for each in batch.readings for reading in each.values())
        for missing in (batch.trouble, *readings):
            if isinstance(missing, Missing):
                self._query_errors.labels(reason=missing.reason.value).inc()

    def counted(self, source: MetricSource) -> MetricSource:
        """The same source, whose answers are counted."""
        return _Counted(source, self.on_batch)


def _may_have_decided(before: Run, run: Run) -> bool:
    """Whether there is more than one event of windows that were counted, which is all that most ticks add."""
    only_counted = run.seq == before.seq + 1 and run.windows_done > before.windows_done
    return run.seq > before.seq and not only_counted


@dataclass(frozen=True, slots=True)
class _Counted:
    """A source that tells what it gave."""

    source: MetricSource
    tell: Callable[[Batch], None]
    Options: ClassVar[type] = object

    @property
    def watermark_s(self) -> float:
        return self.source.watermark_s

    def read(self, metrics: Sequence[ExperimentMetric], windows: Sequence[Window], cursor: Json) -> Batch:
        batch = self.source.read(metrics, windows, cursor)
        # A value that a breakdown names may have no series; that is no trouble of the source.
        parts = {metric.name for metric in metrics if metric.family}
        whole = ({name: each[name] for name in each.keys() - parts} for each in batch.readings)
        self.tell(replace(batch, readings=tuple(whole)))
        return batch


@dataclass(frozen=True, slots=True, eq=False)
class _RunCollector(Collector):
    """Gauges of runs as the board shows them at the scrape."""

    board: Board

    def collect(self) -> Iterable[Metric]:
        """All gauges."""
        yield self._phases()
        yield from self._live()
        yield self._letters()

    def _phases(self) -> Metric:
        family = GaugeMetricFamily("rampwise_runs", "Runs in the database", labels=["phase"])
        counts = self.board.phases()
        for phase in Phase:
            family.add_metric([phase.value], counts.get(phase, 0))
        return family

    def _letters(self) -> Metric:
        family = GaugeMetricFamily("rampwise_letters", "Notices in the outbox", labels=["state"])
        counts = self.board.letters()
        for state in LetterState:
            family.add_metric([state.value], counts.get(state, 0))
        return family

    def _live(self) -> Iterable[Metric]:
        age = GaugeMetricFamily(
            "rampwise_data_age_seconds", "Since the end of the newest complete window", labels=["run"]
        )
        weight = GaugeMetricFamily(
            "rampwise_weight_percent", "Traffic that the engine last gave", labels=["run", "arm"]
        )
        now_s = self.board.clock.now_s()
        live = (each for each in self.board.standings() if not each.run.phase.ended)
        for standing in islice(live, MOST_RUNS):
            run_id, weights = standing.run.id, standing.run.weights
            age_s = standing.data_age_s(now_s)
            if age_s is not None:
                age.add_metric([run_id], age_s)
            weight.add_metric([run_id, "control"], weights.control)
            for number, share in enumerate(weights.treatments):
                weight.add_metric([run_id, "treatment" if number == 0 else f"treatment{number + 1}"], share)
        return age, weight
