"""Error rates, power and delays of a case in a scenario, with standard errors. Simulates; judges nothing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from zlib import crc32

import numpy as np

from tests.simulation.kinds import Harm
from tests.simulation.scenarios import INDEPENDENT, SCENARIOS, Floats, iid, ramp
from tests.simulation.subjects import CASES, Case
from tests.simulation.watching import Ends, History, Regime, histories, watched

CHUNK_RUNS = 500
"""Runs drawn at a time; bounds memory."""
HISTORIES = 100
"""Histories drawn per case and scenario."""
LATE = {"harm from half-time": (iid, 0.5), "harm only from the 25 % step": (ramp, 0.5)}
"""Scenario, and the part of the run after which harm begins."""
_NO_OWN_LEVELS = ("shared bursts and trend", "daily cycle", "ramp with shared drift")


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """How many of so many runs."""

    happened: int
    runs: int

    @property
    def value(self) -> float:
        """As a fraction."""
        return self.happened / self.runs

    @property
    def error(self) -> float:
        """Standard error; of one run more or less where it is certain."""
        happened = min(max(self.happened, 0.5), self.runs - 0.5)
        return sqrt(happened * (self.runs - happened) / self.runs) / self.runs


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay:
    """Windows until something happened, runs without it counted at their length."""

    mean: float
    error: float
    median: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What is said of a case in one scenario under one regime; None where it does not apply."""

    traffic: str
    regime: Regime
    false_rollbacks: Share | None = None
    distrusted: Share | None = None
    wrong_promotions: Share | None = None
    found: Share
    found_after: Delay
    promoted: Share | None = None
    promoted_after: Delay | None = None


def traffics(name: str) -> Sequence[str]:
    """Scenarios that apply to a case."""
    one_arm = name == "threshold"
    return [each for each in (*SCENARIOS, *LATE) if not (one_arm and each in _NO_OWN_LEVELS)]


def rows(name: str, traffic: str, runs: int) -> Sequence[Row]:
    """The rows of a case in a scenario, one per regime; the seed follows from their names."""
    case = CASES[name]
    rng = np.random.default_rng(crc32(f"{name}: {traffic}".encode()))
    scenario = LATE[traffic][0] if traffic in LATE else SCENARIOS[traffic]
    past = histories(rng, case.subject, scenario, min(HISTORIES, runs))
    if traffic in LATE:
        return _late(rng, case, traffic, runs, past)
    regimes = [each for each in Regime if each is not Regime.DECLARED or traffic in INDEPENDENT]
    harms = dict.fromkeys((case.fine, case.margin, case.worse, case.good))
    ends = {harm: _ends(rng, case, traffic, regimes, harm, runs, past) for harm in harms}
    return [
        _row(case, traffic, regime, {harm: found[regime] for harm, found in ends.items()})
        for regime in regimes
    ]


def _late(rng: np.random.Generator, case: Case, traffic: str, runs: int, past: History) -> Sequence[Row]:
    scenario, part = LATE[traffic]
    onset = int(case.subject.windows * part)
    found = _joined(
        watched(rng, case.subject, scenario, list(Regime), case.worse, chunk, onset=onset, history=past)
        for chunk in chunks(runs)
    )
    left = case.subject.windows - onset
    return [
        Row(traffic=traffic, regime=regime, found=share(late), found_after=delay(late, left))
        for regime, ends in found.items()
        if len(late := ends.rolled_back[ends.rolled_back > onset] - onset)
    ]


def _ends(
    rng: np.random.Generator,
    case: Case,
    traffic: str,
    regimes: Sequence[Regime],
    harm: Harm,
    runs: int,
    past: History,
) -> Mapping[Regime, Ends]:
    scenario = SCENARIOS[traffic]
    return _joined(
        watched(rng, case.subject, scenario, regimes, harm, chunk, history=past) for chunk in chunks(runs)
    )


def chunks(runs: int) -> Sequence[int]:
    """Runs in parts that fit into memory."""
    return [min(CHUNK_RUNS, runs - first) for first in range(0, runs, CHUNK_RUNS)]


def _joined(parts: Iterable[Mapping[Regime, Ends]]) -> Mapping[Regime, Ends]:
    all_parts = list(parts)
    return {
        regime: Ends(
            rolled_back=np.concatenate([part[regime].rolled_back for part in all_parts]),
            promoted=np.concatenate([part[regime].promoted for part in all_parts]),
            distrusted=np.concatenate([part[regime].distrusted for part in all_parts]),
        )
        for regime in all_parts[0]
    }


def _row(case: Case, traffic: str, regime: Regime, ends: Mapping[Harm, Ends]) -> Row:
    fine, worse, good = ends[case.fine], ends[case.worse], ends[case.good]
    windows = case.subject.windows
    return Row(
        traffic=traffic,
        regime=regime,
        false_rollbacks=share(fine.rolled_back),
        distrusted=Share(happened=int(fine.distrusted.sum()), runs=len(fine.distrusted)),
        wrong_promotions=share(ends[case.margin].promoted),
        found=share(worse.rolled_back),
        found_after=delay(worse.rolled_back, windows),
        promoted=share(good.promoted),
        promoted_after=delay(good.promoted, windows),
    )


def share(ended: Floats) -> Share:
    """How many runs ended so; `ended` is infinite in those that did not."""
    return Share(happened=int(np.isfinite(ended).sum()), runs=len(ended))


def delay(ended: Floats, windows: int) -> Delay:
    """Windows until runs ended so, at most `windows`."""
    counted = np.minimum(ended, windows)
    return Delay(
        mean=float(counted.mean()),
        error=float(counted.std() / sqrt(len(counted))),
        median=float(np.median(counted)),
    )
