"""Units that are not split as planned."""

from math import exp, log

import numpy as np
import pytest
from scipy.stats import binomtest, chisquare, multinomial

from analysis.product.split import log_e, p_value, planned_shares, split_findings
from analysis.product.totals import ALL, Slice
from analysis.stats import split as of_releases
from engine.core.product import Dimension, Share
from tests.analysis.product.values import a_product_plan, three_variants, totals

BROWSERS = ("chrome", "edge", "firefox", "safari")
BY_BROWSER = a_product_plan(dimensions=(Dimension(column="browser"),))


def browser(name: str) -> Slice:
    return Slice(dimension="browser", value=name)


def test_two_variants_have_the_evidence_of_a_release_without_tolerance() -> None:
    for control, treatment in ((0, 0), (1, 0), (520, 480), (51_000, 49_000)):
        expected = of_releases.log_e(treatment, control, 0.3, 0.0)
        assert log_e([control, treatment], [0.7, 0.3]) == pytest.approx(expected, abs=1e-7)


def test_the_expected_evidence_of_a_planned_split_is_one() -> None:
    """Summed over every split of six units over three variants, weighted by its chance."""
    shares = np.array([0.5, 0.3, 0.2])
    total = 0.0
    for first in range(7):
        for second in range(7 - first):
            counts = [first, second, 6 - first - second]
            total += float(multinomial.pmf(counts, 6, shares)) * exp(log_e(counts, list(shares)))
    assert total == pytest.approx(1.0, abs=1e-9)


def test_order_of_variants_changes_nothing() -> None:
    assert log_e([400, 300, 350], [0.4, 0.3, 0.3]) == pytest.approx(log_e([300, 350, 400], [0.3, 0.3, 0.4]))


@pytest.mark.parametrize(("first", "second"), [(0, 5), (3, 9), (520, 480), (2000, 2200)])
def test_the_exact_p_value_of_two_variants_is_that_of_the_binomial_test(first: int, second: int) -> None:
    expected = binomtest(first, first + second, 0.4).pvalue
    assert p_value([first, second], [0.4, 0.6]) == pytest.approx(expected, rel=1e-9)


def test_large_counts_have_the_p_value_of_chi_square() -> None:
    counts = [10_100, 9_900, 20_000]
    expected = chisquare(counts, [10_000, 10_000, 20_000]).pvalue
    assert p_value(counts, [0.25, 0.25, 0.5]) == pytest.approx(expected)


def test_exact_and_chi_square_meet_where_one_takes_over_from_the_other() -> None:
    exact = p_value([50, 30, 15], [0.5, 0.3, 0.2])
    assert exact == pytest.approx(float(chisquare([50, 30, 15], [47.5, 28.5, 19.0]).pvalue), abs=0.05)


def test_nobody_is_split_as_planned() -> None:
    assert p_value([0, 0], [0.5, 0.5]) == 1.0
    found = split_findings(a_product_plan(), totals({}))
    assert [each.alarm for each in found] == [False]
    assert found[0].log_e == pytest.approx(0.0, abs=1e-9)


def test_shares_are_of_what_is_exposed_at_all() -> None:
    shares = (Share(variant="control", share=0.1), Share(variant="short", share=0.3))
    assert planned_shares(a_product_plan(shares=shares)) == pytest.approx({"control": 0.25, "short": 0.75})


def test_a_split_as_planned_raises_no_alarm() -> None:
    (found,) = split_findings(three_variants(), totals({"control": 9_990, "long": 10_020, "short": 10_010}))
    assert not found.alarm
    assert found.slice == ALL
    assert found.units == {"control": 9_990, "long": 10_020, "short": 10_010}


def test_a_variant_that_loses_units_raises_the_alarm() -> None:
    (found,) = split_findings(three_variants(), totals({"control": 10_000, "long": 10_000, "short": 9_000}))
    assert found.alarm
    assert found.log_e >= log(100)


def two_percent_lost_in(lossy: str) -> dict[tuple[str, Slice], int]:
    """Half a million units per variant and browser, of which one browser loses 2 % of the treatment's."""
    counts = {(variant, browser(name)): 500_000 for name in BROWSERS for variant in ("control", "short")}
    counts["short", browser(lossy)] = 490_000
    whole = {
        variant: sum(n for (who, _), n in counts.items() if who == variant)
        for variant in ("control", "short")
    }
    return {**counts, **{(variant, ALL): units for variant, units in whole.items()}}


def test_a_loss_of_two_percent_in_one_browser_only_is_named() -> None:
    found = split_findings(BY_BROWSER, totals(two_percent_lost_in("safari")))
    assert [each.slice.value for each in found if each.alarm and each.slice != ALL] == ["safari"]


def test_parts_share_the_level_of_one_test() -> None:
    """A part's evidence is divided by the number of dimensions and of values within its own."""
    plan = a_product_plan(dimensions=(Dimension(column="browser"), Dimension(column="country")))
    units = {("control", browser(name)): 600 for name in BROWSERS} | {
        ("short", browser(name)): 500 for name in BROWSERS
    }
    found = split_findings(plan, totals(units))
    alone = log_e([600, 500], [0.5, 0.5])
    assert [each.log_e for each in found[1:]] == pytest.approx([alone - log(2 * 4)] * 4)


def test_order_of_slices_changes_nothing() -> None:
    units = two_percent_lost_in("edge")
    assert split_findings(BY_BROWSER, totals(units)) == split_findings(
        BY_BROWSER, totals(dict(reversed(units.items())))
    )
