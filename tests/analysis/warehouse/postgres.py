"""Tables of looks in PostgreSQL."""

from collections.abc import Sequence

import psycopg

from tests.analysis.warehouse.data import Event, Exposure, records

_TABLES = {
    "exposures": {
        "unit": "text",
        "variant": "text",
        "country": "text",
        "browser": "text",
        "staff": "text",
        "time": "timestamptz",
    },
    "events": {
        "unit": "text",
        "name": "text",
        "id": "text",
        "amount": "numeric(20, 6)",
        "time": "timestamptz",
    },
}


def write_postgresql(url: str, exposures: Sequence[Exposure], events: Sequence[Event]) -> None:
    """Both tables, made anew."""
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        for name, rows in (("exposures", records(exposures)), ("events", records(events))):
            columns = _TABLES[name]
            cursor.execute(f"DROP TABLE IF EXISTS {name}")
            cursor.execute(f"CREATE TABLE {name} ({', '.join(f'{c} {kind}' for c, kind in columns.items())})")
            with cursor.copy(f"COPY {name} ({', '.join(columns)}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row([row[column] for column in columns])
