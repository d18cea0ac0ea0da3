"""What a strategy gets to see: the current stage, the treatments that take part, the one that is better."""

from engine.core.plan import Stage
from engine.core.target import ALL_TO_CONTROL, Weights
from engine.core.verdict import ArmSummary, VerdictKind
from engine.progress import progress_of
from tests.builders import NOW_S, a_finding, a_run, a_verdict, an_arm, staged, two_treatments

RUN = a_run(windows_done=60, weights=Weights.of(25, 25))
FEW = ArmSummary(bad=0, total=9, step_bad=0, step_total=9)


def seen(*findings, run=RUN, experiment=None, **verdict):
    return progress_of(experiment or two_treatments(), run, a_verdict(findings=findings, **verdict), NOW_S)


def of(arm: int, **changes):
    return a_finding(metric=f"errors@v{arm + 2}", treatment_index=arm, **changes)


def arms(*kinds):
    return tuple(an_arm(kind=kind) for kind in kinds)


BETTER, UNDECIDED = VerdictKind.BETTER, VerdictKind.UNDECIDED


def test_the_fewest_trials_of_any_treatment_that_takes_part_count():
    findings = (of(0), of(1, treatment=FEW))
    one_left = a_run(windows_done=60, weights=Weights.of(25))
    assert seen(*findings).step_trials == (500, 9)
    assert seen(*findings, run=one_left).step_trials == (500, 500)


def test_of_several_better_treatments_the_one_with_the_most_evidence_is_named():
    findings = (of(0, log_e_better=4.0), of(1, log_e_better=9.0))
    assert seen(*findings, arms=arms(BETTER, BETTER)).better == 1
    assert seen(*findings, arms=arms(BETTER, UNDECIDED)).better == 0
    assert seen(*findings, arms=arms(UNDECIDED, UNDECIDED)).better is None
    assert seen(of(0), of(1), arms=arms(BETTER, BETTER)).better is None


def test_a_better_treatment_that_lost_its_traffic_is_not_named():
    one_left = a_run(windows_done=60, weights=Weights.of(25))
    findings = (of(0, log_e_better=4.0), of(1, log_e_better=9.0))
    assert seen(*findings, run=one_left, arms=arms(UNDECIDED, BETTER)).better is None


def test_the_estimate_of_another_treatment_is_not_in_the_better_ones_way():
    findings = (of(0, inside_margin_at_step=False), of(1, log_e_better=9.0))
    assert seen(*findings, arms=arms(UNDECIDED, BETTER)).inside_margin_at_step
    assert not seen(*findings, arms=arms(UNDECIDED, UNDECIDED)).inside_margin_at_step


def test_what_an_earlier_stage_showed_is_not_shown_in_this_one():
    previewing = a_run(windows_done=60, step=0, weights=ALL_TO_CONTROL)
    bridged = a_run(windows_done=60, step=1)
    passed = a_finding(metric="errors@preview", stage=Stage.PREVIEW)
    verdict = {"kind": VerdictKind.NOT_WORSE, "stage": Stage.PREVIEW, "experiment": staged(bridge=True)}
    before, after = seen(passed, run=previewing, **verdict), seen(passed, run=bridged, **verdict)
    assert (before.not_worse, before.step_trials) == (True, (500, 500))
    assert (after.not_worse, after.step_trials) == (False, (0, 0))
