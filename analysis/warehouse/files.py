"""Tables that are files of a directory: one Parquet or CSV file, or a folder of them."""

from pathlib import Path

import ibis.expr.types as ir

from analysis.warehouse.connecting import Warehouse
from analysis.warehouse.errors import missing_table, told

_ENDINGS = (".parquet", ".csv", ".csv.gz")


def read_file(
    warehouse: Warehouse, name: str, time: str, values: tuple[str, ...], only: tuple[Path, ...] | None = None
) -> ir.Table:
    """The table that a name stands for: `NAME.parquet`, `NAME.csv`, or all such files in the folder `NAME`.

    With `only`, these files of it.

    Everything in a CSV file is text, so that a unit 007 stays one, but for the columns `time` and `values`.
    """
    folder = Path(warehouse.address.place)
    paths = paths_of(folder, name) if only is None else list(only)
    if not paths:
        found = [entry.name for entry in folder.iterdir() if entry.is_dir() or entry.name.endswith(_ENDINGS)]
        raise missing_table(name, warehouse.where, found)
    places = [str(path) for path in paths]
    with told(f"{folder / name}"):
        if paths[0].suffix == ".parquet":
            return warehouse.backend.read_parquet(places, union_by_name=True)
        guessed = warehouse.backend.read_csv(places, union_by_name=True).schema()
        types = dict.fromkeys(guessed, "VARCHAR")
        for column in {time, *values} & set(guessed):
            if guessed[column].is_numeric():
                types[column] = "DOUBLE"
        if time in guessed and guessed[time].is_temporal():
            del types[time]
        return warehouse.backend.read_csv(places, union_by_name=True, types=types)


def paths_of(folder: Path, name: str) -> list[Path]:
    """The files that a table is made of, in order; none where there is no such table."""
    for candidate in (folder / name, *(folder / f"{name}{ending}" for ending in _ENDINGS)):
        if candidate.is_file():
            return [candidate]
    for ending in _ENDINGS:
        inside = sorted((folder / name).rglob(f"*{ending}"))
        if inside:
            return inside
    return []
