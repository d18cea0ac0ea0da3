"""The streams that every method of the comparison reads. Draws them; decides nothing.

One case is a kind of traffic with a known truth. All methods read the same seeded counts at the same looks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tests.simulation.scenarios import (
    Scenario,
    Shape,
    Stream,
    correlated,
    iid,
    over_dispersed,
    ramp,
    retry_storms,
)

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

BASE_RATE = 0.01
SHARE = 0.1
HORIZON_REQUESTS = 50_000
"""Treatment requests after which a run ends."""
HEALTHY_REQUESTS = 5_000
"""Treatment requests before late harm begins."""
HISTORY_WINDOWS = 2_000
STORM_SIZE = 3.0
CHUNK_RUNS = 250
"""Runs drawn and judged at a time; bounds memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One kind of traffic.

    Attributes:
        family: cases of one family differ in the harm only; its null says which methods are valid.
        per_look: treatment requests between two looks, when the treatment has a tenth of the traffic.
        ratio: the treatment's error rate over control's, from `onset_look` on; 1 before.
        clump: bad requests that come together on average; only their clumps are independent.
    """

    name: str
    family: str
    scenario: Scenario
    per_look: int
    looks: int
    ratio: float = 1.0
    onset_look: int = 0
    clump: float = 1.0

    @property
    def is_null(self) -> bool:
        """Whether nothing is wrong with the treatment."""
        return self.ratio == 1.0


def _by_request(name: str, ratio: float = 1.0, onset_look: int = 0) -> Case:
    """Independent requests, a look every 10 + 90."""
    looks = HORIZON_REQUESTS // 10
    return Case(
        name=name,
        family="independent",
        scenario=iid,
        per_look=10,
        looks=looks,
        ratio=ratio,
        onset_look=onset_look,
    )


def _by_window(name: str, scenario: Scenario, ratio: float = 1.0, clump: float = 1.0) -> Case:
    """1,000 windows of 1,000 requests, a look after each."""
    family = name.partition(",")[0]
    return Case(
        name=name, family=family, scenario=scenario, per_look=100, looks=1_000, ratio=ratio, clump=clump
    )


CASES: Sequence[Case] = (
    _by_request("independent, nothing wrong"),
    _by_request("independent, 1.5 times as bad", 1.5),
    _by_request("independent, 2 times as bad", 2.0),
    _by_request("independent, 3 times as bad", 3.0),
    _by_request("late harm, 2 times as bad", 2.0, HEALTHY_REQUESTS // 10),
    _by_window("ramp 5-10-25-50 % with shared drift, nothing wrong", ramp),
    _by_window("retry storms of 3, nothing wrong", retry_storms, clump=STORM_SIZE),
    _by_window("retry storms of 3, 1.5 times as bad", retry_storms, 1.5, clump=STORM_SIZE),
    _by_window("over-dispersion of arm and window cv 0.5, nothing wrong", over_dispersed(0.5)),
    _by_window("over-dispersion of arm and window cv 1, nothing wrong", over_dispersed(1.0)),
    _by_window("arm-specific AR(1) 0.8, nothing wrong", correlated(0.8)),
    _by_window("arm-specific AR(1) 0.95, nothing wrong", correlated(0.95)),
)


@dataclass(frozen=True, kw_only=True)
class Streams:
    """Counts between looks of many runs, each array of shape (runs, looks).

    Attributes:
        baseline_bad: bad requests of a control sample that is as large as the treatment, for methods that
            want arms of equal size.
        history: A/A windows of the same traffic, shape (runs, HISTORY_WINDOWS); only for methods that use it.
        per_look: treatment requests between looks (at a tenth of the traffic).
    """

    bad_treatment: Floats
    treatment: Floats
    bad_control: Floats
    control: Floats
    baseline_bad: Floats
    history: Stream
    per_look: int

    @cached_property
    def so_far(self) -> tuple[Floats, Floats, Floats, Floats]:
        """Running totals: bad and all of the treatment, bad and all of control."""
        counts = (self.bad_treatment, self.treatment, self.bad_control, self.control)
        sums = [np.cumsum(each, axis=1) for each in counts]
        return sums[0], sums[1], sums[2], sums[3]

    def per_interval(self, counts: Floats, requests: int) -> Floats:
        """Counts summed over intervals of so many treatment requests, whole looks each."""
        looks = requests // self.per_look
        intervals = counts.shape[1] // looks
        summed: Floats = counts[:, : intervals * looks].reshape(len(counts), intervals, looks).sum(axis=2)
        return summed


def draw(case: Case, seed: Sequence[int], runs: int) -> Streams:
    """So many runs of a case; the same seed gives the same counts."""
    rng = np.random.default_rng(seed)
    control, treatment = round(case.per_look / SHARE) - case.per_look, case.per_look
    ratio = np.where(np.arange(case.looks) >= case.onset_look, case.ratio, 1.0)
    shape = Shape(runs=runs, windows=case.looks, treatment=treatment, control=control, rate=BASE_RATE)
    stream = case.scenario(rng, shape, ratio)
    past = Shape(runs=runs, windows=HISTORY_WINDOWS, treatment=treatment, control=control, rate=BASE_RATE)
    good = (stream.control - stream.bad_control).astype(np.int64)
    sample = np.minimum(stream.treatment, stream.control).astype(np.int64)
    return Streams(
        bad_treatment=stream.bad_treatment,
        treatment=stream.treatment,
        bad_control=stream.bad_control,
        control=stream.control,
        baseline_bad=rng.hypergeometric(stream.bad_control.astype(np.int64), good, sample).astype(np.float64),
        history=case.scenario(rng, past, np.ones(HISTORY_WINDOWS)),
        per_look=case.per_look,
    )
