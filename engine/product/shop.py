"""A sample shop: visitors who are shown one of two checkouts, look around, and buy. Reads and writes nothing.

What is true of it is known, so that a report about it can be judged: visitors of the treatment place `lift`
more orders than those of control, of the same value each, and its page loads faster. All else is alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.product.choices import Planted

VARIANTS = ("classic", "one-page", "onepage")
"""Control, treatment, and what a fault renames the treatment to."""
COUNTRIES = ("DE", "FR", "GB", "US")
BROWSERS = ("chrome", "safari", "firefox", "edge")
KINDS = ("visitor", "staff")
NAMES = ("view", "order", "load", "error")
VIEW, ORDER, LOAD, ERROR = range(4)
MISSING = -1
"""In the place of a unit or a value that a fault takes away; no other is below 0."""
DAY_S = 86_400.0
FASTER = 0.9
"""Time that the page takes to load in the treatment, as a share of control's."""
_LOAD_S = 2.0
_ERRORS = 0.03
"""Per visitor, whatever is shown."""
_US = 1_000_000
_BEFORE_S = 14 * DAY_S
_KNOWN = 0.8
"""Share of visitors who have been there before."""
_EVENNESS = 0.6
"""How alike visitors' tastes are; what they did before tells the more of them, the smaller it is."""

Rows = dict[str, NDArray[Any]]
"""Columns of a table: units, codes and cents as whole numbers, `time_us` in microseconds since 1970."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """What to make.

    Attributes:
        starts_s, ends_s: Unix time of the first and the last row; whoever is exposed comes between them.
        lift: how many more orders the treatment's visitors place, as a fraction.
    """

    starts_s: float
    ends_s: float
    visitors: int = 100_000
    seed: int = 1
    lift: float = 0.15
    fault: Planted | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitors:
    """Who comes: one number per visitor in every array.

    Attributes:
        taste: how fond of the shop, 1 on average. treated: whether the treatment is shown.
    """

    at_s: NDArray[np.float64]
    taste: NDArray[np.float64]
    treated: NDArray[np.bool_]
    country: NDArray[np.int64]
    browser: NDArray[np.int64]
    kind: NDArray[np.int64]


def visitors_of(shop: Shop, rng: np.random.Generator) -> Visitors:
    """Everybody who comes, by day and night."""
    count = shop.visitors
    taste = rng.gamma(_EVENNESS, 1 / _EVENNESS, count)
    chance = np.full(count, 0.5)
    if shop.fault is Planted.BIASED_BEFORE:
        chance += np.where(taste > np.median(taste), 0.05, -0.05)
    return Visitors(
        at_s=_arrivals(shop, rng),
        taste=taste,
        treated=rng.random(count) < chance,
        country=rng.choice(4, count, p=(0.4, 0.25, 0.2, 0.15)),
        browser=rng.choice(4, count, p=(0.5, 0.3, 0.15, 0.05)),
        kind=rng.choice(2, count, p=(0.998, 0.002)),
    )


def _arrivals(shop: Shop, rng: np.random.Generator) -> NDArray[np.float64]:
    """More by day than by night, fewer at weekends."""
    hours = np.arange(shop.starts_s, shop.ends_s, 3600.0)
    busy = 1.2 + np.sin(2 * np.pi * (hours % DAY_S / DAY_S - 0.4))
    # 1970 began on a Thursday.
    busy[(hours // DAY_S + 3) % 7 >= 5] *= 0.7
    begun = rng.choice(hours, shop.visitors, p=busy / busy.sum())
    lengths_s = np.minimum(3600.0, shop.ends_s - begun)
    return np.asarray(begun + rng.random(shop.visitors) * lengths_s, dtype=np.float64)


def exposures_of(visitors: Visitors) -> Rows:
    """One row per visitor, in the order of time."""
    order = np.argsort(visitors.at_s, kind="stable")
    rows: Rows = {
        "unit": np.arange(len(visitors.at_s)),
        "time_us": _microseconds(visitors.at_s),
        "variant": visitors.treated.astype(np.int64),
        "country": visitors.country,
        "browser": visitors.browser,
        "kind": visitors.kind,
    }
    return taken(rows, order)


def events_of(shop: Shop, visitors: Visitors, rng: np.random.Generator) -> Rows:
    """What visitors do, before their exposure and after it, until the shop's end; in the order of time."""
    more = np.where(visitors.treated, 1 + shop.lift, 1.0)
    known = (rng.random(shop.visitors) < _KNOWN) * visitors.taste
    earlier = _joined((_happening(rng, VIEW, 6 * known), _happening(rng, ORDER, 0.7 * known)))
    everybody = np.arange(shop.visitors)
    later = _joined(
        (
            {"unit": everybody, "name": np.full(shop.visitors, LOAD)},
            _happening(rng, VIEW, 1 + 3 * visitors.taste),
            _happening(rng, ORDER, 0.2 * visitors.taste * more),
            _happening(rng, ERROR, np.full(shop.visitors, _ERRORS)),
        )
    )
    earlier_s = visitors.at_s[earlier["unit"]] - rng.random(len(earlier["unit"])) * _BEFORE_S
    mean_s = np.where(later["name"] == LOAD, _LOAD_S, DAY_S)
    later_s = visitors.at_s[later["unit"]] + rng.exponential(mean_s)
    rows = _joined((earlier, later)) | {"time_us": _microseconds(np.concatenate((earlier_s, later_s)))}
    rows["value"] = _values(rows, visitors, rng)
    rows = taken(rows, np.flatnonzero(rows["time_us"] < shop.ends_s * _US))
    rows = taken(rows, np.argsort(rows["time_us"], kind="stable"))
    return rows | {"id": np.arange(len(rows["unit"]))}


def _happening(rng: np.random.Generator, name: int, rates: NDArray[np.float64]) -> Rows:
    """As many events of each visitor as chance gives at these rates."""
    units = np.repeat(np.arange(len(rates)), rng.poisson(rates))
    return {"unit": units, "name": np.full(len(units), name)}


def _values(rows: Rows, visitors: Visitors, rng: np.random.Generator) -> NDArray[np.int64]:
    """In hundredths: what an order is worth in EUR, how many seconds the page loads, else 0."""
    count = len(rows["unit"])
    worth = np.exp(rng.normal(3.4, 0.7, count))
    faster = np.where(visitors.treated[rows["unit"]], FASTER, 1.0)
    loads_s = np.exp(rng.normal(0.2, 0.5, count)) * faster
    value = np.select([rows["name"] == ORDER, rows["name"] == LOAD], [worth, loads_s], 0.0)
    return np.asarray(np.rint(value * 100), dtype=np.int64)


def taken(rows: Rows, which: NDArray[np.int64]) -> Rows:
    """The rows at these places, in this order."""
    return {name: column[which] for name, column in rows.items()}


def _joined(parts: Sequence[Rows]) -> Rows:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _microseconds(at_s: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.asarray(at_s * _US, dtype=np.int64)
