"""What A/A windows of the same service say about how far its metrics can be believed. Decides nothing."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from analysis.replay.feed import Feed, feed_of, planned_pct
from analysis.replay.sizes import Size
from analysis.replay.watch import deciding, method_for
from analysis.stats.history import HistoricDispersion, historic_dispersion
from analysis.stats.mixture import Floats
from analysis.window_files import RunBlock
from engine.core.model import Experiment


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumed:
    """What is known before a run.

    Attributes:
        by_metric: what history says, by the metric's name; those of which it says too little are left out.
        sizes: how much its windows hold, by the metric's name.
    """

    by_metric: Mapping[str, HistoricDispersion] = field(default_factory=dict)
    sizes: Mapping[str, Size] = field(default_factory=dict)

    def of(self, name: str) -> tuple[HistoricDispersion | None, Size]:
        """What is known of one metric."""
        return self.by_metric.get(name), self.sizes.get(name, Size())


def learned(experiment: Experiment, blocks: Iterable[RunBlock]) -> Assumed:
    """Dispersion and correlation of every deciding metric, from windows of the same version in both arms.

    Every run is a stretch of its own. Of a metric that tracks several scores, the most dispersed counts.
    """
    scores: dict[str, list[Floats]] = {}
    sizes: dict[str, Size] = {}
    for block in blocks:
        planned = planned_pct(block)
        for metric in deciding(experiment):
            feed = feed_of(metric, block, planned)
            if feed.counted.any():
                scores.setdefault(metric.name, []).append(_scores(feed))
                sizes[metric.name] = sizes.get(metric.name, Size()).plus(feed)
    found = {name: _worst(stretches) for name, stretches in scores.items()}
    known = {name: each for name, each in found.items() if each is not None}
    return Assumed(by_metric=known, sizes=sizes)


def _scores(feed: Feed) -> Floats:
    """(score, variance) of every window, shape (runs, windows, scores, 2)."""
    windows, runs, columns = feed.treatment.shape
    method = method_for(feed.metric, columns - 1)
    memory, totals = np.zeros((runs, method.widths.memory)), np.zeros((runs, 7))
    scores = np.zeros((runs, windows, method.widths.scores, 2))
    for window in range(windows):
        new = method.increments(feed.at(window), memory, totals)
        memory, totals = new.memory, totals + new.totals
        scores[:, window] = new.scores
    return scores


def _worst(stretches: list[Floats]) -> HistoricDispersion | None:
    every = [
        historic_dispersion(*(scores[:, :, index] for scores in stretches))
        for index in range(stretches[0].shape[2])
    ]
    known = [each for each in every if each is not None]
    return max(known, key=lambda each: (each.too_long, each.value), default=None)
