"""Ways from the tables to numbers, each for a process of its own: `python -m ….contestants NAME FOLDER`.

`floor` is one plain DuckDB pass to a total per user, which nobody can do without. tea-tasting goes on from
there to ten metrics with CUPED, pandas has seven from memory; both without dimensions, days, caps,
de-duplication and checks of the data. What importing takes is not counted.
"""

import json
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import ibis
import pandas as pd
import tea_tasting

from analysis.product.analyse import analyse
from analysis.report.product.page import page
from analysis.warehouse import Keep, look
from tests.benchmarks.ab import question

COUNTED = ("purchase", "cart", "visit", "search", "play")
SUMMED = (("purchase", "amount"), ("play", "minutes"))
AFTER, BEFORE = "time >= first", "time < first AND time >= first - INTERVAL 7 DAY"


def ours(folder: Path) -> str:
    """From Parquet to the page of the report, with everything on."""
    plan = question.plan(str(folder))
    return f"{len(page(analyse(plan, look(plan, question.AT_S), question.AT_S))):,} bytes of page"


def growing(folder: Path) -> str:
    """A whole look at an experiment that runs, to the same answer as `refresh`."""
    plan = question.plan(str(folder / "tables"))
    return f"{look(plan, question.AT_S).counted.events:,} events"


def first_kept(folder: Path) -> str:
    """The same before the last 1 % of the events came, keeping totals of users for later."""
    for name in ("exposures", "events"):
        _latest(folder, name).unlink(missing_ok=True)
    shutil.rmtree(folder / "kept", ignore_errors=True)
    plan = question.plan(str(folder / "tables"))
    look(plan, question.AT_S, Keep(folder=folder / "kept", say=_no_talk))
    return f"{sum(file.stat().st_size for file in (folder / 'kept').iterdir()) / 2**20:,.0f} MiB kept"


def put_latest(folder: Path) -> None:
    """The last 1 % of the events comes."""
    for name in ("exposures", "events"):
        _latest(folder, name).parent.mkdir(exist_ok=True)
        shutil.copy(folder / "latest" / f"{name}.parquet", _latest(folder, name))


def refresh(folder: Path) -> str:
    """A look that only reads what came."""
    plan, said = question.plan(str(folder / "tables")), list[str]()
    found = look(plan, question.AT_S, Keep(folder=folder / "kept", say=said.append))
    if said:
        raise AssertionError(said)
    return f"{found.counted.events:,} events"


def _latest(folder: Path, name: str) -> Path:
    return folder / "tables" / name / "latest" / "part.parquet"


def _no_talk(_text: str) -> None:
    pass


def floor(folder: Path) -> str:
    """One pass to a total per user."""
    with _connected(folder) as connection:
        [(users,)] = connection.execute("SELECT count(*) FROM users").fetchall()
    return f"{users:,} users"


def by_tea_tasting(folder: Path) -> str:
    """tea-tasting over the same totals in the same DuckDB."""
    mean, ratio = tea_tasting.Mean, tea_tasting.RatioOfMeans
    names = [*COUNTED, *(value for _, value in SUMMED)]
    metrics = {name: mean(name, f"{name}_before") for name in names}
    metrics |= {f"any_{name}": mean(f"any_{name}", f"any_{name}_before") for name in ("purchase", "cart")}
    metrics["order_value"] = ratio("amount", "purchase", "amount_before", "purchase_before")
    with _connected(folder) as connection:
        table = ibis.duckdb.from_connection(connection).table("users")
        found = tea_tasting.Experiment(metrics, variant="variant").analyze(table, control="old")
    return f"{len(found)} metrics"


def by_pandas(folder: Path) -> str:
    """Everything in memory, group by group."""
    exposures = pd.read_parquet(folder / "exposures.parquet", columns=["unit", "variant", "time"])
    first = exposures.groupby("unit").agg(first=("time", "min"), variant=("variant", "first"))
    events = pd.read_parquet(folder / "events.parquet").join(first, on="unit", how="inner")
    week = pd.Timedelta(days=7)
    after = events[events["time"] >= events["first"]]
    before = events[(events["time"] < events["first"]) & (events["time"] >= events["first"] - week)]
    found = 0
    for name in COUNTED:
        pair = [part[part["name"] == name].groupby("unit").size() for part in (after, before)]
        found += _adjusted(first, *pair)
    for name, value in SUMMED:
        pair = [part[part["name"] == name].groupby("unit")[value].sum() for part in (after, before)]
        found += _adjusted(first, *pair)
    return f"{found} metrics"


def _adjusted(first, after, before) -> int:  # type: ignore[no-untyped-def]
    """A mean per variant, adjusted by what was before."""
    frame = first.assign(y=after, x=before).fillna({"y": 0, "x": 0})
    theta = frame["y"].cov(frame["x"]) / frame["x"].var()
    adjusted = frame["y"] - theta * (frame["x"] - frame["x"].mean())
    adjusted.groupby(frame["variant"]).agg(["mean", "var", "size"])
    return 1


def _connected(folder: Path) -> duckdb.DuckDBPyConnection:
    """A connection with the table `users`: a row for each, totals after and before the exposure."""
    columns = []
    for suffix, when in (("", AFTER), ("_before", BEFORE)):
        columns += [f"count(*) FILTER (name = '{name}' AND {when}) AS {name}{suffix}" for name in COUNTED]
        columns += [
            f"coalesce(sum({value}) FILTER (name = '{name}' AND {when}), 0) AS {value}{suffix}"
            for name, value in SUMMED
        ]
        columns += [
            f"(count(*) FILTER (name = '{name}' AND {when}) > 0)::int AS any_{name}{suffix}"
            for name in ("purchase", "cart")
        ]
    settings = {"memory_limit": "3GB", "temp_directory": tempfile.mkdtemp()}
    connection = duckdb.connect(config=settings)
    connection.execute("SET preserve_insertion_order = false")
    connection.execute(f"""
        CREATE TEMP TABLE users AS
        SELECT unit, variant, {", ".join(columns)}
        FROM (SELECT unit, min(time) AS first, min(variant) AS variant
              FROM '{folder}/exposures.parquet' GROUP BY unit)
        LEFT JOIN '{folder}/events.parquet' USING (unit)
        GROUP BY unit, variant""")
    return connection


CONTESTANTS: dict[str, Callable[[Path], str]] = {
    "floor": floor,
    "ours": ours,
    "tea-tasting": by_tea_tasting,
    "pandas": by_pandas,
}
LOOKS: dict[str, Callable[[Path], str]] = {"first kept": first_kept, "refresh": refresh, "whole": growing}
"""Of a running experiment, in this order; `put_latest` comes after the first."""


def main() -> None:
    """Print seconds, those of processors, and the peak of memory as JSON."""
    name, folder = sys.argv[1:]
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    told = (CONTESTANTS | LOOKS)[name](Path(folder))
    took_s, cpu_s = time.perf_counter() - began_s, time.process_time() - began_cpu_s
    gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    row = {"seconds": took_s, "cpu_s": cpu_s, "gib": gib, "told": told}
    print(json.dumps(row))


if __name__ == "__main__":
    main()
