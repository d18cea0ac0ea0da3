"""Whether units are split as planned: over all variants at once, at every look, and in every slice.

The counts of all variants are held against the planned shares: a mixture of Dirichlet priors around them (one
for each of several concentrations) over the multinomial likelihood of the plan, which is an e-process
(Lindon and Malek, arXiv 2011.03567; the form for two arms of a release is in `analysis.stats.split`).
Explains nothing: which slice is off is named, not why.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, pairwise
from math import comb, log

import numpy as np
from scipy.special import gammaln
from scipy.stats import chisquare, multinomial

from analysis.product.result import SplitFinding
from analysis.product.totals import ALL, Slice, Totals
from analysis.stats.mixture import Floats, log_mix
from analysis.stats.split import CONCENTRATIONS, LOG_ALARM
from engine.core.product import ProductPlan

MOST_OUTCOMES = 5_000
"""Up to so many possible splits the exact test adds them up; with more, chi-square is near enough."""
ONE_SIDED: Floats = np.array([2.0, *CONCENTRATIONS])
"""The same with a prior for what is of one variant almost alone, and so is seen among few units."""


def split_findings(plan: ProductPlan, totals: Totals) -> tuple[SplitFinding, ...]:
    """All units first, then every value of every declared dimension, sorted by it.

    All units have the level of `LOG_ALARM` (1 %) for themselves, and all slices together have it once more:
    the weighted average of their e-values is one, each dimension with the same weight and within it each
    value, and a slice whose part alone is over the limit is named. `log_e` of a slice is that of its part.
    """
    found = [_finding(plan, totals, ALL, 0.0)]
    for dimension in plan.dimensions:
        values = sorted({part for _, part in totals.units if part.dimension == dimension.column})
        price = log(len(plan.dimensions) * len(values)) if values else 0.0
        found += [_finding(plan, totals, part, price) for part in values]
    return tuple(found)


def fuller(plan: ProductPlan, units: Mapping[str, int], price: float) -> str | None:
    """The variant that has far more of these units than its share; None where chance may have done it.

    Args:
        plan: the experiment.
        units: of every variant that has some.
        price: logarithm of what the level of `LOG_ALARM` is divided by, among several such questions.
    """
    planned = planned_shares(plan)
    counts = [units.get(variant, 0) for variant in planned]
    if log_e(counts, list(planned.values()), ONE_SIDED) < LOG_ALARM + price:
        return None
    return max(planned, key=lambda variant: units.get(variant, 0) / planned[variant])


def log_e(counts: Sequence[int], shares: Sequence[float], concentrations: Floats = CONCENTRATIONS) -> float:
    """Log e-value against "every unit falls on a variant with its share", at whatever moment it is computed.

    Args:
        counts: units per variant.
        shares: planned, as fractions over 0 that add up to 1.
        concentrations: how many units each prior is worth, all alike likely.
    """
    units, planned = np.asarray(counts, dtype=float), np.asarray(shares, dtype=float)
    prior = concentrations[:, np.newaxis] * planned
    grown = _log_beta(prior + units) - _log_beta(prior)
    weights = np.full(len(concentrations), -log(len(concentrations)))
    return float(log_mix(grown, weights)) - float(units @ np.log(planned))


def p_value(counts: Sequence[int], shares: Sequence[float]) -> float:
    """Of the exact multinomial test, or of Pearson's chi-square where there are too many splits to add up.

    Valid for one look only. The exact one adds up the chances of all splits that are no likelier.
    """
    units = sum(counts)
    if comb(units + len(counts) - 1, len(counts) - 1) > MOST_OUTCOMES:
        expected = [units * share for share in shares]
        return float(chisquare(counts, expected).pvalue)
    chances = multinomial.pmf(np.array(list(_splits(units, len(counts)))), units, shares)
    likeliest = float(multinomial.pmf(counts, units, shares)) * (1.0 + 1e-9)
    return min(1.0, float(chances[chances <= likeliest].sum()))


def planned_shares(plan: ProductPlan) -> dict[str, float]:
    """Share of every variant, as fractions of what is exposed at all."""
    whole = sum(share.share for share in plan.shares)
    return {share.variant: share.share / whole for share in plan.shares}


def _finding(plan: ProductPlan, totals: Totals, part: Slice, price: float) -> SplitFinding:
    planned = planned_shares(plan)
    units = {variant: totals.units.get((variant, part), 0) for variant in planned}
    counts, shares = list(units.values()), list(planned.values())
    evidence = log_e(counts, shares) - price
    return SplitFinding(
        slice=part,
        units=units,
        planned=planned,
        log_e=evidence,
        p_value=p_value(counts, shares),
        alarm=evidence >= LOG_ALARM,
    )


def _log_beta(weights: Floats) -> Floats:
    """Log of the multivariate beta function over the last axis."""
    logs: Floats = gammaln(weights).sum(axis=-1) - gammaln(weights.sum(axis=-1))
    return logs


def _splits(units: int, variants: int) -> Iterator[tuple[int, ...]]:
    """All ways to split so many units: where `variants - 1` bars stand among them."""
    places = units + variants - 1
    for bars in combinations(range(places), variants - 1):
        edges = (-1, *bars, places)
        yield tuple(right - left - 1 for left, right in pairwise(edges))
