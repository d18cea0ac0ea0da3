from math import isclose

import numpy as np
import pytest

from tests.benchmarks.peers.bound import least_requests
from tests.benchmarks.peers.packages import Unverified, Verified
from tests.benchmarks.peers.scoring import Alarms, Judged, exceeds, first_alarms, score_all
from tests.benchmarks.peers.streams import CASES, Bools, Case, Streams, draw
from tests.benchmarks.peers.tables import as_json, losses, markdown

NULL, HARM = CASES[0], CASES[1]


@pytest.fixture(scope="module")
def streams() -> Streams:
    return draw(NULL, (9,), 3)


def alarms(found: int, runs: int = 100, requests: float = 1000.0) -> Alarms:
    happened = np.arange(runs) < found
    none = np.zeros(runs, np.bool_)
    return Alarms(early=none, found=happened, requests=np.full(runs, requests), untrustworthy=none)


def judged(crosses: Bools) -> Judged:
    return Judged(crosses=crosses, untrustworthy=np.array([False, True, False]))


def test_bounds_are_those_of_the_survey() -> None:
    assert least_requests(1.5, 0.05) == pytest.approx(3087, abs=0.5)
    assert least_requests(2.0, 0.05) == pytest.approx(875, abs=0.5)


def test_storms_cost_at_least_their_size() -> None:
    assert least_requests(1.5, 0.05, clump=3.0) == pytest.approx(3 * least_requests(1.5, 0.05), rel=0.02)


def test_the_first_crossing_counts(streams: Streams) -> None:
    crosses = np.zeros(streams.treatment.shape, np.bool_)
    crosses[0, [7, 9]] = True
    crosses[1, -1] = True
    found = first_alarms(judged(crosses), streams, 0)
    assert found.found.tolist() == [True, True, False]
    assert found.requests.tolist() == [80.0, 50_000.0, 50_000.0]
    assert found.untrustworthy.tolist() == [False, True, False]


def test_an_alarm_before_the_harm_is_no_detection(streams: Streams) -> None:
    crosses = np.zeros(streams.treatment.shape, np.bool_)
    crosses[0, 10:] = True
    crosses[1, 600] = True
    found = first_alarms(judged(crosses), streams, 500)
    assert found.early.tolist() == [True, False, False]
    assert found.found.tolist() == [False, True, False]
    assert found.requests.tolist()[1:] == [1_010.0, 45_000.0]


def test_luck_of_two_standard_errors_is_not_called_invalid() -> None:
    assert not exceeds(0.07, 0.05, 400)
    assert exceeds(0.08, 0.05, 400)


def test_a_method_is_invalid_in_all_cases_of_its_family() -> None:
    scores = score_all({(NULL, "z"): alarms(40), (HARM, "z"): alarms(100)}, 0.05)
    assert [row.invalid for row in scores] == [True, True]
    assert scores[1].bound_ratio is not None
    assert isclose(scores[1].bound_ratio, 1000 / least_requests(1.5, 0.05))


def test_a_median_that_is_not_reached_is_absent() -> None:
    scores = score_all({(NULL, "z"): alarms(0), (HARM, "z"): alarms(49)}, 0.05)
    assert scores[1].median_requests is None
    assert scores[1].mean_requests == 1000.0


def table(ours: tuple[int, float], theirs: tuple[int, float]) -> dict[tuple[Case, str], Alarms]:
    return {
        (NULL, "Rampwise"): alarms(ours[0]),
        (NULL, "peer"): alarms(theirs[0]),
        (HARM, "Rampwise"): alarms(100, requests=ours[1]),
        (HARM, "peer"): alarms(100, requests=theirs[1]),
    }


def test_a_faster_valid_peer_is_named() -> None:
    (line,) = losses(score_all(table((2, 3000), (2, 2000)), 0.05))
    assert "peer: 2,000" in line


def test_a_faster_invalid_peer_is_no_loss() -> None:
    assert losses(score_all(table((2, 3000), (50, 2000)), 0.05)) == ["- Nowhere in this run."]


def test_our_own_false_alarms_are_named() -> None:
    (line,) = losses(score_all(table((50, 1000), (2, 2000)), 0.05))
    assert "50.0% false alarms" in line


def test_tables_show_every_row_and_every_check() -> None:
    scores = score_all(table((2, 3000), (50, 2000)), 0.05)
    checks = [
        Verified(package="a", version="1", points=9, largest_difference=0.3),
        Unverified(package="b", reason="it is not installed"),
    ]
    text = markdown(scores, checks, "## Peers")
    assert text.count("| peer") == text.count("| Rampwise") == 3
    assert "INVALID without harm" in text
    assert "DIFFERS from a 1" in text
    assert "NOT verified against b" in text
    assert '"verified": false' in as_json(scores, checks, {"runs": 100})
