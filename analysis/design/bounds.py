"""How fast any test of power one can be: information bounds on the mean number of treatment requests.

Source: Wald's inequality, E[log e at the end] >= log(1/alpha), with the information per treatment request
against the null that is nearest to the truth. What no rule can beat is what ours are measured against.
"""

from math import log

from scipy.optimize import minimize_scalar


def bernoulli_divergence(rate: float, other: float) -> float:
    """Kullback-Leibler divergence between two shares of bad trials in (0, 1), in nats.

    >>> bernoulli_divergence(0.5, 0.5)
    0.0
    """
    return rate * log(rate / other) + (1.0 - rate) * log((1.0 - rate) / (1.0 - other))


def kl_bound(base_rate: float, ratio: float, share: float, alpha: float, null_ratio: float = 1.0) -> float:
    """Least mean number of treatment requests until a test at level alpha shows that the null is wrong.

    Args:
        base_rate: control's share of bad requests, which the test does not know.
        ratio: the true risk ratio.
        share: the treatment's share of requests, in (0, 1).
        alpha: the level.
        null_ratio: the risk ratio of the null that is nearest to the true one, and not the same.

    Returns:
        log(1/alpha) over the information per treatment request, at the least favourable base rate.
    """
    controls = (1.0 - share) / share

    def information(base: float) -> float:
        own = bernoulli_divergence(base_rate * ratio, base * null_ratio)
        return own + controls * bernoulli_divergence(base_rate, base)

    low, high = sorted((base_rate, base_rate * ratio / null_ratio))
    nearest = minimize_scalar(
        information, bounds=(low, high), method="bounded", options={"xatol": 1e-9 * high}
    )
    return -log(alpha) / float(nearest.fun)


def conditional_kl_bound(
    base_rate: float, ratio: float, share: float, alpha: float, null_ratio: float = 1.0
) -> float:
    """The same for tests that look only at which arm each error came from, as ours do.

    Arguments as for `kl_bound`. The price of not looking at trials without errors is about the base rate.
    """
    per_request = base_rate * (1.0 - share + share * ratio) / share
    true, null = (share * r / (1.0 - share + share * r) for r in (ratio, null_ratio))
    return -log(alpha) / (per_request * bernoulli_divergence(true, null))
