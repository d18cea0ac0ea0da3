"""What may be chosen of a sample, which the command line lists. Imports nothing heavy."""

from enum import StrEnum


class Planted(StrEnum):
    """A fault to plant, named as an analysis names it when it is found."""

    SPLIT = "split"
    """In one browser, one exposure in thirteen of the treatment is lost: 52 to 48."""
    UNKNOWN_VARIANT = "unknown_variant"
    """In the middle of the experiment the treatment is renamed."""
    CROSSED = "crossed"
    """Some visitors are shown both variants."""
    BIASED_BEFORE = "biased_before"
    """Visitors who buy much are shown the treatment more often."""
    EARLY_UNEVEN = "early_uneven"
    """Some exposures of control alone are logged hours late."""
    MACHINES_UNEVEN = "machines_uneven"
    """A loop in the treatment's page makes visitors look like machines."""
    FUTURE = "future"
    """Some events come from a clock that is a month ahead."""
    EVENTS_ENDED = "events_ended"
    """For the last four days no event was recorded."""
    MISSING_DAY = "missing_day"
    """One day's exposures and events are lost."""
    VALUELESS = "valueless"
    """One order in ten has no value."""
    NO_EVENTS = "no_events"
    """Errors are recorded under another name than the metric's."""
    EARLY_EVENTS = "early_events"
    """Exposures are logged hours late, so that their events come before them."""
    DUPLICATES = "duplicates"
    """Some events are logged twice."""
    REPEATED = "repeated"
    """Every exposure is logged twice."""
    MACHINES = "machines"
    """A bot has 100,000 events."""
    BEFORE_START = "before_start"
    """One visitor in ten has seen the experiment before its start."""
    INCOMPLETE = "incomplete"
    """Some events are of nobody who is known."""
    OLD = "old"
    """Nothing has come in for five days."""


class Kept(StrEnum):
    """How tables are written."""

    PARQUET = "parquet"
    CSV = "csv"
