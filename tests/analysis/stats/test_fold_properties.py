import json
from dataclasses import replace
from math import isfinite

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis import evaluate
from analysis.evaluate import Evidence
from engine.core.measure import Observation, TrialsReading
from engine.core.model import Bound, Experiment
from tests.analysis.evaluating import ALL, ERRORS, GONE, LATENCY, SHARE, buckets, trials, window

sizes = st.sampled_from([0, 1, 3, 200, 10**4, 10**15])


@st.composite
def any_trials(draw: st.DrawFn) -> TrialsReading:
    n_t, n_c = draw(sizes), draw(sizes)
    return trials(draw(st.integers(0, n_t)), n_t, draw(st.integers(0, n_c)), n_c)


any_buckets = st.tuples(*[st.lists(sizes, min_size=4, max_size=4)] * 2).map(lambda pair: buckets(*pair))
missing = st.just(GONE)


@st.composite
def any_windows(draw: st.DrawFn) -> list[Observation]:
    count = draw(st.integers(1, 6))
    return [
        window(
            index,
            warm_up=draw(st.booleans()),
            new_start=draw(st.booleans()),
            errors=draw(any_trials() | missing),
            latency=draw(any_buckets | missing),
            share=draw(any_trials() | missing),
        )
        for index in range(count)
    ]


def folded(experiment: Experiment, windows: list[Observation], *, restarts: bool) -> Evidence:
    evidence = evaluate.start(experiment)
    for observation in windows:
        evidence = evaluate.update(experiment, evidence, [observation])
        if restarts:
            evidence = Evidence.from_plain(experiment, json.loads(json.dumps(evidence.to_plain())))
    return evidence


@given(any_windows())
@settings(max_examples=40, deadline=None)
def test_a_restart_after_any_window_changes_nothing(windows: list[Observation]) -> None:
    straight, restarted = (folded(ALL, windows, restarts=restarts) for restarts in (False, True))
    assert straight.to_plain() == restarted.to_plain()
    assert evaluate.verdict(ALL, straight) == evaluate.verdict(ALL, restarted)


@given(any_windows())
@settings(max_examples=40, deadline=None)
def test_several_windows_at_once_are_the_same_as_one_by_one(windows: list[Observation]) -> None:
    at_once = evaluate.update(ALL, evaluate.start(ALL), windows)
    one_by_one = folded(ALL, windows, restarts=False)
    assert at_once.to_plain() == one_by_one.to_plain()


@given(any_windows(), st.permutations([0, 1, 2]))
@settings(max_examples=30, deadline=None)
def test_the_order_of_metrics_does_not_matter(windows: list[Observation], order: list[int]) -> None:
    shuffled = replace(ALL, metrics=tuple(ALL.metrics[i] for i in order))
    first = evaluate.verdict(ALL, folded(ALL, windows, restarts=False))
    second = evaluate.verdict(shuffled, folded(shuffled, windows, restarts=False))
    assert first.kind is second.kind
    assert first.log_e_harm == pytest.approx(second.log_e_harm)
    for metric in ALL.metrics:
        assert first.finding(metric.name) == second.finding(metric.name)


@given(
    any_windows(),
    st.sampled_from([Bound(relative=0.05), Bound(absolute=0.01), Bound(relative=0.1, absolute=0.2)]),
)
@settings(max_examples=60, deadline=None)
def test_no_counts_however_odd_make_a_number_that_is_none(
    windows: list[Observation], tolerance: Bound
) -> None:
    metrics = (replace(ERRORS, tolerance=tolerance), replace(LATENCY, tolerance=tolerance), SHARE)
    experiment = replace(ALL, metrics=metrics)
    verdict = evaluate.verdict(experiment, folded(experiment, windows, restarts=False))
    numbers = [verdict.log_e_harm]
    for found in verdict.findings:
        numbers += [found.log_e_harm, found.log_e_harm_max, found.log_e_promote]
        effect = found.effect
        numbers += [n for n in (effect.estimate, effect.low, effect.high, found.difference) if n is not None]
    assert all(isfinite(number) for number in numbers)
