"""The public door to the statistics: its page runs, and it agrees with what decides about releases."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis import evaluate
from analysis.monitoring import (
    Bound,
    BucketCounts,
    EventCounts,
    Quotients,
    TrialCounts,
    ValueSums,
    Watch,
    watch,
)
from analysis.stats.counts import Counts
from engine.core.measure import Observation, Trials, TrialsReading, Window
from engine.core.verdict import VerdictKind
from tests.builders import a_metric, an_experiment

PAGE = Path("docs/reference/python.md")
BOUNDS = (0.1, 0.5, 1.0)
RNG = np.random.default_rng(20)


def test_the_examples_of_the_page_run() -> None:
    known: dict[str, Any] = {}
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        exec(block, known)


def worse(times: float) -> Mapping[str, tuple[Watch, Counts]]:
    """Every kind with a window in which the treatment is so many times as bad, in three runs."""
    t, c = np.full(3, 10.0 * times), np.full(3, 90.0)
    return {
        "proportion": (
            watch("proportion", dispersion=1),
            TrialCounts(bad_t=t, n_t=c * 2, bad_c=c, n_c=c * 18),
        ),
        "threshold": (
            watch("threshold", limit=0.03, dispersion=1),
            TrialCounts(bad_t=t, n_t=c * 5, bad_c=c, n_c=c),
        ),
        "count": (watch("count", dispersion=1), EventCounts(treatment=t, control=c, share=np.full(3, 0.1))),
        "mean": (
            watch("mean", margin=Bound(relative=0.1), dispersion=1),
            ValueSums(treatment=rows(10, 10 * times, 12), control=rows(90, 90, 108), spread_known=True),
        ),
        "distribution": (
            watch("distribution", bounds=BOUNDS, slo=0.5, dispersion=1),
            BucketCounts(treatment=rows(80 - t[0], 10, t[0], 0), control=rows(630, 90, 90, 0), slo=1),
        ),
        "ratio": (
            watch("ratio", margin=Bound(relative=0.1), dispersion=1),
            Quotients(treatment=rows(10 * times, 10), control=rows(90, 90)),
        ),
    }


def rows(*numbers: float) -> np.ndarray:
    return np.tile(np.array(numbers, dtype=np.float64), (3, 1))


@pytest.mark.parametrize("kind", worse(1))
def test_every_kind_finds_harm_and_only_harm(kind: str) -> None:
    for times, expected in ((2.0, VerdictKind.HARMFUL), (0.9, VerdictKind.NOT_WORSE)):
        watched, counts = worse(times)[kind]
        state = watched.start(3)
        for _ in range(200):
            state = watched.update(state, _jittered(counts))
        assert {record.verdict for record in watched.records(state)} == {expected}, times


def _jittered(counts: Counts) -> Counts:
    """A little different from window to window, so that observed variances are not zero."""
    if not isinstance(counts, Quotients):
        return counts
    noise = 1.0 + 0.05 * RNG.normal(size=(3, 1)) * np.array([[1.0, 0.0]])
    return Quotients(treatment=counts.treatment * noise, control=counts.control)


def test_nothing_seen_is_no_data() -> None:
    (record,) = watch("proportion").records(watch("proportion").start())
    assert record.verdict is VerdictKind.NO_DATA
    assert (record.ratio, record.difference, record.effect_low, record.effect_high) == (
        None,
        None,
        None,
        None,
    )


def test_a_run_that_lacks_a_window_is_as_if_it_had_not_been() -> None:
    errors = watch("proportion", dispersion=1)
    first = TrialCounts(bad_t=[3, 3], n_t=[100, 100], bad_c=[5, 5], n_c=[900, 900])
    gap = TrialCounts(bad_t=[9, 0], n_t=[100, 0], bad_c=[5, 0], n_c=[900, 0])
    both = errors.update(errors.update(errors.start(2), first), gap, [True, False])
    once = errors.update(errors.start(2), first)
    assert errors.records(both)[1] == errors.records(once)[1]


def test_it_says_what_the_engine_says() -> None:
    experiment = an_experiment(metrics=(a_metric(),))
    metric = experiment.metrics[0]
    errors = watch(
        "proportion", tolerance=metric.tolerance, margin=metric.margin, dispersion=metric.dispersion
    )
    state, evidence = errors.start(), evaluate.start(experiment)
    for index in range(30):
        bad_t, bad_c = int(RNG.binomial(100, 0.02)), int(RNG.binomial(900, 0.01))
        state = errors.update(state, TrialCounts(bad_t=[bad_t], n_t=[100], bad_c=[bad_c], n_c=[900]))
        reading = TrialsReading(control=Trials(bad=bad_c, total=900), treatment=Trials(bad=bad_t, total=100))
        window = Window(index=index, start_s=15.0 * index, end_s=15.0 * index + 15.0)
        evidence = evaluate.update(
            experiment, evidence, [Observation(window=window, readings={metric.name: reading})]
        )
    (record,) = errors.records(state)
    found = evaluate.verdict(experiment, evidence).finding(metric.name)
    assert record.log_e_harm == found.log_e_harm
    assert record.log_e_promote == found.log_e_promote
    assert (record.effect_low, record.effect_high) == (found.effect.low, found.effect.high)
    assert record.difference == found.difference
