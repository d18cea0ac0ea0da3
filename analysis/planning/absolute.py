"""Promotion against an absolute margin: how long until a rare share of bad trials is shown small enough.

The rule of `analysis.stats.projection` as a walk over the treatment's bad trials in time. Control's are taken
at their expectation, which neglects how they vary; how far that is off is tested by simulation.
"""

from dataclasses import dataclass
from math import log

import numpy as np
from scipy.special import gammaln

from analysis.design.rules import Counts, Floats
from analysis.design.traffic import Leg, Traffic, Truth
from analysis.stats.projection import ArmTrials, log_e_not_worse

_LOOKS = 300
_BET = 0.95
"""Part of every window's money that `analysis.stats.trials` bets on the projection; it grows by that part."""
_NEGLIGIBLE = 1e-13
_RARE = 1e-9
"""A run that comes so rarely to the line, and moves away from it, is left alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Margin:
    """An absolute margin that decides: worse is `gap` more, and `ratio` times as much, or more.

    Attributes:
        base_rate: control's share of bad trials.
        log_threshold: log e-value at which it is shown.
    """

    base_rate: float
    gap: float
    ratio: float
    log_threshold: float


def promotion_times(truth: Truth, traffic: Traffic, margin: Margin) -> tuple[Floats, Floats]:
    """When the release is shown to be inside the margin, if nothing else ends the run.

    Returns:
        Treatment requests at each look, shape (looks,), and the probability to be promoted at each.
    """
    first, horizon = max(traffic.promotion_from, 1.0), traffic.horizon
    requests = np.unique(np.append(np.geomspace(first, horizon, _LOOKS), np.linspace(first, horizon, _LOOKS)))
    per_error, gained = _evidence(traffic, margin, requests)
    needed = margin.log_threshold / _BET - gained / truth.dispersion
    most = np.floor(np.where(needed <= 0.0, needed / per_error, -1.0) + 1e-9).astype(np.int64)
    return requests, _first_passage(requests * truth.base_rate * truth.ratio / truth.dispersion, most)


def _evidence(traffic: Traffic, margin: Margin, requests: Floats) -> tuple[float, Floats]:
    """What each bad trial of the treatment adds (below 0), and what requests alone add by each look."""
    slopes, intercepts = zip(*(_line(leg, margin) for leg in traffic.legs), strict=True)
    per_error = slopes[-1]
    # In earlier legs an error may weigh a little more or less; its expectation is put into the line.
    gains = [
        (each + (slope - per_error) * margin.base_rate) * leg.treatment_requests
        for slope, each, leg in zip(slopes, intercepts, traffic.legs, strict=True)
    ]
    bends = np.append(0.0, np.cumsum([leg.treatment_requests for leg in traffic.legs]))
    return per_error, np.interp(requests, bends, np.append(0.0, np.cumsum(gains)))


def _line(leg: Leg, margin: Margin) -> tuple[float, float]:
    """Log e per bad trial and per request of the treatment."""
    controls = (1.0 - leg.share) / leg.share
    trials = ArmTrials(
        bad_t=np.array([0.0, 1.0]),
        n_t=np.ones(2),
        bad_c=np.full(2, margin.base_rate * controls),
        n_c=np.full(2, controls),
        events=True,
    )
    base = np.full(2, margin.base_rate)
    none, one = log_e_not_worse(trials, base, margin.ratio, margin.gap).tolist()
    return one - none, none


def _first_passage(expected: Floats, most: Counts) -> Floats:
    """Probability to have at most `most` errors for the first time at each look, errors being Poisson."""
    chances = np.zeros(len(expected))
    low, state = 0, np.ones(1)  # probabilities of low, low + 1, ... errors
    new = np.diff(expected, prepend=0.0)
    moves_away = expected[-1] - expected[0] > most[-1] - most[0]
    for look, arriving in enumerate(new.tolist()):
        fewest, arrivals = _arrivals(arriving)
        low, state = low + fewest, np.convolve(state, arrivals)
        end = max(0, int(most[look]) + 1 - low)
        chances[look] = state[:end].sum()
        state[:end] = 0.0
        occupied = np.flatnonzero(state > _NEGLIGIBLE)
        has_room = look > 0 and most[look - 1] < most[look] < expected[look]
        beyond_reach = moves_away and has_room and chances[look] < _RARE
        if beyond_reach or not len(occupied):
            break
        low, state = low + int(occupied[0]), state[occupied[0] : occupied[-1] + 1]
    return chances


def _arrivals(expected: float) -> tuple[int, Floats]:
    """Fewest arrivals that are worth a thought, and probabilities of that many and more."""
    if expected <= 0.0:
        return 0, np.ones(1)
    spread = 8.0 * expected**0.5
    fewest = max(0, int(expected - spread))
    number = np.arange(fewest, int(expected + spread) + 20)
    return fewest, np.exp(number * log(expected) - expected - gammaln(number + 1.0))
