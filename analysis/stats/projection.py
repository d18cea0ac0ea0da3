"""E-values against absolute differences, by projecting an alternative onto a convex null. One window each.

The null is a convex set of rate pairs (treatment, control). An alternative pair q outside it is fixed
before the window, from earlier ones. theta is the null's pair nearest to q in n_t KL(q_t||.) + n_c
KL(q_c||.). The factor is the window's likelihood at q over that at theta. Its expectation under any pair p
of the null is `(1 + (p_t - theta_t) g_t)^n_t (1 + (p_c - theta_c) g_c)^n_c` with g the slopes of the
likelihood ratio. That is at most exp(-<gradient at theta, p - theta>) because log(1 + x) <= x, and so at
most 1, because theta is a minimum over a convex set. A reverse information projection (Grünwald, de Heide
and Koolen, arXiv 1906.07801).
"""

from dataclasses import dataclass
from math import exp, inf, log, log1p

from engine.core.measure import TrialsReading

_PRIOR_BAD = 0.25
"""Bad trials that the prior of a base rate is worth; few, so that error-free services promote soon."""
_MEMORY = 20.0
"""The control's rate is remembered over this many times 1/scale trials."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RatePair:
    """A bad rate per arm, both between 0 and 1."""

    treatment: float
    control: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseRate:
    """What earlier windows say about the control's bad rate; old trials fade."""

    bad: float = 0.0
    total: float = 0.0

    def rate(self, scale: float) -> float:
        """The rate, shrunk towards `scale` (the difference that matters) while there is little data."""
        return (self.bad + _PRIOR_BAD) / (self.total + _PRIOR_BAD / scale)

    def after(self, bad: float, total: float, scale: float) -> "BaseRate":
        """With one more window's control trials."""
        kept = exp(-total * scale / _MEMORY)
        return BaseRate(bad=self.bad * kept + bad, total=self.total * kept + total)


def log_factor(reading: TrialsReading, q: RatePair, theta: RatePair) -> float:
    """Log likelihood of the window at q minus that at theta."""
    t, c = reading.treatment, reading.control
    return (
        t.bad * log(q.treatment / theta.treatment)
        + (t.total - t.bad) * (log1p(-q.treatment) - log1p(-theta.treatment))
        + c.bad * log(q.control / theta.control)
        + (c.total - c.bad) * (log1p(-q.control) - log1p(-theta.control))
    )


def nearest_at_most_gap_worse(q: RatePair, gap: float, n_t: int, n_c: int) -> RatePair:
    """Nearest pair with treatment <= control + gap, for a q whose treatment rate is above that."""
    return _nearest_on_line(q, 1.0, gap, n_t, n_c, q.control, q.treatment - gap)


def nearest_worse_by_both(q: RatePair, ratio: float, gap: float, n_t: int, n_c: int) -> RatePair:
    """Nearest pair with treatment >= ratio * control and >= control + gap, for a q below both lines.

    `ratio` is at least 1, `gap` above 0; n_t and n_c are the window's trials per arm.
    """
    kink = gap / (ratio - 1.0) if ratio > 1.0 else 1.0
    by_gap = _nearest_on_line(q, 1.0, gap, n_t, n_c, max(0.0, q.treatment - gap), q.control)
    if by_gap.control <= kink:
        return by_gap
    by_ratio = _nearest_on_line(q, ratio, 0.0, n_t, n_c, q.treatment / ratio, q.control)
    if by_ratio.control >= kink:
        return by_ratio
    return RatePair(treatment=kink * ratio, control=kink)


def _nearest_on_line(
    q: RatePair, slope: float, gap: float, n_t: int, n_c: int, low: float, high: float
) -> RatePair:
    """Nearest pair on treatment = slope * control + gap, whose control rate lies between low and high.

    The gradient along the line, times the rates' variances, is a cubic with one root in the bracket; Newton's
    method finds it from the arms' average, and halves the bracket whenever a step would leave it. Its error
    after a step is about the square of the step.
    """
    high = min(high, (1.0 - gap) / slope)
    a, b = n_t * slope / (n_t + n_c), n_c / (n_t + n_c)
    average = (a * (q.treatment - gap) / slope + b * q.control) / (a + b)
    x = min(high, max(low, average))
    for _ in range(100):
        y = slope * x + gap
        x_var, y_var = x * (1.0 - x), y * (1.0 - y)
        value = a * (y - q.treatment) * x_var + b * (x - q.control) * y_var
        if value > 0.0:
            high = x
        else:
            low = x
        steep = a * (slope * x_var + (y - q.treatment) * (1.0 - 2.0 * x)) + b * (
            y_var + (x - q.control) * (1.0 - 2.0 * y) * slope
        )
        step = value / steep if steep > 0.0 else inf
        settled = abs(step) <= 1e-8 * min(x, 1.0 - y)
        x = x - step if settled or low < x - step < high else 0.5 * (low + high)
        if settled:
            break
    return RatePair(treatment=slope * x + gap, control=x)
