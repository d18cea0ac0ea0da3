"""Time to fold one window into the evidence of one metric: alone, in a run, and vectorised over runs.

Run as a script. Columns: one update of the monitor of one run; the same through `evaluate.update`, which
keeps the run's evidence besides; the monitor's per run in a batch. Times are of the processor, the least of
many, so that a busy machine matters less; the first row says how fast this one is.
"""

from collections.abc import Callable
from dataclasses import fields, replace
from time import process_time
from timeit import repeat

import numpy as np

from analysis import evaluate
from analysis.evaluate import Evidence
from analysis.stats.counts import Counts
from analysis.stats.evidence import watched
from analysis.stats.monitor import Monitor
from analysis.stats.reading import counts_of
from engine.core.measure import (
    EventsReading,
    Histogram,
    HistogramReading,
    Measured,
    Moments,
    MomentsReading,
    Observation,
    Quotient,
    QuotientReading,
    Trials,
    TrialsReading,
    Window,
)
from engine.core.model import Bound, Experiment, Metric, MetricKind
from engine.core.target import Weights
from tests.builders import a_metric, an_experiment

BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
LATENCY_MARGIN = Bound(relative=0.2, absolute=0.005)
BY_RATIO = Bound(relative=0.5)
LOOPS, REPEATS = 200, 15
RUNS = 256
PAST_WINDOWS = 66
GOAL_ALONE_US, GOAL_VECTORISED_US = 50.0, 10.0


def trials(bad_t: int, n_t: int, bad_c: int, n_c: int) -> TrialsReading:
    return TrialsReading(control=Trials(bad=bad_c, total=n_c), treatment=Trials(bad=bad_t, total=n_t))


LEVELS = QuotientReading(
    control=Quotient(numerator=1.1, denominator=1.0), treatment=Quotient(numerator=1.0, denominator=1.0)
)
VALUES = MomentsReading(
    control=Moments(count=900, sum=90.0, sum_sq=18.0), treatment=Moments(count=100, sum=10.0, sum_sq=2.0)
)
SLOW = HistogramReading(
    control=Histogram(bounds_s=BOUNDS_S, counts=(1, 10, 50, 200, 300, 200, 100, 30, 5, 3, 1, 0, 0)),
    treatment=Histogram(bounds_s=BOUNDS_S, counts=(1, 1, 5, 20, 30, 20, 10, 3, 1, 0, 0, 0, 0)),
)
CASES: dict[str, tuple[Metric, Measured]] = {
    "proportion, margin a ratio": (a_metric(margin=BY_RATIO), trials(1, 100, 9, 900)),
    "proportion, 1 % bad": (a_metric(), trials(1, 100, 9, 900)),
    "proportion, error-free": (a_metric(), trials(0, 100, 0, 900)),
    "proportion, 10 % bad (exact form)": (a_metric(), trials(10, 100, 90, 900)),
    "proportion, no history": (a_metric(dispersion=None), trials(1, 100, 9, 900)),
    "count": (
        a_metric(kind=MetricKind.COUNT, margin=BY_RATIO),
        EventsReading(control=9, treatment=1),
    ),
    "mean": (a_metric(kind=MetricKind.MEAN, margin=BY_RATIO), VALUES),
    "gauge": (a_metric(kind=MetricKind.GAUGE, margin=BY_RATIO), LEVELS),
    "threshold": (a_metric(kind=MetricKind.THRESHOLD, limit=0.02), trials(1, 100, 9, 900)),
    "distribution, 12 bucket bounds": (
        a_metric(kind=MetricKind.DISTRIBUTION, slo_s=0.5, margin=LATENCY_MARGIN),
        SLOW,
    ),
}


def least_us(work: Callable[[], object], loops: int = LOOPS) -> float:
    return min(repeat(work, number=loops, repeat=REPEATS, timer=process_time)) / loops * 1e6


def in_a_run_us(experiment: Experiment, evidence: Evidence, observation: Observation) -> float:
    return least_us(lambda: evaluate.update(experiment, evidence, [observation]))


def vectorised_us(monitor: Monitor, counts: Counts) -> float:
    """Per run, in a batch in which every run sees the same window."""
    batch = replace(counts, **{name: np.repeat(row, RUNS, axis=0) for name, row in _arrays(counts).items()})
    state = monitor.start(RUNS)
    for _ in range(PAST_WINDOWS):
        state = monitor.update(state, batch)
    return least_us(lambda: monitor.update(state, batch), LOOPS // 10) / RUNS


def times_us(metric: Metric, reading: Measured) -> tuple[float, float, float]:
    """Alone, in a run, vectorised; after so many windows and offered starts as a run of minutes has."""
    experiment = an_experiment(metrics=(metric,))
    observation = Observation(
        window=Window(index=0, start_s=0.0, end_s=15.0),
        readings={metric.name: reading},
        weights=Weights.of(10),
    )
    evidence = evaluate.start(experiment)
    for index in range(PAST_WINDOWS):
        seen = replace(observation, new_start=index % 13 == 12)
        evidence = evaluate.update(experiment, evidence, [seen])
    (kept,) = evidence.metrics
    monitor, counts = watched(metric, kept), counts_of(metric, reading, 0.1)
    alone = least_us(lambda: monitor.update(kept.sums, counts))
    return alone, in_a_run_us(experiment, evidence, observation), vectorised_us(monitor, counts)


def _arrays(counts: Counts) -> dict[str, np.ndarray]:
    values = {field.name: getattr(counts, field.name) for field in fields(counts)}
    return {name: value for name, value in values.items() if isinstance(value, np.ndarray)}


def main() -> None:
    four = np.zeros(4)
    unit_us = least_us(lambda: np.log(np.exp(four - four.max()).sum()))
    print(f"{'log-sum-exp of four numbers':<36}{unit_us:8.1f} us")
    goals = f"goals {GOAL_ALONE_US:.0f} us alone, {GOAL_VECTORISED_US:.0f} us vectorised over {RUNS} runs"
    print(f"{goals:<36}\n{'':<36}{'alone':>8}{'in a run':>10}{'vectorised':>12}")
    for name, (metric, reading) in CASES.items():
        alone, in_a_run, vectorised = times_us(metric, reading)
        print(f"{name:<36}{alone:8.1f}{in_a_run:10.1f}{vectorised:12.2f} us")


if __name__ == "__main__":
    main()
