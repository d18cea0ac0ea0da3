"""Windows lie on a fixed grid, so evidence does not depend on when ticks happen."""

from dataclasses import replace
from itertools import pairwise

from engine.core.model import Mode
from engine.core.plan import Stage
from engine.core.target import ALL_TO_CONTROL, ALL_TO_TREATMENT, Health, TargetGone, Weights
from engine.windows import due_windows, observe_windows
from tests.builders import NOW_S, a_run, an_experiment, both_healthy, healthy, staged, two_treatments

EXPERIMENT = an_experiment(interval_s=10, warm_up_s=30, progress_deadline_s=60)
RUN = a_run(launched_s=NOW_S, step_since_s=NOW_S, windows_done=0)


def ready(since_s: float | None):
    return replace(healthy(), treatment=Health(ready=since_s is not None, ready_since_s=since_s))


def observed(run, target, count=12, experiment=EXPERIMENT):
    windows = due_windows(experiment, run, NOW_S + 10 * count + 5, 5)
    return observe_windows(experiment, run, windows, [{}] * len(windows), target)


def test_a_window_is_due_when_it_is_older_than_the_watermark():
    assert [len(due_windows(EXPERIMENT, RUN, NOW_S + age, 5)) for age in (14.9, 15, 24.9, 25)] == [0, 1, 1, 2]


def test_late_and_timely_ticks_see_the_same_windows():
    late = due_windows(EXPERIMENT, RUN, NOW_S + 45, 5)
    timely = [
        window
        for done in range(4)
        for window in due_windows(EXPERIMENT, replace(RUN, windows_done=done), NOW_S + 15 + 10 * done, 5)
    ]
    assert list(late) == timely


def test_windows_leave_no_gap():
    windows = due_windows(EXPERIMENT, RUN, NOW_S + 95, 5)
    assert all(before.end_s == after.start_s for before, after in pairwise(windows))


def test_windows_of_an_ill_control_are_no_yardstick():
    ill = replace(healthy(), control=Health(ready=False, ready_since_s=None))
    assert all(observation.warm_up for observation in observed(RUN, ill))


def test_windows_of_a_control_that_recovers_are_no_yardstick_until_it_is_warm():
    restarted = replace(healthy(), control=Health(ready=True, ready_since_s=NOW_S + 25))
    seen_well = replace(RUN, control_well_since_s=NOW_S + 25)
    for run, target in ((RUN, restarted), (seen_well, healthy())):
        assert [observation.warm_up for observation in observed(run, target)] == [True] * 6 + [False] * 6


def test_a_clock_set_back_makes_nothing_due():
    assert due_windows(EXPERIMENT, replace(RUN, windows_done=3), NOW_S - 100, 5) == ()


def test_windows_of_a_warming_treatment_are_marked():
    marks = [observation.warm_up for observation in observed(RUN, ready(NOW_S + 5))]
    assert marks == [True] * 4 + [False] * 8


def test_a_treatment_that_keeps_restarting_cannot_hide_from_the_evidence():
    marks = [observation.warm_up for observation in observed(RUN, ready(NOW_S + 9999))]
    assert marks == [True] * 9 + [False] * 3


def test_without_knowing_the_target_every_window_is_evidence():
    for target in (TargetGone(detail="x"), ready(None)):
        assert not any(observation.warm_up for observation in observed(RUN, target))


def test_the_first_whole_window_after_a_weight_change_starts_anew():
    marks = [
        observation.new_start for observation in observed(replace(RUN, step_since_s=NOW_S + 33), healthy())
    ]
    assert marks == [index == 4 for index in range(12)]


def test_a_run_begins_with_its_first_window_and_needs_no_other_mark():
    assert not any(observation.new_start for observation in observed(RUN, healthy()))


def test_windows_begun_before_a_switch_are_of_the_stage_before():
    stages = staged(bridge=True, interval_s=10)
    settling = replace(RUN, step=2, weights=ALL_TO_TREATMENT, step_since_s=NOW_S + 33)
    seen = observed(settling, healthy(ALL_TO_TREATMENT), experiment=stages)
    assert [observation.stage for observation in seen] == [Stage.SPLIT] * 4 + [Stage.SETTLE] * 8


def test_windows_begun_before_a_treatment_was_dropped_are_of_the_same_stage():
    stages = staged(bridge=True, interval_s=10)
    dropped = replace(RUN, step=1, step_before=1, step_since_s=NOW_S + 33)
    assert {observation.stage for observation in observed(dropped, healthy(), experiment=stages)} == {
        Stage.SPLIT
    }


def test_before_the_first_step_it_is_the_first_steps_stage():
    waiting = replace(RUN, step=-1, weights=ALL_TO_CONTROL)
    seen = observed(waiting, healthy(ALL_TO_CONTROL), experiment=staged(interval_s=10))
    assert {observation.stage for observation in seen} == {Stage.PREVIEW}


def test_an_ill_old_colour_hides_nothing_once_it_serves_nobody():
    stages = staged(interval_s=10, warm_up_s=0)
    settling = replace(RUN, step=1, weights=ALL_TO_TREATMENT)
    ill = replace(healthy(ALL_TO_TREATMENT), control=Health(ready=False, ready_since_s=None))
    assert not any(observation.warm_up for observation in observed(settling, ill, experiment=stages))


def test_only_whole_windows_long_enough_after_a_change_are_sure_of_their_weights():
    changed = replace(RUN, step_since_s=NOW_S + 33)
    assert [observation.weights for observation in observed(changed, healthy())] == [None] * 5 + [
        Weights.of(5)
    ] * 7


def test_weights_that_are_somebody_elses_are_nobodys():
    watching = replace(EXPERIMENT, mode=Mode.OBSERVE)
    for target, experiment in (
        (healthy(Weights.of(33)), EXPERIMENT),
        (TargetGone(detail="x"), EXPERIMENT),
        (healthy(), watching),
    ):
        seen = observed(RUN, target, experiment=experiment)
        assert {observation.weights for observation in seen} == {None}


def test_a_dropped_treatment_that_restarts_warms_nobody_up():
    test = two_treatments(interval_s=10, warm_up_s=30, progress_deadline_s=60)
    restarted = Health(ready=True, ready_since_s=NOW_S + 50)
    target = replace(both_healthy(), treatment=restarted)
    marks = [
        sum(observation.warm_up for observation in observed(run, target, experiment=test))
        for run in (replace(RUN, weights=Weights.of(25, 25)), replace(RUN, weights=Weights.of(0, 25)))
    ]
    assert marks == [8, 0]


def test_a_treatment_the_target_does_not_know_warms_nothing_up():
    test = two_treatments(interval_s=10)
    assert not any(
        observation.warm_up
        for observation in observed(replace(RUN, weights=Weights.of(0, 25)), healthy(), experiment=test)
    )


def test_shares_that_are_not_exact_are_no_planned_weights():
    rough = replace(healthy(), exact=False)
    assert {observation.weights for observation in observed(RUN, rough)} == {None}


def test_of_a_control_that_is_counted_in_part_the_counted_split_is_planned():
    equal = replace(healthy(), compared=Weights.of(50))
    told = {observation.weights for observation in observed(RUN, equal)}
    assert told == {None, Weights.of(50)}
