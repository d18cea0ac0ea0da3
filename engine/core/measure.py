"""What was measured in one window, or why nothing was: absence is a type, never a zero.

Counts are whole numbers per arm and window, already differenced, reset-corrected and summed over series.
Every reading may say how many pods each arm was read from (`pods`: control, treatment), and what each of them
counted (`by_pod`); None where the series do not tell.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from engine.core.model import Arm
from engine.core.plan import Stage
from engine.core.target import Weights


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The half-open time (start_s, end_s] in epoch seconds; index counts from 0 at launch, no gaps."""

    index: int
    start_s: float
    end_s: float


class MissingReason(StrEnum):
    """Why there is no measurement. Each one has its own wording and cure."""

    NO_SERIES = "no_series"
    NO_TRAFFIC = "no_traffic"
    STALE = "stale"
    NOT_A_NUMBER = "not_a_number"
    RESET = "reset"
    FOREIGN_SERIES = "foreign_series"
    AMBIGUOUS_SERIES = "ambiguous_series"
    PARTIAL = "partial"
    SOURCE_DOWN = "source_down"
    SOURCE_SLOW = "source_slow"
    SOURCE_ERROR = "source_error"
    BAD_QUERY = "bad_query"


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """No measurement; `detail` says which query and what came back, `arm` whose if it is one arm's."""

    reason: MissingReason
    detail: str
    arm: Arm | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trials:
    """Bad trials out of all trials in one arm."""

    bad: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """Trials per bucket in one arm, not cumulative.

    `bounds_s` are the finite upper bounds in seconds, ascending; `counts` has one more entry, for the trials
    above the last bound.
    """

    bounds_s: tuple[float, ...]
    counts: tuple[int, ...]

    @property
    def total(self) -> int:
        """All trials."""
        return sum(self.counts)

    def above(self, bound_s: float) -> int:
        """Trials slower than `bound_s`, which must be one of the bounds.

        >>> Histogram(bounds_s=(0.1, 0.5), counts=(90, 8, 2)).above(0.1)
        10
        """
        return sum(self.counts[self.bounds_s.index(bound_s) + 1 :])


@dataclass(frozen=True, slots=True, kw_only=True)
class PodCount:
    """What one pod counted in one window.

    Attributes:
        weight: what its part of its arm's sums should be like, did pods not differ: trials, values, or a
            denominator; 1 for events, which pods of an arm should have alike.
        sums: bad trials, events, a sum of values, or a numerator. For a distribution the sum of its trials'
            mid-ranks (0 to 1) in both arms' buckets and, with an objective, its trials above that.
    """

    pod: str
    weight: float
    sums: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ByPod:
    """What every pod of both arms counted in one window; pods without trials are left out."""

    control: tuple[PodCount, ...]
    treatment: tuple[PodCount, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialsReading:
    """A proportion or threshold metric in one window, both arms over the same time."""

    control: Trials
    treatment: Trials
    pods: tuple[int, int] | None = None
    by_pod: ByPod | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HistogramReading:
    """A distribution metric in one window, both arms over the same time and the same buckets."""

    control: Histogram
    treatment: Histogram
    pods: tuple[int, int] | None = None
    by_pod: ByPod | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsReading:
    """A count metric in one window: events per arm. Their expected shares are the window's weights."""

    control: int
    treatment: int
    pods: tuple[int, int] | None = None
    by_pod: ByPod | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """Values of one arm in one window: how many, their sum, and the sum of their squares (None: unknown)."""

    count: int
    sum: float
    sum_sq: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MomentsReading:
    """A mean metric in one window."""

    control: Moments
    treatment: Moments
    pods: tuple[int, int] | None = None
    by_pod: ByPod | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotient:
    """A ratio's two sums in one window, or a gauge's level over 1."""

    numerator: float
    denominator: float


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotientReading:
    """A ratio or gauge metric in one window."""

    control: Quotient
    treatment: Quotient
    pods: tuple[int, int] | None = None
    by_pod: ByPod | None = None


Measured = TrialsReading | HistogramReading | EventsReading | MomentsReading | QuotientReading
Reading = Measured | Missing


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """All metrics in one window; `readings` has every metric's name.

    `warm_up` windows are no evidence. `new_start` marks the first whole window after weights changed.
    `stage` is of the step that was current. `weights` are those in force all through the window, None when
    they may have changed in it or just before.
    """

    window: Window
    readings: Mapping[str, Reading]
    warm_up: bool = False
    new_start: bool = False
    stage: Stage = Stage.SPLIT
    weights: Weights | None = None
