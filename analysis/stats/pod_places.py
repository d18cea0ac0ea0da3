"""Which place each named pod has in the sums of a live run. Knows names; computes no statistics.

Pods come and go, and a run may last for weeks: of an arm at most `MOST_KEPT` are kept apart. Beyond that the
two that would have contributed least, of those that are gone, count as one. A pod that restarts under its
name keeps its place.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from analysis.stats.mixture import Floats
from analysis.stats.pods import PodCounts, PodSums, no_pods_of
from engine.core.measure import ByPod, PodCount

MOST_PODS = 64
"""Of an arm with more pods at once single ones are not followed: one that is bad moves it by little."""
MOST_KEPT = 2 * MOST_PODS

Names = tuple[str, ...]


def placed(
    sums: PodSums | None, names: tuple[Names, Names], window: ByPod | None, scores: int
) -> tuple[PodSums | None, tuple[Names, Names], PodCounts | None]:
    """Sums with a place for every pod of the window, their names (control, treatment), and the counts there.

    Args:
        sums: so far, None before the first window with pods.
        names: of the pods in them.
        window: what the window has of every pod; None where they are not told apart.
        scores: how many sums the metric tracks; counts with another number of them are left out.
    """
    if window is None or not _is_usable(window, scores):
        return sums, names, None
    nobody = np.zeros((1, 0, 1 + scores))
    known = sums or no_pods_of(PodCounts(treatment=nobody, control=nobody))
    control, ours = _with_places(known.control, names[0], window.control)
    treatment, theirs = _with_places(known.treatment, names[1], window.treatment)
    counts = PodCounts(
        treatment=_rows(window.treatment, theirs, scores), control=_rows(window.control, ours, scores)
    )
    return replace(known, treatment=treatment, control=control), (ours, theirs), counts


def fits(sums: PodSums | None, names: tuple[Names, Names], scores: int) -> bool:
    """Whether stored sums are of so many named pods and scores."""
    if sums is None:
        return names == ((), ())
    shapes = [(1, len(arm), scores, 3) for arm in names]
    return [sums.control.shape, sums.treatment.shape] == shapes and sums.information.shape == (1, scores, 2)


def _is_usable(window: ByPod, scores: int) -> bool:
    arms = window.control, window.treatment
    return all(0 < len(arm) <= MOST_PODS for arm in arms) and all(
        len(pod.sums) == scores for arm in arms for pod in arm
    )


def _with_places(pods: Floats, names: Names, window: Sequence[PodCount]) -> tuple[Floats, Names]:
    present = [pod.pod for pod in window]
    new = tuple(pod for pod in present if pod not in names)
    if not new:
        return pods, names
    names += new
    pods = np.concatenate([pods, np.zeros((1, len(new), *pods.shape[2:]))], axis=1)
    while len(names) > MOST_KEPT:
        pods, names = _with_two_as_one(pods, names, present)
    return pods, names


def _with_two_as_one(pods: Floats, names: Names, present: Sequence[str]) -> tuple[Floats, Names]:
    gone = [place for place, name in enumerate(names) if name not in present]
    smallest, kept, *_ = sorted(gone, key=lambda place: float(pods[0, place, 0, 1]))
    merged = pods.copy()
    merged[:, kept] += merged[:, smallest]
    return np.delete(merged, smallest, axis=1), names[:smallest] + names[smallest + 1 :]


def _rows(window: Sequence[PodCount], names: Names, scores: int) -> Floats:
    rows = np.zeros((1, len(names), 1 + scores))
    for pod in window:
        rows[0, names.index(pod.pod)] = pod.weight, *pod.sums
    return rows
