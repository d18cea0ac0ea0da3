"""Pods as clusters: how much more a difference between the arms varies because pods differ. Judges no run.

A bad node or a cold cache lasts, so that no comparison of windows shows it; yet it moves its arm's total for
as long as the run goes on. Let every pod's level be off by a factor 1 + u, with u of variance s^2, the same
in both arms. Then the treatment's score S, of variance V in calm windows, has the variance V (D + s^2 G / V),
where D is the dispersion of windows and G the sum of squares of what each pod should have contributed to S.
Dividing the evidence by D + s^2 G / V is exact for normal pod effects of known s: S over it is the posterior
mean of the arms' difference, which is a martingale. The evidence then stays bounded however long the run.

s^2 comes from within the arms, where no release effect is: each pod's total against its share of its arm's,
window by window, as in DerSimonian and Laird (Controlled Clinical Trials 7, 177, 1986). Pods are few, so the
estimate is rough: it is taken larger by 2 parts of its degrees of freedom, and evidence counts at most as
much as Student's t with as many allows (see `at_most_student`). Where s^2 is but a part of all variance, they
are more, by Satterthwaite (Biometrics Bulletin 2, 110, 1946).
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import stdtr

from analysis.stats.mixture import Floats

_DEVIATION, _EXPECTED, _MOVED = range(3)
_LARGEST_T = 30.0
_YOUNG_WINDOWS = 64
_REESTIMATED_EVERY = 8
_CAUTION = 2.0
"""So many parts of its degrees of freedom are added to what pods add: a run looks at it all the time."""
_NO_TRIALS = 1e-300
"""Instead of zero as a denominator."""
_NEVER = 1e12
"""Degrees of freedom of a variance that rests on no pods."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PodCounts:
    """One window of every pod, per arm of shape (runs, pods, 1 + scores).

    First its trials (or another weight), then per tracked score its bad ones (or its sum); zeros where a pod
    was not measured. A pod keeps its place in all windows.
    """

    treatment: Floats
    control: Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PodSums:
    """What the windows add up to.

    Attributes:
        treatment, control: per pod and score the deviation from its share of its arm's sum, that share, and
            what it should have contributed to the score, shape (runs, pods, scores, 3).
        information: the scores' variance, and what it is per unit of variance of a pod's sum (..., 2).
        within, added: dispersion without pods, and what pods add to it, shape (runs,).
        freedom: degrees of freedom of both together, shape (runs,).
        windows: how many so far, the same for all runs.
    """

    treatment: Floats
    control: Floats
    information: Floats
    within: Floats
    added: Floats
    freedom: Floats
    windows: int


def no_pods_of(window: PodCounts) -> PodSums:
    """Nothing seen yet of as many runs, pods and scores as the window has."""
    runs, _, columns = window.treatment.shape
    scores = columns - 1
    return PodSums(
        treatment=np.zeros((*window.treatment.shape[:2], scores, 3)),
        control=np.zeros((*window.control.shape[:2], scores, 3)),
        information=np.zeros((runs, scores, 2)),
        within=np.ones(runs),
        added=np.zeros(runs),
        freedom=np.full(runs, _NEVER),
        windows=0,
    )


def with_window(sums: PodSums, counts: PodCounts, share: Floats, scores: Floats) -> PodSums:
    """With one more window.

    Args:
        sums: of as many pods as `counts`.
        counts: of the window.
        share: the treatment's part of both arms' trials, shape (runs,).
        scores: the window's (score, variance), shape (runs, scores, 2).
    """
    both = np.add.reduce(counts.treatment[:, :, 1:], axis=1) + np.add.reduce(counts.control[:, :, 1:], axis=1)
    exposure = both * (share * (1.0 - share))[:, None]
    return replace(
        sums,
        treatment=sums.treatment + _contributions(counts.treatment, 1.0 - share),
        control=sums.control + _contributions(counts.control, share),
        information=sums.information + np.stack([scores[..., 1], exposure], axis=-1),
        windows=sums.windows + 1,
    )


def _contributions(pods: Floats, weight: Floats) -> Floats:
    trials, sums = pods[:, :, :1], pods[:, :, 1:]
    every = np.maximum(np.add.reduce(trials, axis=1, keepdims=True), _NO_TRIALS)
    expected = np.add.reduce(sums, axis=1, keepdims=True) * (trials / every)
    added = np.empty((*sums.shape, 3))
    added[..., _DEVIATION] = sums - expected
    added[..., _EXPECTED] = expected
    added[..., _MOVED] = weight[:, None, None] * expected
    return added


def with_pods(sums: PodSums, within: Floats) -> tuple[Floats, PodSums]:
    """Dispersion of windows and pods together, shape (runs,), and the sums with what follows for them.

    `within` is the dispersion of windows, shape (runs,). What pods vary by beyond it is added. Without two
    pods in an arm nothing is known of them, and nothing is added. It is estimated anew in every window of a
    young run, and then often enough.
    """
    if sums.windows > _YOUNG_WINDOWS and sums.windows % _REESTIMATED_EVERY:
        return within + sums.added, replace(sums, within=within)
    excess, part, freedom = _between(sums, within)
    most = np.argmax(excess, axis=1)[:, None]
    added, part, freedom = (np.take_along_axis(each, most, axis=1)[:, 0] for each in (excess, part, freedom))
    value = within + added
    effective = freedom * (value / np.where(part > 0.0, part, 1.0)) ** 2
    freedom = np.where(part > 0.0, np.clip(effective, freedom, _NEVER), _NEVER)
    return value, replace(sums, within=within, added=added, freedom=freedom)


def _between(sums: PodSums, within: Floats) -> tuple[Floats, Floats, Floats]:
    """Per score the dispersion that pods add, its estimated part, and degrees of freedom (runs, scores)."""
    variance, exposure = sums.information[..., 0], sums.information[..., 1]
    unit = variance / np.where(exposure > 0.0, exposure, 1.0)
    arms = [_spread(arm, unit) for arm in (sums.treatment, sums.control)]
    squares, size, freedom = (first + second for first, second in zip(*arms, strict=True))
    known = (freedom > 0.0) & (size > 0.0) & (variance > 0.0)
    moved = (sums.treatment[..., _MOVED] ** 2).sum(axis=1) + (sums.control[..., _MOVED] ** 2).sum(axis=1)
    noise = unit * np.maximum(freedom, 1.0)
    ratio = np.where(known, moved * noise / np.where(known, size * variance, 1.0), 0.0)
    found = squares / np.where(noise > 0.0, noise, 1.0)
    calm = 1.0 + (within[:, None] - 1.0) / np.maximum(ratio, 1.0)
    careful = ratio * (1.0 + _CAUTION / np.maximum(freedom, 1.0))
    return careful * np.maximum(found - calm, 0.0), careful * np.maximum(found, calm), freedom


def _spread(pods: Floats, unit: Floats) -> tuple[Floats, Floats, Floats]:
    """Sum of squared deviations over their size, what pod effects of variance 1 would add, and freedom.

    A pod that should have had less than one bad trial says nothing.
    """
    expected = pods[..., _EXPECTED]
    tells = (expected >= unit[:, None]) & (expected > 0.0)
    size = np.where(tells, expected, 0.0)
    every = size.sum(axis=1)
    effective = every - (size**2).sum(axis=1) / np.where(every > 0.0, every, 1.0)
    freedom = np.maximum(tells.sum(axis=1) - 1.0, 0.0)
    squares = (np.where(tells, pods[..., _DEVIATION] ** 2, 0.0) / np.where(tells, expected, 1.0)).sum(axis=1)
    return np.where(freedom > 0.0, squares, 0.0), effective, freedom


def at_most_student(log_e: Floats, freedom: Floats, tails: float = 1.0) -> Floats:
    """Log e-values, none larger than minus the log of the tail probability that Student's t gives them.

    A log e-value is at most t^2 / 2 of the score's t. Pods have their effects once, so that a run in which
    they are all that varies has one such t, however often one looks: an e-value above 1/alpha shall be no
    more likely than alpha. With many degrees of freedom nothing changes, because a normal tail is lighter.
    With `tails` 2 the probability is taken twice, as caution.
    """
    if not (log_e > 0.0).any():
        return log_e
    t = np.minimum(np.sqrt(2.0 * np.maximum(log_e, 0.0)), _LARGEST_T)
    allowed = np.maximum(-np.log(tails * stdtr(freedom, -t)), 0.0)
    return np.where(log_e > 0.0, np.minimum(log_e, allowed), log_e)
