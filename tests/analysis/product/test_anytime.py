from math import exp, log, sqrt

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from analysis.product.anytime import (
    Anytime,
    common_scale,
    error_of,
    half_width,
    log_e,
    log_e_above,
    p_value,
    precision_of,
    scale_of,
)
from analysis.product.means import Arm, Contrast
from tests.analysis.product.totalling import a_plan

PRECISION = precision_of(0.05, 0.8, 0.1)


def arm(units: int, mean: float, variance: float) -> Arm:
    return Arm(units=units, measured=mean, mean=mean, variance=variance, plain_variance=variance)


def test_evidence_is_the_average_over_normal_relative_effects() -> None:
    difference, error, scale = 0.3, 0.1, 2.0

    def likelihood_ratio(effect: float) -> float:
        z = scale * effect / error
        return float(norm.pdf(effect, scale=PRECISION**-0.5)) * exp(z * difference / error - z * z / 2)

    average, _ = quad(likelihood_ratio, -1, 1, points=[0.15], epsabs=1e-12)
    assert log_e(difference, error, scale, PRECISION) == pytest.approx(log(average), abs=1e-9)


@pytest.mark.parametrize("error", [0.001, 0.1, 5.0])
def test_the_interval_ends_where_the_evidence_reaches_its_limit(error: float) -> None:
    half = half_width(error, 2.0, PRECISION, 0.05)
    assert log_e(half, error, 2.0, PRECISION) == pytest.approx(log(20), rel=1e-12)


def test_published_intervals_of_the_same_form_are_reproduced() -> None:
    """GrowthBook's example of means, 3,000 and 3,461 units, relative, tuned for 1,000."""
    units, sums, squares = (
        np.array([3000, 3461]),
        np.array([1396.87, 2422.7]),
        np.array([52377.9767, 134698.29]),
    )
    means = sums / units
    variances = (squares - sums**2 / units) / (units - 1)
    lift = means[1] / means[0] - 1
    error = sqrt(
        variances[1] / (means[0] ** 2 * 3461) + variances[0] * means[1] ** 2 / (means[0] ** 4 * 3000)
    )
    width = -2 * log(0.05)
    tuned = 1000 / (width + log(1 + width))
    half = half_width(error, error * sqrt(6461), tuned, 0.05)
    assert lift == pytest.approx(0.50336, abs=5e-6)
    assert (lift - half, lift + half) == pytest.approx((-0.55844, 1.56516), abs=5e-6)


def test_the_bound_is_narrowest_about_the_planned_size() -> None:
    """In standard errors, as a function of how much is known."""
    planned = ((norm.isf(0.025) + norm.isf(0.2)) / 0.1) ** 2
    widths = {
        times: half_width(1 / sqrt(planned * times), 1.0, PRECISION, 0.05) * sqrt(planned * times)
        for times in (0.1, 0.8, 1.0, 1.25, 10.0)
    }
    assert widths[1.0] == pytest.approx(min(widths.values()), rel=1e-3)
    assert widths[1.0] == pytest.approx(3.03, abs=0.01)
    assert min(widths[0.1], widths[10.0]) > 1.05 * widths[1.0]


def test_one_sided_evidence_only_speaks_for_a_positive_difference() -> None:
    assert log_e_above(-0.3, 0.1, 2.0, PRECISION) < 0 < log_e_above(0.3, 0.1, 2.0, PRECISION)
    assert log_e_above(0.3, 0.1, 2.0, PRECISION) > log_e(0.3, 0.1, 2.0, PRECISION)


def test_a_p_value_is_at_most_one() -> None:
    assert p_value(-3.0) == p_value(-1e4) == 1.0
    assert p_value(log(20)) == pytest.approx(0.05)


def test_numbers_around_zero_are_measured_by_their_spread() -> None:
    assert scale_of(-2.0, 10.0) == 2.0
    assert scale_of(0.0, 10.0) == 0.1
    contrast = Contrast(control=arm(100, -1.0, 4.0), treatment=arm(300, 1.0, 4.0))
    assert common_scale(contrast) == 0.5


def test_the_larger_of_pooled_and_own_errors_is_used() -> None:
    early = Contrast(control=arm(900, 1.0, 9.0), treatment=arm(100, 1.0, 1.0))
    assert error_of(early) == early.pooled_error > early.standard_error
    uneven = Contrast(control=arm(900, 1.0, 1.0), treatment=arm(100, 1.0, 9.0))
    assert error_of(uneven) == uneven.standard_error > uneven.pooled_error


def test_relative_and_absolute_intervals_agree_about_no_difference_far_from_zero() -> None:
    contrast = Contrast(control=arm(10_000, 10.0, 4.0), treatment=arm(10_000, 10.2, 4.0))
    told = Anytime(a_plan()).told(contrast)
    assert told.relative_interval is not None
    assert told.interval.low < 0.2 < told.interval.high
    assert told.relative_interval.low == pytest.approx(told.interval.low / 10.0, abs=1e-3)
    assert told.relative_interval.high == pytest.approx(told.interval.high / 10.0, abs=1e-3)


def test_a_treatment_that_changes_the_spread_is_still_covered() -> None:
    """At a fixed look: the interval is at least as wide as that of Welch's error."""
    contrast = Contrast(control=arm(500, 1.0, 1.0), treatment=arm(500, 1.5, 16.0))
    told = Anytime(a_plan()).told(contrast)
    assert (told.interval.high - told.interval.low) / 2 > 1.96 * contrast.standard_error
