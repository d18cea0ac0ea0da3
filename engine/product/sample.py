"""Writes a sample shop to a directory: two tables and an experiment about them, to try it on.

The tables are what a shop would have: exposures (who was shown what, when) and events (who did what, when).
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

import duckdb
import numpy as np

from engine.errors import UsageError
from engine.product.choices import Kept
from engine.product.shop import (
    BROWSERS,
    COUNTRIES,
    KINDS,
    NAMES,
    VARIANTS,
    Rows,
    Shop,
    events_of,
    exposures_of,
    visitors_of,
)
from engine.product.spoiling import Tables, spoiled

EXPERIMENT = "experiment.yaml"
_PLANNED_DAYS = 28


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What was written.

    Attributes:
        experiment: its file. exposures, events: rows of the tables.
    """

    experiment: Path
    exposures: int
    events: int


def tables_of(shop: Shop) -> Tables:
    """Both tables in memory; the same for the same shop."""
    rng = np.random.default_rng(shop.seed)
    visitors = visitors_of(shop, rng)
    made = Tables(exposures=exposures_of(visitors), events=events_of(shop, visitors, rng))
    return spoiled(shop, made, rng)


def write_sample(directory: Path, shop: Shop, kept: Kept = Kept.PARQUET, *, over: bool = False) -> Sample:
    """Write tables and experiment; directories are made.

    Args:
        directory: where.
        shop: what.
        kept: the form of the tables.
        over: whether files that are there may go.

    Raises:
        UsageError: there is something already, or nothing can be written.
    """
    experiment = directory / EXPERIMENT
    paths = {name: directory / f"{name}.{kept}" for name in ("exposures", "events")}
    there = [path for path in (experiment, *paths.values()) if path.exists()]
    if there and not over:
        msg = f"{there[0]} exists already; choose another directory, or add --force"
        raise UsageError(msg)
    tables = tables_of(shop)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        _write(tables.exposures, _EXPOSURES, paths["exposures"], kept)
        _write(tables.events, _EVENTS, paths["events"], kept)
        experiment.write_text(experiment_text(shop), encoding="utf-8")
    except (OSError, duckdb.Error) as error:
        msg = f"cannot write to {directory}: {getattr(error, 'strerror', None) or error}"
        raise UsageError(msg) from error
    return Sample(
        experiment=experiment,
        exposures=len(tables.exposures["unit"]),
        events=len(tables.events["unit"]),
    )


def experiment_text(shop: Shop) -> str:
    """The experiment about this shop."""
    begun = datetime.fromtimestamp(shop.starts_s, UTC)
    text = files("engine.product").joinpath("sample.yaml").read_text(encoding="utf-8")
    planned = datetime.fromtimestamp(shop.starts_s + _PLANNED_DAYS * 86_400, UTC)
    return text.replace("2026-03-02", f"{begun:%Y-%m-%d}").replace("2026-03-30", f"{planned:%Y-%m-%d}")


def _listed(words: tuple[str, ...]) -> str:
    return "[" + ", ".join(f"'{word}'" for word in words) + "]"


_EXPOSURES = f"""
    printf('u%07d', unit) AS unit, make_timestamp(time_us) AS time,
    {_listed(VARIANTS)}[variant + 1] AS variant,
    {_listed(COUNTRIES)}[country + 1] AS country, {_listed(BROWSERS)}[browser + 1] AS browser,
    {_listed(KINDS)}[kind + 1] AS kind
"""
_EVENTS = f"""
    printf('e%09d', id) AS id, CASE WHEN unit >= 0 THEN printf('u%07d', unit) END AS unit,
    make_timestamp(time_us) AS time, {_listed(NAMES)}[name + 1] AS name,
    CASE WHEN value >= 0 THEN value / 100 END AS value
"""
_OPTIONS = {
    Kept.PARQUET: "FORMAT parquet",
    Kept.CSV: "FORMAT csv, HEADER, TIMESTAMPFORMAT '%Y-%m-%dT%H:%M:%S.%fZ'",
}


def _write(rows: Rows, columns: str, path: Path, kept: Kept) -> None:
    """DuckDB finds `rows` by its name."""
    target = str(path).replace("'", "''")
    with duckdb.connect() as connection:
        query = f"COPY (SELECT {columns} FROM rows) TO '{target}' ({_OPTIONS[kept]})"  # noqa: S608 (ours)
        connection.execute(query)
