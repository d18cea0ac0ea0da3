"""Which values of a breakdown are worse: many e-values at once, few of the named ones wrong. Decides nothing.

A breakdown asks one question of every value of a label. The closed e-BH procedure names those that are worse
so that, of the ones it names, a share of at most ALPHA is expected to be wrong (the false discovery rate): at
whatever moment one looks, and however the values depend on one another.

Source: Xu, Solari, Fischer, de Heide, Ramdas and Goeman, arXiv 2504.11759 (closure of e-BH, with averages as
local e-values); it names everything that e-BH does (Wang and Ramdas, arXiv 2009.02824), and sometimes more.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate
from math import exp, log

from engine.core.verdict import Finding, VerdictKind

ALPHA = 0.05
"""Share of the named values that is expected to be wrong, at most."""


def e_bh(log_es: Sequence[float], alpha: float) -> tuple[bool, ...]:
    """Which null hypotheses closed e-BH rejects: the most for which the bound on false ones holds.

    A set R of r hypotheses may be rejected if the e-values of every set A have a mean of at least
    |A and R| / (alpha r). With A the true nulls N, |N and R| / r is then at most alpha times a mean of
    e-values, the expectation of which is at most 1. The best sets are those with the largest e-values.

    Args:
        log_es: natural logs of the e-values, one per hypothesis; minus infinity is an e-value of 0.
        alpha: the false discovery rate, over 0 and below 1.

    >>> e_bh([6.0, 3.5, 0.0], 0.05)
    (True, True, False)
    """
    count = len(log_es)
    if not count:
        return ()
    # Capped above count / alpha, from where on more changes no comparison, so that no sum can overflow.
    most = log(count / alpha) + 1.0
    ranked = sorted(range(count), key=lambda index: log_es[index], reverse=True)
    e_values = [exp(min(log_es[index], most)) for index in ranked]
    size = next((size for size in range(count, 0, -1) if _may_reject(e_values, size, alpha)), 0)
    rejected = set(ranked[:size])
    return tuple(index in rejected for index in range(count))


def _may_reject(e_values: Sequence[float], size: int, alpha: float) -> bool:
    """Whether the first `size` of descending e-values may be rejected.

    Of all sets with so many inside and so many outside, the one with the smallest e-values is the hardest.
    """
    inside = list(accumulate(reversed(e_values[:size])))
    outside = [0.0, *accumulate(reversed(e_values[size:]))]
    return all(
        total + rest >= (number + others) * number / (alpha * size)
        for number, total in enumerate(inside, start=1)
        for others, rest in enumerate(outside)
    )


def marked(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings, those of breakdowns with what is discovered: their harm is told by nothing else.

    The e-values are those of now, not their maxima, so that a value may be named and be named no more. A
    metric whose assumptions fail counts with an e-value of 0.
    """
    found = tuple(findings)
    families: dict[str, list[Finding]] = {}
    for each in found:
        if each.family:
            families.setdefault(each.family, []).append(each)
    worse = {name for family in families.values() for name, rejected in _judged(family).items() if rejected}
    return tuple(
        replace(each, discovered=True, verdict=VerdictKind.HARMFUL) if each.metric in worse else each
        for each in found
    )


def _judged(family: Sequence[Finding]) -> Mapping[str, bool]:
    log_es = [-float("inf") if each.distrust else each.log_e_harm for each in family]
    return dict(zip([each.metric for each in family], e_bh(log_es, ALPHA), strict=True))
