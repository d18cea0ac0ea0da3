"""Simulated visitors of a shop without any effect, as sums per variant that grow from hour to hour.

Units come over a week with a daily cycle and go on visiting and buying after that, some much more than
others, as they did before. Nothing differs between variants. What is kept are the sums that `Totals` holds,
vectorised over experiments, variants and hours, so that a look costs no pass over events.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analysis.product.totals import ALL, SCALE, Counted, Moments, Pair, Totals, Variable

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Y, D, X, W = Variable

VARIANTS = ("control", "long", "short")
HOURS = 168
CAP = 200.0
"""Revenue of a unit is cut to this: about its 99th percentile. Prices are lognormal with a heavy tail."""
BUYING = 0.5
VISITING = 2.0
"""Purchases of an average unit, in the end, and visits after its first."""


class Stream(NamedTuple):
    """Events: whose each is, and when, in hours; by unit and then by time."""

    unit: Ints
    at: Floats


class Before(NamedTuple):
    """Numbers of units from before their exposure."""

    buys: Floats
    spent: Floats
    visits: Floats


class Steps(NamedTuple):
    """Every change of a unit's number: whose it is, in which hour, and the number before and after it."""

    unit: Ints
    hour: Ints
    before: Floats
    after: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """Units of many experiments: experiment and variant of each (its cell), first time in hours, keenness."""

    experiments: int
    cell: Ints
    arrival: Floats
    keen: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Grown:
    """Sums of one metric, each of shape (experiments, variants, hours): over all units that came by then."""

    sums: Mapping[Variable, Floats]
    products: Mapping[Pair, Floats]


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """All that is seen of the experiments: units, and the sums of every metric."""

    units: Floats
    grown: Mapping[str, Grown]

    def totals(self, experiment: int, hour: int, counted: Counted) -> Totals:
        """What a look at the end of this hour brings back."""
        units = {(name, ALL): int(self.units[experiment, at, hour]) for at, name in enumerate(VARIANTS)}
        moments = {
            (name, ALL, metric): _moments(units[name, ALL], grown, (experiment, at, hour))
            for metric, grown in self.grown.items()
            for at, name in enumerate(VARIANTS)
        }
        return Totals(units=units, moments=moments, buckets={}, caps={}, counted=counted)


def _moments(units: int, grown: Grown, place: tuple[int, int, int]) -> Moments:
    return Moments(
        units=units,
        sums={name: round(float(value[place]) * SCALE) for name, value in grown.sums.items()},
        products={pair: round(float(value[place]) * SCALE**2) for pair, value in grown.products.items()},
    )


def week(rng: np.random.Generator, experiments: int, units: int, shares: Sequence[float]) -> Week:
    """So many experiments of so many units each, over a week; `shares` of the variants add up to 1."""
    crowd = _crowd(rng, experiments, units, shares)
    bought = _events(rng, crowd, BUYING, 30.0, first=False)
    visited = _events(rng, crowd, VISITING, 40.0, first=True)
    spent = rng.lognormal(3.0, 1.2, bought.unit.size).round(2)
    before = _before(rng, crowd)
    grown = {
        **_of_purchases(rng, crowd, bought, spent, before),
        **_of_visits(rng, crowd, visited),
        **_ratios(crowd, (bought, visited), spent, before),
    }
    ones = _by_hour(crowd, np.arange(crowd.cell.size), crowd.arrival, np.ones(crowd.cell.size))
    return Week(units=ones, grown=grown)


def _before(rng: np.random.Generator, crowd: Crowd) -> Before:
    buys = rng.poisson(BUYING * crowd.keen).astype(np.float64)
    spent = np.minimum(buys * rng.lognormal(3.2, 0.8, buys.size).round(2), CAP)
    return Before(buys=buys, spent=spent, visits=rng.poisson(VISITING * crowd.keen) + np.ones(buys.size))


def _of_purchases(
    rng: np.random.Generator, crowd: Crowd, bought: Stream, spent: Floats, before: Before
) -> dict[str, Grown]:
    one = np.ones(spent.size)
    buys, revenue = _steps(*bought, one), _capped(_steps(*bought, spent), CAP)
    rare = rng.random(spent.size) < 0.05
    subscriptions = _steps(bought.unit[rare], bought.at[rare], one[rare])
    return {
        "bought": _grown(crowd, {Y: _capped(buys, 1.0)}, {}),
        "orders": _grown(crowd, {Y: buys}, {}),
        "revenue": _grown(crowd, {Y: revenue}, {}),
        "orders_adjusted": _grown(crowd, {Y: buys}, {X: before.buys}),
        "revenue_adjusted": _grown(crowd, {Y: revenue}, {X: before.spent}),
        "subscribed": _grown(crowd, {Y: _capped(subscriptions, 1.0)}, {}),
    }


def _of_visits(rng: np.random.Generator, crowd: Crowd, visited: Stream) -> dict[str, Grown]:
    minutes = rng.gamma(0.5, 6.0, visited.unit.size).round(2)
    late = visited.at - crowd.arrival[visited.unit] >= 24.0
    came_back = _steps(visited.unit[late], visited.at[late], np.ones(int(late.sum())))
    return {
        "returned": _grown(crowd, {Y: _capped(came_back, 1.0)}, {}),
        "minutes": _grown(crowd, {Y: _steps(*visited, minutes)}, {}),
    }


def _ratios(crowd: Crowd, streams: tuple[Stream, Stream], spent: Floats, before: Before) -> dict[str, Grown]:
    """Per visit: what is divided and what by change at purchases and visits, in one order of time."""
    bought, visited = streams
    unit, at = (np.concatenate(both) for both in zip(bought, visited, strict=True))
    order = _order(unit, at)
    is_buy = order < spent.size
    money = _steps(unit[order], at[order], np.append(spent, 0.0 * visited.at)[order])
    orders = _steps(unit[order], at[order], is_buy.astype(np.float64))
    visits = _steps(unit[order], at[order], (~is_buy).astype(np.float64))
    earlier = {X: before.buys, W: before.visits}
    return {
        "revenue_per_visit": _grown(crowd, {Y: _capped(money, CAP), D: visits}, {}),
        "orders_per_visit": _grown(crowd, {Y: orders, D: visits}, earlier),
    }


def _crowd(rng: np.random.Generator, experiments: int, units: int, shares: Sequence[float]) -> Crowd:
    """Assigned by chance; by day twice as many come as by night."""
    size = experiments * units
    hours = np.arange(HOURS)
    busy = 1.5 - 0.5 * np.cos(2 * np.pi * hours / 24)
    arrival = rng.choice(HOURS, size, p=busy / busy.sum()) + rng.random(size)
    variant = rng.choice(len(VARIANTS), size, p=shares)
    cell = np.repeat(np.arange(experiments), units) * len(VARIANTS) + variant
    return Crowd(experiments=experiments, cell=cell, arrival=arrival, keen=rng.gamma(1.5, 1 / 1.5, size))


def _events(rng: np.random.Generator, crowd: Crowd, per_unit: float, delay_h: float, first: bool) -> Stream:
    """Events within the week; `first`: every unit has one with its exposure."""
    count = rng.poisson(per_unit * crowd.keen) + (1 if first else 0)
    unit = np.repeat(np.arange(count.size), count)
    after = rng.exponential(delay_h, unit.size)
    if first:
        after[np.cumsum(count) - count] = 0.0
    at = crowd.arrival[unit] + after
    unit, at = unit[at < HOURS], at[at < HOURS]
    order = _order(unit, at)
    return Stream(unit[order], at[order])


def _order(unit: Ints, at: Floats) -> Ints:
    """By unit and then by time."""
    return np.argsort(unit * float(HOURS) + at)


def _steps(unit: Ints, at: Floats, value: Floats) -> Steps:
    """A unit's sum before and after each of its events, which come in order."""
    whole = np.cumsum(value)
    is_first = np.ones(unit.size, dtype=bool)
    is_first[1:] = unit[1:] != unit[:-1]
    starts = np.flatnonzero(is_first)
    before_unit = np.repeat((whole - value)[starts], np.diff(np.append(starts, unit.size)))
    after = whole - before_unit
    return Steps(unit, at.astype(np.int64), after - value, after)


def _capped(steps: Steps, most: float) -> Steps:
    return steps._replace(before=np.minimum(steps.before, most), after=np.minimum(steps.after, most))


def _grown(crowd: Crowd, moving: Mapping[Variable, Steps], still: Mapping[Variable, Floats]) -> Grown:
    """Of numbers that events move, all at the same events, and of numbers from before the exposure."""
    everybody = np.arange(crowd.cell.size)
    sums = {
        name: _by_hour(crowd, each.unit, each.hour, each.after - each.before) for name, each in moving.items()
    }
    sums |= {name: _by_hour(crowd, everybody, crowd.arrival, each) for name, each in still.items()}
    products: dict[Pair, Floats] = {}
    for one, other in _pairs([*moving, *still]):
        if one in still:
            weights = still[one] * still[other]
            products[one, other] = _by_hour(crowd, everybody, crowd.arrival, weights)
        elif other in still:
            steps = moving[one]
            weights = (steps.after - steps.before) * still[other][steps.unit]
            products[one, other] = _by_hour(crowd, steps.unit, steps.hour, weights)
        else:
            left, right = moving[one], moving[other]
            weights = left.after * right.after - left.before * right.before
            products[one, other] = _by_hour(crowd, left.unit, left.hour, weights)
    return Grown(sums=sums, products=products)


def _pairs(names: list[Variable]) -> list[Pair]:
    return [(one, other) for at, one in enumerate(names) for other in names[at:]]


def _by_hour(crowd: Crowd, unit: Ints, at: Ints | Floats, weights: Floats) -> Floats:
    """Sums up to the end of every hour."""
    cells = crowd.experiments * len(VARIANTS)
    places = crowd.cell[unit] * HOURS + at.astype(np.int64)
    sums = np.bincount(places, weights=weights, minlength=cells * HOURS)
    return np.cumsum(sums.reshape(crowd.experiments, len(VARIANTS), HOURS), axis=2)
