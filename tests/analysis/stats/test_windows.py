"""How windows add up: in any order, split, merged, one by one or all at once."""

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import hypergeom
from statsmodels.stats.contingency_tables import StratifiedTable  # type: ignore[import-untyped]

from analysis.stats.counts import EventCounts, TrialCounts
from analysis.stats.dispersion import TOO_LONG
from analysis.stats.mixture import PROMOTE_LOG_WEIGHTS, log_mix
from analysis.stats.monitor import Monitor, State
from analysis.stats.starts import FIRST
from analysis.stats.trials import TrialsMethod
from engine.core.model import Bound
from tests.analysis.stats.paths import trials, watched
from tests.analysis.stats.watching import evidence

RARE = TrialsMethod(
    tolerance=Bound(relative=0.05), margin=Bound(relative=0.5), effect_ratio=1.5, asks_better=True
)
REMEMBERING = TrialsMethod(
    tolerance=Bound(relative=0.05, absolute=0.001),
    margin=Bound(relative=0.5, absolute=0.001),
    effect_ratio=1.5,
    asks_better=True,
)
rare_windows = st.lists(
    st.builds(
        trials, st.integers(0, 4), st.sampled_from([100, 400]), st.integers(0, 9), st.sampled_from([300, 900])
    ),
    min_size=1,
    max_size=6,
)


def monitor(method: TrialsMethod = RARE, dispersion: float | None = 1.0) -> Monitor:
    return Monitor(method=method, dispersion=dispersion)


def sums(state: State) -> np.ndarray:
    return np.concatenate([state.harm, state.promote, state.better, state.effect, state.totals], axis=1)


@given(rare_windows)
def test_the_product_over_windows_is_what_one_pass_says(windows: list[TrialCounts]) -> None:
    watching = monitor()
    one_by_one = watched(watching, windows)
    joined = TrialCounts(
        **{
            name: np.concatenate([getattr(window, name) for window in windows])
            for name in ("bad_t", "n_t", "bad_c", "n_c")
        }
    )
    runs = len(windows)
    added = RARE.increments(joined, np.zeros((runs, 0)), np.zeros((runs, 7)))
    promote = added.promote.sum(axis=0)
    assert one_by_one.promote[0] == pytest.approx(promote, abs=1e-12)
    assert one_by_one.harm[0] == pytest.approx(added.harm.sum(axis=0), abs=1e-12)
    assert watching.log_e_promote(one_by_one) == pytest.approx([log_mix(promote, PROMOTE_LOG_WEIGHTS)])


@given(rare_windows, st.randoms(use_true_random=False))
def test_the_order_of_windows_inside_a_look_does_not_matter(
    windows: list[TrialCounts], shuffling: Random
) -> None:
    watching, shuffled = monitor(), list(windows)
    shuffling.shuffle(shuffled)
    assert sums(watched(watching, shuffled)) == pytest.approx(sums(watched(watching, windows)), abs=1e-9)
    ours, theirs = (evidence(watching, watched(watching, one)) for one in (windows, shuffled))
    assert np.delete(ours, 1, axis=1) == pytest.approx(np.delete(theirs, 1, axis=1), abs=1e-9)


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 4)), min_size=1, max_size=6))
def test_windows_and_pods_of_one_split_merge_without_loss(parts: list[tuple[int, int]]) -> None:
    pieces = watched(monitor(), [trials(t, 100, c, 300) for t, c in parts])
    bad_t, bad_c = (sum(column) for column in zip(*parts, strict=True))
    merged = watched(monitor(), [trials(bad_t, 100 * len(parts), bad_c, 300 * len(parts))])
    assert sums(merged) == pytest.approx(sums(pieces), abs=1e-9)
    assert merged.log_e_harm == pytest.approx(pieces.log_e_harm, abs=1e-9)


@given(rare_windows)
@settings(max_examples=25, deadline=None)
def test_a_start_counts_the_windows_since_it_was_opened(windows: list[TrialCounts]) -> None:
    watching = monitor(REMEMBERING)
    sinking = [trials(0, 400, 9, 900)] * 9
    opened = watching.with_start(watched(watching, sinking), 1.0)
    assert opened.starts.weights[0] == pytest.approx([FIRST, 1 - FIRST])
    state = watched(watching, windows, opened)
    whole = watching.method.log_e_harm(state.harm[:, None, :], np.ones((1, 1)))
    since = watching.method.log_e_harm((state.harm - opened.harm)[:, None, :], np.ones((1, 1)))
    assert np.exp(state.log_e_harm) == pytest.approx(
        np.exp(whole[0] + np.log(FIRST)) + np.exp(since[0] + np.log(1 - FIRST)), rel=1e-9
    )


def test_late_harm_is_found_from_a_start_and_masked_without() -> None:
    healthy, harmful = [trials(2, 400, 9, 900)] * 60, [trials(12, 400, 9, 900)] * 5
    watching = monitor()
    past = watched(watching, healthy)
    with_start = watched(watching, harmful, watching.with_start(past, 0.45))
    without = watched(watching, harmful, past)
    assert with_start.log_e_harm[0] > without.log_e_harm[0] + 2


def test_the_maximum_is_kept_when_evidence_fades() -> None:
    watching = monitor()
    worse = watched(watching, [trials(9, 100, 20, 900)])
    better = watching.update(worse, trials(0, 100, 90, 900))
    assert better.log_e_harm[0] < worse.log_e_harm[0]
    assert better.log_e_harm_max == worse.log_e_harm_max == worse.log_e_harm


def test_windows_that_stay_correlated_for_too_long_raise_no_alarm() -> None:
    watching = monitor(dispersion=None)
    storm, calm = trials(40, 400, 9, 900), trials(0, 400, 9, 900)
    waves = ([storm] * 16 + [calm] * 48) * 2
    now = watching.start()
    for window in waves:
        before, now = now, watching.update(now, window)
        if watching.is_too_correlated(now)[0]:
            assert now.log_e_harm_max == before.log_e_harm_max
    assert watching.is_too_correlated(now)[0]
    assert now.growth[0] > TOO_LONG


def test_a_step_begins_with_totals_of_its_own() -> None:
    watching = monitor()
    runs = np.array([True, False])
    one = TrialCounts(bad_t=np.ones(2), n_t=np.full(2, 9.0), bad_c=np.zeros(2), n_c=np.full(2, 8.0))
    state = watching.with_step(watched(watching, [one]), runs)
    assert (state.totals[:, :4] - state.step).tolist() == [[0, 0, 0, 0], [1, 9, 0, 8]]
    everywhere = watching.with_step(state)
    assert (everywhere.totals[:, :4] == everywhere.step).all()


@given(st.integers(1, 60), st.integers(1, 200), st.data())
def test_the_score_has_the_hypergeometric_variance(n_t: int, n_c: int, data: st.DataObject) -> None:
    bad_t, bad_c = data.draw(st.integers(0, n_t)), data.draw(st.integers(0, n_c))
    added = RARE.increments(trials(bad_t, n_t, bad_c, n_c), np.zeros((1, 0)), np.zeros((1, 7)))
    ((score, variance),) = added.scores[0]
    support = np.arange(max(0, bad_t + bad_c - n_c), min(n_t, bad_t + bad_c) + 1)
    chances = hypergeom.pmf(support, n_t + n_c, bad_t + bad_c, n_t)
    mean = chances @ support
    assert score == pytest.approx(bad_t - mean, abs=1e-8)
    assert variance == pytest.approx(chances @ (support - mean) ** 2, abs=1e-8)


def test_scores_of_strata_are_mantel_haenszels_test_and_totals_its_ratio() -> None:
    counts = [(3, 100, 20, 900), (8, 250, 12, 640), (2, 80, 1, 70)]
    added = [RARE.increments(trials(*one), np.zeros((1, 0)), np.zeros((1, 7))) for one in counts]
    score, variance = np.sum([one.scores[0, 0] for one in added], axis=0)
    bad_t, bad_c, _ = np.sum([one.totals[0, 4:] for one in added], axis=0)
    tables = [np.array([[t, n_t - t], [c, n_c - c]]) for t, n_t, c, n_c in counts]
    theirs = StratifiedTable(tables)
    assert score**2 / variance == pytest.approx(float(theirs.test_null_odds(correction=False).statistic))
    weights = [(n_t * n_c / (n_t + n_c), t / n_t, c / n_c) for t, n_t, c, n_c in counts]
    assert bad_t / bad_c == pytest.approx(
        sum(w * t for w, t, _ in weights) / sum(w * c for w, _, c in weights)
    )


def test_events_score_their_planned_share_with_the_binomial_variance() -> None:
    window = EventCounts(treatment=np.array([7.0]), control=np.array([13.0]), share=np.array([0.25]))
    added = RARE.increments(window, np.zeros((1, 0)), np.zeros((1, 7)))
    assert added.scores[0, 0] == pytest.approx([7 - 0.25 * 20, 20 * 0.25 * 0.75])
    assert added.totals[0] == pytest.approx([7, 0.25, 13, 0.75, 7 * 0.75, 13 * 0.25, 0.25 * 0.75])
