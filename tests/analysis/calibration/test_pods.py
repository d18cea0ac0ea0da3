"""Pods of one version become arms as a release would have them."""

import numpy as np
import pytest

from analysis.calibration import aa_runs_of_pods
from engine.core.model import Experiment
from engine.core.plan import Plan, Step
from engine.errors import UsageError
from tests.analysis.calibration.pasts import pods
from tests.builders import an_experiment, two_treatments


def at(weight_pct: int) -> Experiment:
    steps = (Step(weight_pct=weight_pct, hold_s=60, floor=100),)
    return an_experiment(plan=Plan(strategy="canary", steps=steps))


@pytest.mark.parametrize(("weight", "treated"), [(1, 1), (20, 2), (50, 5), (90, 9), (99, 9)])
def test_the_treatment_has_its_last_steps_share_of_the_pods(weight: int, treated: int) -> None:
    past = aa_runs_of_pods(pods(10, 60), at(weight), 20, splits=2, seed=1)
    errors = past.block.metrics["errors"]
    assert (errors.treatments[0]["total"] == 100 * treated).all()
    assert (errors.control["total"] == 100 * (10 - treated)).all()
    assert (past.block.weights == 10 * treated).all()
    assert past.pods == min(treated, 10 - treated)


def test_every_stretch_is_split_as_often_as_asked_and_counts_once() -> None:
    past = aa_runs_of_pods(pods(6, 65), at(50), 20, splits=4, seed=1)
    assert len(past.block.runs) == 12
    assert past.independent == 3


def test_all_requests_are_in_one_of_the_arms() -> None:
    known = pods(6, 40)
    past = aa_runs_of_pods(known, at(50), 40, splits=5, seed=1)
    errors = past.block.metrics["errors"]
    everything = known.metrics["errors"].values["bad"].sum(axis=0)
    assert (errors.control["bad"] + errors.treatments[0]["bad"] == everything).all()


def test_splits_differ_and_are_the_same_for_the_same_seed() -> None:
    def bad(seed: int) -> np.ndarray:
        past = aa_runs_of_pods(pods(8, 40), at(50), 20, splits=5, seed=seed)
        return past.block.metrics["errors"].control["bad"]

    assert (bad(1) == bad(1)).all()
    assert (bad(1) != bad(2)).any()
    assert (bad(1)[0] != bad(1)[1]).any()


def test_pods_that_did_not_serve_all_through_are_left_out() -> None:
    past = aa_runs_of_pods(
        pods(5, 60, serving={0: slice(0, 30), 4: slice(45, 60)}), at(50), 20, splits=1, seed=1
    )
    errors = past.block.metrics["errors"]
    totals = (errors.control["total"] + errors.treatments[0]["total"])[:, 0]
    assert totals.tolist() == [400, 300, 300]


def test_several_treatments_have_arms_of_their_own() -> None:
    past = aa_runs_of_pods(pods(8, 40), two_treatments(), 20, splits=2, seed=1)
    errors = past.block.metrics["errors"]
    assert [arm["total"][0, 0] for arm in (errors.control, *errors.treatments)] == [400, 200, 200]


def test_a_pod_alone_is_no_comparison() -> None:
    with pytest.raises(
        UsageError, match=r"in no 20 windows in a row did 2 pods serve all through, of 1 found"
    ):
        aa_runs_of_pods(pods(1, 60), at(50), 20, splits=1, seed=1)


def test_a_past_that_is_too_short_says_what_to_do() -> None:
    with pytest.raises(
        UsageError, match=r"longest served 10 windows\); give a longer past, or a shorter --run"
    ):
        aa_runs_of_pods(pods(4, 10), at(50), 20, splits=1, seed=1)
