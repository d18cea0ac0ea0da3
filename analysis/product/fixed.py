"""Intervals and p-values that hold once, at the planned end: Welch's t-test, by tea-tasting. Formats nothing.

Adjusted means and variances go in, so that one place adjusts (`means`), whatever the method. tea-tasting is
imported when it is needed, because it brings Ibis along.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from analysis.product import quantiles
from analysis.product.means import Arm, Contrast
from analysis.product.quantiles import Counts
from analysis.product.result import Interval, Lack
from analysis.product.told import Told
from engine.core.product import ProductPlan


@dataclass(frozen=True, slots=True)
class Fixed:
    """The method that is looked at once."""

    plan: ProductPlan

    def told(self, contrast: Contrast) -> Told:
        """What the contrast says."""
        result = _analyzed(contrast, "two-sided", 1.0 - self.plan.alpha)
        relative = Interval(low=result.rel_effect_size_ci_lower, high=result.rel_effect_size_ci_upper)
        return Told(
            interval=Interval(low=result.effect_size_ci_lower, high=result.effect_size_ci_upper),
            relative_interval=relative if contrast.comparable else None,
            p_value=result.pvalue,
        )

    def with_margin(self, told: Told, contrast: Contrast, shifted: Contrast) -> Told:
        """The same with the one-sided p-value of "worse by the margin or more"."""
        return replace(told, p_not_worse=_analyzed(shifted, "greater", 1.0 - self.plan.alpha).pvalue)

    def quantile(self, control: Counts, treatment: Counts, level: float) -> Told | Lack:
        """What the counts say of a quantile."""
        pair = quantiles.placed(control, treatment, partial(quantiles.once, level=level))
        return quantiles.told(pair, self.plan.alpha, quantiles.p_value(pair))


def _analyzed(contrast: Contrast, alternative: str, confidence: float) -> Any:
    """tea-tasting's result, which has no types."""
    from tea_tasting import Mean  # type: ignore[import-untyped]  # noqa: PLC0415
    from tea_tasting.aggr import Aggregates  # type: ignore[import-untyped]  # noqa: PLC0415

    def aggregates(arm: Arm) -> Any:
        return Aggregates(count_=arm.units, mean_={"y": arm.mean}, var_={"y": arm.variance})

    metric = Mean("y", alternative=alternative, confidence_level=confidence, equal_var=False, use_t=True)
    return metric.analyze_aggregates(aggregates(contrast.control), aggregates(contrast.treatment))
