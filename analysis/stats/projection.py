"""E-values against absolute differences: bets against a convex set of rate pairs. One window each.

The null is a convex set of rate pairs (treatment, control): "treatment at most control + gap", or "treatment
at least ratio * control and at least control + gap". An alternative pair q outside it is set by earlier
windows; theta is a pair on the null's border, near to q. A bad trial multiplies the e-value by a tilt per
arm, and the whole is divided by its expectation at theta. The treatment's tilt is the odds ratio of q to
theta; the control's is such that the logarithm of the expectation, which is concave in the rates, does not
change along the border at theta. So its largest value over the null is at theta, where it is 0: an e-value,
whichever theta was taken. With the theta nearest to q it is the reverse information projection (Grünwald, de
Heide and Koolen, arXiv 1906.07801); here it is the nearest for Poisson counts, which has a closed form.

All arguments broadcast; rates lie between 0 and 1, `gap` above 0, trials per arm above 0.
"""

from dataclasses import dataclass

import numpy as np

from analysis.stats.mixture import Floats
from analysis.stats.numbers import chosen, larger, smaller

_PRIOR_BAD = 0.05
"""Bad trials that the prior of a base rate is worth; few, so that error-free services promote soon."""
_MEMORY = 20.0
"""The control's rate is remembered over this many times 1/scale trials."""
_TINY = 1e-12
_MOST = 0.9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ArmTrials:
    """Bad and all trials of both arms in a window, broadcastable.

    `events`: they are Poisson counts over exposures instead, and rates may be above 1.
    """

    bad_t: Floats
    n_t: Floats
    bad_c: Floats
    n_c: Floats
    events: bool = False

    @property
    def top(self) -> float:
        """The largest rate there is, nearly."""
        return np.inf if self.events else 1.0 - _TINY


def base_rate(seen: Floats, scale: float) -> Floats:
    """Control's rate from (bad, total) remembered, (runs, 2), near `scale` while there is little."""
    rate: Floats = (seen[..., 0] + _PRIOR_BAD) / (seen[..., 1] + _PRIOR_BAD / scale)
    return rate


def remembered(seen: Floats, bad: Floats, total: Floats, scale: float) -> Floats:
    """What is remembered of control after one more window; old trials fade."""
    kept = np.exp(-total * (scale / _MEMORY))
    after = np.empty_like(seen)
    after[..., 0], after[..., 1] = seen[..., 0] * kept + bad, seen[..., 1] * kept + total
    return after


def log_e_worse(trials: ArmTrials, worse: Floats, base: Floats, gap: float) -> Floats:
    """Log e-value against "treatment <= control + gap" with the alternative pair (worse, base)."""
    n = trials.n_t + trials.n_c
    share = trials.n_t / n
    pooled = share * worse + (1.0 - share) * base
    theta_c = smaller(_nearest_by_gap(pooled, base, share, gap), trials.top - gap)
    border = _Border(treatment=theta_c + gap, control=theta_c)
    return _log_e(trials, worse, base, border)


def log_e_not_worse(trials: ArmTrials, base: Floats, ratio: float, gap: float) -> Floats:
    """Log e-value against "treatment >= ratio * control and >= control + gap", alternative (base, base)."""
    share = trials.n_t / (trials.n_t + trials.n_c)
    by_gap = smaller(_nearest_by_gap(base, base, share, gap), trials.top - gap)
    if ratio <= 1.0:
        return _log_e(trials, base, base, _Border(treatment=by_gap + gap, control=by_gap))
    kink = min(gap / (ratio - 1.0), trials.top / ratio)
    by_ratio = smaller(base / (share * ratio + 1.0 - share), trials.top / ratio)
    theta_c = chosen(by_gap <= kink, by_gap, larger(by_ratio, kink))
    border = _Border(
        treatment=larger(theta_c + gap, ratio * theta_c),
        control=theta_c,
        flattest=1.0 + (ratio - 1.0) * (theta_c > kink).astype(np.float64),
        steepest=1.0 + (ratio - 1.0) * (theta_c >= kink).astype(np.float64),
    )
    return _log_e(trials, base, base, border)


def _nearest_by_gap(pooled: Floats, q_c: Floats, share: Floats, gap: float) -> Floats:
    """Control's rate of the nearest pair on treatment = control + gap, for Poisson counts.

    `pooled` is the alternative's rate of both arms together.
    """
    b = gap - pooled
    c = (1.0 - share) * q_c * gap
    # Two forms of the root of a quadratic are equal; each loses digits where the other does not.
    far = np.abs(b) + np.sqrt(b * b + 4.0 * c)
    return larger(chosen(b > 0.0, 2.0 * c / larger(far, _TINY), 0.5 * far), _TINY)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Border:
    """A pair theta on the null's border.

    Attributes:
        treatment, control: its rates.
        flattest, steepest: along the border the treatment's rate rises by a slope between these per unit of
            control's; they differ in a corner.
    """

    treatment: Floats
    control: Floats
    flattest: Floats | float = 1.0
    steepest: Floats | float = 1.0

    def balanced(self, tilt: Floats, pull: Floats) -> Floats:
        """Control's tilt, as far as it keeps the expectation from rising along the border."""
        flat, steep = self.flattest * pull, self.steepest * pull
        return smaller(larger(tilt, smaller(flat, steep)), larger(flat, steep))


def _log_e(trials: ArmTrials, q_t: Floats, q_c: Floats, theta: _Border) -> Floats:
    """The tilted likelihood over its expectation at theta, for the alternative pair (q_t, q_c)."""
    if trials.events:
        return _log_e_of_events(trials, q_t, q_c, theta)
    theta_t, theta_c = theta.treatment, theta.control
    odds_less_one = q_t * (1.0 - theta_t) / (theta_t * (1.0 - q_t)) - 1.0
    pull = -trials.n_t * odds_less_one / (trials.n_c * (1.0 + theta_t * odds_less_one))
    # Beyond these no tilt of the control balances the treatment's: then both are smaller.
    pull = smaller(larger(pull, -_MOST / (1.0 - theta_c)), _MOST / (theta_c * theta.steepest))
    slope_t = -pull * trials.n_c / trials.n_t
    less_one_t = slope_t / (1.0 - theta_t * slope_t)
    wanted = q_c * (1.0 - theta_c) / (theta_c * (1.0 - q_c)) - 1.0
    slope_c = theta.balanced(wanted / (1.0 + theta_c * wanted), pull)
    less_one_c = slope_c / (1.0 - theta_c * slope_c)
    logs: Floats = (
        trials.bad_t * np.log1p(less_one_t)
        - trials.n_t * np.log1p(theta_t * less_one_t)
        + trials.bad_c * np.log1p(less_one_c)
        - trials.n_c * np.log1p(theta_c * less_one_c)
    )
    return logs


def _log_e_of_events(trials: ArmTrials, q_t: Floats, q_c: Floats, theta: _Border) -> Floats:
    """The same for Poisson counts: the expectation is exp(exposure * rate * (tilt - 1)), slopes are tilts."""
    pull = -trials.n_t * (q_t / theta.treatment - 1.0) / trials.n_c
    pull = larger(pull, -_MOST / theta.steepest)
    less_one_t = -pull * trials.n_c / trials.n_t
    less_one_c = theta.balanced(q_c / theta.control - 1.0, pull)
    logs: Floats = (
        trials.bad_t * np.log1p(less_one_t)
        - trials.n_t * theta.treatment * less_one_t
        + trials.bad_c * np.log1p(less_one_c)
        - trials.n_c * theta.control * less_one_c
    )
    return logs
