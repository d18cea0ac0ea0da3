"""Means, ratios and levels as evidence."""

from itertools import product
from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.stats import values as under_test
from analysis.stats.counts import Quotients, ValueSums
from analysis.stats.monitor import Monitor, State
from analysis.stats.prior import LOG_WEIGHTS, STEPS
from analysis.stats.values import ValuesMethod
from engine.core.model import Bound

TOLERANCE, MARGIN = Bound(relative=0.05), Bound(relative=0.1)
RUNS = 400


def monitor(
    tolerance: Bound = TOLERANCE, margin: Bound = MARGIN, *, higher_is_better: bool = False
) -> Monitor:
    method = ValuesMethod(
        tolerance=tolerance,
        margin=margin,
        effect_ratio=1.2,
        higher_is_better=higher_is_better,
        asks_better=True,
    )
    return Monitor(method=method, dispersion=1.0, first_start=1.0, ratio_matters=False)


def summed(each: np.ndarray) -> np.ndarray:
    """Number, sum and sum of squares over the last axis."""
    number = np.full(each.shape[:-1], float(each.shape[-1]))
    return np.stack([number, each.sum(axis=-1), np.square(each).sum(axis=-1)], axis=-1)


def drawn(rng: np.random.Generator, ratio: float, runs: int = RUNS) -> ValueSums:
    """Exponential values, the treatment's mean larger by this ratio."""
    treatment, control = rng.exponential(ratio, (runs, 20)), rng.exponential(1.0, (runs, 80))
    return ValueSums(treatment=summed(treatment), control=summed(control), spread_known=True)


def run(watching: Monitor, windows: list[ValueSums] | list[Quotients]) -> State:
    now = watching.start(len(windows[0].treatment))
    for window in windows:
        now = watching.update(now, window)
    return now


def constant(level: float, n_t: int, n_c: int) -> ValueSums:
    """The same value over and over, summed up as a counter would."""
    sums = [[n, sum([level] * n), sum([level * level] * n)] for n in (n_t, n_c)]
    return ValueSums(treatment=np.array([sums[0]]), control=np.array([sums[1]]), spread_known=True)


def levels(treatment: np.ndarray, control: np.ndarray) -> Quotients:
    one = np.ones_like(treatment)
    return Quotients(treatment=np.stack([treatment, one], axis=1), control=np.stack([control, one], axis=1))


def swapped(window: ValueSums) -> ValueSums:
    return ValueSums(treatment=window.control, control=window.treatment, spread_known=window.spread_known)


def test_a_window_adds_the_bet_times_its_score_and_half_the_square_of_it_in_variance() -> None:
    watching = monitor(Bound())
    first, second = (drawn(np.random.default_rng(seed), 1.0, runs=1) for seed in (1, 2))
    before = run(watching, [first])
    after = watching.update(before, second)
    assert not before.harm.any(), "the first window only sets the scale"
    (n_t, sum_t, _), (n_c, sum_c, _) = second.treatment[0], second.control[0]
    score = n_t * n_c / (n_t + n_c) * (sum_t / n_t - sum_c / n_c)
    bet = after.harm[0, 0] / score
    level, pairs = first.control[0, 1] / 80, 20 * 80 / 100
    pooled = first.treatment[0] + first.control[0]
    per_pair = (pooled[2] - pooled[1] ** 2 / 100) / 99
    assert bet == pytest.approx(0.2 * level / (per_pair + (0.2 * level) ** 2 / 4))
    pooled = second.treatment[0] + second.control[0]
    assert after.harm[0, 1] == pytest.approx(bet**2 * pairs * (pooled[2] - pooled[1] ** 2 / 100) / 99)
    logs = STEPS * after.harm[0, 0] - STEPS**2 * after.harm[0, 1] / 2
    assert float(after.log_e_harm[0]) == pytest.approx(log(np.exp(logs) @ np.exp(LOG_WEIGHTS)))


def test_the_difference_of_means_is_mantel_haenszels() -> None:
    windows = [drawn(np.random.default_rng(seed), 1.3, runs=1) for seed in range(3)]
    treatment, control, pairs = run(monitor(), windows).totals[0, 4:]
    weighted = [16.0 * (window.treatment[0, 1] / 20 - window.control[0, 1] / 80) for window in windows]
    assert (treatment - control) / pairs == pytest.approx(sum(weighted) / 48.0)


@pytest.mark.parametrize("spread_known", [True, False])
def test_equal_arms_seldom_look_harmful_or_better_and_those_at_the_margin_seldom_promote(
    spread_known: bool,
) -> None:
    """Asymptotic evidence: at most alpha of the runs, within three standard errors."""
    rng = np.random.default_rng(7)
    alpha, watching = 0.05, monitor(Bound())
    equal, at_margin = watching.start(RUNS), watching.start(RUNS)
    better = promoted = np.zeros(RUNS, dtype=bool)
    for _ in range(150):
        pair = drawn(rng, 1.0), drawn(rng, 1.1)
        windows = [
            ValueSums(treatment=w.treatment, control=w.control, spread_known=spread_known) for w in pair
        ]
        equal, at_margin = watching.update(equal, windows[0]), watching.update(at_margin, windows[1])
        better = better | (watching.log_e_better(equal) >= log(1 / alpha))
        promoted = promoted | (watching.log_e_promote(at_margin) >= log(1 / alpha))
    most = alpha + 3 * np.sqrt(alpha * (1 - alpha) / RUNS)
    assert (equal.log_e_harm_max >= log(1 / alpha)).mean() <= most
    assert better.mean() <= most
    assert promoted.mean() <= most


@pytest.mark.parametrize("spread_known", [True, False])
def test_a_slower_treatment_is_found_and_an_equal_one_promotes(spread_known: bool) -> None:
    rng = np.random.default_rng(8)
    watching = monitor()
    pairs = [(drawn(rng, 1.35, 50), drawn(rng, 1.0, 50)) for _ in range(250)]
    slower, equal = (
        [ValueSums(treatment=w.treatment, control=w.control, spread_known=spread_known) for w in windows]
        for windows in zip(*pairs, strict=True)
    )
    assert (run(watching, slower).log_e_harm_max >= log(100)).mean() > 0.9
    assert (watching.log_e_promote(run(watching, equal)) >= log(20)).mean() > 0.9


@given(st.floats(0.1, 5.0), st.lists(st.floats(-1.0, 1.0), min_size=1, max_size=4))
def test_symmetric_levels_expect_at_most_one(level: float, noises: list[float]) -> None:
    """Whatever ten windows said of the scale, and whichever sign each of the next differences takes."""
    watching = monitor(Bound())
    signs = np.array(list(product((-1.0, 1.0), repeat=len(noises))))
    runs = len(signs)
    now = watching.start(runs)
    for wiggle in np.linspace(-0.1, 0.2, under_test._FEWEST_WINDOWS):
        now = watching.update(now, levels(np.full(runs, level + wiggle), np.full(runs, level)))
    assert not now.harm.any(), "the scale is not known yet"
    for index, noise in enumerate(noises):
        now = watching.update(now, levels(level + noise * signs[:, index], np.full(runs, level)))
    assert np.exp(now.log_e_harm).mean() <= 1 + 1e-9


@pytest.mark.parametrize("level", [0.1, 5.0, 1e12, 1e-9])
def test_values_that_never_vary_are_no_harm_and_promote(level: float) -> None:
    """Rounding of their sums must not look like a difference without noise."""
    rng = np.random.default_rng(3)
    for watching in (monitor(Bound()), monitor()):
        windows = [constant(level, *rng.poisson((100, 900)).tolist()) for _ in range(60)]
        found = run(watching, windows)
        assert found.log_e_harm_max[0] < 0.01
        assert watching.log_e_better(found)[0] < 0.01
        assert watching.log_e_promote(found)[0] > log(20)


def test_levels_that_never_vary_promote() -> None:
    watching = monitor(Bound(absolute=0.5), Bound(absolute=1.0))
    window = levels(np.array([7.0]), np.array([7.0]))
    assert watching.log_e_promote(run(watching, [window] * 40))[0] > log(20)


def test_of_a_tolerance_with_two_parts_the_one_contradicted_less_counts() -> None:
    windows = [drawn(np.random.default_rng(seed), 1.4, runs=20) for seed in range(60)]
    parts = [Bound(relative=0.05), Bound(absolute=0.2), Bound(relative=0.05, absolute=0.2)]
    by_ratio, by_gap, both = (run(monitor(part), windows).log_e_harm for part in parts)
    assert both == pytest.approx(np.minimum(by_ratio, by_gap))
    assert both.max() > 1


def test_of_a_margin_with_two_parts_either_may_be_contradicted() -> None:
    windows = [drawn(np.random.default_rng(seed), 0.9, runs=20) for seed in range(60)]
    margins = [Bound(relative=0.1), Bound(absolute=0.3), Bound(relative=0.1, absolute=0.3)]
    found = []
    for margin in margins:
        watching = monitor(TOLERANCE, margin)
        found.append(watching.log_e_promote(run(watching, windows)))
    assert found[2] == pytest.approx(np.logaddexp(found[0], found[1]) - log(2))


def test_higher_is_better_swaps_the_arms() -> None:
    windows = [drawn(np.random.default_rng(seed), 1.2, runs=5) for seed in range(30)]
    higher, lower = monitor(higher_is_better=True), monitor()
    one, other = run(higher, windows), run(lower, [swapped(window) for window in windows])
    assert one.log_e_harm == pytest.approx(other.log_e_harm)
    assert higher.log_e_promote(one) == pytest.approx(lower.log_e_promote(other))
    assert higher.log_e_better(one) == pytest.approx(lower.log_e_better(other))
