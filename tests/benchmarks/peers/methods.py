"""All rows of the comparison: what each method is called and where it would roll back."""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from tests.benchmarks.peers import fixed, ours, ranks, sequential, thresholds
from tests.benchmarks.peers.scoring import Judged
from tests.benchmarks.peers.streams import Bools, Streams

Rule = Callable[[Streams, float], Bools]

SMALL, MIDDLE, LARGE = 10, 100, 1_000
"""Treatment requests of an interval."""


def _mann_whitney(streams: Streams, _: float, *, first: int, every: int) -> Bools:
    return ranks.mann_whitney_crosses(streams, 0.01, requests=MIDDLE, first=first, every=every)


def _kayenta(streams: Streams, _: float, *, requests: int, first: int, every: int) -> Bools:
    return ranks.kayenta_crosses(streams, requests=requests, first=first, every=every)


def _consecutive(streams: Streams, _: float, *, requests: int) -> Bools:
    return thresholds.consecutive_crosses(streams, requests=requests)


def _cumulative(streams: Streams, _: float) -> Bools:
    return thresholds.cumulative_crosses(streams)


PEERS: Mapping[str, Rule] = {
    "gbstats 0.8 sequential (relative, N* = 5000)": sequential.growthbook_crosses,
    "savvi Poisson (k = 100)": sequential.savvi_crosses,
    "avlm (g = 1)": sequential.linear_model_crosses,
    "tea-tasting proportion at each look": fixed.tea_tasting,
    "z at each look, one-sided": fixed.naive_one_sided,
    "z at each look, two-sided": fixed.naive_two_sided,
    "O'Brien-Fleming, 10 looks, one-sided": partial(fixed.group_sequential, two_sided=False),
    "O'Brien-Fleming, 10 looks, two-sided": partial(fixed.group_sequential, two_sided=True),
    "Kayenta, 100-request intervals, each 30": partial(_kayenta, requests=MIDDLE, first=30, every=30),
    "Kayenta, 1,000-request intervals, each 5": partial(_kayenta, requests=LARGE, first=10, every=5),
    "Mann-Whitney p < 1 %, each 30 intervals": partial(_mann_whitney, first=30, every=30),
    "Mann-Whitney p < 1 %, every interval": partial(_mann_whitney, first=10, every=1),
    "above 2 % in 3 windows of 10 requests": partial(_consecutive, requests=SMALL),
    "above 2 % in 3 windows of 100 requests": partial(_consecutive, requests=MIDDLE),
    "above 2 % in 3 windows of 1,000 requests": partial(_consecutive, requests=LARGE),
    "above 2 % so far": _cumulative,
}

_FINEST = {"above 2 % in 3 windows of 10 requests": SMALL}


def _trusting(rule: Rule) -> ours.Judge:
    """A method that never doubts its evidence."""

    def judge(streams: Streams, alpha: float) -> Judged:
        crosses = rule(streams, alpha)
        return Judged(crosses=crosses, untrustworthy=np.zeros(len(crosses), dtype=np.bool_))

    return judge


def methods(per_look: int) -> Mapping[str, ours.Judge]:
    """Ours and those peers that can be applied when looks are so many treatment requests apart."""
    peers = {name: _trusting(rule) for name, rule in PEERS.items() if per_look <= _FINEST.get(name, MIDDLE)}
    return {**ours.METHODS, **peers}
