"""Intervals and evidence that hold at every look: asymptotic confidence sequences. Asymptotic; plans nothing.

The relative effect has a normal prior, centred at 0, whose width the plan alone fixes: narrowest at the
information at which the plan's smallest effect of interest would be found. Averaged over the prior, the
likelihood ratio is an e-value in closed form (Robbins 1970; Howard, Ramdas, McAuliffe and Sekhon, arXiv
1810.08240; with estimated variances Waudby-Smith and others, arXiv 2103.06476).

Information is (scale / standard error)², where scale is the mean over both arms: the inverse variance of the
relative effect d. What is proven is for a Brownian motion on this clock. Units whose numbers still grow
between looks (exposed yesterday, buying today) make the looks' estimates dependent in another way; Gaussian
with Cov(d_s, d_t) >= Var(d_t) for s before t they are more alike than the Brownian motion's at the same
information, and by Slepian's inequality cross an upper bound at most as often, and a lower one as well. So
both together are crossed at most as often as claimed, up to the chance of a path that crosses both. The
condition says that what is corrected later is not correlated with where it ends. It holds with equality

- when only new units come, which are independent of those before;
- when units convert sooner or later: with shares p_s <= p_t converted,
  Cov = p_s (1 - p_t) / (p_s p_t) = (1 - p_t) / p_t = Var, although growth is correlated with what was there;
- when each unit goes on at a rate of its own with independent noise, for then Var(d_t) = a + b / t = Cov.

Mixed ages keep it as long as old units are not less uneven than young ones. It fails, and looks may then be
wrong more often, when late events take back early ones (returned goods): give such a metric a window.

Small samples: the larger of the two arms' pooled error and Welch's is used. Welch's alone is too small early,
when the smaller arm has not yet met its large numbers; pooled alone is wrong when a treatment changes the
spread. With equal arms they are the same.
"""

from dataclasses import dataclass, replace
from functools import partial
from math import exp, log, log1p, sqrt

import numpy as np
from scipy.special import ndtri

from analysis.product import quantiles
from analysis.product.means import Contrast
from analysis.product.quantiles import Counts
from analysis.product.result import Interval, Lack
from analysis.product.told import Told
from analysis.stats import normal
from analysis.stats.mixture import LOG_NOTHING
from engine.core.product import ProductPlan

LEAST_SCALE = 0.01
"""Of the standard deviation. Numbers that are negative as often as positive have a mean near 0, by which no
information could ever be gained."""


def precision_of(alpha: float, power: float, mde: float) -> float:
    """Inverse variance of the prior of the relative effect, for a two-sided test.

    It makes the bound narrowest, nearly, at the information of a test with these numbers (Howard and others,
    section 3.5). A one-sided test takes twice its alpha.
    """
    planned = ((float(ndtri(1.0 - alpha / 2.0)) + float(ndtri(power))) / mde) ** 2
    bound = -2.0 * log(alpha)
    return planned / (bound + log1p(bound))


def scale_of(mean: float, deviation: float) -> float:
    """What effects are measured by: the mean over both arms, or a hundredth of the standard deviation."""
    return max(abs(mean), LEAST_SCALE * deviation)


def log_e(difference: float, standard_error: float, scale: float, precision: float) -> float:
    """Log e-value against "no difference", two-sided; `precision` is that of `precision_of`."""
    spent = (scale / standard_error) ** 2 / precision
    return 0.5 * ((difference / standard_error) ** 2 * spent / (1.0 + spent) - log1p(spent))


def log_e_above(difference: float, standard_error: float, scale: float, precision: float) -> float:
    """Log e-value against "the difference is not positive"."""
    information = (scale / standard_error) ** 2
    score = np.array(difference / scale * information)
    return float(normal.log_e_above(score, np.array(information), precision))


def half_width(standard_error: float, scale: float, precision: float, alpha: float) -> float:
    """How far, ever, the difference is from the truth, with probability at most alpha."""
    information = (scale / standard_error) ** 2
    return float(normal.half_width(np.array(information), precision, alpha)) / information * scale


def error_of(contrast: Contrast) -> float:
    """Standard error of the difference that is used here: Welch's or the pooled one, whichever is larger."""
    return max(contrast.standard_error, contrast.pooled_error)


def common_scale(contrast: Contrast) -> float:
    """`scale_of` all units of both arms."""
    control, treatment = contrast.control, contrast.treatment
    units = control.units + treatment.units
    mean = (control.units * control.mean + treatment.units * treatment.mean) / units
    variance = (control.units * control.variance + treatment.units * treatment.variance) / units
    return scale_of(mean, sqrt(variance))


def p_value(evidence: float) -> float:
    """The p-value, valid at any time, of a log e-value."""
    return exp(min(0.0, -evidence))


@dataclass(frozen=True, slots=True)
class Anytime:
    """The method that may be looked at always."""

    plan: ProductPlan

    def told(self, contrast: Contrast) -> Told:
        """What the contrast says."""
        plan, scale, error = self.plan, common_scale(contrast), error_of(contrast)
        precision = precision_of(plan.alpha, plan.power, plan.mde)
        half = half_width(error, scale, precision, plan.alpha)
        evidence = log_e(contrast.difference, error, scale, precision)
        return Told(
            interval=Interval(low=contrast.difference - half, high=contrast.difference + half),
            relative_interval=contrast.relative_within(half / contrast.standard_error),
            evidence=evidence,
            p_value=p_value(evidence),
        )

    def with_margin(self, told: Told, contrast: Contrast, shifted: Contrast) -> Told:
        """The same with evidence against "worse by the margin or more"."""
        precision = precision_of(2.0 * self.plan.alpha, self.plan.power, self.plan.mde)
        evidence = log_e_above(shifted.difference, error_of(shifted), common_scale(contrast), precision)
        return replace(told, evidence_not_worse=evidence, p_not_worse=p_value(evidence))

    def quantile(self, control: Counts, treatment: Counts, level: float) -> Told | Lack:
        """What the counts say of a quantile. No difference has the product of both variants' e-values."""
        pair = quantiles.placed(control, treatment, partial(quantiles.at_any_time, level=level))
        evidence = max(LOG_NOTHING, float(np.min(pair.control + pair.treatment)))
        return quantiles.told(pair, self.plan.alpha, p_value(evidence), evidence)
