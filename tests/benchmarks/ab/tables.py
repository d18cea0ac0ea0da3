"""Exposures and events as Parquet files: ten events a user, made by DuckDB from hashes, always the same."""

from pathlib import Path

import duckdb

EVENTS_PER_USER = 10
DIMENSIONS = {
    "country": ("de", "fr", "us", "gb", "jp", "br", "in", "pl"),
    "browser": ("chrome", "firefox", "safari", "edge"),
    "platform": ("ios", "android", "web"),
    "tier": ("free", "pro", "team"),
    "channel": ("ads", "seo", "mail", "direct", "app"),
}
NAMES = ("visit", "visit", "visit", "visit", "cart", "cart", "purchase", "search", "search", "play")
_DAY_US = 86_400_000_000


def write(folder: Path, events: int) -> None:
    """Write `exposures.parquet` and `events.parquet` unless they are there."""
    folder.mkdir(parents=True, exist_ok=True)
    users = events // EVENTS_PER_USER
    with duckdb.connect(config={"memory_limit": "3GB"}) as connection:
        for name, query in (("exposures", _exposures(users)), ("events", _events(events, users))):
            file, part = folder / f"{name}.parquet", folder / f"{name}.part"
            if not file.exists():
                connection.execute(f"COPY ({query}) TO '{part}' (FORMAT parquet)")
                part.rename(file)


def _exposures(users: int) -> str:
    """A week before and two weeks of exposures, split evenly."""
    dimensions = ", ".join(
        f"{list(values)}[(1 + hash(i * {3 + 2 * place}) % {len(values)})::int] AS {name}"
        for place, (name, values) in enumerate(DIMENSIONS.items())
    )
    return f"""
        SELECT 'user-' || lpad(i::varchar, 9, '0') AS unit,
               CASE WHEN hash(i) % 2 = 0 THEN 'old' ELSE 'new' END AS variant,
               TIMESTAMP '2026-09-01' + to_microseconds((hash(i * 7 + 1) % {14 * _DAY_US})::bigint) AS time,
               {dimensions}
        FROM range({users}) t(i)"""


def _events(events: int, users: int) -> str:
    """Four weeks of events of all users, from a week before the first exposure."""
    return f"""
        SELECT 'user-' || lpad((hash(i * 19 + 1) % {users})::varchar, 9, '0') AS unit,
               TIMESTAMP '2026-08-25' + to_microseconds((hash(i * 23 + 2) % {28 * _DAY_US})::bigint) AS time,
               {list(NAMES)}[(1 + hash(i * 29 + 3) % {len(NAMES)})::int] AS name,
               (hash(i) >> 1)::bigint AS id,
               ((hash(i * 31 + 4) % 20000) / 100.0)::double AS amount,
               ((hash(i * 37 + 5) % 6000) / 10.0)::double AS minutes
        FROM range({events}) t(i)"""


PARTS = 20
"""Files of the part that a refresh does not read."""
_END = "TIMESTAMP '2026-09-15'"
_NEW_S = 21 * 86_400 // 100
"""The last of a hundred equal parts of three weeks."""


def write_growing(folder: Path, events: int) -> Path:
    """Write the tables of an experiment that runs until the last exposure, by time in files.

    The last 1 % of the events, with the exposures of that time, are in a folder of their own, which is given
    back: `exposures.parquet` and `events.parquet`. Nothing is written when they are there.
    """
    users = events // EVENTS_PER_USER
    latest = folder / "latest"
    if latest.exists():
        return latest
    for place in (latest, folder / "tables"):
        place.mkdir(parents=True)
    queries = {"exposures": _exposures(users), "events": _events(events * 4 // 3, users)}
    with duckdb.connect(config={"memory_limit": "3GB"}) as connection:
        for name, query in queries.items():
            by_time = f"""
                SELECT *, (date_diff('second', TIMESTAMP '2026-08-25', time) * {PARTS + 1} // {21 * 86_400})
                    ::int AS part
                FROM ({query}) WHERE time < {_END}"""
            until = f"{_END} - INTERVAL {_NEW_S} SECOND"
            connection.execute(
                f"COPY (FROM ({by_time}) WHERE time < {until}) TO '{folder / 'tables' / name}' "
                "(FORMAT parquet, PARTITION_BY (part))"
            )
            connection.execute(
                f"COPY (SELECT * EXCLUDE (part) FROM ({by_time}) WHERE time >= {until}) "
                f"TO '{latest / name}.parquet' (FORMAT parquet)"
            )
    return latest
