"""What is kept of a look at a running experiment, so that the next one only reads what came since.

One DuckDB file per experiment, changed in one transaction or not at all. Nothing is computed here.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb
import ibis.expr.types as ir

from analysis.warehouse.connecting import Warehouse
from analysis.warehouse.files import paths_of
from analysis.warehouse.known import Known, known_in, text_of
from analysis.warehouse.layout import layout_of
from analysis.warehouse.sums import Rows
from engine.core.product import ProductPlan
from engine.errors import RampwiseError

VERSION = 2
"""Of these tables and of what is counted in them; a change of either counts it up. Others are not read."""
EXPOSURES, EVENTS = "exposures", "events"
NAME = "kept"
"""What the state is attached as."""


class NotKeptError(RampwiseError):
    """The state cannot be used, and the look is taken as if nothing was kept; says why."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class File:
    """A file of a table, as it was when it was read.

    Attributes:
        inode, noted_ns: of the file system, which tell also of a change that keeps size and time.
    """

    path: str
    size: int
    changed_ns: int
    noted_ns: int
    inode: int


Files = Mapping[str, tuple[File, ...]]
"""Per table, `EXPOSURES` and `EVENTS`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What the state holds, beside its tables.

    Attributes:
        digest: of all in the plan that shapes numbers of units. files: what was read.
        columns: names and types of both tables' columns as read. as_text: whether units were made text.
        now: time of the look, microseconds. first, last: as in `Exposed`.
        exposures: rows of units exposed since the start. incomplete: of exposures. rows: of events.
    """

    digest: str
    files: Files
    columns: Mapping[str, str]
    as_text: bool
    now: int
    first: int | None
    last: int | None
    exposures: int
    incomplete: int
    rows: Rows


def files_of(plan: ProductPlan) -> Files:
    """The files of both tables now. NotKeptError for anything but folders and files of Parquet."""
    folder = Path(plan.tables.warehouse)
    if not folder.is_dir():
        raise NotKeptError("Totals are only kept for a directory of Parquet files")
    names = {EXPOSURES: plan.tables.exposures, EVENTS: plan.tables.events}
    found = {table: tuple(_file(path) for path in paths_of(folder, name)) for table, name in names.items()}
    if any(Path(file.path).suffix != ".parquet" for files in found.values() for file in files):
        raise NotKeptError("Totals are only kept for Parquet files; columns of CSV have no types that stay")
    return found


def places_of(files: tuple[File, ...]) -> tuple[Path, ...]:
    """Where they are."""
    return tuple(Path(file.path) for file in files)


def columns_of(table: ir.Table) -> str:
    """Names and types."""
    return str(table.schema())


def since(about: About, files: Files) -> dict[str, tuple[Path, ...]]:
    """Files that came since the last look. NotKeptError when one that was read has changed or is gone."""
    fresh = {}
    for table, now in files.items():
        known, there = set(about.files[table]), set(now)
        if lost := sorted(known - there):
            raise NotKeptError(f"{lost[0].path} has changed or is gone since the last look")
        fresh[table] = tuple(Path(file.path) for file in now if file not in known)
    return fresh


def digest_of(plan: ProductPlan) -> str:
    """Of everything that numbers of units depend on, and of who counted them."""
    layout = layout_of(plan)
    shaping = (
        *(duckdb.__version__, layout.kept, sorted(layout.earlier.items())),
        *([share.variant for share in plan.shares], plan.dimensions, plan.exclusions),
        *(plan.starts_s, plan.ends_s, sorted(plan.tables.columns.items())),
    )
    return sha256(repr(shaping).encode()).hexdigest()


def place_of(plan: ProductPlan, folder: Path) -> Path:
    """The file of an experiment over its tables."""
    tables = plan.tables
    whose = (plan.name, str(Path(tables.warehouse).resolve()), tables.exposures, tables.events)
    return folder / f"{sha256(repr(whose).encode()).hexdigest()[:16]}.duckdb"


@dataclass(slots=True)
class State:
    """An open state: its tables are under `NAME`, in a transaction that nobody else sees yet.

    Attributes:
        about: what it holds, None for nothing that can be used. lacks: why there is none.
        keeps: whether the transaction is kept in the end.
    """

    connection: Any
    about: About | None
    lacks: str
    keeps: bool = True

    def again(self) -> None:
        """Forgets what this transaction did, and begins another."""
        self.connection.execute("ROLLBACK")
        self.connection.execute("BEGIN")

    def describe(self, about: About, known: Known) -> None:
        """Says what the tables hold from now on, and what they come to."""
        self.about = about
        self.connection.execute("CREATE OR REPLACE TABLE kept.about (value VARCHAR, known VARCHAR)")
        self.connection.execute("INSERT INTO kept.about VALUES (?, ?)", [_text(about), text_of(known)])

    def known(self) -> Known:
        """What the tables come to, where they hold anything."""
        (text,) = self.connection.execute("SELECT known FROM kept.about").fetchone()
        return known_in(text)


@contextmanager
def opened(warehouse: Warehouse, place: Path) -> Iterator[State]:
    """The state for the length of a block, which is kept when that ends without a fault.

    Raises:
        NotKeptError: another look has it, or it cannot be read.
    """
    connection = warehouse.backend.con
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        quoted = str(place).replace("'", "''")
        connection.execute(f"ATTACH '{quoted}' AS {NAME}")
    except (duckdb.Error, OSError) as fault:
        raise NotKeptError(
            f"{place} cannot be used now: another look has it, or else delete it "
            f"({str(fault).splitlines()[0][:160]})"
        ) from fault
    about, lacks = _about(connection)
    state = State(connection=connection, about=about, lacks=lacks)
    connection.execute("BEGIN")
    try:
        yield state
    except BaseException:
        state.keeps = False
        raise
    finally:
        connection.execute("COMMIT" if state.keeps else "ROLLBACK")
        connection.execute(f"DETACH {NAME}")


def _about(connection: Any) -> tuple[About | None, str]:
    there = "SELECT 1 FROM duckdb_tables() WHERE database_name = ? AND table_name = 'about'"
    if not connection.execute(there, [NAME]).fetchone():
        return None, "Nothing is kept yet"
    plain = json.loads(connection.execute("SELECT value FROM kept.about").fetchone()[0])
    if plain.pop("version", None) != VERSION:
        return None, "What is kept is of another version"
    return _read(plain), ""


def _text(about: About) -> str:
    plain = asdict(about)
    rows = plain["rows"]
    rows["days"] = list(rows["days"].items())
    rows["valueless"] = [[*key, count] for key, count in rows["valueless"].items()]
    return json.dumps({"version": VERSION} | plain)


def _read(plain: dict[str, Any]) -> About:
    rows = plain.pop("rows")
    days = {int(day): count for day, count in rows.pop("days")}
    valueless = {(event, value): count for event, value, count in rows.pop("valueless")}
    files = {table: tuple(File(**one) for one in found) for table, found in plain.pop("files").items()}
    return About(files=files, rows=Rows(days=days, valueless=valueless, **rows), **plain)


def _file(path: Path) -> File:
    found = path.stat()
    return File(
        path=str(path),
        size=found.st_size,
        changed_ns=found.st_mtime_ns,
        noted_ns=found.st_ctime_ns,
        inode=found.st_ino,
    )
