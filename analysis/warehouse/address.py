"""What a warehouse's address says: which engine, where, and that it holds no password. Opens nothing."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from analysis.warehouse.errors import WarehouseError

PASSWORD_VARIABLE = "RAMPWISE_WAREHOUSE_PASSWORD"  # noqa: S105 (the name of a variable)
"""Where engines other than PostgreSQL, whose client reads PGPASSWORD, get it from."""


class Engine(StrEnum):
    """Which query engine does the work."""

    FILES = "files"
    """DuckDB over Parquet or CSV files of a directory."""
    DUCKDB = "duckdb"
    POSTGRESQL = "postgresql"
    SPARK = "spark"
    OTHER = "other"
    """Whatever else Ibis speaks; never tested here."""


_SCHEMES = {
    "duckdb": Engine.DUCKDB,
    "postgres": Engine.POSTGRESQL,
    "postgresql": Engine.POSTGRESQL,
    "pyspark": Engine.SPARK,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where the tables are.

    Attributes:
        place: the directory or file, for those; else the whole URL. scheme: of the URL; empty for files.
    """

    engine: Engine
    place: str
    scheme: str = ""


def address_of(warehouse: str) -> Address:
    """What an address means. WarehouseError when it holds a password, or there is no such file."""
    if "://" not in warehouse:
        if not Path(warehouse).is_dir():
            raise WarehouseError(
                f"`{warehouse}` is no directory; `warehouse` is a directory of Parquet or CSV files, "
                "duckdb://FILE, postgres://USER@HOST/DATABASE or pyspark://"
            )
        return Address(engine=Engine.FILES, place=warehouse)
    scheme = warehouse.partition("://")[0].lower()
    engine = _SCHEMES.get(scheme, Engine.OTHER)
    _refuse_password(warehouse, engine)
    if engine is Engine.DUCKDB:
        return Address(engine=engine, place=_file(warehouse), scheme=scheme)
    return Address(engine=engine, place=warehouse, scheme=scheme)


def untested_engine(warehouse: str) -> str | None:
    """The engine's name when nobody has tested Rampwise with it, so that a report can say so."""
    address = address_of(warehouse)
    return address.scheme if address.engine is Engine.OTHER else None


def _file(warehouse: str) -> str:
    path = warehouse.partition("://")[2]
    if not Path(path).is_file():
        raise WarehouseError(
            f"{warehouse}: there is no file `{path}`; write duckdb:// and its path, as in duckdb:///data/shop.duckdb"
        )
    return path


def _refuse_password(warehouse: str, engine: Engine) -> None:
    parts = urlsplit(warehouse)
    if not parts.password and "password" not in parse_qs(parts.query):
        return
    variable = "PGPASSWORD" if engine is Engine.POSTGRESQL else PASSWORD_VARIABLE
    raise WarehouseError(
        f"the address of {parts.hostname or 'the warehouse'} holds a password, which would end up in "
        f"reports and logs; take it out and set the variable {variable} instead"
    )
