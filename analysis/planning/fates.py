"""What becomes of one release under one metric's rules: how likely each end is, when, and with what harm."""

from dataclasses import dataclass

import numpy as np

from analysis.design.clock import LookClock
from analysis.design.outcome import End, walk
from analysis.design.rules import Floats
from analysis.design.traffic import Traffic
from analysis.planning.absolute import Margin, promotion_times
from analysis.planning.questions import Question
from analysis.planning.schedule import Schedule

_PRACTICALLY_NEVER = 1e-9
_CURVE = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When runs end in one way, of those that do: treatment trials, and seconds since launch."""

    mean_requests: float
    median_requests: float
    mean_s: float
    median_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """One way to end before the horizon; `moment` is None where no run practically ends so."""

    probability: float
    moment: Moment | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ends:
    """Ends in order of time: when, in seconds, and how likely. `probability` is what they add up to."""

    at_s: Floats
    chances: Floats
    probability: float

    def by(self, seconds: Floats) -> Floats:
        """Probability to have ended so by each of these moments."""
        total = np.append(0.0, np.cumsum(self.chances))
        reached: Floats = total[np.searchsorted(self.at_s, seconds, side="right")]
        return np.minimum(reached, self.probability)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fate:
    """What becomes of a release.

    Attributes:
        excess: bad trials of the treatment more than control would have had, until the run ends; where more
            is better, good ones fewer.
        rollbacks, promotions: the same ends over time.
    """

    rollback: Ending
    promotion: Ending
    excess: float
    rollbacks: Ends
    promotions: Ends


def fate_of(
    question: Question, schedule: Schedule, ratio: float, interval_s: float, *, may_promote: bool = True
) -> Fate:
    """What becomes of a release that is worse by this ratio, harmful or harmless in this metric alone."""
    rollbacks, promotions = _ends(question, schedule, ratio, interval_s, may_promote=may_promote)
    extra = question.flow.base_rate * (1.0 - 1.0 / ratio if question.swapped else ratio - 1.0)
    left = max(0.0, 1.0 - rollbacks.probability - promotions.probability)
    served = left * float(schedule.treatment_by(np.array([schedule.seconds]))[0])
    served += sum(float(each.chances @ schedule.treatment_by(each.at_s)) for each in (rollbacks, promotions))
    return Fate(
        rollback=_ending(rollbacks, schedule),
        promotion=_ending(promotions, schedule),
        excess=extra * served,
        rollbacks=rollbacks,
        promotions=promotions,
    )


def moments(schedule: Schedule) -> Floats:
    """Moments of a run worth a look, in seconds, shape (looks,): closer together at the beginning."""
    even = np.linspace(0.0, schedule.seconds, _CURVE)
    early = np.geomspace(schedule.seconds / 2000.0, schedule.seconds, _CURVE)
    return np.unique(np.append(even, early))


def _ends(
    question: Question, schedule: Schedule, ratio: float, interval_s: float, *, may_promote: bool
) -> tuple[Ends, Ends]:
    truth = question.truth(ratio)
    traffic = schedule.traffic(max(truth.base_rate, truth.base_rate * ratio), interval_s)
    promotes = may_promote and schedule.complete
    outcome = walk(truth, traffic, rollback=question.harm, promotion=question.promotion if promotes else None)
    rollbacks = _in_time(outcome.rollback, schedule)
    if not promotes or not question.gap:
        return rollbacks, _in_time(outcome.promotion, schedule)
    return _whichever_first(rollbacks, _by_gap(question, schedule, ratio, traffic))


def _in_time(end: End, schedule: Schedule) -> Ends:
    """The walk's end in seconds: each bad trial at its expected moment."""
    clock = end.clock
    walked = (
        clock.look_requests[np.searchsorted(clock.look_errors, end.errors)]
        if isinstance(clock, LookClock)
        else np.interp(end.errors, clock.errors, clock.requests)
    )
    at = np.maximum(walked, end.earliest)
    within = end.chances * clock.seen(end.errors, clock.horizon)
    return Ends(at_s=schedule.time_at(at), chances=within, probability=end.probability)


def _by_gap(question: Question, schedule: Schedule, ratio: float, traffic: Traffic) -> Ends:
    margin = Margin(
        base_rate=question.flow.base_rate,
        gap=question.gap,
        ratio=1.0 + (question.metric.margin.relative or 0.0),
        log_threshold=question.log_promote,
    )
    requests, chances = promotion_times(question.truth(ratio), traffic, margin)
    return Ends(at_s=schedule.time_at(requests), chances=chances, probability=float(chances.sum()))


def _whichever_first(rollbacks: Ends, promotions: Ends) -> tuple[Ends, Ends]:
    """The two ends as if neither told anything of the other but who comes first."""
    rolled = rollbacks.chances * (1.0 - promotions.by(rollbacks.at_s))
    shown = promotions.chances * (1.0 - rollbacks.by(promotions.at_s))
    return (
        Ends(at_s=rollbacks.at_s, chances=rolled, probability=float(rolled.sum())),
        Ends(at_s=promotions.at_s, chances=shown, probability=float(shown.sum())),
    )


def _ending(ends: Ends, schedule: Schedule) -> Ending:
    weight = float(ends.chances.sum())
    if weight < _PRACTICALLY_NEVER:
        return Ending(probability=ends.probability, moment=None)
    served = schedule.treatment_by(ends.at_s)
    half = int(np.searchsorted(np.cumsum(ends.chances), 0.5 * weight))
    moment = Moment(
        mean_requests=float(ends.chances @ served) / weight,
        median_requests=float(served[half]),
        mean_s=float(ends.chances @ ends.at_s) / weight,
        median_s=float(ends.at_s[half]),
    )
    return Ending(probability=ends.probability, moment=moment)
