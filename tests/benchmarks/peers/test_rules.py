import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.benchmarks.peers import packages
from tests.benchmarks.peers.methods import methods
from tests.benchmarks.peers.packages import CLOSED_FORMS, Unverified, some_points, verify
from tests.benchmarks.peers.streams import CASES, Case, Streams, draw
from tests.benchmarks.peers.thresholds import consecutive_crosses, cumulative_crosses


@pytest.fixture
def quiet() -> Streams:
    streams = draw(CASES[0], (2,), 1)
    return replace(streams, bad_treatment=np.zeros_like(streams.bad_treatment))


def test_three_windows_in_a_row_trip_a_limit_and_two_do_not(quiet: Streams) -> None:
    quiet.bad_treatment[0, [3, 4, 6]] = 1.0
    assert not consecutive_crosses(quiet, requests=10).any()
    quiet.bad_treatment[0, 5] = 1.0
    assert np.flatnonzero(consecutive_crosses(quiet, requests=10)).tolist() == [5, 6]


def test_longer_windows_are_judged_at_their_ends(quiet: Streams) -> None:
    quiet.bad_treatment[0, [0, 1, 2, 10, 11, 12, 20, 21, 22]] = 1.0
    assert np.flatnonzero(consecutive_crosses(quiet, requests=100)).tolist() == [29]


def test_the_total_rate_is_not_judged_on_too_few_requests(quiet: Streams) -> None:
    quiet.bad_treatment[0, :3] = 1.0
    assert np.flatnonzero(cumulative_crosses(quiet)).tolist() == [9, 10, 11, 12, 13]


@pytest.mark.slow
@pytest.mark.parametrize("case", [CASES[1], CASES[7]], ids=lambda case: case.name)
def test_every_method_answers_for_every_look(case: Case) -> None:
    streams = draw(case, (6,), 2)
    for judge in methods(case.per_look).values():
        said = judge(streams, 0.05)
        assert said.crosses.shape == streams.treatment.shape
        assert said.untrustworthy.shape == (2,)


def test_packages_are_asked_only_where_they_are_defined() -> None:
    points = some_points(draw(CASES[1], (7,), 5), np.random.default_rng(1))
    assert len(points) == packages.POINTS
    assert np.all(points[:, [0, 2]] > 0)


def test_a_package_that_is_not_there_is_not_verified() -> None:
    answers = verify({}, np.ones((1, 4)), 0.05)
    assert {answer.package for answer in answers} == set(CLOSED_FORMS)
    assert all(isinstance(answer, Unverified) for answer in answers)


def test_a_package_that_fails_is_not_verified() -> None:
    bare = str(Path(sys.executable).resolve())  # outside the environment, where nothing is installed
    here = {"gbstats": bare, "savvi-tea-tasting": bare}
    answers = verify(here, np.ones((1, 4)), 0.05)
    assert all(isinstance(answer, Unverified) and "No module" in answer.reason for answer in answers)
