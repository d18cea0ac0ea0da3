"""What the promotion side is for: services without errors, shared incidents, errors of one arm."""

from math import log

import numpy as np
import pytest

from analysis.stats.monitor import Monitor, State
from analysis.stats.trials import TrialsMethod
from engine.core.model import Bound
from tests.analysis.stats.paths import trials, watched

MARGIN = Bound(relative=0.5, absolute=0.001)


def monitor(margin: Bound) -> Monitor:
    method = TrialsMethod(tolerance=Bound(relative=0.05), margin=margin, effect_ratio=1.5)
    return Monitor(method=method, dispersion=1.0)


def after_twenty_good_windows() -> tuple[State, float]:
    state = watched(monitor(MARGIN), [trials(0, 100, 0, 900)] * 20)
    return state, float(monitor(MARGIN).log_e_promote(state)[0])


def log_e_after(state: State, bad_t: int, bad_c: int) -> float:
    watching = monitor(MARGIN)
    return float(watching.log_e_promote(watching.update(state, trials(bad_t, 100, bad_c, 900)))[0])


def requests_until_promoted(n_t: int, n_c: int) -> int:
    watching, requests = monitor(MARGIN), 0
    state = watching.start()
    while watching.log_e_promote(state)[0] < log(20):
        state = watching.update(state, trials(0, n_t, 0, n_c))
        requests += n_t
        assert requests < 100_000
    return requests


@pytest.mark.parametrize(("n_t", "n_c"), [(100, 900), (10, 90), (50, 950), (500, 500), (1000, 1000)])
def test_two_error_free_arms_promote_soon(n_t: int, n_c: int) -> None:
    least = log(20) / 0.001
    assert least <= requests_until_promoted(n_t, n_c) <= 1.4 * least + n_t


def test_a_margin_without_absolute_part_never_promotes_error_free_arms() -> None:
    watching = monitor(Bound(relative=0.5))
    state = watched(watching, [trials(0, 1000, 0, 1000)] * 100)
    assert watching.log_e_promote(state) == pytest.approx(np.zeros(1))


def test_a_shared_incident_costs_a_bounded_amount_of_evidence() -> None:
    state, before = after_twenty_good_windows()
    assert log_e_after(state, 50, 450) > before + log(0.05) - 1e-9


def test_errors_of_the_treatment_alone_take_evidence_away() -> None:
    state, before = after_twenty_good_windows()
    assert log_e_after(state, 5, 0) < before - 1


def test_a_treatment_that_is_fine_promotes_and_one_at_the_margin_does_not() -> None:
    watching = monitor(Bound(relative=0.5))
    fine = watched(watching, [trials(10, 1000, 90, 9000)] * 10)
    at_margin = watched(watching, [trials(15, 1000, 90, 9000)] * 10)
    assert watching.log_e_promote(fine)[0] > log(20)
    assert watching.log_e_promote(at_margin)[0] < 0
