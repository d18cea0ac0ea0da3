"""Pods as clusters: what their differences add to the dispersion, and what few of them allow."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t as student

from analysis.stats.counts import TrialCounts
from analysis.stats.methods import monitor_of
from analysis.stats.mixture import Floats
from analysis.stats.monitor import Monitor, State
from analysis.stats.pods import (
    PodCounts,
    PodSums,
    at_most_student,
    no_pods_of,
    with_pods,
    with_window,
)
from engine.core.model import Bound
from tests.builders import a_metric

METRIC = a_metric(tolerance=Bound(relative=0.0), dispersion=1.0)
EVEN = [(1000.0, 50.0)] * 3
UNEVEN = [(1000.0, 70.0), (1000.0, 50.0), (1000.0, 30.0)]


def counts_of(treatment: list[tuple[float, float]], control: list[tuple[float, float]]) -> PodCounts:
    return PodCounts(treatment=np.array([treatment]), control=np.array([control]))


def totals(pods: PodCounts) -> TrialCounts:
    (n_t, bad_t), (n_c, bad_c) = pods.treatment.sum(axis=1).T, pods.control.sum(axis=1).T
    return TrialCounts(bad_t=bad_t, n_t=n_t, bad_c=bad_c, n_c=n_c)


def after(*windows: PodCounts, monitor: Monitor | None = None, apart: bool = True) -> State:
    monitor = monitor or monitor_of(METRIC)
    state = monitor.start(len(windows[0].treatment))
    for pods in windows:
        state = monitor.update(state, totals(pods), pods=pods if apart else None)
    return state


def dispersion(treatment: list[tuple[float, float]], control: list[tuple[float, float]]) -> float:
    return float(after(counts_of(treatment, control)).dispersion[0])


def test_two_pods_per_arm_by_hand() -> None:
    """Each arm expected 50 of each pod and found 60 and 40: chi-square 4 on one degree of freedom each."""
    arm = [(1000.0, 60.0), (1000.0, 40.0)]
    unit = (4000 - 200) / (4000 - 1)
    over_chance = (4 + 4) / (2 * unit)
    moved, size, variance = 4 * 25.0**2, 50.0 + 50.0, 200 * 0.25 * unit
    ratio = moved * 2 * unit / (size * variance)
    caution = 1 + 2 / 2
    assert dispersion(arm, arm) == pytest.approx(1 + ratio * caution * (over_chance - 1))


def test_pods_that_are_alike_add_nothing() -> None:
    assert dispersion(EVEN, EVEN) == 1.0


def test_pods_that_vary_no_more_than_declared_add_nothing() -> None:
    monitor = monitor_of(a_metric(tolerance=Bound(relative=0.0), dispersion=30.0))
    state = after(counts_of(UNEVEN, UNEVEN), monitor=monitor)
    assert state.dispersion[0] == 30.0


def test_a_pod_by_itself_tells_nothing() -> None:
    state = after(counts_of([(1000.0, 90.0)], [(3000.0, 150.0)]))
    assert state.dispersion[0] == 1.0
    assert state.log_e_harm[0] == after(counts_of([(1000.0, 90.0)], UNEVEN), apart=False).log_e_harm[0]


def test_one_pod_of_the_treatment_is_judged_by_those_of_control() -> None:
    assert dispersion([(1000.0, 50.0)], UNEVEN) > 2.0


def test_pods_that_should_have_had_less_than_one_bad_trial_say_nothing() -> None:
    """One bad trial in a pod that expected a hundredth would be a chi-square of 98."""
    few = [(1000.0, 50.0), (1000.0, 50.0), (1.0, 1.0)]
    assert dispersion(few, EVEN) == 1.0


def test_a_lasting_difference_of_the_arms_is_none_of_their_pods() -> None:
    assert dispersion([(1000.0, 150.0)] * 3, EVEN) == 1.0


def test_windows_without_trials_leave_everything_as_it_was() -> None:
    pods = counts_of(UNEVEN, EVEN)
    nothing = PodCounts(treatment=0.0 * pods.treatment, control=0.0 * pods.control)
    assert after(nothing).dispersion[0] == 1.0
    assert after(pods, nothing).dispersion == after(pods).dispersion


def test_a_window_in_which_pods_are_not_told_apart_keeps_what_is_known() -> None:
    monitor, pods = monitor_of(METRIC), counts_of(UNEVEN, UNEVEN)
    state = after(pods)
    assert monitor.update(state, totals(pods)).dispersion == state.dispersion


def test_an_estimate_that_is_not_due_starts_from_the_windows_own_dispersion() -> None:
    """Else what pods add would be added again in every window."""
    monitor = monitor_of(a_metric(tolerance=Bound(relative=0.0)))
    window = counts_of(UNEVEN, UNEVEN)
    states = [after(*[window] * 64, monitor=monitor)]
    for _ in range(7):
        states.append(monitor.update(states[-1], totals(window), pods=window))
    within = [state.pods.within[0] for state in states if state.pods]
    assert len(within) == 8
    assert len(set(within)) == 1


def test_evidence_stays_bounded_as_a_run_goes_on() -> None:
    """Three pods that are worse could be bad nodes for ever; an arm of one would alarm sooner or later."""
    worse = [(1000.0, 70.0), (1000.0, 85.0), (1000.0, 115.0)]
    window = counts_of(worse, EVEN)
    early, late = after(*[window] * 100), after(*[window] * 1000)
    assert 0.0 < late.log_e_harm[0] < 1.2 * early.log_e_harm[0] < 6.0
    assert after(*[window] * 100, apart=False).log_e_harm[0] > 50.0


def test_all_sides_take_the_pods_into_account() -> None:
    monitor = monitor_of(a_metric(dispersion=1.0))
    good = counts_of([(1000.0, 30.0), (1000.0, 45.0), (1000.0, 15.0)], UNEVEN)
    apart, together = (after(*[good] * 20, monitor=monitor, apart=apart) for apart in (True, False))
    assert monitor.log_e_promote(apart)[0] < 0.1 * monitor.log_e_promote(together)[0]


levels = st.lists(st.integers(0, 60), min_size=3, max_size=3)


@given(first=levels, second=levels, order=st.permutations(range(3)))
def test_the_order_of_pods_and_of_windows_does_not_matter(
    first: list[int], second: list[int], order: list[int]
) -> None:
    def window(bad: list[int], places: list[int]) -> PodCounts:
        return counts_of([(500.0 + 100 * place, float(bad[place])) for place in places], EVEN)

    ours = after(window(first, [0, 1, 2]), window(second, [0, 1, 2]))
    theirs = after(window(second, order), window(first, order))
    np.testing.assert_allclose(ours.dispersion, theirs.dispersion)


@given(bad=st.lists(st.integers(0, 200), min_size=6, max_size=6))
def test_swapping_the_arms_changes_no_dispersion(bad: list[int]) -> None:
    pods = [(400.0, float(each)) for each in bad]
    assert dispersion(pods[:3], pods[3:]) == pytest.approx(dispersion(pods[3:], pods[:3]))


def test_runs_do_not_influence_each_other() -> None:
    rng = np.random.default_rng(5)
    bad = rng.binomial(500, 0.1, (2, 4, 3)).astype(float)
    arms = [np.stack([np.full((4, 3), 500.0), each], axis=-1) for each in bad]
    together = after(PodCounts(treatment=arms[0], control=arms[1]))
    for run in range(4):
        pods = PodCounts(treatment=arms[0][run : run + 1], control=arms[1][run : run + 1])
        np.testing.assert_allclose(after(pods).dispersion[0], together.dispersion[run])
        np.testing.assert_allclose(after(pods).log_e_harm[0], together.log_e_harm[run])


def test_of_several_scores_the_one_on_which_pods_differ_most_counts() -> None:
    even, uneven = np.array([[[1000.0, 50.0]] * 3]), np.array([UNEVEN])
    scores = np.array([[[0.0, 75.0], [0.0, 75.0]]])

    def of(*columns: Floats) -> float:
        arm = np.concatenate([columns[0], *(each[..., 1:] for each in columns[1:])], axis=-1)
        pods = PodCounts(treatment=arm, control=arm)
        sums = with_window(no_pods_of(pods), pods, np.array([0.5]), scores[:, : len(columns)])
        return float(with_pods(sums, np.ones(1))[0][0])

    assert of(even, uneven) == of(uneven, even) == of(uneven) > of(even) == 1.0


def test_few_pods_allow_as_much_evidence_as_the_published_quantiles_of_student() -> None:
    """The 99 % quantile of t with 4 degrees of freedom is 3.747, with 2 it is 6.965 (any table)."""
    for freedom, quantile in ((4.0, 3.747), (2.0, 6.965)):
        allowed = at_most_student(np.array([quantile**2 / 2]), np.array([freedom]))
        np.testing.assert_allclose(np.exp(allowed), 100.0, rtol=2e-3)


@given(log_e=st.floats(-50.0, 600.0), freedom=st.floats(1.0, 1e12))
def test_evidence_is_never_made_larger(log_e: float, freedom: float) -> None:
    once, twice = (at_most_student(np.array([log_e]), np.array([freedom]), tails)[0] for tails in (1.0, 2.0))
    assert twice <= once <= log_e
    assert log_e > 0.0 or twice == log_e


def test_many_pods_allow_all_the_evidence() -> None:
    logs = np.linspace(0.1, 400.0, 50)
    np.testing.assert_array_equal(at_most_student(logs, np.full(50, 1e12)), logs)
    assert student.sf(np.sqrt(2 * 3.0), 16) < np.exp(-3.0)


def test_freedom_is_larger_where_pods_are_a_small_part_of_all_variance() -> None:
    """With a tenth of the traffic, pods of control move the score little."""

    def freedom(requests: float) -> float:
        sums = after(counts_of([(requests, requests / 20)] * 3, EVEN)).pods
        assert sums is not None
        return float(sums.freedom[0])

    assert 4.0 == freedom(1000.0) < freedom(100.0)


def test_sums_of_another_monitor_are_not_needed() -> None:
    """Where pods are never told apart nothing is kept of them."""
    state = after(counts_of(EVEN, EVEN), apart=False)
    assert state.pods is None
    assert isinstance(after(counts_of(EVEN, EVEN)).pods, PodSums)
