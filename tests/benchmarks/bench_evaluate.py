"""Time to fold one window into the evidence of one metric, with five start points open.

Run as a script. The second number is the ratio to one numpy log-sum-exp of four numbers on the same machine.
"""

from timeit import repeat

import numpy as np

from analysis import evaluate
from engine.core.measure import (
    Histogram,
    HistogramReading,
    Observation,
    Reading,
    Trials,
    TrialsReading,
    Window,
)
from engine.core.model import Bound, Metric, MetricKind
from tests.builders import a_metric, an_experiment

BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
LATENCY_MARGIN = Bound(relative=0.2, absolute=0.005)
LOOPS = 500
OPEN_STARTS = 5


def trials(bad_t: int, n_t: int, bad_c: int, n_c: int) -> TrialsReading:
    return TrialsReading(control=Trials(bad=bad_c, total=n_c), treatment=Trials(bad=bad_t, total=n_t))


CASES: dict[str, tuple[Metric, Reading]] = {
    "proportion, 1 % bad": (a_metric(), trials(1, 100, 9, 900)),
    "proportion, error-free": (a_metric(), trials(0, 100, 0, 900)),
    "proportion, 10 % bad (exact form)": (a_metric(), trials(10, 100, 90, 900)),
    "threshold": (a_metric(kind=MetricKind.THRESHOLD, limit=0.02), trials(1, 100, 9, 900)),
    "distribution, 12 bucket bounds": (
        a_metric(kind=MetricKind.DISTRIBUTION, slo_s=0.5, margin=LATENCY_MARGIN),
        HistogramReading(
            control=Histogram(bounds_s=BOUNDS_S, counts=(1, 10, 50, 200, 300, 200, 100, 30, 5, 3, 1, 0, 0)),
            treatment=Histogram(bounds_s=BOUNDS_S, counts=(1, 1, 5, 20, 30, 20, 10, 3, 1, 0, 0, 0, 0)),
        ),
    ),
}


def update_us(metric: Metric, reading: Reading) -> float:
    experiment = an_experiment(metrics=(metric,))
    window = Window(index=0, start_s=0.0, end_s=15.0)
    observation = Observation(window=window, readings={metric.name: reading})
    changed = Observation(window=window, readings={metric.name: reading}, new_start=True)
    evidence = evaluate.start(experiment)
    for _ in range(OPEN_STARTS):
        evidence = evaluate.update(experiment, evidence, [changed])
    times_s = repeat(lambda: evaluate.update(experiment, evidence, [observation]), number=LOOPS, repeat=5)
    return min(times_s) / LOOPS * 1e6


def main() -> None:
    four = np.zeros(4)
    unit_us = (
        min(repeat(lambda: np.log(np.exp(four - four.max()).sum()), number=LOOPS, repeat=5)) / LOOPS * 1e6
    )
    print(f"{'log-sum-exp of four numbers':<36}{unit_us:8.1f} us")
    for name, (metric, reading) in CASES.items():
        took_us = update_us(metric, reading)
        print(f"{name:<36}{took_us:8.1f} us{took_us / unit_us:8.1f} x")


if __name__ == "__main__":
    main()
