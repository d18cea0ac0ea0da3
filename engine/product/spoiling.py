"""Spoils the sample's tables in one known way, so that finding it can be tried. Reads and writes nothing."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.product.choices import Planted
from engine.product.shop import BROWSERS, DAY_S, ERROR, MISSING, ORDER, VIEW, Rows, Shop, taken

_US = 1_000_000
_BOT_EVENTS = 100_000
_LOOPS, _LOOP_EVENTS = 20, 12_000
"""Visitors whose page asks again and again, and how often: more than the experiment takes for people's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """Both tables of the sample."""

    exposures: Rows
    events: Rows


_Spoil = Callable[[Shop, Tables, np.random.Generator], Tables]


def spoiled(shop: Shop, tables: Tables, rng: np.random.Generator) -> Tables:
    """The tables with the shop's fault; as they are without one."""
    return tables if shop.fault is None else _SPOILERS[shop.fault](shop, tables, rng)


def _split(_shop: Shop, tables: Tables, rng: np.random.Generator) -> Tables:
    rows = tables.exposures
    affected = (rows["browser"] == BROWSERS.index("safari")) & (rows["variant"] == 1)
    lost = affected & (rng.random(len(affected)) < 1 / 13)
    return Tables(exposures=taken(rows, np.flatnonzero(~lost)), events=tables.events)


def _unknown_variant(shop: Shop, tables: Tables, _rng: np.random.Generator) -> Tables:
    rows = tables.exposures
    late = rows["time_us"] > (shop.starts_s + shop.ends_s) / 2 * _US
    return Tables(
        exposures=rows | {"variant": np.where(late & (rows["variant"] == 1), 2, rows["variant"])},
        events=tables.events,
    )


def _crossed(_shop: Shop, tables: Tables, rng: np.random.Generator) -> Tables:
    rows = tables.exposures
    again = taken(rows, np.flatnonzero(rng.random(len(rows["unit"])) < 0.03))
    again |= {"variant": 1 - again["variant"], "time_us": again["time_us"] + 60 * _US}
    return Tables(exposures=_with(rows, again), events=tables.events)


def _early_uneven(shop: Shop, tables: Tables, rng: np.random.Generator) -> Tables:
    rows = tables.exposures
    late = (rows["variant"] == 0) & (rng.random(len(rows["unit"])) < 1 / 200)
    return _logged_late(shop, tables, late)


def _machines_uneven(shop: Shop, tables: Tables, rng: np.random.Generator) -> Tables:
    (treated,) = np.nonzero(tables.exposures["variant"] == 1)
    looping = np.repeat(treated[:_LOOPS], _LOOP_EVENTS)
    begun_us = tables.exposures["time_us"][looping]
    return _with_views(
        tables, tables.exposures["unit"][looping], rng.integers(begun_us, int(shop.ends_s * _US))
    )


def _events_ended(shop: Shop, tables: Tables, _rng: np.random.Generator) -> Tables:
    rows = tables.events
    kept = rows["time_us"] < (shop.ends_s - 4 * DAY_S) * _US
    return Tables(exposures=tables.exposures, events=taken(rows, np.flatnonzero(kept)))


def _valueless(_shop: Shop, tables: Tables, rng: np.random.Generator) -> Tables:
    rows = tables.events
    without = (rows["name"] == ORDER) & (rng.random(len(rows["unit"])) < 0.1)
    return Tables(
        exposures=tables.exposures, events=rows | {"value": np.where(without, MISSING, rows["value"])}
    )


def _no_events(_shop: Shop, tables: Tables, _rng: np.random.Generator) -> Tables:
    rows = tables.events
    return Tables(exposures=tables.exposures, events=taken(rows, np.flatnonzero(rows["name"] != ERROR)))


def _before_start(_shop: Shop, tables: Tables, rng: np.random.Generator) -> Tables:
    rows = tables.exposures
    earlier_us = np.where(rng.random(len(rows["unit"])) < 0.1, int(60 * DAY_S * _US), 0)
    return Tables(exposures=rows | {"time_us": rows["time_us"] - earlier_us}, events=tables.events)


def _incomplete(_shop: Shop, tables: Tables, rng: np.random.Generator) -> Tables:
    rows = tables.events
    nobody = rng.random(len(rows["unit"])) < 0.03
    return Tables(exposures=tables.exposures, events=rows | {"unit": np.where(nobody, MISSING, rows["unit"])})


def _future(_shop: Shop, tables: Tables, rng: np.random.Generator) -> Tables:
    rows = tables.events
    ahead = rng.random(len(rows["unit"])) < 0.01
    shift = int(30 * DAY_S * _US)
    return Tables(
        exposures=tables.exposures, events=rows | {"time_us": rows["time_us"] + np.where(ahead, shift, 0)}
    )


def _missing_day(shop: Shop, tables: Tables, _rng: np.random.Generator) -> Tables:
    day = ((shop.starts_s + shop.ends_s) / 2) // DAY_S

    def without(rows: Rows) -> Rows:
        return taken(rows, np.flatnonzero(rows["time_us"] // int(DAY_S * _US) != day))

    return Tables(exposures=without(tables.exposures), events=without(tables.events))


def _early_events(shop: Shop, tables: Tables, rng: np.random.Generator) -> Tables:
    return _logged_late(shop, tables, rng.random(len(tables.exposures["unit"])) < 0.5)


def _logged_late(shop: Shop, tables: Tables, late: NDArray[np.bool_]) -> Tables:
    """By half a day, but before the end."""
    rows = tables.exposures
    logged_us = rows["time_us"] + np.where(late, int(DAY_S / 2 * _US), 0)
    logged_us = np.minimum(logged_us, int(shop.ends_s * _US))
    return Tables(exposures=rows | {"time_us": logged_us}, events=tables.events)


def _duplicates(_shop: Shop, tables: Tables, rng: np.random.Generator) -> Tables:
    rows = tables.events
    again = taken(rows, np.flatnonzero(rng.random(len(rows["unit"])) < 0.1))
    return Tables(exposures=tables.exposures, events=_with(rows, again))


def _repeated(_shop: Shop, tables: Tables, _rng: np.random.Generator) -> Tables:
    again = tables.exposures | {"time_us": tables.exposures["time_us"] + _US}
    return Tables(exposures=_with(tables.exposures, again), events=tables.events)


def _machines(shop: Shop, tables: Tables, rng: np.random.Generator) -> Tables:
    """The first visitor with the treatment turns out to be a bot."""
    (treated,) = np.nonzero(tables.exposures["variant"] == 1)
    begun_us = tables.exposures["time_us"][treated[0]]
    bot = np.full(_BOT_EVENTS, tables.exposures["unit"][treated[0]])
    return _with_views(tables, bot, rng.integers(begun_us, int(shop.ends_s * _US), _BOT_EVENTS))


def _with_views(tables: Tables, units: NDArray[np.int64], time_us: NDArray[np.int64]) -> Tables:
    """Pages seen more: by whom, and when."""
    rows: Rows = {
        "unit": units,
        "name": np.full(len(units), VIEW),
        "time_us": time_us,
        "value": np.zeros(len(units), dtype=np.int64),
        "id": len(tables.events["id"]) + np.arange(len(units)),
    }
    return Tables(exposures=tables.exposures, events=_with(tables.events, rows))


def _made_otherwise(_shop: Shop, tables: Tables, _rng: np.random.Generator) -> Tables:
    """For faults that are there from the start."""
    return tables


def _with(rows: Rows, more: Rows) -> Rows:
    return {name: np.concatenate((column, more[name])) for name, column in rows.items()}


_SPOILERS: dict[Planted, _Spoil] = {
    Planted.SPLIT: _split,
    Planted.UNKNOWN_VARIANT: _unknown_variant,
    Planted.CROSSED: _crossed,
    Planted.BIASED_BEFORE: _made_otherwise,
    Planted.EARLY_UNEVEN: _early_uneven,
    Planted.MACHINES_UNEVEN: _machines_uneven,
    Planted.FUTURE: _future,
    Planted.EVENTS_ENDED: _events_ended,
    Planted.MISSING_DAY: _missing_day,
    Planted.VALUELESS: _valueless,
    Planted.NO_EVENTS: _no_events,
    Planted.EARLY_EVENTS: _early_events,
    Planted.DUPLICATES: _duplicates,
    Planted.REPEATED: _repeated,
    Planted.MACHINES: _machines,
    Planted.BEFORE_START: _before_start,
    Planted.INCOMPLETE: _incomplete,
    Planted.OLD: _made_otherwise,
}
