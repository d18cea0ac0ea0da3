"""Windows and experiments that the tests of `analysis.evaluate` share."""

from collections.abc import Sequence

from analysis import evaluate
from analysis.evaluate import Evidence
from engine.core.measure import (
    Histogram,
    HistogramReading,
    Missing,
    MissingReason,
    Observation,
    Reading,
    Trials,
    TrialsReading,
    Window,
)
from engine.core.model import Bound, Experiment, MetricKind
from engine.core.verdict import Verdict
from tests.builders import a_metric, an_experiment

BOUNDS_S = (0.1, 0.5, 1.0)
ERRORS = a_metric(name="errors", weight=0.5)
LATENCY = a_metric(
    name="latency",
    kind=MetricKind.DISTRIBUTION,
    slo_s=0.5,
    weight=0.25,
    margin=Bound(relative=0.2, absolute=0.005),
)
SHARE = a_metric(name="share", kind=MetricKind.THRESHOLD, limit=0.02, weight=0.25)
ALL = an_experiment(metrics=(ERRORS, LATENCY, SHARE))
ONE = an_experiment()
GONE = Missing(reason=MissingReason.NO_SERIES, detail="control: no series")


def trials(bad_t: int, n_t: int, bad_c: int, n_c: int) -> TrialsReading:
    return TrialsReading(control=Trials(bad=bad_c, total=n_c), treatment=Trials(bad=bad_t, total=n_t))


def buckets(control: Sequence[int], treatment: Sequence[int]) -> HistogramReading:
    return HistogramReading(
        control=Histogram(bounds_s=BOUNDS_S, counts=tuple(control)),
        treatment=Histogram(bounds_s=BOUNDS_S, counts=tuple(treatment)),
    )


HEALTHY = trials(0, 1000, 0, 1000)
BAD = trials(90, 1000, 10, 1000)
FAST = buckets((900, 90, 10, 0), (900, 90, 10, 0))


def window(index: int, *, warm_up: bool = False, new_start: bool = False, **readings: Reading) -> Observation:
    at_s = 1000.0 + 15.0 * index
    return Observation(
        window=Window(index=index, start_s=at_s, end_s=at_s + 15.0),
        readings=readings,
        warm_up=warm_up,
        new_start=new_start,
    )


def after(experiment: Experiment, *readings: Reading) -> Evidence:
    observations = [window(i, errors=reading) for i, reading in enumerate(readings)]
    return evaluate.update(experiment, evaluate.start(experiment), observations)


def judged(experiment: Experiment, *readings: Reading) -> Verdict:
    return evaluate.verdict(experiment, after(experiment, *readings))
