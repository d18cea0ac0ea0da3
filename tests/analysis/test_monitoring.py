"""The public door to the statistics: its page runs, and it agrees with what decides about releases."""

import re
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis import evaluate
from analysis.monitoring import (
    Bound,
    BucketCounts,
    EventCounts,
    PodCounts,
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
            ValueSums(
                treatment=rows(10, 10 * times, 10 * times**2 + 2),
                control=rows(90, 90, 108),
                spread_known=True,
            ),
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


def trials(bad_t: float, n_t: float) -> TrialCounts:
    return TrialCounts(bad_t=[bad_t], n_t=[n_t], bad_c=[9], n_c=[900])


LEVELS = watch("gauge", margin=Bound(relative=0.1))
SLOW = watch("distribution", bounds=BOUNDS, slo=0.5)
IMPOSSIBLE: Mapping[str, tuple[Watch, Counts, str]] = {
    "negative": (watch("proportion"), trials(-1, 100), "negative"),
    "nan": (watch("proportion"), trials(float("nan"), 100), "NaN"),
    "infinite": (watch("proportion"), trials(1, float("inf")), "above 2"),
    "uncountable": (watch("proportion"), trials(1, 2.0**60), "above 2"),
    "more bad than all": (watch("proportion"), trials(101, 100), "more bad trials than trials"),
    "no such share": (watch("count"), EventCounts(treatment=[1], control=[1], share=[1.5]), "share"),
    "events without traffic": (watch("count"), EventCounts(treatment=[1], control=[1], share=[0]), "share"),
    "impossible squares": (
        watch("mean"),
        ValueSums(treatment=[[10, 20, 12]], control=[[9, 9, 9]], spread_known=True),
        "squares",
    ),
    "level below zero": (LEVELS, Quotients(treatment=[[-1, 1]], control=[[-1, 1]]), "negative"),
    "denominator below zero": (LEVELS, Quotients(treatment=[[1, -1]], control=[[1, 1]]), "denominator"),
    "too few buckets": (
        SLOW,
        BucketCounts(treatment=[[1, 2]], control=[[1, 2]], slo=1),
        r"expected \(1, 4\)",
    ),
    "other objective": (SLOW, BucketCounts(treatment=[[1] * 4], control=[[1] * 4], slo=None), "slo is None"),
    "uneven arms": (SLOW, BucketCounts(treatment=[[1] * 4], control=[[1] * 3], slo=1), "same shape"),
    "uneven counts": (
        watch("proportion"),
        TrialCounts(bad_t=[1, 1], n_t=[9], bad_c=[1], n_c=[9]),
        "one number per run",
    ),
    "more runs": (
        watch("proportion"),
        TrialCounts(bad_t=[1, 1], n_t=[9, 9], bad_c=[1, 1], n_c=[9, 9]),
        r"expected \(1,\)",
    ),
}


@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_numbers_that_cannot_be_are_refused_and_never_reckoned_with(case: str) -> None:
    watched, window, fault = IMPOSSIBLE[case]
    with pytest.raises(ValueError, match=fault):
        watched.update(watched.start(), window)


def test_counts_of_another_kind_are_refused() -> None:
    window = EventCounts(treatment=[1], control=[1], share=[0.5])
    with pytest.raises(TypeError, match="a proportion takes TrialCounts, not EventCounts"):
        watch("proportion").update(watch("proportion").start(), window)


def test_a_level_below_zero_is_held_against_absolute_bounds() -> None:
    levels = watch("gauge", tolerance=Bound(absolute=1.0), margin=Bound(absolute=5.0))
    state = levels.start()
    for _ in range(200):
        level = Quotients(treatment=[[-20 + RNG.normal(), 1]], control=[[-20, 1]])
        state = levels.update(state, level)
    assert levels.records(state)[0].verdict is VerdictKind.NOT_WORSE


def test_what_a_run_without_the_window_is_given_counts_for_nothing() -> None:
    for watched, counts in worse(2.0).values():
        having = np.array([True, False, True])
        state = watched.update(watched.start(3), counts, having)
        zeros = {
            each.name: np.zeros_like(getattr(counts, each.name))
            for each in fields(counts)
            if isinstance(getattr(counts, each.name), np.ndarray)
        }
        nothing = watched.update(watched.start(3), replace(counts, **zeros), np.zeros(3, dtype=bool))
        assert watched.records(state)[1] == watched.records(nothing)[1]
        assert watched.records(state)[0].windows == 1


def test_which_runs_have_a_window_is_said_of_every_run() -> None:
    with pytest.raises(ValueError, match="counted has shape"):
        watch("count").update(
            watch("count").start(2), EventCounts(treatment=[1, 1], control=[1, 1], share=[0.5] * 2), [True]
        )


@pytest.mark.parametrize(
    ("kind", "declared", "fault"),
    [
        ("assignment", {}, "there is no kind 'assignment'"),
        ("threshold", {}, "limit is None"),
        ("threshold", {"limit": 1.5}, "limit is 1.5"),
        ("proportion", {"limit": 0.1}, "limit is for a threshold"),
        ("proportion", {"tolerance": Bound(relative=-0.5)}, "tolerance.relative is -0.5"),
        ("proportion", {"margin": Bound(absolute=float("nan"))}, "margin.absolute is nan"),
        ("proportion", {"effect": 0.0}, "effect is 0.0"),
        ("proportion", {"dispersion": 0.5}, "dispersion is 0.5"),
        ("proportion", {"alpha_rollback": 0.0}, "alpha_rollback is 0.0"),
        ("proportion", {"alpha_promote": 1.0}, "alpha_promote is 1.0"),
        ("proportion", {"bounds": BOUNDS}, "for a distribution"),
        ("distribution", {}, "needs finite bounds"),
        ("distribution", {"bounds": (0.5, 0.1)}, "ascending"),
        ("distribution", {"bounds": (0.5, float("inf"))}, "without"),
        ("distribution", {"bounds": BOUNDS, "slo": 0.3}, "slo is 0.3"),
    ],
)
def test_declarations_that_decide_nothing_or_the_wrong_thing_are_refused(
    kind: str, declared: Mapping[str, Any], fault: str
) -> None:
    with pytest.raises(ValueError, match=fault):
        watch(kind, **declared)


def test_dispersion_from_history_is_a_finite_table() -> None:
    errors = watch("proportion")
    assert errors.dispersion_of(np.zeros((1, 5, 2))) is None
    for scores in (np.zeros((5, 2)), np.full((1, 500, 2), np.nan)):
        with pytest.raises(ValueError, match="expected \\(stretches, windows, 2\\)"):
            errors.dispersion_of(scores)
    with pytest.raises(ValueError, match="dispersion is nan"):
        errors.with_dispersion(float("nan"))


def one_bad_pod(runs: int = 1) -> tuple[TrialCounts, PodCounts]:
    """A window of three pods per arm, of which one of the treatment's fails more than all others."""
    treatment, control = [[100, 1], [100, 1], [100, 9]], [[100, 1]] * 3
    pods = PodCounts(treatment=np.array([treatment] * runs), control=np.array([control] * runs))
    return TrialCounts(bad_t=[11] * runs, n_t=[300] * runs, bad_c=[3] * runs, n_c=[300] * runs), pods


def test_a_bad_pod_is_not_taken_for_a_bad_release() -> None:
    errors = watch("proportion", dispersion=1.0)
    window, pods = one_bad_pod()
    together = apart = errors.start()
    for _ in range(30):
        together, apart = errors.update(together, window), errors.update(apart, window, pods=pods)
    assert errors.records(together)[0].verdict is VerdictKind.HARMFUL
    assert errors.records(apart)[0].verdict is VerdictKind.UNDECIDED


def test_pods_count_in_the_runs_that_have_the_window() -> None:
    errors = watch("proportion", dispersion=1.0)
    window, pods = one_bad_pod(2)
    both = errors.start(2)
    for _ in range(5):
        both = errors.update(both, window, [True, False], pods=pods)
    first, second = errors.records(both)
    assert first.dispersion > second.dispersion == 1.0


@pytest.mark.parametrize(
    "pods",
    [
        np.ones((2, 3, 2)),
        np.ones((1, 3, 1)),
        np.ones((3, 2)),
        -np.ones((1, 3, 2)),
        np.full((1, 3, 2), np.nan),
    ],
)
def test_pods_that_cannot_be_are_refused(pods: Any) -> None:
    errors = watch("proportion")
    with pytest.raises(ValueError, match="treatment pods have"):
        errors.update(errors.start(), one_bad_pod()[0], pods=PodCounts(treatment=pods, control=pods))
