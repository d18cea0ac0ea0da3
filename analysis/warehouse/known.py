"""Sums over units per variant and slice that a look remembers for the next one, as text. Pure.

Sums are whole numbers, so those of units that changed are taken off and added without any error.
"""

import json
from collections.abc import Mapping
from typing import Any

from analysis.product.totals import Moments, Slice, Variable
from analysis.warehouse.layout import Term

Sums = dict[tuple[str, Slice], Moments]
"""Per variant and slice."""
Known = Mapping[str, Sums]
"""Per metric as `asked_of` names it."""


def asked_of(terms: tuple[Term, ...], cap: int | None, most_events: int) -> str:
    """All that tells sums of one metric over the same units from those of another."""
    return repr((terms, cap, most_events))


def text_of(known: Known) -> str:
    """JSON."""
    return json.dumps({asked: [_row(*each) for each in sums.items()] for asked, sums in known.items()})


def known_in(text: str) -> dict[str, Sums]:
    """What `text_of` wrote."""
    return {asked: dict(map(_read, rows)) for asked, rows in json.loads(text).items()}


def _row(key: tuple[str, Slice], moments: Moments) -> list[object]:
    (variant, part), products = key, [[*pair, value] for pair, value in moments.products.items()]
    return [variant, part.dimension, part.value, moments.units, dict(moments.sums), products]


def _read(row: list[Any]) -> tuple[tuple[str, Slice], Moments]:
    variant, dimension, value, units, sums, products = row
    moments = Moments(
        units=units,
        sums={Variable(name): total for name, total in sums.items()},
        products={(Variable(one), Variable(other)): total for one, other, total in products},
    )
    return (variant, Slice(dimension=dimension, value=value)), moments
