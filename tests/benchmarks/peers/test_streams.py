import numpy as np
import pytest

from tests.benchmarks.peers.streams import CASES, HISTORY_WINDOWS, Case, draw


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_case_has_counts_that_can_be(case: Case) -> None:
    streams = draw(case, (1, 2), 3)
    assert streams.treatment.shape == (3, case.looks)
    assert np.all((streams.bad_treatment >= 0) & (streams.bad_treatment <= streams.treatment))
    assert np.all((streams.bad_control >= 0) & (streams.bad_control <= streams.control))
    assert np.all(streams.baseline_bad <= np.minimum(streams.bad_control, streams.treatment))
    assert streams.history.treatment.shape == (3, HISTORY_WINDOWS)


def test_the_same_seed_gives_the_same_streams() -> None:
    first, again, other = (draw(CASES[0], seed, 2) for seed in ((1, 2), (1, 2), (1, 3)))
    assert np.array_equal(first.bad_control, again.bad_control)
    assert np.array_equal(first.baseline_bad, again.baseline_bad)
    assert not np.array_equal(first.bad_control, other.bad_control)


def test_harm_begins_at_its_onset() -> None:
    late = next(case for case in CASES if case.onset_look)
    streams = draw(late, (4,), 40)
    rate = [
        part.sum() / (10 * part.size) for part in np.split(streams.bad_treatment, [late.onset_look], axis=1)
    ]
    assert rate[0] == pytest.approx(0.01, rel=0.15)
    assert rate[1] == pytest.approx(0.02, rel=0.05)


def test_every_family_has_a_case_without_harm() -> None:
    assert {case.family for case in CASES} == {case.family for case in CASES if case.is_null}


def test_intervals_add_up_whole_looks() -> None:
    streams = draw(CASES[0], (1,), 2)
    summed = streams.per_interval(streams.bad_treatment, 100)
    assert summed.shape == (2, 500)
    assert summed[0, 1] == streams.bad_treatment[0, 10:20].sum()
