"""Small values that everything else relies on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.measure import Histogram
from engine.core.model import Bound
from engine.core.numbers import duration, percent, points, times
from engine.core.target import Weights
from engine.core.wording import bound
from engine.errors import Problem, SpecError
from tests.builders import a_finding, a_metric, a_verdict


@given(st.integers(0, 100))
def test_weights_are_whole_and_add_up_to_100(treatment_pct):
    weights = Weights.of(treatment_pct)
    assert weights.control + weights.treatment == 100


@pytest.mark.parametrize(("control", "treatment"), [(50, 51), (101, -1), (-1, 101)])
def test_other_weights_cannot_be_made(control, treatment):
    with pytest.raises(ValueError, match="add"):
        Weights(control=control, treatment=treatment)


@pytest.mark.parametrize(
    ("limits", "control", "expected"),
    [
        (Bound(relative=0.5), 0.01, 0.015),
        (Bound(absolute=0.001), 0.01, 0.011),
        (Bound(relative=0.5, absolute=0.001), 0.0, 0.001),
    ],
)
def test_a_bound_is_the_larger_of_its_parts(limits, control, expected):
    assert limits.limit_for(control) == pytest.approx(expected)


def test_a_histogram_counts_above_its_bounds():
    histogram = Histogram(bounds_s=(0.1, 0.5), counts=(90, 8, 2))
    assert (histogram.total, histogram.above(0.1), histogram.above(0.5)) == (100, 10, 2)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (percent(0.5), "50 %"),
        (percent(1e-7), "0.00001 %"),
        (points(0.001), "+0.1 pp"),
        (points(None), "no data"),
        (times(1.5), "1.5×"),
        (times(None), "no data"),
        (times(float("inf")), "∞"),
        (duration(-1), "0 s"),
        (duration(1209600), "14 d"),
        (bound(a_metric(), Bound(relative=0.05)), "1.05×"),
        (bound(a_metric(), Bound(relative=0.5, absolute=0.001)), "the larger of 1.5× and +0.1 pp"),
    ],
)
def test_numbers_read_as_people_write_them(text, expected):
    assert text == expected


def test_all_problems_of_a_spec_are_in_its_message():
    problem = Problem(where="a.yaml:3", field="spec.interval", found="5", expected="write 5s")
    error = SpecError((problem, problem))
    assert str(error).count("a.yaml:3: spec.interval: 5; write 5s") == 2


def test_a_verdict_finds_its_findings_and_a_metric_knows_whether_it_decides():
    assert a_verdict().finding("errors") == a_finding()
    assert a_metric().decides


def test_rates_of_an_arm_without_trials_do_not_exist():
    arm = a_finding().control
    assert (arm.rate, arm.step_rate) == (0.001, 0.002)
    empty = type(arm)(bad=0, total=0, step_bad=0, step_total=0)
    assert (empty.rate, empty.step_rate) == (None, None)
