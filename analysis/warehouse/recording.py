"""A whole look that leaves behind what a refresh goes on from."""

import ibis.expr.types as ir
from ibis import _

from analysis.warehouse.connecting import Warehouse
from analysis.warehouse.functions import fingerprint
from analysis.warehouse.layout import layout_of
from analysis.warehouse.reading import events_of, exposures_of, is_complete, same_units
from analysis.warehouse.refresh import AHEAD, FIRSTS, Found
from analysis.warehouse.state import EVENTS, EXPOSURES, NAME, About, Files, columns_of, digest_of, places_of
from analysis.warehouse.sums import counting_from, summed, within
from analysis.warehouse.units import Exposed, exposed
from engine.core.product import ProductPlan


def recorded(warehouse: Warehouse, plan: ProductPlan, files: Files, now: int) -> Found:
    """Reads these files, and writes the state's tables."""
    layout = layout_of(plan)
    as_read = (
        exposures_of(warehouse, plan, places_of(files[EXPOSURES])),
        events_of(warehouse, plan, layout, places_of(files[EVENTS])),
    )
    exposures, events = same_units(*as_read)
    for name, table in ((EXPOSURES, exposures), (EVENTS, events)):
        _write(warehouse, AHEAD[name], table.filter(is_complete(table) & (table.us > now)))

    def note(made: Exposed, firsts: ir.Table, strangers: ir.Table) -> None:
        placed = firsts.left_join(made.units.select("unit", "cell"), "unit").select(*FIRSTS)
        _write(warehouse, "firsts", placed)
        _write(warehouse, "strange", strangers)

    units = exposed(warehouse, plan, exposures, now, note)
    _write(warehouse, "cells", units.cells.drop("units"))
    sums = summed(warehouse, plan, units, events, now)
    _write(warehouse, "totals", sums.totals)
    counted = within(events, counting_from(layout, units.first), now)
    known = warehouse.backend.table("firsts", database=(NAME, "main"))
    _write(warehouse, "waiting", counted.anti_join(known, "unit"))
    if "id" in events.columns:
        _write(warehouse, "keys", counted.filter(_.id.notnull()).select(key=fingerprint(counted.id)))
    about = About(
        digest=digest_of(plan),
        files=files,
        columns={EXPOSURES: columns_of(as_read[0]), EVENTS: columns_of(as_read[1])},
        as_text=exposures is not as_read[0],
        now=now,
        first=units.first,
        last=units.last,
        exposures=units.exposures,
        incomplete=units.incomplete,
        rows=sums.rows,
    )
    return Found(units=units, sums=sums, about=about)


def _write(warehouse: Warehouse, name: str, table: ir.Table) -> None:
    warehouse.backend.con.execute(
        f"CREATE OR REPLACE TABLE {NAME}.{name} AS {warehouse.backend.compile(table)}"
    )
