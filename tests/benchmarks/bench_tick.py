"""Time of one tick without waiting for Prometheus: three metrics, a real SQLite file, every decision durable.

Each row ticks so many runs that share one database, every one with a new window to count. Goal: under 10 ms
a tick for one run, and no growth with the number of runs.
"""

import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from analysis import evaluate
from analysis.sources.fake import FakeOptions, FakeSource
from engine.adapters.fakes import FakeProber, FakeTarget, FakeTargetOptions
from engine.adapters.store import open_store
from engine.core.events import ENGINE, Event, Launched
from engine.core.evolve import launch
from engine.core.model import Experiment, MetricKind, Selector
from engine.ports import Snapshot, Store
from engine.runner import LEASE_S, Parts, tick
from strategies.canary import Canary
from tests.builders import NOW_S, a_metric, an_experiment
from tests.engine.world import FakeClock, FakeGate

GOAL_MS = 10.0
BOUNDS = ("0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf")
TICKS = 6


def three_metrics() -> Experiment:
    """Errors, latency and an absolute limit."""
    latency = a_metric(
        name="latency",
        kind=MetricKind.DISTRIBUTION,
        slo_s=0.5,
        bad=None,
        total=None,
        buckets=Selector(name="latency_bucket"),
        weight=0.4,
    )
    limit = a_metric(name="limit", kind=MetricKind.THRESHOLD, limit=0.05, weight=0.2)
    return an_experiment(metrics=(a_metric(weight=0.4), latency, limit), warm_up_s=0.0)


class Traffic:
    """One source for all runs, scraped once a window."""

    def __init__(self) -> None:
        self.source = FakeSource(FakeOptions())

    def scrape(self, at_s: float, window: int) -> None:
        """Counters after so many windows: 900 and 100 requests in each, one in a hundred bad."""
        for version, requests in (("v1", 900), ("v2", 100)):
            labels = {"version": version, "job": "shop", "instance": version}
            self.source.scrape(at_s, "requests_total", labels, window * requests)
            self.source.scrape(at_s, "errors_total", labels, window * requests // 100)
            for place, bound in enumerate(BOUNDS, start=1):
                share = window * requests * place // len(BOUNDS)
                self.source.scrape(at_s, "latency_bucket", {**labels, "le": bound}, share)


def a_run(store: Store, experiment: Experiment, clock: FakeClock, traffic: Traffic, number: int) -> Parts:
    """Launch one run and return its parts."""
    run_id = f"run-{number}"
    target = FakeTarget(FakeTargetOptions(key=f"fake/{number}"))
    payload = Launched(spec={}, name=run_id, target_key=f"fake/{number}", mode=experiment.mode)
    event = Event(
        run_id=run_id, seq=1, at_s=NOW_S, actor=ENGINE, source="bench", reason="", rule=None, payload=payload
    )
    evidence = evaluate.start(experiment).to_plain()
    snapshot = Snapshot(run=launch(run_id, event, payload), evidence=evidence, cursor={})
    store.create(snapshot, {}, [event])
    return Parts(
        prober=FakeProber(),
        experiment=replace(experiment, name=run_id),
        store=store,
        target=target,
        source=traffic.source,
        gate=FakeGate(),
        strategy=Canary(),
        clock=clock,
        place="bench",
    )


def tick_ms(runs: int) -> list[float]:
    """Milliseconds of every tick but the first two of each run."""
    experiment, clock, traffic = three_metrics(), FakeClock(), Traffic()
    with tempfile.TemporaryDirectory() as directory:
        store = open_store(f"sqlite:///{Path(directory) / 'bench.sqlite3'}")
        traffic.scrape(clock.at_s, 0)
        parts = [a_run(store, experiment, clock, traffic, number) for number in range(runs)]
        took_ms = []
        for window in range(1, TICKS + 1):
            clock.at_s += experiment.interval_s
            traffic.scrape(clock.at_s, window)
            for number, each in enumerate(parts):
                began_s = time.perf_counter()
                lease = store.acquire(f"run-{number}", "bench", clock.at_s, LEASE_S)
                assert lease is not None
                tick(each, lease)
                if window > 2:
                    took_ms.append((time.perf_counter() - began_s) * 1000)
    return took_ms


def main() -> None:
    """Print one row per number of runs."""
    print(f"one tick, three metrics, SQLite (goal {GOAL_MS:g} ms)    median      p95  ratio to one run")
    alone = None
    for runs in (1, 10, 100, 1000):
        took_ms = sorted(tick_ms(runs))
        median = statistics.median(took_ms)
        alone = alone or median
        p95 = took_ms[int(len(took_ms) * 0.95)]
        print(f"{runs:>6} runs in one database{'':<24}{median:8.2f} {p95:8.2f} ms{median / alone:8.2f} x")


if __name__ == "__main__":
    main()
