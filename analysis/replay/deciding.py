"""The decisions of a batch of runs, window by window, by the engine's rules. Pure.

Harm first: per treatment the weighted average of its deciding metrics' e-processes, once it reaches
1/alpha_rollback (with several treatments, once it has in each). Then promotion: every deciding metric's own
evidence, now, with the floors and the estimate of this step alone, at the highest weight that was recorded.
Hold times, approvals, horizon and patience are not asked: the record shows what was waited for.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf, log

import numpy as np
from numpy.typing import NDArray

from analysis.replay.course import Course, course_of
from analysis.replay.feed import Bools, feed_of, planned_pct, treatment_total
from analysis.replay.history import Assumed
from analysis.replay.rows import Outcome, Row
from analysis.replay.watch import Watch, better, deciding, watch_of
from analysis.stats import methods
from analysis.stats.better import may_promote
from analysis.stats.mixture import Floats
from analysis.window_files import RunBlock
from engine.core.model import Experiment
from engine.core.plan import Stage
from engine.errors import UsageError

_NEVER = -1
_FULL = 0.75
"""A batch of which a smaller part is still undecided goes on without the others."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Batch:
    """Runs that are decided together.

    Attributes:
        runs: their places in the block. course: what was recorded besides metrics.
        latched: whether harm of each treatment was found, shape (runs, treatments).
        held: first window with an alarm that was not believed, -1 without.
    """

    runs: NDArray[np.intp]
    watches: tuple[Watch, ...]
    course: Course
    latched: Bools
    held: NDArray[np.int64]

    def only(self, places: NDArray[np.intp]) -> "_Batch":
        return _Batch(
            runs=self.runs[places],
            watches=tuple(watch.only(places) for watch in self.watches),
            course=self.course.only(places),
            latched=self.latched[places],
            held=self.held[places],
        )


def replay(
    experiment: Experiment, blocks: Iterable[RunBlock], assumed: Assumed | None = None
) -> Iterator[Row]:
    """One row per run, in order.

    Args:
        experiment: whose rules hold.
        blocks: whole runs.
        assumed: what history says about the metrics; without it the runs estimate their own dispersion.

    Raises:
        UsageError: the experiment never compares both arms at the same time, or a metric cannot be judged
            from what the blocks have.
    """
    if not deciding(experiment):
        msg = (
            f"{experiment.name} has no step in which control and treatment serve at the same time, so "
            "windows decide nothing; a blue/green release has one with `bridge`"
        )
        raise UsageError(msg)
    for block in blocks:
        yield from _rows(experiment, block, assumed or Assumed())


def _rows(experiment: Experiment, block: RunBlock, assumed: Assumed) -> Iterator[Row]:
    """Rows of a block; runs whose means have sums of squares are decided apart from those without."""
    planned = planned_pct(block)
    feeds = [feed_of(metric, block, planned) for metric in deciding(experiment)]
    course = course_of(experiment, block, planned)
    total = treatment_total(feeds[0].metric, block).cumsum(axis=1)
    decided: dict[int, Row] = {}
    kinds = np.stack([feed.spread_known for feed in feeds], axis=1)
    for kind in np.unique(kinds, axis=0):
        runs = np.flatnonzero((kinds == kind).all(axis=1))
        batch = _Batch(
            runs=runs,
            watches=tuple(watch_of(feed.only(runs), *assumed.of(feed.metric.name)) for feed in feeds),
            course=course.only(runs),
            latched=np.zeros((len(runs), len(experiment.treatments)), dtype=np.bool_),
            held=np.full(len(runs), _NEVER),
        )
        for run, outcome, window in _decided(experiment, batch):
            decided[run] = _row(block, total, run, outcome, window)
    yield from (decided[run] for run in range(len(block.runs)))


def _row(block: RunBlock, total: Floats, run: int, outcome: Outcome, window: int) -> Row:
    windows = int(block.lengths[run]) if window == _NEVER else window + 1
    return Row(
        run=block.runs[run],
        outcome=outcome,
        decided_at="" if window == _NEVER else block.window_ends[run][window],
        windows=windows,
        treatment_total=float(total[run, windows - 1]) if windows else 0.0,
        rule=outcome.rule,
    )


def _decided(experiment: Experiment, batch: _Batch) -> Iterator[tuple[int, Outcome, int]]:
    """Place in the block, outcome and window of every run, as they are decided or end."""
    open_ = np.ones(len(batch.runs), dtype=np.bool_)
    window = 0
    while open_.any():
        batch = _after(experiment, batch, window)
        harmful = open_ & batch.latched.all(axis=1)
        fine = open_ & ~harmful & _promotes(experiment, batch, window)
        for found, outcome in ((harmful, Outcome.ROLLED_BACK), (fine, Outcome.PROMOTED)):
            yield from ((int(batch.runs[place]), outcome, window) for place in np.flatnonzero(found))
        open_ &= ~(harmful | fine)
        window += 1
        ended = open_ & (batch.course.lengths <= window)
        if ended.any():
            yield from _undecided(batch, np.flatnonzero(ended))
            open_ &= ~ended
        if 0 < open_.sum() < _FULL * len(open_):
            batch = batch.only(np.flatnonzero(open_))
            open_ = np.ones(len(batch.runs), dtype=np.bool_)


def _after(experiment: Experiment, batch: _Batch, window: int) -> _Batch:
    """The batch after one more window."""
    course, log_alarm = batch.course, -log(experiment.alpha_rollback)
    watches = tuple(
        watch.at_change(course.changed[window], course.on_grid[window]).with_window(window, log_alarm)
        for watch in batch.watches
    )
    log_e = np.stack(
        [_log_e_of(experiment, watches, index) for index in range(len(experiment.treatments))], axis=1
    )
    alarmed = np.any([watch.doubted & (watch.state.log_e_harm >= log_alarm) for watch in watches], axis=0)
    return replace(
        batch,
        watches=watches,
        latched=batch.latched | (log_e >= log_alarm),
        held=np.where(alarmed & (batch.held == _NEVER), window, batch.held),
    )


def _log_e_of(experiment: Experiment, watches: Sequence[Watch], index: int) -> Floats:
    """Log of one treatment's weighted sum of e-values; metrics of other stages count as 1."""
    resting = sum(
        metric.weight
        for metric in experiment.metrics
        if metric.decides and metric.stage is not Stage.SPLIT and metric.treatment_index == index
    )
    own = [watch.log_weighted_e for watch in watches if watch.metric.treatment_index == index]
    first = np.full(len(watches[0].doubted), log(resting) if resting else -inf)
    summed: Floats = np.logaddexp.reduce([first, *own], axis=0)
    return summed


def _promotes(experiment: Experiment, batch: _Batch, window: int) -> Bools:
    """Whether any treatment that did no harm has what promotion takes."""
    may: Bools = batch.course.at_highest[window] & (batch.course.lengths > window)
    for watch in batch.watches if len(experiment.treatments) == 1 else ():
        may &= _may(watch, batch.course.floor[window], window)
    if not may.any():
        return may
    wins = _wins(experiment, batch.watches)
    shown = [
        _is_shown(experiment, batch, window, wins, index) & ~batch.latched[:, index]
        for index in range(len(experiment.treatments))
    ]
    promotes: Bools = may & np.any(shown, axis=0)
    return promotes


def _may(watch: Watch, floor: Floats, window: int) -> Bools:
    """What promotion takes besides evidence: a reading now, believed, and the floors."""
    may: Bools = watch.feed.counted[window] & ~watch.doubted & watch.has_floor(floor)
    return may


def _is_shown(experiment: Experiment, batch: _Batch, window: int, wins: Sequence[Bools], index: int) -> Bools:
    """Whether one treatment's metrics all say not worse or better, and one better where the plan needs it."""
    log_enough = -log(experiment.alpha_promote)
    shown = np.ones(len(batch.runs), dtype=np.bool_)
    is_better = np.zeros(len(batch.runs), dtype=np.bool_)
    for watch, wins_by in zip(batch.watches, wins, strict=True):
        if watch.metric.treatment_index != index:
            continue
        not_worse = watch.monitor.log_e_promote(watch.state) >= log_enough
        shown &= _may(watch, batch.course.floor[window], window) & watch.is_inside_margin()
        shown &= not_worse | wins_by
        is_better |= wins_by
    return shown & is_better if experiment.plan.needs_better else shown


def _wins(experiment: Experiment, watches: Sequence[Watch]) -> list[Bools]:
    """Per watch, whether it is better, by Holm over the treatments' objectives; see `stats.better`."""
    asked = [
        place
        for place, watch in enumerate(watches)
        if methods.asks_better(watch.metric) and may_promote(experiment, watch.metric)
    ]
    wins = [np.zeros(len(watches[0].doubted), dtype=np.bool_) for _ in watches]
    if asked:
        rejected = better([watches[place] for place in asked], experiment.alpha_promote)
        for place, found in zip(asked, rejected, strict=True):
            wins[place] = found & ~watches[place].doubted
    return wins


def _undecided(batch: _Batch, places: NDArray[np.intp]) -> Iterator[tuple[int, Outcome, int]]:
    """Runs that ended without a decision, and why, the worst first."""
    doubted = np.any([watch.doubted for watch in batch.watches], axis=0)
    measured = np.all([watch.feed.counted.any(axis=0) for watch in batch.watches], axis=0)
    for place in places:
        run = int(batch.runs[place])
        if doubted[place] or batch.held[place] != _NEVER:
            yield run, Outcome.UNTRUSTWORTHY, int(batch.held[place])
        elif not measured[place]:
            yield run, Outcome.NO_DATA, _NEVER
        else:
            yield run, Outcome.UNDECIDED, _NEVER
