"""How much windows hold, and what that does to a dispersion that was learned from windows of another size.

What varies from window to window beyond chance (a bad node, a retry storm) shifts the share of bad trials, so
that its part of the variance grows with the square of a window's trials and that of independent trials with
their number: dispersion - 1 is proportional to the size (the design effect; Kish, Survey Sampling, 1965,
section 5.4). A history of quiet nights would else vouch for busy days. It looks at no outcome.
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np

from analysis.replay.feed import Feed
from analysis.stats.history import HistoricDispersion
from analysis.stats.mixture import Floats
from engine.core.model import MetricKind

_CAUTION = 2.0
"""Standard errors of the historic dispersion that grow with it: small windows hide much of what varies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Sums over windows of their sizes and of the squares, which weigh them as dispersion does."""

    added: float = 0.0
    squared: float = 0.0

    def plus(self, feed: Feed) -> "Size":
        """With the windows of a feed; nothing where its kind has no trials of its own."""
        sizes = _sizes_of(feed)
        if sizes is None:
            return self
        return Size(added=self.added + float(sizes.sum()), squared=self.squared + float((sizes**2).sum()))


def grown(known: HistoricDispersion, past: Size, feed: Feed) -> Floats | None:
    """Dispersion to use after each window, (windows, runs), never below what history says.

    None where nothing has to grow: variances are observed per window, history's sizes are not known, or it is
    not believed, so that the metric decides nothing.
    """
    sizes = _sizes_of(feed)
    if sizes is None or not past.added or known.too_long:
        return None
    added, squared = sizes.cumsum(axis=0), (sizes**2).cumsum(axis=0)
    larger = squared / np.where(added > 0.0, added, 1.0) * (past.added / past.squared)
    error = sqrt(2.0 / known.windows)
    beyond = known.value - 1.0 + _CAUTION * error
    dispersion: Floats = known.value + beyond * (np.maximum(larger, 1.0) - 1.0)
    return dispersion


def _sizes_of(feed: Feed) -> Floats | None:
    """Harmonic trials of both arms per window, (windows, runs), in proportion to the variance of scores.

    None where that variance is observed anyhow.
    """
    match feed.metric.kind:
        case MetricKind.THRESHOLD:
            return feed.treatment[..., 1]
        case MetricKind.PROPORTION:
            return _harmonic(feed.treatment[..., 1], feed.control[..., 1])
        case MetricKind.DISTRIBUTION:
            return _harmonic(feed.treatment.sum(axis=-1), feed.control.sum(axis=-1))
        case MetricKind.MEAN if feed.spread_known.all():
            return _harmonic(feed.treatment[..., 0], feed.control[..., 0])
        case MetricKind.COUNT:
            events: Floats = feed.treatment[..., 0] + feed.control[..., 0]
            return events * feed.share * (1.0 - feed.share)
        case _:
            return None


def _harmonic(treatment: Floats, control: Floats) -> Floats:
    both = treatment + control
    sizes: Floats = treatment * control / np.where(both > 0.0, both, 1.0)
    return sizes
