"""From what a look kept and the files that came since, to what a whole look would find.

Known units get the sums of their new events added. New ones are counted from what they did before, which was
kept waiting. Those of whom anything else changed (an earlier first exposure, an event that was there before)
are counted anew from all files, by what counts them in a whole look. Rows that were later than the last look
are kept aside, and come with the next. Statements in here name only our own columns; what users named is read
by Ibis.
"""

from dataclasses import replace
from typing import Any

import ibis.expr.types as ir

from analysis.warehouse.connecting import Warehouse
from analysis.warehouse.functions import fingerprint
from analysis.warehouse.known import Known
from analysis.warehouse.layout import layout_of
from analysis.warehouse.refresh import FIRSTS, Found, Refresh
from analysis.warehouse.state import EVENTS, EXPOSURES, NAME, About, Files, NotKeptError, since
from analysis.warehouse.sums import Changed, Summed, counting_from, once_each, rows_of, totals_of, within
from analysis.warehouse.units import Exposed, comparable, dimension_names, firsts_of, met, seen_of, strangers
from engine.core.product import ProductPlan


def refreshed(
    warehouse: Warehouse,
    plan: ProductPlan,
    about: About,
    known: Known,
    files: Files,
    now: int,
) -> Found:
    """Brings the state's tables up to date. NotKeptError when only a whole look will do."""
    layout = layout_of(plan)
    refresh = Refresh(
        warehouse=warehouse,
        plan=plan,
        layout=layout,
        about=about,
        known=known,
        files=files,
        new=since(about, files),
        now=now,
    )
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
    about, shown = refresh.about, 0
    rows = refresh.came(EXPOSURES)
    found = met(refresh.warehouse, refresh.plan, rows, refresh.now)
    if found["rows"]:
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
        refresh.put("corrected", firsts_of(refresh.warehouse, plan, of_late))
        if refresh.one(
            "SELECT count(*) FROM corrected JOIN known USING (unit) WHERE known.started > corrected.started"
        )[0]:
            raise NotKeptError("Somebody turns out to have been exposed before the start")
        refresh.run("DELETE FROM kept.firsts WHERE unit IN (FROM late)")
        _place(refresh, "corrected", "concerned")
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
        "CREATE TEMP TABLE cells AS SELECT cells.*, coalesce(units, 0) AS units "
        "FROM kept.cells AS cells LEFT JOIN "
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
    start = counting_from(refresh.layout, refresh.about.first)
    events = refresh.came(EVENTS)
    rows = refresh.about.rows + rows_of(refresh.warehouse, refresh.layout, events, start, refresh.now)
    refresh.put("new", within(events, start, refresh.now))
    refresh.run(
        'CREATE TEMP TABLE met AS SELECT unit, "first", cell FROM kept.firsts SEMI JOIN new USING (unit)'
    )
    _see_repeated(refresh)
    _gather(refresh, start)
    _add(refresh)
    totals = refresh.warehouse.backend.table("totals", database=(NAME, "main"))
    changed = Changed(rows=refresh.table("changed"), known=refresh.known)
    return Summed(totals=totals, rows=rows, changed=changed)


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
    theirs = once_each(refresh.warehouse, refresh.table("theirs"))
    refresh.put("more", totals_of(refresh.layout, refresh.table("counted"), theirs))
    numbers = ["events", "early", "repeats", *(f"kept{place}" for place in range(len(refresh.layout.kept)))]
    added = ", ".join(f"more.{name} + coalesce(old.{name}, 0) AS {name}" for name in numbers)
    refresh.run("CREATE TEMP TABLE anew AS FROM late UNION FROM crossing UNION SELECT unit FROM concerned")
    refresh.run(
        "CREATE TEMP TABLE was AS "
        "FROM kept.totals SEMI JOIN (FROM anew UNION ALL SELECT unit FROM more) USING (unit)"
    )
    refresh.run(
        f"CREATE TEMP TABLE became AS SELECT more.unit, more.cell, {added} "  # noqa: S608 (our own names)
        "FROM more LEFT JOIN (FROM was ANTI JOIN anew USING (unit)) AS old USING (unit)"
    )
    refresh.run("DELETE FROM kept.totals WHERE unit IN (SELECT unit FROM was)")
    refresh.run("INSERT INTO kept.totals FROM became")
    refresh.run(
        "CREATE TEMP VIEW changed AS "
        "SELECT *, 1::BIGINT AS sign FROM became UNION ALL SELECT *, -1::BIGINT FROM was"
    )
