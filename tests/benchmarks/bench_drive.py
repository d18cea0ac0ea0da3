"""CPU of driving a thousand runs at once: the real loop, a real SQLite file, every decision durable.

Every run has three metrics and a window to count in every cycle; their readings are at hand, because how they
are fetched is measured elsewhere. Goal: 1.2 CPU-seconds a cycle of ten seconds, looks for commands included.
"""

import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from analysis import evaluate
from engine.adapters.clock import SystemClock
from engine.adapters.fakes import FakeProber, FakeTarget, FakeTargetOptions
from engine.adapters.store import open_store
from engine.core.events import ENGINE, Event, Launched
from engine.core.evolve import launch
from engine.core.measure import Histogram, HistogramReading, Reading, Trials, TrialsReading, Window
from engine.core.model import Experiment, Metric
from engine.driver import Driver, NoObserver, serve
from engine.ports import Batch, Json, Snapshot
from engine.runner import Parts
from strategies.canary import Canary
from tests.benchmarks.bench_tick import BOUNDS, three_metrics
from tests.engine.world import FakeGate

INTERVAL_S = 10.0
CYCLES = 3
GOAL_S = 1.2
BOUNDS_S = tuple(float(bound) for bound in BOUNDS[:-1])


@dataclass
class Spent:
    """CPU-seconds of all threads by phase."""

    by_phase: Counter[str] = field(default_factory=Counter)

    def on(self, phase: str, port: Any, names: Sequence[str]) -> Any:
        """The port, of which these methods are counted."""
        return _Timed(port, dict.fromkeys(names, phase), self.by_phase)


class _Timed:
    def __init__(self, port: Any, phases: Mapping[str, str], spent: Counter[str]) -> None:
        self._port, self._phases, self._spent = port, phases, spent

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        phase = self._phases.get(name)
        if phase is None:
            return found

        def timed(*args: Any, **kwargs: Any) -> Any:
            began_s = time.thread_time()
            try:
                return found(*args, **kwargs)
            finally:
                self._spent[phase] += time.thread_time() - began_s  # type: ignore[assignment]

        return timed


class AtHand:
    """A source whose counters were fetched before: the same traffic in every window."""

    Options = type(None)
    watermark_s = 0.0

    def read(self, metrics: Sequence[Metric], windows: Sequence[Window], cursor: Json) -> Batch:
        """Nine hundred and a hundred requests, one in a hundred bad, latencies over all buckets."""
        trials = TrialsReading(control=Trials(bad=9, total=900), treatment=Trials(bad=1, total=100))
        slow = HistogramReading(control=_latencies(75), treatment=_latencies(8))
        one: dict[str, Reading] = {m.name: slow if m.buckets else trials for m in metrics}
        return Batch(readings=tuple(one for _ in windows), cursor=cursor, queries=())


def _latencies(each: int) -> Histogram:
    return Histogram(bounds_s=BOUNDS_S, counts=(each,) * len(BOUNDS))


class Ticks(NoObserver):
    """Counts ticks, and how late they were."""

    def __init__(self) -> None:
        self.count = 0
        self.errors = 0

    def on_tick(self, snapshot: Snapshot, took_s: float) -> None:
        """One more."""
        self.count += 1

    def on_error(self, run_id: str, error: Exception) -> None:
        """One that failed."""
        self.errors += 1


def the_runs(store: Any, source: Any, runs: int) -> dict[str, Parts]:
    """Launch so many runs; their parts by id."""
    experiment = replace(three_metrics(), interval_s=INTERVAL_S)
    return {f"run-{number}": _a_run(store, source, experiment, number) for number in range(runs)}


def _a_run(store: Any, source: Any, experiment: Experiment, number: int) -> Parts:
    run_id, key, clock = f"run-{number}", f"fake/{number}", SystemClock()
    payload = Launched(spec={}, name=run_id, target_key=key, mode=experiment.mode)
    event = Event(
        run_id=run_id,
        seq=1,
        at_s=clock.now_s(),
        actor=ENGINE,
        source="bench",
        reason="",
        rule=None,
        payload=payload,
    )
    run = launch(run_id, event, payload)
    store.create(Snapshot(run=run, evidence=evaluate.start(experiment).to_plain(), cursor={}), {}, [event])
    return Parts(
        experiment=replace(experiment, name=run_id),
        store=store,
        target=FakeTarget(FakeTargetOptions(key=key)),
        source=source,
        gate=FakeGate(),
        prober=FakeProber(),
        strategy=Canary(),
        clock=clock,
        place="bench",
    )


def measure(url: str, runs: int, cycles: int = CYCLES) -> tuple[float, float, Counter[str]]:
    """CPU-seconds per cycle, the share of due ticks that was done, and CPU-seconds per cycle by phase."""
    spent, ticks, stop = Spent(), Ticks(), threading.Event()
    plain = open_store(url)
    store = spent.on("store: append", plain, ["append"])
    store = spent.on("store: leases", store, ["acquire", "acquire_all", "release", "holder"])
    store = spent.on("store: looks", store, ["load", "requested", "freeze", "waiting", "active"])
    parts = the_runs(store, spent.on("reading", AtHand(), ["read"]), runs)
    driver = Driver(store, parts.__getitem__, SystemClock(), "bench", ticks)
    loop = threading.Thread(target=serve, args=(driver, stop))
    loop.start()
    time.sleep(2 * INTERVAL_S)
    spent.by_phase.clear()
    before, began_s = ticks.count, time.process_time()
    time.sleep(cycles * INTERVAL_S)
    cpu_s, done = time.process_time() - began_s, ticks.count - before
    phases = Counter({phase: used / cycles for phase, used in spent.by_phase.items()})
    stop.set()
    loop.join()
    plain.close()
    if ticks.errors:
        print(f"{ticks.errors} ticks failed", file=sys.stderr)
    return cpu_s / cycles, done / (cycles * runs), phases


def main() -> None:
    """Print one row, and what it is made of."""
    runs = 1000
    with tempfile.TemporaryDirectory() as directory:
        cpu_s, done, phases = measure(f"sqlite:///{Path(directory) / 'bench.sqlite3'}", runs)
    print(f"{runs} runs, three metrics, every {INTERVAL_S:g} s (goal {GOAL_S:g} CPU-seconds a cycle)")
    print(f"  all threads{'':<20}{cpu_s:8.2f} CPU-seconds a cycle, {100 * done:.0f} % of the due ticks done")
    phases["the rest: rules, statistics"] = cpu_s - phases.total()  # type: ignore[assignment]
    for phase, used_s in phases.most_common():
        print(f"  {phase:<31}{used_s:8.2f}")


if __name__ == "__main__":
    main()
