from itertools import product
from math import exp, log

import numpy as np
import pytest

from analysis.stats import ridit
from analysis.stats.buckets import RANKS, TAIL_EFFECT, BucketsMethod
from analysis.stats.counts import BucketCounts, TrialCounts
from analysis.stats.monitor import Monitor, State
from analysis.stats.trials import TrialsMethod
from engine.core.model import Bound
from tests.analysis.stats.paths import ROUNDING, chance, every_path, expectation, trials

NO_OBJECTIVE = None
TOLERANCES = [Bound(relative=0.05), Bound(absolute=0.05), Bound(relative=0.1, absolute=0.05)]


def histogram(control: tuple[int, ...], treatment: tuple[int, ...], slo: int | None = None) -> BucketCounts:
    arms = [np.array([arm], dtype=np.float64) for arm in (control, treatment)]
    return BucketCounts(control=arms[0], treatment=arms[1], slo=slo)


def method(bounds: int, tolerance: Bound, *, slower_is_better: bool = False) -> BucketsMethod:
    return BucketsMethod(
        bounds=bounds, tolerance=tolerance, objective=NO_OBJECTIVE, higher_is_better=slower_is_better
    )


def bound_method(tolerance: Bound) -> TrialsMethod:
    return TrialsMethod(tolerance=tolerance, margin=Bound(), effect_ratio=TAIL_EFFECT)


def seen(watching: Monitor, *windows: BucketCounts) -> State:
    now = watching.start()
    for window in windows:
        now = watching.update(now, window)
    return now


def bets_on(tolerance: Bound, window: TrialCounts) -> np.ndarray:
    one = bound_method(tolerance)
    runs = len(window.n_t)
    return one.increments(window, np.zeros((runs, one.widths.memory)), np.zeros((runs, 7))).harm


@pytest.mark.parametrize("tolerance", TOLERANCES)
def test_every_bound_is_the_proportion_above_it(tolerance: Bound) -> None:
    found = seen(
        Monitor(method=method(3, tolerance), dispersion=1.0),
        histogram((500, 300, 90, 10), (40, 30, 20, 10)),
    )
    by_hand = [trials(60, 100, 400, 900), trials(30, 100, 100, 900), trials(10, 100, 10, 900)]
    assert found.harm[0, :-2] == pytest.approx(
        np.concatenate([bets_on(tolerance, window)[0] for window in by_hand])
    )


def test_ranks_and_the_average_of_the_bounds_share_the_evidence() -> None:
    tolerance = Bound(relative=0.05)
    window = histogram((500, 300, 90, 10), (30, 30, 25, 15))
    found = seen(Monitor(method=method(3, tolerance), dispersion=1.0, first_start=1.0), window)
    per_bound = bound_method(tolerance).log_e_harm(
        np.stack(
            [
                bets_on(tolerance, trials(*counts))[0]
                for counts in ((70, 100, 400, 900), (40, 100, 100, 900), (15, 100, 10, 900))
            ]
        ),
        np.ones((3, 1))[:, 0],
    )
    ((score, variance),) = ridit.scores(window.treatment, window.treatment + window.control, 0.025)
    ranks = exp(float(ridit.log_e(np.array(score), np.array(variance), np.array(1.0))))
    wanted = log((1 - RANKS) * float(np.exp(per_bound).mean()) + RANKS * ranks)
    assert float(found.log_e_harm[0]) == pytest.approx(wanted)


def test_where_most_were_above_the_few_below_are_counted_with_the_arms_swapped() -> None:
    tolerance = Bound(relative=0.05)
    watching = Monitor(method=method(3, tolerance), dispersion=1.0)
    window = histogram((50, 450, 300, 200), (5, 45, 30, 20))
    first = seen(watching, window)
    second = watching.update(first, window)
    added = (second.harm - first.harm)[0, :4]
    assert first.harm[0, :4] == pytest.approx(bets_on(tolerance, trials(95, 100, 950, 1000))[0])
    assert added == pytest.approx(bets_on(tolerance, trials(50, 1000, 5, 100))[0])
    assert (second.harm - first.harm)[0, 4:12] == pytest.approx(first.harm[0, 4:12])


def worst_fine(tolerance: Bound, rate_c: float) -> float:
    """The largest share above a bound that is tolerated as such, and that leaves enough below it."""
    shares = np.linspace(0.0, 1.0, 4001)
    fine = [
        share
        for share in shares.tolist()
        if share <= tolerance.limit_for(rate_c) and 1.0 - rate_c <= tolerance.limit_for(1.0 - share)
    ]
    return float(max(fine))


@pytest.mark.parametrize("tolerance", TOLERANCES)
def test_a_tolerated_share_expects_at_most_one_on_whichever_side_is_counted(tolerance: Bound) -> None:
    """Two windows of one bound; the first decides which side the second counts."""
    paths = every_path((2, 3), (3, 3))
    watching = Monitor(method=method(1, tolerance), dispersion=1.0)
    now = watching.start(len(paths[0].n_t))
    for path in paths:
        control, treatment = (
            np.stack([total - above, above], axis=1)
            for total, above in ((path.n_c, path.bad_c), (path.n_t, path.bad_t))
        )
        now = watching.update(now, BucketCounts(control=control, treatment=treatment, slo=None))
    tails = bound_method(tolerance).log_e_harm(now.harm[:, :-2], np.ones(len(now.harm)))
    for rate_c, inside in product((0.0, 0.1, 0.5, 0.8, 1.0), (1.0, 0.6)):
        chances = [chance(path, worst_fine(tolerance, rate_c) * inside, rate_c) for path in paths]
        assert expectation(tails, *chances) <= 1 + ROUNDING


def test_slower_is_better_swaps_the_arms() -> None:
    one, other = (500, 300, 90, 10), (40, 30, 20, 10)
    tolerance = Bound(relative=0.05)
    slower_better = seen(
        Monitor(method=method(3, tolerance, slower_is_better=True)), *[histogram(one, other)] * 3
    )
    swapped = seen(Monitor(method=method(3, tolerance)), *[histogram(other, one)] * 3)
    assert slower_better.log_e_harm == pytest.approx(swapped.log_e_harm)


def test_the_objectives_share_promotes_and_is_better_as_a_proportion() -> None:
    objective = TrialsMethod(
        tolerance=Bound(), margin=Bound(relative=0.2, absolute=0.005), effect_ratio=1.2, asks_better=True
    )
    watching = Monitor(method=BucketsMethod(bounds=3, tolerance=Bound(), objective=objective), dispersion=1.0)
    as_share = Monitor(method=objective, dispersion=1.0)
    found, share = watching.start(), as_share.start()
    for treatment in ((90, 5, 4, 1), (80, 9, 9, 2), (95, 5, 0, 0)):
        found = watching.update(found, histogram((800, 90, 100, 10), treatment, slo=1))
        share = as_share.update(share, trials(sum(treatment[2:]), 100, 110, 1000))
    assert watching.log_e_promote(found) == pytest.approx(as_share.log_e_promote(share))
    assert watching.log_e_better(found) == pytest.approx(as_share.log_e_better(share))
    assert found.totals == pytest.approx(share.totals)
    assert found.effect == pytest.approx(share.effect)


def test_without_an_objective_nothing_promotes() -> None:
    watching = Monitor(method=method(3, Bound(relative=0.05)))
    found = seen(watching, histogram((800, 90, 100, 10), (90, 5, 5, 0)))
    assert watching.log_e_promote(found).tolist() == watching.log_e_better(found).tolist() == [0.0]


def test_trials_are_no_histogram() -> None:
    with pytest.raises(TypeError, match="TrialCounts"):
        Monitor(method=method(3, Bound())).update(
            Monitor(method=method(3, Bound())).start(), trials(1, 2, 1, 2)
        )
