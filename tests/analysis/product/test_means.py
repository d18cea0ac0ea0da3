"""Estimates against tea-tasting and statsmodels on the same units."""

import numpy as np
import pytest
import tea_tasting as tt
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW
from tea_tasting.aggr import Aggregates

from analysis.product.means import Arm, Contrast, arms, measured
from analysis.product.totals import Variable
from tests.analysis.product.totalling import Numbers, moments_of

EXACT = 1e-9

Units = dict[str, Numbers]


def drawn(seed: int, units: int, lift: float = 1.0) -> Units:
    """Whole cents, so that totals in millionths are exact."""
    rng = np.random.default_rng(seed)
    habit = rng.gamma(2.0, 1.0, units)
    sessions = rng.poisson(habit * 3.0) + 1.0
    before = rng.poisson(habit * 3.0) + 1.0
    return {
        "y": np.round(rng.binomial(sessions.astype(int), 0.2) * rng.lognormal(3.0, 0.8, units) * lift, 2),
        "d": sessions,
        "x": np.round(rng.binomial(before.astype(int), 0.2) * rng.lognormal(3.0, 0.8, units), 2),
        "w": before,
    }


def contrast_of(control: Units, treatment: Units, *names: str) -> Contrast:
    found = arms(
        {
            "control": moments_of(**{name: control[name] for name in names}),
            "short": moments_of(**{name: treatment[name] for name in names}),
        }
    )
    return Contrast(control=found["control"], treatment=found["short"])


def aggregates_of(units: Units) -> Aggregates:
    names = sorted(units)
    return Aggregates(
        count_=len(units["y"]),
        mean_={name: float(np.mean(units[name])) for name in names},
        var_={name: float(np.var(units[name], ddof=1)) for name in names},
        cov_={
            (one, other): float(np.cov(units[one], units[other])[0, 1])
            for place, one in enumerate(names)
            for other in names[place + 1 :]
        },
    )


CASES = {
    "mean": (("y",), tt.Mean("y")),
    "adjusted mean": (("y", "x"), tt.Mean("y", "x")),
    "ratio": (("y", "d"), tt.RatioOfMeans("y", "d")),
    "adjusted ratio": (("y", "d", "x", "w"), tt.RatioOfMeans("y", "d", "x", "w")),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("units_control", "units_treatment"), [(400, 400), (900, 100)])
def test_estimates_and_errors_are_those_of_tea_tasting(
    case: str, units_control: int, units_treatment: int
) -> None:
    names, metric = CASES[case]
    control, treatment = drawn(1, units_control), drawn(2, units_treatment, lift=1.2)
    ours = contrast_of(control, treatment, *names)
    theirs = metric.analyze_aggregates(aggregates_of(control), aggregates_of(treatment))
    assert ours.control.mean == pytest.approx(theirs.control, rel=EXACT)
    assert ours.treatment.mean == pytest.approx(theirs.treatment, rel=EXACT)
    assert ours.difference == pytest.approx(theirs.effect_size, rel=EXACT)
    assert ours.standard_error == pytest.approx(theirs.effect_size / theirs.statistic, rel=EXACT)


def test_errors_are_those_of_statsmodels() -> None:
    control, treatment = drawn(3, 300), drawn(4, 200)
    theirs = CompareMeans(DescrStatsW(treatment["y"]), DescrStatsW(control["y"]))
    ours = contrast_of(control, treatment, "y")
    assert ours.standard_error == pytest.approx(theirs.std_meandiff_separatevar, rel=EXACT)
    assert ours.pooled_error == pytest.approx(theirs.std_meandiff_pooledvar, rel=EXACT)


def test_the_coefficient_is_that_of_a_regression_over_all_units() -> None:
    control, treatment = drawn(5, 300), drawn(6, 200)
    y, x = (np.concatenate([control[name], treatment[name]]) for name in ("y", "x"))
    theta = OLS(y, np.column_stack([np.ones_like(x), x])).fit().params[1]
    ours = contrast_of(control, treatment, "y", "x")
    moved = (treatment["y"] - theta * treatment["x"]).mean() - (control["y"] - theta * control["x"]).mean()
    assert ours.difference == pytest.approx(moved, rel=EXACT)
    residual = treatment["y"] - theta * treatment["x"]
    assert ours.treatment.variance == pytest.approx(np.var(residual, ddof=1), rel=EXACT)


def test_earlier_behaviour_takes_variance_away_and_moves_no_measured_value() -> None:
    control, treatment = drawn(7, 2000), drawn(8, 2000)
    for rows in (control, treatment):
        rows["x"] = rows["y"] + np.arange(2000) % 7
    ours = contrast_of(control, treatment, "y", "x")
    plain = contrast_of(control, treatment, "y")
    assert ours.reduction == pytest.approx(1 - ours.standard_error**2 / plain.standard_error**2, rel=1e-12)
    assert ours.reduction > 0.9
    assert ours.control.measured == plain.control.mean


def test_the_coefficient_is_common_to_all_variants() -> None:
    rows = {
        name: moments_of(y=each["y"], x=each["x"])
        for name, each in {"control": drawn(1, 200), "short": drawn(2, 200), "long": drawn(3, 200)}.items()
    }
    three, two = arms(rows), arms({name: rows[name] for name in ("control", "short")})
    assert three["control"].mean != two["control"].mean
    assert sum(arm.mean for arm in three.values()) == pytest.approx(
        sum(arm.measured for arm in three.values()), rel=1e-12
    )


@pytest.mark.parametrize("earlier", ["none of one variant", "all the same", "no denominator"])
def test_without_earlier_behaviour_to_go_by_nothing_is_adjusted(earlier: str) -> None:
    control, treatment = drawn(1, 100), drawn(2, 100)
    names = {"none of one variant": "yx", "all the same": "yx", "no denominator": "ydxw"}[earlier]
    if earlier == "all the same":
        control["x"] = treatment["x"] = np.ones(100)
    if earlier == "no denominator":
        treatment["w"] = np.zeros(100)
    cells = {"control": moments_of(**{name: control[name] for name in names})}
    kept = names[:1] if earlier == "none of one variant" else names
    cells["short"] = moments_of(**{name: treatment[name] for name in kept})
    found = arms(cells)
    assert all(arm.mean == arm.measured and arm.variance == arm.plain_variance for arm in found.values())
    assert Contrast(control=found["control"], treatment=found["short"]).reduction == 0.0


def test_nothing_is_measured_without_units_or_denominator() -> None:
    rows = drawn(1, 10)
    whole = moments_of(y=rows["y"], d=rows["d"])
    assert measured(whole) == pytest.approx(rows["y"].sum() / rows["d"].sum())
    assert measured(moments_of(y=rows["y"], d=np.zeros(10))) is None
    assert measured(moments_of(y=np.zeros(0))) is None
    assert arms({}) == {}


def test_large_numbers_lose_no_digits() -> None:
    wave = np.arange(100) % 2.0
    ours = contrast_of({"y": wave + 1e9}, {"y": wave + 1e9 + 0.5}, "y")
    assert ours.standard_error == pytest.approx(
        contrast_of({"y": wave}, {"y": wave}, "y").standard_error, rel=1e-15
    )
    assert ours.difference == 0.5


def conversions(units: int, converted: int) -> Arm:
    y = np.zeros(units)
    y[:converted] = 1.0
    return arms({"": moments_of(y=y)})[""]


def test_a_relative_effect_needs_25_conversions_in_each_variant() -> None:
    assert not conversions(1000, 24).sure
    assert conversions(1000, 26).sure
    assert not Contrast(control=conversions(1000, 24), treatment=conversions(1000, 50)).comparable
    assert not Contrast(control=conversions(1000, 50), treatment=conversions(1000, 24)).comparable
    assert not arms({"": moments_of(y=-np.ones(1000))})[""].sure


def test_the_error_of_the_ratio_is_that_of_a_log_odds_free_risk_ratio() -> None:
    ours = Contrast(control=conversions(1000, 50), treatment=conversions(800, 60))
    katz = np.sqrt(1 / 60 - 1 / 800 + 1 / 50 - 1 / 1000)
    # Katz divides by n where variances here divide by n - 1.
    assert ours.log_error == pytest.approx(katz, rel=1e-3)


def test_units_without_spread_have_no_reduction() -> None:
    assert Contrast(control=conversions(50, 0), treatment=conversions(50, 0)).reduction == 0.0
    assert Variable.X not in moments_of(y=np.ones(2)).sums
