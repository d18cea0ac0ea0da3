"""Named pods and their places in the sums: they come, go, restart, and stay a bounded number."""

import numpy as np

from analysis.stats.pod_places import MOST_KEPT, MOST_PODS, Names, fits, placed
from analysis.stats.pods import PodCounts, PodSums, with_window
from engine.core.measure import ByPod, PodCount

SCORES = np.array([[[0.0, 1.0]]])


def arm(*pods: str, bad: float = 1.0) -> tuple[PodCount, ...]:
    return tuple(PodCount(pod=pod, weight=100.0, sums=(bad,)) for pod in pods)


def after(*windows: ByPod) -> tuple[PodSums | None, tuple[Names, Names]]:
    sums: PodSums | None = None
    names: tuple[Names, Names] = ((), ())
    for window in windows:
        sums, names, counts = placed(sums, names, window, 1)
        if sums and counts:
            sums = with_window(sums, counts, np.array([0.5]), SCORES)
    return sums, names


def test_a_pod_that_restarts_keeps_its_place() -> None:
    both = ByPod(control=arm("a", "b"), treatment=arm("c"))
    one = ByPod(control=arm("b", bad=5.0), treatment=arm("c"))
    sums, names = after(both, one, both)
    assert names == (("a", "b"), ("c",))
    assert sums is not None
    np.testing.assert_allclose(sums.control[0, :, 0, 1], [2.0, 7.0])


def test_pods_come_and_go() -> None:
    windows = [ByPod(control=arm("a", f"v{i}"), treatment=arm("c")) for i in range(3)]
    assert after(*windows)[1] == (("a", "v0", "v1", "v2"), ("c",))


def test_a_pod_that_is_away_has_no_counts() -> None:
    sums, names = after(ByPod(control=arm("a", "b"), treatment=arm("c")))
    _, _, counts = placed(sums, names, ByPod(control=arm("b"), treatment=arm("c")), 1)
    assert isinstance(counts, PodCounts)
    np.testing.assert_array_equal(counts.control, [[[0.0, 0.0], [100.0, 1.0]]])


def test_a_bounded_number_is_kept_apart_and_nothing_is_lost() -> None:
    """Those that are gone and have least count as one; the pod that is there is never given up."""
    windows = [
        ByPod(control=arm("z", f"pod-{i}", bad=1.0 + i), treatment=arm("c")) for i in range(MOST_KEPT + 20)
    ]
    sums, (control, _) = after(*windows)
    assert sums is not None
    assert len(control) == sums.control.shape[1] == MOST_KEPT
    assert control[0] == "z"
    assert control[-1] == f"pod-{MOST_KEPT + 19}"
    assert sums.control[0, :, 0, 1].sum() == sum(2 * (1.0 + i) for i in range(MOST_KEPT + 20))


def test_windows_without_single_pods_change_nothing() -> None:
    known = after(ByPod(control=arm("a"), treatment=arm("c")))
    many = arm(*(f"pod-{i}" for i in range(MOST_PODS + 1)))
    of_two_scores = (PodCount(pod="a", weight=1.0, sums=(1.0, 2.0)),)
    for window in (
        None,
        ByPod(control=(), treatment=arm("c")),
        ByPod(control=many, treatment=arm("c")),
        ByPod(control=of_two_scores, treatment=arm("c")),
    ):
        sums, names, counts = placed(*known, window, 1)
        assert (sums, names) == known
        assert counts is None


def test_stored_sums_have_a_place_per_name() -> None:
    sums, names = after(ByPod(control=arm("a", "b"), treatment=arm("c")))
    assert fits(sums, names, 1)
    assert not fits(sums, names, 2)
    assert not fits(sums, (("a",), ("c",)), 1)
    assert fits(None, ((), ()), 1)
    assert not fits(None, names, 1)
