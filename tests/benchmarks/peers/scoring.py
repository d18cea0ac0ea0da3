"""From alarms to numbers: how often, how soon, with what standard error, and next to what is possible."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from tests.benchmarks.peers.bound import least_requests
from tests.benchmarks.peers.streams import Bools, Case, Floats, Streams


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Where a method would roll back, (runs, looks), and which runs it ever called untrustworthy, (runs,)."""

    crosses: Bools
    untrustworthy: Bools


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarms:
    """First alarms of some runs, shape (runs,).

    Attributes:
        early: before the harm began (never in a case without onset).
        found: at or after it.
        requests: treatment requests from the onset to the alarm, to the end where there is none.
        untrustworthy: the method said that it cannot tell.
    """

    early: Bools
    found: Bools
    requests: Floats
    untrustworthy: Bools


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One method on one case.

    Attributes:
        found: share of runs with an alarm (null: false alarms), and its standard error.
        early: share of runs with an alarm before the harm began.
        untrustworthy: share of runs in which the method ever said that it cannot tell.
        mean_requests: treatment requests to the alarm over all runs without early alarm; a run that never
            alarms counts as its whole length, so this is a lower bound when `found` is below 1.
        mean_error: its standard error.
        median_requests: the same; None where fewer than half of the runs alarm.
        bound_ratio: mean over the Kullback-Leibler bound; None under the null.
        invalid: the family's false alarms exceed alpha by more than two standard errors.
    """

    method: str
    case: str
    is_null: bool
    runs: int
    found: float
    found_error: float
    early: float
    untrustworthy: float
    mean_requests: float
    mean_error: float
    median_requests: float | None
    bound_ratio: float | None
    invalid: bool


def first_alarms(judged: Judged, streams: Streams, onset_look: int) -> Alarms:
    """The first look of each run at which the method would roll back."""
    requests = streams.so_far[1]
    crosses = judged.crosses
    rows = np.arange(len(requests))
    any_alarm, first = crosses.any(axis=1), crosses.argmax(axis=1)
    early = any_alarm & (first < onset_look)
    found = any_alarm & ~early
    until = np.where(found, requests[rows, first], requests[:, -1])
    healthy = requests[:, onset_look - 1] if onset_look else 0.0
    return Alarms(early=early, found=found, requests=until - healthy, untrustworthy=judged.untrustworthy)


def together(parts: Sequence[Alarms]) -> Alarms:
    """Alarms of several chunks of runs as one."""
    return Alarms(
        early=np.concatenate([part.early for part in parts]),
        found=np.concatenate([part.found for part in parts]),
        requests=np.concatenate([part.requests for part in parts]),
        untrustworthy=np.concatenate([part.untrustworthy for part in parts]),
    )


def exceeds(rate: float, alpha: float, runs: int) -> bool:
    """Whether a false-alarm rate is above alpha by more than two standard errors of a rate of alpha."""
    return rate > alpha + 2 * sqrt(alpha * (1 - alpha) / runs)


def score(case: Case, method: str, alarms: Alarms, alpha: float, invalid: bool) -> Score:
    """One method's row."""
    runs = len(alarms.found)
    found = float(alarms.found.mean())
    waits = alarms.requests[~alarms.early]
    mean = float(waits.mean()) if len(waits) else float("nan")
    reached = alarms.found[~alarms.early].mean() >= 0.5 if len(waits) else False
    bound = None if case.is_null else least_requests(case.ratio, alpha, clump=case.clump)
    return Score(
        method=method,
        case=case.name,
        is_null=case.is_null,
        runs=runs,
        found=found,
        found_error=sqrt(found * (1 - found) / runs),
        early=float(alarms.early.mean()),
        untrustworthy=float(alarms.untrustworthy.mean()),
        mean_requests=mean,
        mean_error=float(waits.std() / sqrt(len(waits))) if len(waits) else float("nan"),
        median_requests=float(np.median(waits)) if reached else None,
        bound_ratio=None if bound is None else mean / bound,
        invalid=invalid,
    )


def score_all(alarms: Mapping[tuple[Case, str], Alarms], alpha: float) -> Sequence[Score]:
    """All rows, in the order given; a family's null says which methods are invalid in all its cases."""
    invalid = {
        (case.family, method): exceeds(float(each.found.mean()), alpha, len(each.found))
        for (case, method), each in alarms.items()
        if case.is_null
    }
    return [
        score(case, method, each, alpha, invalid[case.family, method])
        for (case, method), each in alarms.items()
    ]
