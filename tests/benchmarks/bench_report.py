"""The report of a long run, 10 metrics and 5,000 ticks: time, size of the page and memory of the process.

Run by hand: `python -m tests.benchmarks.bench_report`. The run lies in a real SQLite file; one process writes
it, another one reads and reports it, so that its memory is the report's alone.
"""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

from analysis import evaluate
from engine import spec
from engine.codec import to_plain
from engine.core.events import ENGINE, Event, Launched, Observed
from engine.core.evolve import launch
from engine.core.measure import (
    Histogram,
    HistogramReading,
    Observation,
    Reading,
    Trials,
    TrialsReading,
    Window,
)
from engine.core.model import Arm, Mode
from engine.core.standing import standing_of
from engine.core.target import TargetFacts
from engine.journal import Journal
from engine.ports import Snapshot
from engine.runner import LEASE_S
from engine.wiring import open_store
from tests.builders import NOW_S

METRICS = 10
TICKS = 5_000
RUN = "long-1"
BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


def a_document() -> dict[str, Any]:
    """Six proportions and four latency histograms."""
    proportions = [
        {"kind": "proportion", "name": f"errors-{index}", "bad": "bad_total", "total": "all_total"}
        for index in range(6)
    ]
    latencies = [
        {"kind": "distribution", "name": f"latency-{index}", "buckets": "seconds_bucket", "slo": "500ms"}
        for index in range(METRICS - len(proportions))
    ]
    target = {"local": {"service": "checkout", "control": "v1", "treatment": "v2"}}
    return {
        "apiVersion": "rampwise.dev/v1alpha1",
        "kind": "ReleaseExperiment",
        "metadata": {"name": "long"},
        "spec": {"target": target, "strategy": "canary", "metrics": [*proportions, *latencies]},
    }


def a_window(names: list[str]) -> dict[str, Reading]:
    """What every window of the run holds."""
    trials = TrialsReading(control=Trials(bad=16, total=1600), treatment=Trials(bad=4, total=400))
    histogram = HistogramReading(
        control=Histogram(bounds_s=BOUNDS_S, counts=(100, 300, 400, 400, 200, 100, 20, 40, 30, 10, 0, 0)),
        treatment=Histogram(bounds_s=BOUNDS_S, counts=(25, 75, 100, 100, 50, 25, 5, 10, 7, 3, 0, 0)),
    )
    return {name: histogram if name.startswith("latency") else trials for name in names}


def write(database: str) -> None:
    """The run, as an engine would have recorded it."""
    document = spec.parse(yaml.safe_dump(a_document()), "long.yaml")
    labels = {Arm.CONTROL: {"version": "v1"}, Arm.TREATMENT: {"version": "v2"}}
    facts = TargetFacts(
        key="local/checkout",
        control="v1",
        treatment="v2",
        arm_labels=labels,
        router=None,
        source_options={"url": "http://127.0.0.1:9090"},
    )
    experiment = spec.build(document, facts)
    plain = {"document": spec.to_plain(document), "facts": to_plain(TargetFacts, facts)}
    payload = Launched(spec=plain["document"], name="long", target_key=facts.key, mode=Mode.ACT)
    journal_seed = Event(
        run_id=RUN,
        seq=1,
        at_s=NOW_S,
        actor=ENGINE,
        source="bench",
        reason="launched",
        rule=None,
        payload=payload,
    )
    run, evidence = launch(RUN, journal_seed, payload), evaluate.start(experiment)
    store = open_store(database)
    store.create(Snapshot(run=run, evidence=evidence.to_plain(), cursor={}), plain, [journal_seed])
    lease = store.acquire(RUN, "bench", NOW_S, 1000 * LEASE_S)
    assert lease is not None
    readings = a_window([metric.name for metric in experiment.metrics])
    for first in range(0, TICKS, 100):
        journal = Journal(run, now_s=NOW_S + first * 15.0, place="bench")
        for index in range(first, first + 100):
            start_s = NOW_S + index * 15.0
            window = Window(index=index, start_s=start_s, end_s=start_s + 15.0)
            seen = (Observation(window=window, readings=readings),)
            evidence = evaluate.update(experiment, evidence, seen)
            journal.add(
                Observed(observations=seen, standing=standing_of(evaluate.verdict(experiment, evidence)))
            )
        run = journal.run
        store.append(lease, journal.events, Snapshot(run=run, evidence=evidence.to_plain(), cursor={}), ())


def report(database: str) -> None:
    """Read the run and make its page; everything that a person waits for but the start of Python."""
    started_s = time.perf_counter()
    from analysis.report.html import to_html  # noqa: PLC0415 (imports are timed)
    from engine.reporting import view_of  # noqa: PLC0415

    imported_s = time.perf_counter()
    view = view_of(open_store(database), RUN)
    viewed_s = time.perf_counter()
    page = to_html(view)
    ended_s = time.perf_counter()
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"imports                    {imported_s - started_s:8.2f} s")
    print(f"view, from the database    {viewed_s - imported_s:8.2f} s")
    print(f"page                       {ended_s - viewed_s:8.2f} s")
    print(f"view and page              {ended_s - imported_s:8.2f} s")
    print(f"processor, all of it       {time.process_time():8.2f} s")
    print(f"page size                  {len(page.encode()) / 1e6:8.2f} MB")
    print(f"peak memory of the process {peak_mb:8.1f} MB")


def main() -> None:
    """Write in this process, report in another."""
    with tempfile.TemporaryDirectory() as directory:
        database = f"sqlite:///{Path(directory) / 'long.sqlite3'}"
        write(database)
        command = [sys.executable, "-m", "tests.benchmarks.bench_report", database]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    report(sys.argv[1]) if sys.argv[1:] else main()
