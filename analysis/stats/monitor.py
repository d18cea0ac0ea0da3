"""One metric, watched window by window in many runs at once: the state, and what the state says. Pure.

Every array has a leading axis of runs, which have nothing to do with each other; a live run is a batch of
one. Feed every window exactly once, in order. All that is kept are sums, so a monitor can be stopped and
taken up again at any window. It draws no conclusion for an experiment of several metrics; `analysis.evaluate`
does.
"""

from dataclasses import dataclass, replace
from math import inf, log

import numpy as np
from numpy.typing import NDArray

from analysis.stats import dispersion as spreading
from analysis.stats import gross as grossly
from analysis.stats import pods as clusters
from analysis.stats import starts as starting
from analysis.stats.counts import Counts
from analysis.stats.dispersion import Blocks, Dispersion
from analysis.stats.gross import Gross
from analysis.stats.increments import Increments, Method, increments_of
from analysis.stats.mixture import Floats
from analysis.stats.pods import PodCounts, PodSums
from analysis.stats.starts import Starts

TOTALS = 7
_TREATMENT_BAD, _CONTROL_BAD = 4, 5
_PSEUDO = 4.0
_LARGEST_RATIO = 2.0
_REESTIMATED_EVERY = 8
_BEYOND_DOUBT = log(100.0)
"""Log e-value that is believed whatever the correlation, once it is divided by the growth, too."""
_YOUNG_WINDOWS = 64
_DOUBT, _DOUBT_IN_RUN = 1.15, 1.35
"""A treatment at its margin varies more than one like control: promotion takes the excess over 1 larger."""
_PROMOTING_TAILS = 2.0
"""So does its pods' share of that: promotion takes the tail of few pods twice."""
_GROSS, _REST = log(0.1), log(0.9)
"""Parts of the evidence of harm that are bet on gross harm, and on the rest; see `gross`."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class State:
    """What the windows so far add up to; see `increments.Increments` for the columns.

    Attributes:
        totals: shape (runs, 7); step: the first four of them when the present step began.
        dispersion: as used now, shape (runs,). growth: long blocks over short ones, shape (runs,).
        log_e_harm: of the mixture over starts, now; log_e_harm_max: its largest so far, of windows in which
            correlation was not too long.
        windows, exact_windows: how many counted, and in the exact form, shape (runs,).
        pods: what single pods add up to; None where they are not told apart.
        gross: bets on gross harm; None where it is not watched for.
    """

    harm: Floats
    promote: Floats
    better: Floats
    effect: Floats
    memory: Floats
    totals: Floats
    step: Floats
    starts: Starts
    blocks: Blocks
    dispersion: Floats
    growth: Floats
    log_e_harm: Floats
    log_e_harm_max: Floats
    windows: Floats
    exact_windows: Floats
    pods: PodSums | None = None
    gross: Gross | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitor:
    """How one metric is watched.

    Attributes:
        method: the metric's statistics.
        dispersion: known before the run, at least 1; None lets the run estimate it.
        first_start: evidence bet on the run's first window; 1 opens no later starts.
        ratio_matters: a difference between the arms raises the variance of counts beyond what scores assume.
        most_swing: how much of a window's variance slow swings may explain, in a young run without history
            (see `dispersion`): 0 where arms do not swing.
        watches_gross: whether harm that no swing explains is watched for while dispersion is not known, see
            `gross`. higher_is_better: as the metric says; only that needs it.
    """

    method: Method
    dispersion: float | None = None
    first_start: float = starting.FIRST
    ratio_matters: bool = True
    most_swing: float = inf
    watches_gross: bool = False
    higher_is_better: bool = False

    def start(self, runs: int = 1) -> State:
        """Nothing seen yet, in so many runs."""
        widths = self.method.widths
        known = 1.0 if self.dispersion is None else self.dispersion
        return State(
            harm=np.zeros((runs, widths.harm)),
            promote=np.zeros((runs, widths.promote)),
            better=np.zeros((runs, widths.better)),
            effect=np.zeros((runs, widths.effect)),
            memory=np.zeros((runs, widths.memory)),
            totals=np.zeros((runs, TOTALS)),
            step=np.zeros((runs, 4)),
            starts=starting.begin(runs, widths.harm, self.first_start),
            blocks=spreading.no_blocks(runs, widths.scores),
            dispersion=np.full(runs, max(1.0, known)),
            growth=np.ones(runs),
            log_e_harm=np.zeros(runs),
            log_e_harm_max=np.zeros(runs),
            windows=np.zeros(runs),
            exact_windows=np.zeros(runs),
            gross=grossly.no_bets(runs) if self._looks_for_gross else None,
        )

    @property
    def _looks_for_gross(self) -> bool:
        """With a known dispersion no swing has to be feared, and gross harm is found as all other harm."""
        return self.watches_gross and self.dispersion is None

    def update(
        self,
        state: State,
        counts: Counts,
        counted: NDArray[np.bool_] | None = None,
        pods: PodCounts | None = None,
    ) -> State:
        """State after one more window.

        Args:
            state: before it.
            counts: of the window; zeros in runs where nothing was measured.
            counted: which runs have the window, shape (runs,); all by default.
            pods: what every pod had of it; None where they are not told apart.
        """
        new = increments_of(self.method, counts, state.memory, state.totals)
        totals = state.totals + new.totals
        blocks = (
            state.blocks if self.dispersion is not None else spreading.with_window(state.blocks, new.scores)
        )
        used = self._dispersion(state, blocks, totals)
        dispersion, by_pod = _with_pods(state.pods, pods, new, used.value)
        harm = state.harm + new.harm
        gross = self._gross(state, counts, counted)
        log_e = _with_gross(_trusted(self._log_e_harm(harm, state.starts, dispersion), by_pod), gross)
        return State(
            harm=harm,
            promote=state.promote + new.promote,
            better=state.better + new.better,
            effect=state.effect + new.effect,
            memory=new.memory,
            totals=totals,
            step=state.step,
            starts=state.starts,
            blocks=blocks,
            dispersion=dispersion,
            growth=used.growth,
            log_e_harm=log_e,
            log_e_harm_max=self._largest(state.log_e_harm_max, log_e, used.growth, gross),
            windows=state.windows + (1.0 if counted is None else counted),
            exact_windows=state.exact_windows + new.exact,
            pods=by_pod,
            gross=gross,
        )

    def _gross(self, state: State, counts: Counts, counted: NDArray[np.bool_] | None) -> Gross | None:
        """Bets after one more window; they begin here in runs that were stored without."""
        if not self._looks_for_gross:
            return None
        before = state.gross or grossly.no_bets(len(state.windows))
        return grossly.with_window(before, counts, counted, higher_is_better=self.higher_is_better)

    def with_start(self, state: State, part: float | Floats) -> State:
        """State in which harm may have begun here, betting `part` of what waits; see `starts`."""
        by_start = self._by_start(state.harm, state.starts, state.dispersion)
        parts = np.broadcast_to(np.asarray(part, dtype=np.float64), state.windows.shape)
        return replace(state, starts=starting.opened(state.starts, by_start, state.harm, parts))

    def with_step(self, state: State, where: NDArray[np.bool_] | None = None) -> State:
        """State in which a step begins, in the runs `where` (all by default): its totals start at zero."""
        now = state.totals[:, :4]
        return replace(state, step=now if where is None else np.where(where[:, None], now, state.step))

    def log_e_promote(self, state: State) -> Floats:
        """Log e-value against "worse by the margin or more", now, shape (runs,).

        It is at most 0 while windows stay correlated for too long.
        """
        doubt = _DOUBT_IN_RUN if self.dispersion is None else _DOUBT
        log_e = self.method.log_e_promote(state.promote, 1.0 + doubt * (state.dispersion - 1.0))
        log_e = _trusted(log_e, state.pods, _PROMOTING_TAILS)
        return np.where(self.is_too_correlated(state), np.minimum(log_e, 0.0), log_e)

    def log_e_better(self, state: State) -> Floats:
        """Log e-value against "not better than control", now, shape (runs,)."""
        return _trusted(self.method.log_e_better(state.better, state.dispersion), state.pods)

    def is_too_correlated(self, state: State) -> NDArray[np.bool_]:
        """Whether windows stay correlated for too long to believe an alarm, shape (runs,)."""
        return _is_doubtful(state.log_e_harm, state.growth, state.gross)

    def _largest(self, before: Floats, log_e: Floats, growth: Floats, gross: Gross | None) -> Floats:
        """The largest evidence so far, of windows in which correlation was not too long."""
        larger = np.maximum(before, log_e)
        if self.dispersion is not None:
            return larger
        return np.where(_is_doubtful(log_e, growth, gross), before, larger)

    def _dispersion(self, state: State, blocks: Blocks, totals: Floats) -> Dispersion:
        if self.dispersion is not None or not _is_due(blocks.windows):
            within = state.dispersion if state.pods is None else state.pods.within
            return Dispersion(value=within, growth=state.growth)
        information = self.method.swinging(blocks.information, totals)
        swinging = np.minimum(information, self.most_swing * blocks.windows)
        return spreading.estimated(blocks, self._expected_ratio(totals)[:, None], swinging)

    def _expected_ratio(self, totals: Floats) -> Floats:
        """Variance of the treatment's share of bad trials at the observed risk ratio, over that at 1."""
        if not self.ratio_matters:
            return np.ones(len(totals))
        ratio = (totals[:, _TREATMENT_BAD] + _PSEUDO) / (totals[:, _CONTROL_BAD] + _PSEUDO)
        ratio = np.clip(ratio, 1.0, _LARGEST_RATIO)
        share = totals[:, 1] / np.maximum(totals[:, 1] + totals[:, 3], 1e-300)
        expected: Floats = ratio / (1.0 - share + share * ratio) ** 2
        return np.maximum(expected, 1.0)

    def _by_start(self, harm: Floats, starts: Starts, used: Floats) -> Floats:
        return self.method.log_e_harm(harm[:, None, :] - starts.sums, used[:, None])

    def _log_e_harm(self, harm: Floats, starts: Starts, used: Floats) -> Floats:
        return starting.log_mix_starts(starts, self._by_start(harm, starts, used))


def _with_pods(
    before: PodSums | None, pods: PodCounts | None, new: Increments, within: Floats
) -> tuple[Floats, PodSums | None]:
    """Dispersion with what pods add, and their sums; without any it is that of windows alone."""
    if pods is not None:
        known = before or clusters.no_pods_of(pods)
        all_t, all_c = new.totals[:, 1], new.totals[:, 3]
        share = all_t / np.maximum(all_t + all_c, 1e-300)
        before = clusters.with_window(known, pods, share, new.scores)
    return (within, None) if before is None else clusters.with_pods(before, within)


def _trusted(log_e: Floats, pods: PodSums | None, tails: float = 1.0) -> Floats:
    """As much of the evidence as so few pods allow."""
    return log_e if pods is None else clusters.at_most_student(log_e, pods.freedom, tails)


def _with_gross(log_e: Floats, gross: Gross | None) -> Floats:
    """The mixture with the evidence of gross harm, if that is watched for."""
    if gross is None:
        return log_e
    mixed: Floats = np.logaddexp(_REST + log_e, _GROSS + gross.log_e)
    return mixed


def _is_doubtful(log_e: Floats, growth: Floats, gross: Gross | None) -> NDArray[np.bool_]:
    """Correlation that is too long, unless evidence is beyond doubt: gross, or with a larger dispersion."""
    doubtful: NDArray[np.bool_] = (growth > spreading.TOO_LONG) & (log_e < _BEYOND_DOUBT * growth)
    if gross is not None:
        doubtful &= _GROSS + gross.log_e < _BEYOND_DOUBT
    return doubtful


def _is_due(windows: int) -> bool:
    """Whether to estimate dispersion at this window: always at first, then often enough."""
    return windows <= _YOUNG_WINDOWS or windows % _REESTIMATED_EVERY == 0
