"""Decides A/A runs, and runs that are worse by the margin, with an experiment's own rules, and counts errors.

Everything is decided twice: with the experiment as it is written, and with the dispersion that its history
shows. Drawing is seeded, so the same past gives the same numbers.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from analysis.calibration.cutting import AaRuns
from analysis.calibration.rates import Rate, rate_of
from analysis.calibration.worsening import can_be_worsened, worsened
from analysis.replay import Assumed, Outcome, deciding, learned, replay
from analysis.stats.history import HistoricDispersion
from analysis.window_files import RunBlock
from engine.core.model import Experiment, Metric

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a template does on the past.

    Attributes:
        false_rollback: share of A/A runs that were rolled back; alpha_rollback is promised.
        promoted: share of A/A runs that were promoted: the chance of a release that changes nothing.
        untrustworthy: share of A/A runs that raised an alarm which was not believed.
        wrong_promotion: per metric, as declared, the share of runs promoted in which it was worse by its
            margin; alpha_promote is promised. None where it cannot be made so.
    """

    false_rollback: Rate
    promoted: Rate
    untrustworthy: Rate
    wrong_promotion: Mapping[str, Rate | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricPast:
    """What history says of one metric.

    Attributes:
        name: as the experiment has it. declared: its dispersion there, None where the run estimates it.
        known: dispersion and correlation as found, None where there is too little to say.
    """

    name: str
    measure: str
    declared: float | None
    known: HistoricDispersion | None

    @property
    def to_declare(self) -> float | None:
        """The dispersion as one would write it, rounded up; None where none can be believed."""
        if self.known is None or self.known.too_long:
            return None
        return math.ceil(self.known.value * 100.0) / 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What the past says about a template.

    Attributes:
        with_history: the same with what history says of dispersion; None where it says nothing.
        run_windows: windows of a run. interval_s: of a window. pods: the fewest of an arm, None if unknown.
    """

    as_written: Measured
    with_history: Measured | None
    metrics: tuple[MetricPast, ...]
    alpha_rollback: float
    alpha_promote: float
    run_windows: int
    interval_s: float
    pods: int | None

    @property
    def is_off(self) -> bool:
        """Whether the template as written breaks a promise."""
        return self.breaks(self.as_written)

    def breaks(self, measured: Measured) -> bool:
        """Whether even the lower limit of an error rate is above what is promised."""
        wrong = [rate for rate in measured.wrong_promotion.values() if rate is not None]
        return measured.false_rollback.low > self.alpha_rollback or any(
            rate.low > self.alpha_promote for rate in wrong
        )


def calibrate(experiment: Experiment, past: AaRuns, *, seed: int, tell: Tell) -> Calibration:
    """Measure a template on its service's past.

    Args:
        experiment: the template; all that decides in it has to be in the past.
        past: runs in which nothing differed.
        seed: of what is drawn.
        tell: told what comes next.

    Raises:
        UsageError: the experiment never compares both arms at the same time, or a metric cannot be judged
            from what the past has.
    """
    tell("dispersion and correlation")
    found = learned(experiment, past.stretches).by_metric
    metrics = tuple(_past_of(metric, found.get(metric.name)) for metric in deciding(experiment))
    to_declare = {metric.name: metric.to_declare for metric in metrics if metric.to_declare is not None}
    tell(f"{len(past.block.runs):,} runs with the experiment as it is")
    as_written = _measured(experiment, past, seed)
    with_history = None
    if to_declare:
        tell("the same with the dispersion found")
        with_history = _measured(_declaring(experiment, to_declare), past, seed)
    return Calibration(
        as_written=as_written,
        with_history=with_history,
        metrics=metrics,
        alpha_rollback=experiment.alpha_rollback,
        alpha_promote=experiment.alpha_promote,
        run_windows=past.windows,
        interval_s=experiment.interval_s,
        pods=past.pods,
    )


def _past_of(metric: Metric, known: HistoricDispersion | None) -> MetricPast:
    return MetricPast(
        name=metric.name, measure=metric.measure or metric.name, declared=metric.dispersion, known=known
    )


def _declaring(experiment: Experiment, dispersions: Mapping[str, float]) -> Experiment:
    """The experiment with these dispersions written into it."""
    return replace(
        experiment,
        metrics=tuple(
            replace(metric, dispersion=dispersions.get(metric.name, metric.dispersion))
            for metric in experiment.metrics
        ),
    )


def _measured(experiment: Experiment, past: AaRuns, seed: int) -> Measured:
    outcomes = _outcomes(experiment, past.block)
    rates = {
        outcome: rate_of(outcomes == outcome.value, past.independent)
        for outcome in (Outcome.ROLLED_BACK, Outcome.PROMOTED, Outcome.UNTRUSTWORTHY)
    }
    by_measure = {metric.measure or metric.name: metric for metric in deciding(experiment)}
    return Measured(
        false_rollback=rates[Outcome.ROLLED_BACK],
        promoted=rates[Outcome.PROMOTED],
        untrustworthy=rates[Outcome.UNTRUSTWORTHY],
        wrong_promotion={
            name: _wrong_promotion(experiment, metric, past, seed) for name, metric in by_measure.items()
        },
    )


def _wrong_promotion(experiment: Experiment, metric: Metric, past: AaRuns, seed: int) -> Rate | None:
    measured = past.block.metrics[metric.measure or metric.name].present.any()
    if not measured or not can_be_worsened(metric):
        return None
    worse = worsened(metric, past.block, np.random.default_rng(seed))
    if worse is None:
        return None
    return rate_of(_outcomes(experiment, worse) == Outcome.PROMOTED.value, past.independent)


def _outcomes(experiment: Experiment, block: RunBlock) -> NDArray[np.str_]:
    return np.array([row.outcome.value for row in replay(experiment, [block], Assumed())])
