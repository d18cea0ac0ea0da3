import numpy as np
import pytest
import tea_tasting as tt
from scipy.stats import ttest_ind

from analysis.product.fixed import Fixed
from analysis.product.margins import shifted
from analysis.product.means import Contrast, arms
from engine.core.model import Bound, Role
from tests.analysis.product.test_means import aggregates_of, drawn
from tests.analysis.product.totalling import a_metric, a_plan, moments_of


def test_the_whole_answer_is_that_of_tea_tasting_with_its_own_adjustment() -> None:
    control, treatment = drawn(1, 900), drawn(2, 300, lift=1.3)
    found = arms(
        {
            name: moments_of(y=rows["y"], x=rows["x"])
            for name, rows in {"control": control, "short": treatment}.items()
        }
    )
    ours = Fixed(a_plan()).told(Contrast(control=found["control"], treatment=found["short"]))
    theirs = tt.Mean("y", "x").analyze_aggregates(aggregates_of(control), aggregates_of(treatment))
    assert ours.relative_interval is not None
    assert ours.p_value == pytest.approx(theirs.pvalue, rel=1e-9)
    assert ours.interval.low == pytest.approx(theirs.effect_size_ci_lower, rel=1e-9)
    assert ours.interval.high == pytest.approx(theirs.effect_size_ci_upper, rel=1e-9)
    assert ours.relative_interval.low == pytest.approx(theirs.rel_effect_size_ci_lower, rel=1e-9)
    assert ours.relative_interval.high == pytest.approx(theirs.rel_effect_size_ci_upper, rel=1e-9)
    assert ours.evidence is None


def test_not_worse_is_a_one_sided_test_of_control_less_its_margin() -> None:
    control, treatment = drawn(1, 400)["y"], drawn(2, 300)["y"]
    found = arms({"control": moments_of(y=control), "short": moments_of(y=treatment)})
    contrast = Contrast(control=found["control"], treatment=found["short"])
    metric = a_metric(role=Role.GUARDRAIL, margin=Bound(relative=0.1))
    method = Fixed(a_plan())
    ours = method.with_margin(method.told(contrast), contrast, shifted(metric, contrast))
    theirs = ttest_ind(treatment, 0.9 * control, equal_var=False, alternative="greater").pvalue
    assert ours.p_not_worse == pytest.approx(theirs, rel=1e-9)


@pytest.mark.parametrize("values", [(0.0, 1.0), (-1.0, 1.0), (0.0, 0.0)])
def test_means_at_or_below_zero_have_no_relative_interval(values: tuple[float, float]) -> None:
    wave = np.tile([-1.0, 1.0], 100)
    found = arms(
        {name: moments_of(y=wave + value) for name, value in zip(("control", "short"), values, strict=True)}
    )
    told = Fixed(a_plan()).told(Contrast(control=found["control"], treatment=found["short"]))
    assert told.relative_interval is None
    assert told.interval.low < values[1] - values[0] < told.interval.high
