"""From what a look kept and the files that came since, to what a whole look would find.

Known units get the sums of their new events added. New ones are counted from what they did before, which was
kept waiting. Those of whom anything else changed (an earlier first exposure, an event that was there before)
are counted anew from all files, by what counts them in a whole look. Statements in here name only our own
columns; what users named is read by Ibis.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import ibis.expr.types as ir

from analysis.warehouse.connecting import Warehouse
from analysis.warehouse.functions import fingerprint
from analysis.warehouse.layout import Layout, layout_of
from analysis.warehouse.reading import events_of, exposures_of, with_text_units
from analysis.warehouse.state import EVENTS, EXPOSURES, NAME, About, Files, NotKeptError, columns_of
from analysis.warehouse.sums import Summed, counting_from, once_each, rows_of, totals_of, within
from analysis.warehouse.units import Exposed, comparable, dimension_names, firsts_of, met, seen_of, strangers
from engine.core.product import ProductPlan

FIRSTS = ("unit", "first", "variant", "crossed", "started", "excluded", "cell")
"""What is kept of every unit that was exposed; no cell is of a unit that does not count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a whole look and a refresh find alike, and what is to be remembered of it."""

    units: Exposed
    sums: Summed
    about: About


@dataclass(frozen=True, slots=True, kw_only=True)
class Refresh:
    """One refresh; temporary tables of its steps are in the connection."""

    warehouse: Warehouse
    plan: ProductPlan
    layout: Layout
    about: About
    new: dict[str, tuple[Path, ...]]
    now: int

    def run(self, statement: str) -> None:
        """Runs a statement on tables of ours; `kept.` is the state."""
        self.warehouse.backend.con.execute(statement)

    def one(self, query: str) -> tuple[Any, ...]:
        """Its only row."""
        (row,) = self.warehouse.backend.con.execute(query).fetchall()
        return tuple(row)

    def put(self, name: str, table: ir.Table) -> ir.Table:
        """Computes a temporary table."""
        self.run(f"CREATE OR REPLACE TEMP TABLE {name} AS {self.warehouse.backend.compile(table)}")
        return self.table(name)

    def table(self, name: str) -> ir.Table:
        """A temporary table."""
        return self.warehouse.backend.table(name, database=("temp", "main"))

    def read(self, which: str, *, everything: bool = False) -> ir.Table:
        """A table's new files, or all of them. NotKeptError when their columns are others than before."""
        only = None if everything else self.new[which]
        if which == EXPOSURES:
            table = exposures_of(self.warehouse, self.plan, only)
        else:
            table = events_of(self.warehouse, self.plan, self.layout, only)
        if columns_of(table) != self.about.columns[which]:
            raise NotKeptError(f"New files of {which} have other columns")
        return with_text_units(table) if self.about.as_text else table


def refreshed(
    warehouse: Warehouse,
    plan: ProductPlan,
    about: About,
    new: dict[str, tuple[Path, ...]],
    files: Files,
    now: int,
) -> Found:
    """Brings the state's tables up to date. NotKeptError when only a whole look will do."""
    refresh = Refresh(warehouse=warehouse, plan=plan, layout=layout_of(plan), about=about, new=new, now=now)
    for name in ("late", "crossing", "fresh"):
        refresh.run(f"CREATE TEMP TABLE {name} AS SELECT unit FROM kept.firsts LIMIT 0")  # noqa: S608
    for name in ("joining", "concerned"):
        refresh.run(f'CREATE TEMP TABLE {name} AS SELECT unit, "first", cell FROM kept.firsts LIMIT 0')  # noqa: S608
    units = more_units(refresh)
    sums = more_events(refresh)
    about = replace(
        about,
        files=files,
        now=now,
        first=units.first,
        last=units.last,
        exposures=units.exposures,
        incomplete=units.incomplete,
        rows=sums.rows,
    )
    return Found(units=units, sums=sums, about=about)


def more_units(refresh: Refresh) -> Exposed:
    """Units with the exposures that came."""
    about, found = refresh.about, {"future": 0, "incomplete": 0, "first": None, "last": None}
    shown = 0
    if refresh.new[EXPOSURES]:
        rows = refresh.read(EXPOSURES)
        found = met(refresh.warehouse, refresh.plan, rows, refresh.now)
        if found["first"] is not None and (about.first is None or found["first"] < about.first):
            raise NotKeptError("An exposure came that is earlier than all others")
        _merge(refresh, refresh.put("seen", seen_of(refresh.plan, rows, refresh.now)))
        shown = _shown(refresh)
    return _exposed(refresh, found, shown)


def _merge(refresh: Refresh, seen: ir.Table) -> None:
    plan = refresh.plan
    refresh.run(
        'CREATE TEMP TABLE known AS SELECT unit, "first", variant, crossed, started '
        "FROM kept.firsts SEMI JOIN seen USING (unit)"
    )
    refresh.run('INSERT INTO late SELECT DISTINCT unit FROM seen JOIN known USING (unit) WHERE us <= "first"')
    refresh.run(
        "INSERT INTO crossing SELECT DISTINCT unit FROM seen JOIN known USING (unit) "
        "ANTI JOIN late USING (unit) WHERE seen.variant <> known.variant AND NOT known.crossed"
    )
    of_new = seen.anti_join(refresh.table("known"), "unit")
    refresh.put("fresh", firsts_of(refresh.warehouse, plan, of_new))
    _place(refresh, "fresh", "joining")
    if refresh.one("SELECT count(*) FROM late")[0]:
        everything = seen_of(plan, refresh.read(EXPOSURES, everything=True), refresh.now)
        of_late = everything.semi_join(refresh.table("late"), "unit")
        refresh.put("anew", firsts_of(refresh.warehouse, plan, of_late))
        if refresh.one(
            "SELECT count(*) FROM anew JOIN known USING (unit) WHERE known.started > anew.started"
        )[0]:
            raise NotKeptError("Somebody turns out to have been exposed before the start")
        refresh.run("DELETE FROM kept.firsts WHERE unit IN (FROM late)")
        _place(refresh, "anew", "concerned")
    refresh.run("UPDATE kept.firsts SET crossed = true, cell = NULL WHERE unit IN (FROM crossing)")
    refresh.put("odd", strangers(plan, seen))
    refresh.run("INSERT INTO kept.strange FROM odd ANTI JOIN kept.strange USING (unit, variant)")


def _place(refresh: Refresh, firsts: str, into: str) -> None:
    """Adds units to the state; those that count, with their cells, to `into`."""
    keys = ", ".join(["variant", *dimension_names(refresh.plan).values(), "day"])
    refresh.put("fit", comparable(refresh.plan, refresh.table(firsts)))
    names = ", ".join(f'"{name}"' for name in FIRSTS)
    refresh.run(
        f"INSERT INTO kept.cells (cell, {keys}) "  # noqa: S608 (our own names, here and below)
        f"SELECT (SELECT coalesce(max(cell), -1) FROM kept.cells) + row_number() OVER (), {keys} "
        f"FROM (SELECT DISTINCT {keys} FROM fit ANTI JOIN kept.cells USING ({keys}))"
    )
    refresh.run(f'INSERT INTO {into} SELECT unit, "first", cell FROM fit JOIN kept.cells USING ({keys})')  # noqa: S608
    refresh.run(
        f'INSERT INTO kept.firsts ({names}) SELECT unit, {firsts}."first", variant, crossed, started, '  # noqa: S608
        f"excluded, cell FROM {firsts} LEFT JOIN {into} USING (unit)"
    )


def _shown(refresh: Refresh) -> int:
    """New rows of exposures that count."""
    (rows,) = refresh.one("SELECT count(*) FROM seen")
    if refresh.plan.starts_s is None:
        return int(rows)
    (before,) = refresh.one("SELECT count(*) FROM kept.firsts JOIN seen USING (unit) WHERE NOT started")
    return int(rows - before)


def _exposed(refresh: Refresh, found: dict[str, Any], shown: int) -> Exposed:
    about = refresh.about
    refresh.run(
        "CREATE TEMP TABLE cells AS SELECT cells.*, units FROM kept.cells AS cells JOIN "
        "(SELECT cell, count(*) AS units FROM kept.firsts WHERE cell IS NOT NULL GROUP BY cell) USING (cell)"
    )
    started, before, excluded, crossed = refresh.one(
        "SELECT count(*) FILTER (started), count(*) FILTER (NOT started), "
        "count(*) FILTER (started AND excluded), count(*) FILTER (started AND crossed AND NOT excluded) "
        "FROM kept.firsts"
    )
    count, cell_count = refresh.one("SELECT coalesce(sum(units), 0), count(*) FROM cells")
    unknown = refresh.warehouse.backend.con.execute(
        "SELECT s.variant, count(*) FROM kept.firsts JOIN kept.strange AS s USING (unit) "
        "WHERE started AND NOT excluded GROUP BY s.variant ORDER BY s.variant"
    ).fetchall()
    last = [time for time in (about.last, found["last"]) if time is not None]
    firsts = refresh.warehouse.backend.table("firsts", database=(NAME, "main"))
    return Exposed(
        units=firsts.filter(firsts.cell.notnull()).select("unit", "first", "cell"),
        cells=refresh.table("cells"),
        names=dimension_names(refresh.plan),
        exposures=about.exposures + shown,
        repeated=about.exposures + shown - started,
        before_start=before,
        excluded=excluded,
        crossed=crossed,
        future=found["future"],
        incomplete=about.incomplete + found["incomplete"],
        unknown=dict(unknown),
        first=about.first,
        last=max(last, default=None),
        count=int(count),
        cell_count=cell_count,
    )


def more_events(refresh: Refresh) -> Summed:
    """Totals with the events that came."""
    rows = refresh.about.rows
    start = counting_from(refresh.layout, refresh.about.first)
    if refresh.new[EVENTS]:
        events = refresh.read(EVENTS)
        rows = rows + rows_of(refresh.warehouse, refresh.layout, events, start, refresh.now)
        refresh.put("new", within(events, start, refresh.now))
    else:
        refresh.run("CREATE TEMP TABLE new AS FROM kept.waiting LIMIT 0")
    refresh.run(
        'CREATE TEMP TABLE met AS SELECT unit, "first", cell FROM kept.firsts SEMI JOIN new USING (unit)'
    )
    _see_repeated(refresh)
    _gather(refresh, start)
    _add(refresh)
    totals = refresh.warehouse.backend.table("totals", database=(NAME, "main"))
    return Summed(totals=totals, rows=rows)


def _see_repeated(refresh: Refresh) -> None:
    """Units with a new event that was there before are counted anew, unless all of theirs are at hand."""
    events = refresh.table("new")
    if "id" not in events.columns:
        return
    refresh.put("prints", events.filter(events.id.notnull()).select("unit", key=fingerprint(events.id)))
    refresh.run(
        "CREATE TEMP TABLE repeated AS SELECT DISTINCT key FROM kept.keys SEMI JOIN prints USING (key)"
    )
    refresh.run(
        "INSERT INTO concerned FROM met SEMI JOIN (FROM prints SEMI JOIN repeated USING (key)) USING (unit) "
        "ANTI JOIN concerned USING (unit) ANTI JOIN joining USING (unit) WHERE cell IS NOT NULL"
    )
    refresh.run("INSERT INTO kept.keys SELECT key FROM prints")


def _gather(refresh: Refresh, start: int) -> None:
    """All events that change a total, in `theirs`: new ones of known units, and all of those counted anew."""
    refresh.run(
        "CREATE TEMP TABLE theirs AS "
        "FROM new SEMI JOIN (FROM met WHERE cell IS NOT NULL) USING (unit) ANTI JOIN concerned USING (unit) "
        "UNION ALL FROM kept.waiting SEMI JOIN joining USING (unit)"
    )
    if refresh.one("SELECT count(*) FROM concerned")[0]:
        everything = within(refresh.read(EVENTS, everything=True), start, refresh.now)
        refresh.put("all_theirs", everything.semi_join(refresh.table("concerned"), "unit"))
        refresh.run("INSERT INTO theirs FROM all_theirs")
    refresh.run("DELETE FROM kept.waiting WHERE unit IN (SELECT unit FROM fresh)")
    refresh.run("INSERT INTO kept.waiting FROM new ANTI JOIN met USING (unit)")


def _add(refresh: Refresh) -> None:
    refresh.run(
        "CREATE TEMP TABLE counted AS FROM met WHERE cell IS NOT NULL UNION FROM joining UNION FROM concerned"
    )
    refresh.run(
        "DELETE FROM kept.totals WHERE unit IN "
        "(SELECT unit FROM concerned UNION ALL FROM late UNION ALL FROM crossing)"
    )
    theirs = once_each(refresh.warehouse, refresh.table("theirs"))
    refresh.put("more", totals_of(refresh.layout, refresh.table("counted"), theirs))
    numbers = ["events", "early", "repeats", *(f"kept{place}" for place in range(len(refresh.layout.kept)))]
    added = ", ".join(f"more.{name} + coalesce(old.{name}, 0)" for name in numbers)
    refresh.run(
        f"CREATE TEMP TABLE changed AS SELECT more.unit, more.cell, {added} "  # noqa: S608 (our own names)
        "FROM kept.totals AS old RIGHT JOIN more USING (unit)"
    )
    refresh.run("DELETE FROM kept.totals WHERE unit IN (SELECT unit FROM changed)")
    refresh.run("INSERT INTO kept.totals FROM changed")
