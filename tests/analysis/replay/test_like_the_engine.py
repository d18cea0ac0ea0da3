"""A replay decides what folding the same windows one by one through `analysis.evaluate` decides."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from analysis import evaluate
from analysis.replay import Outcome, Row, replay
from engine.core.measure import (
    EventsReading,
    Histogram,
    HistogramReading,
    Moments,
    MomentsReading,
    Observation,
    Quotient,
    QuotientReading,
    Reading,
    Trials,
    TrialsReading,
    Window,
)
from engine.core.model import Bound, Experiment, Metric, MetricKind, Role
from engine.core.target import Weights
from engine.core.verdict import Verdict, VerdictKind
from tests.analysis.replay.blocks import block_of
from tests.builders import a_metric, an_experiment, two_treatments

BOUNDS_S = (0.1, 0.25, 0.5, 1.0)
WINDOWS = 60
RUNS = 12
INTERVAL_S = 15.0
WITH_TRIALS = {MetricKind.PROPORTION, MetricKind.DISTRIBUTION, MetricKind.MEAN, MetricKind.THRESHOLD}


def reading(rng: np.random.Generator, metric: Metric, worse: float, share: float) -> Reading:
    """One window of both arms; the treatment is so many times worse."""
    n_t, n_c = int(2000 * share), int(2000 * (1 - share))
    match metric.kind:
        case MetricKind.PROPORTION | MetricKind.THRESHOLD:
            return TrialsReading(
                control=Trials(bad=int(rng.binomial(n_c, 0.01)), total=n_c),
                treatment=Trials(bad=int(rng.binomial(n_t, 0.01 * worse)), total=n_t),
            )
        case MetricKind.DISTRIBUTION:
            return HistogramReading(control=histogram(rng, n_c, 1.0), treatment=histogram(rng, n_t, worse))
        case MetricKind.COUNT:
            return EventsReading(
                control=int(rng.poisson(40 * (1 - share))), treatment=int(rng.poisson(40 * share * worse))
            )
        case MetricKind.MEAN:
            return MomentsReading(control=moments(rng, n_c, 1.0), treatment=moments(rng, n_t, worse))
        case _:
            return QuotientReading(
                control=Quotient(numerator=float(rng.normal(100, 5)), denominator=1.0),
                treatment=Quotient(numerator=float(rng.normal(100 * worse, 5)), denominator=1.0),
            )


def readings(
    rng: np.random.Generator, experiment: Experiment, worse: float, share: float
) -> dict[str, Reading]:
    """All metrics; what control was measured at is the same for all treatments."""
    found = {metric.name: reading(rng, metric, worse, share) for metric in experiment.metrics}
    first, *others = found.values()
    if len(experiment.treatments) > 1:
        found |= {
            name: replace(other, control=first.control)
            for name, other in zip(list(found)[1:], others, strict=True)
        }
    return found


def histogram(rng: np.random.Generator, number: int, worse: float) -> Histogram:
    bucket = np.searchsorted(BOUNDS_S, rng.exponential(0.1 * worse, number))
    counts = np.bincount(bucket, minlength=len(BOUNDS_S) + 1)
    return Histogram(bounds_s=BOUNDS_S, counts=tuple(counts.tolist()))


def moments(rng: np.random.Generator, number: int, worse: float) -> Moments:
    values = rng.gamma(2.0, worse, number)
    return Moments(count=number, sum=float(values.sum()), sum_sq=float((values**2).sum()))


def run_of(
    rng: np.random.Generator, experiment: Experiment, worse: float, length: int, pcts: tuple[int, ...]
) -> list[Observation]:
    observations = []
    for index in range(length):
        step = index * len(pcts) // length
        each = pcts[step] // len(experiment.treatments)
        start_s = INTERVAL_S * index
        observations.append(
            Observation(
                window=Window(index=index, start_s=start_s, end_s=start_s + INTERVAL_S),
                readings=readings(rng, experiment, worse, each / (100 - pcts[step] + each)),
                new_start=index > 0 and step != (index - 1) * len(pcts) // length,
                weights=Weights.of(*[each] * len(experiment.treatments)),
            )
        )
    return observations


def engine_decides(experiment: Experiment, name: str, run: list[Observation], pcts: tuple[int, ...]) -> Row:
    """Window by window through the one door to the statistics, and the rules of promotion."""
    evidence = evaluate.start(experiment)
    for index, observation in enumerate(run):
        evidence = evaluate.update(experiment, evidence, [observation])
        verdict = evaluate.verdict(experiment, evidence)
        at_highest = observation.weights is not None and observation.weights.given == max(pcts)
        if verdict.harm_latched:
            return row(name, Outcome.ROLLED_BACK, run, index)
        if at_highest and any(
            promotes(experiment, verdict, arm) for arm in range(len(experiment.treatments))
        ):
            return row(name, Outcome.PROMOTED, run, index)
    return row(name, Outcome.UNDECIDED, run, None)


def promotes(experiment: Experiment, verdict: Verdict, arm: int) -> bool:
    enough = (
        {VerdictKind.BETTER} if experiment.plan.needs_better else {VerdictKind.BETTER, VerdictKind.NOT_WORSE}
    )
    own = [finding for finding in verdict.findings if finding.treatment_index == arm and finding.weight > 0]
    floor = experiment.plan.steps[-1].floor
    return verdict.arms[arm].kind in enough and all(
        found.inside_margin_at_step
        and (
            found.kind not in WITH_TRIALS
            or min(found.control.step_total, found.treatment.step_total) >= floor
        )
        for found in own
    )


def row(name: str, outcome: Outcome, run: list[Observation], last: int | None) -> Row:
    end = "" if last is None else f"{run[last].window.end_s:g}"
    windows = len(run) if last is None else last + 1
    return Row(
        run=name,
        outcome=outcome,
        decided_at=end,
        windows=windows,
        treatment_total=0.0,
        rule=outcome.rule,
    )


def without_totals(rows: Iterator[Row]) -> list[Row]:
    return [replace(each, treatment_total=0.0) for each in rows]


def a_kind(kind: MetricKind, **changes: object) -> Metric:
    settings: dict[str, object] = {
        "name": str(kind),
        "kind": kind,
        "tolerance": Bound(relative=0.0),
        "margin": Bound(relative=0.5),
        "slo_s": 0.25 if kind is MetricKind.DISTRIBUTION else None,
        "limit": 0.02 if kind is MetricKind.THRESHOLD else None,
        **changes,
    }
    return a_metric(**settings)


def same_rows(experiment: Experiment, seed: int, pcts: tuple[int, ...]) -> list[Row]:
    rng = np.random.default_rng(seed)
    runs = {}
    for number in range(RUNS):
        worse = float(rng.choice([0.8, 1.0, 1.3, 2.0]))
        runs[f"run-{number}"] = run_of(rng, experiment, worse, int(rng.integers(4, WINDOWS)), pcts)
    rows = without_totals(replay(experiment, [block_of(experiment, runs)]))
    assert rows == [engine_decides(experiment, name, run, pcts) for name, run in runs.items()]
    return rows


KINDS = [kind for kind in MetricKind if kind is not MetricKind.ASSIGNMENT]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dispersion", [1.0, None])
def test_one_metric_of_every_kind(kind: MetricKind, dispersion: float | None) -> None:
    metric = a_kind(kind, dispersion=dispersion)
    plan = replace(an_experiment().plan, steps=an_experiment().plan.steps[-1:])
    same_rows(an_experiment(metrics=(metric,), plan=plan), seed=KINDS.index(kind), pcts=(50,))


def test_a_ramp_with_several_metrics_and_a_fine_time_grid() -> None:
    several = (
        a_kind(MetricKind.PROPORTION, weight=0.5, dispersion=1.0),
        a_kind(MetricKind.DISTRIBUTION, weight=0.25),
        a_kind(MetricKind.MEAN, weight=0.25, dispersion=1.5),
    )
    experiment = an_experiment(metrics=several, horizon_s=INTERVAL_S * 3 * 32)
    rows = same_rows(experiment, seed=71, pcts=(5, 20, 50))
    assert {each.outcome for each in rows} >= {Outcome.PROMOTED, Outcome.ROLLED_BACK}


def test_two_treatments_of_which_one_must_be_better() -> None:
    experiment = two_treatments()
    metrics = tuple(
        replace(
            metric,
            role=Role.OBJECTIVE,
            tolerance=Bound(relative=0.0),
            margin=Bound(relative=0.5),
            dispersion=1.0,
        )
        for metric in experiment.metrics
    )
    rows = same_rows(replace(experiment, metrics=metrics), seed=5, pcts=(50,))
    assert {each.outcome for each in rows} >= {Outcome.PROMOTED, Outcome.ROLLED_BACK}
