"""Files of windows: what `rampwise replay --windows` and `--history` read, from CSV or Parquet.

`read_blocks` gives whole runs in blocks of arrays, in bounded memory. Nothing in here judges what it reads:
no statistics, no decisions, and no guess at what an empty cell might have been.
"""

from analysis.window_files.block import MetricColumns, RunBlock
from analysis.window_files.errors import (
    DuplicateRowError,
    MissingColumnError,
    UnknownNameError,
    UnreadableFileError,
    WindowFileError,
    WrongBucketsError,
    WrongValueError,
    WrongWeightError,
)
from analysis.window_files.reading import read_blocks

__all__ = [
    "DuplicateRowError",
    "MetricColumns",
    "MissingColumnError",
    "RunBlock",
    "UnknownNameError",
    "UnreadableFileError",
    "WindowFileError",
    "WrongBucketsError",
    "WrongValueError",
    "WrongWeightError",
    "read_blocks",
]
