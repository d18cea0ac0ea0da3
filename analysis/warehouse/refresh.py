"""What the steps of a refresh work with: its connection, its temporary tables and the files that it reads."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ibis.expr.types as ir

from analysis.warehouse.connecting import Warehouse
from analysis.warehouse.known import Known
from analysis.warehouse.layout import Layout
from analysis.warehouse.reading import events_of, exposures_of, with_text_units
from analysis.warehouse.state import EVENTS, EXPOSURES, About, Files, NotKeptError, columns_of, places_of
from analysis.warehouse.sums import Summed
from analysis.warehouse.units import Exposed
from engine.core.product import ProductPlan

FIRSTS = ("unit", "first", "variant", "crossed", "started", "excluded", "cell")
"""What is kept of every unit that was exposed; no cell is of a unit that does not count."""
AHEAD = {EXPOSURES: "ahead_exposures", EVENTS: "ahead_events"}
"""Where rows of both tables are kept that are later than the look: some are not at the next one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a whole look and a refresh find alike, and what is to be remembered of it."""

    units: Exposed
    sums: Summed
    about: About


@dataclass(frozen=True, slots=True, kw_only=True)
class Refresh:
    """One refresh; temporary tables of its steps are in the connection.

    Attributes:
        files: those that are there at this look; what comes while it reads is for the next. new: those that
            the last look did not know.
    """

    warehouse: Warehouse
    plan: ProductPlan
    layout: Layout
    about: About
    known: Known
    files: Files
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
        only = places_of(self.files[which]) if everything else self.new[which]
        if which == EXPOSURES:
            table = exposures_of(self.warehouse, self.plan, only)
        else:
            table = events_of(self.warehouse, self.plan, self.layout, only)
        if columns_of(table) != self.about.columns[which]:
            raise NotKeptError(f"New files of {which} have other columns")
        return with_text_units(table) if self.about.as_text else table

    def came(self, which: str) -> ir.Table:
        """A table's rows that no look has counted: of new files, and those that were later than the last."""
        name, ahead = f"new_{which}", f"kept.{AHEAD[which]}"
        if self.new[which]:
            self.put(name, self.read(which))
            self.run(f"INSERT INTO {name} FROM {ahead}")
        else:
            self.run(f"CREATE TEMP TABLE {name} AS FROM {ahead}")
        self.run(f"CREATE OR REPLACE TABLE {ahead} AS FROM {name} WHERE unit IS NOT NULL AND us > {self.now}")
        return self.table(name)
