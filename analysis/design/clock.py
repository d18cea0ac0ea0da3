"""When errors come and when somebody looks, in treatment requests. Knows no rule.

Errors are rare and independent, so the number of them by any moment is Poisson with the expectation of that
moment, and the m-th arrives when a gamma variable of shape m says so, whatever the steps of the plan are.
With dispersion phi, errors come in clumps of phi that share an arm: there are phi times fewer independent
ones, and tempering (log e / phi) gives each clump the weight of one error. So one walk serves every phi.

Where somebody looks only now and then, each look finds the expected number of errors, rounded down. What that
leaves out is small: evidence varies by whose the errors are, and hardly by how many they are.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import gammainc
from scipy.stats import poisson

from analysis.design.rules import Counts, Floats
from analysis.design.traffic import Traffic, Truth

_BEYOND = 1e-9
"""More errors than the walk carries arrive before the horizon with no more than this probability."""
_ROUND_OFF = 1e-9
"""So little below a whole number of errors is that number."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Clock:
    """A look after every error. Expected independent errors grow with requests along a line with bends.

    Attributes:
        requests, errors: where it bends, from (0, 0) to the horizon, shape (legs + 1,).
        shares: the treatment's share of requests in each leg, shape (legs,).
    """

    requests: Floats
    errors: Floats
    shares: Floats

    @property
    def horizon(self) -> float:
        """Treatment requests of the run when nothing ends it."""
        return float(self.requests[-1])

    @property
    def error_counts(self) -> Counts:
        """Errors so far at each look, ascending, up to a number that is practically never exceeded."""
        return np.arange(1, int(poisson.isf(_BEYOND, self.errors[-1])) + 2)

    def errors_by(self, requests: float) -> float:
        """Expected errors by then."""
        return float(np.interp(requests, self.requests, self.errors))

    def shares_since(self, error_counts: Counts) -> Floats:
        """The treatment's share of requests before each look, at the middle of the errors since the last one.

        Each leg is given its expected number of errors, rounded; the last one all that follow.
        """
        middle = error_counts - np.diff(error_counts, prepend=0) / 2
        return self.shares[np.searchsorted(np.rint(self.errors[1:-1]), middle)]

    def seen(self, error: Floats, requests: float) -> Floats:
        """Probability that the m-th error has been seen by then, for each m >= 1."""
        return np.asarray(gammainc(error, self.errors_by(requests)), dtype=np.float64)

    def mean_seen(self, error: Floats, cap: float) -> Floats:
        """Mean treatment requests until the m-th error is seen, or `cap` if that is less, for each m >= 1.

        Within a leg the arrival is linear in a gamma variable G, and E[min(G, a)] = m P(m+1, a) + a Q(m, a).
        """
        bends = np.append(self.errors[self.requests < cap], self.errors_by(cap))[:, None]
        held = error * gammainc(error + 1.0, bends) + bends * (1.0 - gammainc(error, bends))
        per_error = (np.diff(self.requests) / np.diff(self.errors))[: len(bends) - 1]
        mean: Floats = per_error @ np.diff(held, axis=0)
        return mean


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LookClock(Clock):
    """Looks at fixed numbers of requests, each of which finds the expected number of errors, rounded down.

    Attributes:
        look_requests: treatment requests at each look. look_errors: errors by then. Both of shape (looks,).
    """

    look_requests: Floats
    look_errors: Floats

    @property
    def error_counts(self) -> Counts:
        """Errors so far at each look that finds new ones, ascending."""
        return np.unique(self.look_errors[self.look_errors > 0]).astype(np.int64)

    def seen(self, error: Floats, requests: float) -> Floats:
        """1 for each error m >= 1 that has been seen by then, 0 for the others."""
        return (self._seen_at(error) <= requests).astype(np.float64)

    def mean_seen(self, error: Floats, cap: float) -> Floats:
        """Treatment requests until the m-th error is seen, or `cap` if that is less, for each m >= 1."""
        return np.minimum(self._seen_at(error), cap)

    def _seen_at(self, error: Floats) -> Floats:
        return self.look_requests[np.searchsorted(self.look_errors, error)]


def clock(truth: Truth, traffic: Traffic) -> Clock:
    """When errors of such a release arrive, and are seen, under such traffic."""
    shares = np.array([leg.share for leg in traffic.legs])
    given = np.array([leg.treatment_requests for leg in traffic.legs])
    rate = truth.base_rate * (1.0 - shares + shares * truth.ratio) / shares / truth.dispersion
    requests, errors = np.append(0.0, np.cumsum(given)), np.append(0.0, np.cumsum(rate * given))
    if traffic.requests_per_look is None:
        return Clock(requests=requests, errors=errors, shares=shares)
    total = np.append(0.0, np.cumsum(given / shares))
    looks = traffic.requests_per_look * np.arange(1, int(total[-1] / traffic.requests_per_look) + 1)
    return LookClock(
        requests=requests,
        errors=errors,
        shares=shares,
        look_requests=np.interp(looks, total, requests),
        look_errors=np.floor(np.interp(looks, total, errors) + _ROUND_OFF),
    )
