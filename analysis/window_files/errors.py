"""What can be wrong with a file of windows. Every message says which file, where in it, and what is right.

WindowFileError
├── UnreadableFileError   not there, or neither CSV nor Parquet
├── MissingColumnError    a column that a metric's kind needs, or that says whose a row is
└── WrongRowError         a row, or a row beside others of its window
    ├── UnknownNameError  of a variant or metric that the experiment does not have
    ├── WrongValueError
    ├── WrongWeightError
    ├── WrongBucketsError
    └── DuplicateRowError
"""

from dataclasses import dataclass
from pathlib import Path

from engine.errors import UsageError


class WindowFileError(UsageError):
    """A file of windows cannot be used as it is."""


class UnreadableFileError(WindowFileError):
    """The file is not there, cannot be opened, or is neither CSV nor Parquet."""


class MissingColumnError(WindowFileError):
    """The file lacks a column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where in a file something is.

    Attributes:
        row: counted from 1, without the line of column names.
        run, window_end, metric, variant: as the file has them; run is "" where it has none.
    """

    path: Path
    row: int
    run: str
    window_end: str
    metric: str
    variant: str

    def __str__(self) -> str:
        run = f"run '{self.run}', " if self.run else ""
        return (
            f"{self.path}: row {self.row} ({run}window_end {self.window_end or 'empty'}, "
            f"metric '{self.metric}', variant '{self.variant}')"
        )


class WrongRowError(WindowFileError):
    """A row is wrong, by itself or beside others of its window."""

    def __init__(self, place: Place, fault: str) -> None:
        super().__init__(f"{place}: {fault}")
        self.place = place


class UnknownNameError(WrongRowError):
    """A row is of a variant or metric that the experiment does not have."""


class WrongValueError(WrongRowError):
    """A cell holds what its column cannot."""


class WrongWeightError(WrongRowError):
    """A weight is no percentage, or the rows of a window disagree about it."""


class WrongBucketsError(WrongRowError):
    """Buckets are not cumulative, not complete, or not those of the other windows."""


class DuplicateRowError(WrongRowError):
    """Two rows of the same run, window, metric and variant (and bucket)."""
