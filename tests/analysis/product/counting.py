"""What was found in tables, for tests: nothing at all, but for what a test says."""

from dataclasses import replace
from typing import Any

from analysis.product.totals import Counted

NOTHING = Counted(
    exposures=0,
    repeated=0,
    events=0,
    duplicates=0,
    early=0,
    early_units={},
    crossed=0,
    excluded=0,
    before_start=0,
    machines={},
    unknown={},
    future=0,
    incomplete=0,
    valueless={},
    first_s=None,
    last_s=None,
    days={},
    events_by_day={},
    events_by_name={},
)


def counted(**changes: Any) -> Counted:
    """Empty tables, with these counts in the place of theirs."""
    return replace(NOTHING, **changes)
