"""Sums over units that were known, brought up to date by units that changed since."""

from collections.abc import Mapping
from dataclasses import replace

import ibis.expr.types as ir
from ibis import _

from analysis.warehouse.connecting import Warehouse
from analysis.warehouse.known import Sums
from analysis.warehouse.layout import Layout
from analysis.warehouse.moments import moments_of, numbers_of
from analysis.warehouse.units import Exposed


def with_changes(
    warehouse: Warehouse,
    layout: Layout,
    exposed: Exposed,
    changed: ir.Table,
    caps: Mapping[str, int],
    known: Mapping[str, Sums],
) -> dict[str, Sums]:
    """Per metric that is known; `changed` are signed rows of `Changed`, of units that are no machines.

    How many units they are is not counted.
    """
    of_known = replace(layout, terms={name: layout.terms[name] for name in known})
    numbers = numbers_of(changed, of_known, caps, _largest(warehouse, layout, changed))
    since = moments_of(warehouse, exposed, changed, numbers)
    return {name: _together(sums, since[name]) for name, sums in known.items()}


def _largest(warehouse: Warehouse, layout: Layout, changed: ir.Table) -> tuple[int, ...]:
    names = [f"kept{index}" for index in range(len(layout.kept))]
    found = warehouse.row(changed.aggregate(**{name: _[name].abs().max() for name in names}))
    return tuple(int(found[name] or 0) for name in names)


def _together(one: Sums, other: Sums) -> Sums:
    """What neither has is 0."""
    both = {key: sums + other[key] for key, sums in one.items() if key in other}
    return {**one, **other, **both}
