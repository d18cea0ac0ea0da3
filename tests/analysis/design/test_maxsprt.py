"""Critical values of Kulldorff et al. (2011), recomputed."""

import pytest

from analysis.design.maxsprt import poisson_critical_value, signal_probability

TABLE = [(1, 2.853937), (2, 3.046977), (5, 3.297183), (10, 3.467952), (20, 3.628123), (50, 3.819903)]


@pytest.mark.parametrize(("expected_events", "critical_value"), TABLE)
def test_critical_values_are_the_published_ones(expected_events, critical_value):
    assert poisson_critical_value(0.05, expected_events) == pytest.approx(critical_value, abs=1e-6)


def test_a_higher_critical_value_signals_less_often():
    assert signal_probability(4.0, 10.0) < signal_probability(3.0, 10.0)


@pytest.mark.parametrize(("alpha", "expected_events"), [(0.0, 1.0), (1.0, 1.0), (0.05, 0.0)])
def test_what_is_no_test_has_no_critical_value(alpha, expected_events):
    with pytest.raises(ValueError, match="no test"):
        poisson_critical_value(alpha, expected_events)
