"""The least that any sequential test of power one can need: Wald's bound by Kullback-Leibler information."""

from math import log

from tests.benchmarks.peers.streams import BASE_RATE, SHARE


def divergence(p: float, q: float) -> float:
    """Kullback-Leibler divergence of Bernoulli(p) from Bernoulli(q), in nats."""
    return p * log(p / q) + (1 - p) * log((1 - p) / (1 - q))


def least_requests(
    ratio: float, alpha: float, *, rate: float = BASE_RATE, share: float = SHARE, clump: float = 1.0
) -> float:
    """Expected treatment requests to find a rate `ratio` times control's, neither rate being known.

    The null nearest to the truth is one common rate. Where bad requests come in clumps whose sizes say
    nothing, only clumps count: as if `clump` times as many requests were needed. That is a lower bound, since
    clumps are not seen.
    """
    worse, common = ratio * rate / clump, (share * ratio * rate + (1 - share) * rate) / clump
    information = divergence(worse, common) + (1 - share) / share * divergence(rate / clump, common)
    return log(1 / alpha) / information
