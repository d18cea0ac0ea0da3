"""Metrics of a blue/green plan: probes of the preview, a bridge split, and before/after when settling."""

import json
from dataclasses import replace
from math import log

import pytest

from analysis import evaluate
from analysis.evaluate import Evidence
from engine.core.measure import Observation, Reading
from engine.core.model import MetricKind
from engine.core.plan import Plan, Stage, Step
from engine.core.target import ALL_TO_CONTROL, ALL_TO_TREATMENT, Weights
from engine.core.verdict import Verdict, VerdictKind
from tests.analysis.evaluating import BAD, FAST, GONE, HEALTHY, trials, window
from tests.builders import a_metric, an_experiment

PROBES = a_metric(
    name="errors@preview", measure="errors", kind=MetricKind.THRESHOLD, limit=0.05, stage=Stage.PREVIEW
)
BRIDGE = a_metric(name="errors", measure="errors")
BEFORE_AFTER = a_metric(name="errors@settle", measure="errors", stage=Stage.SETTLE)
SLO = a_metric(name="slo@settle", measure="slo", kind=MetricKind.THRESHOLD, limit=0.05, stage=Stage.SETTLE)
METRICS = tuple(replace(metric, weight=0.25) for metric in (PROBES, BRIDGE, BEFORE_AFTER, SLO))
STEPS = tuple(
    Step(weight_pct=pct, hold_s=60, floor=100, stage=stage)
    for pct, stage in ((0, Stage.PREVIEW), (50, Stage.SPLIT), (100, Stage.SETTLE))
)
BLUE_GREEN = an_experiment(metrics=METRICS, plan=Plan(strategy="blue_green", steps=STEPS))
WEIGHTS = {
    Stage.PREVIEW: ALL_TO_CONTROL,
    Stage.SPLIT: Weights.of(50),
    Stage.SETTLE: ALL_TO_TREATMENT,
}
NOT_ASKED = trials(0, 0, 0, 0)
IDLE = {metric.name: GONE for metric in METRICS} | {PROBES.name: NOT_ASKED}


def at(stage: Stage, **readings: Reading) -> Observation:
    given = {name.replace("_at_", "@"): reading for name, reading in readings.items()}
    return replace(window(0, **(IDLE | given)), stage=stage, weights=WEIGHTS[stage])


PREVIEW = at(Stage.PREVIEW, errors_at_preview=trials(0, 60, 0, 0), errors_at_settle=trials(0, 0, 10, 1000))
SPLIT = at(Stage.SPLIT, errors=HEALTHY, errors_at_settle=trials(0, 0, 10, 1000))
SETTLED = at(Stage.SETTLE, errors_at_settle=trials(10, 1000, 0, 0), slo_at_settle=trials(10, 1000, 0, 0))


def after(*observations: Observation) -> Evidence:
    return evaluate.update(BLUE_GREEN, evaluate.start(BLUE_GREEN), observations)


def judged(*observations: Observation) -> Verdict:
    return evaluate.verdict(BLUE_GREEN, after(*observations))


def test_a_run_begins_in_the_stage_of_its_first_step() -> None:
    verdict = judged()
    assert verdict.stage is Stage.PREVIEW
    assert verdict.kind is VerdictKind.NO_DATA
    assert evaluate.verdict(an_experiment(), evaluate.start(an_experiment())).stage is Stage.SPLIT


def test_in_a_preview_only_the_probes_speak() -> None:
    verdict = judged(*[PREVIEW] * 3)
    assert verdict.kind is VerdictKind.NOT_WORSE
    assert verdict.stage is Stage.PREVIEW
    assert verdict.finding("errors@preview").treatment.total == 180
    assert [verdict.finding(m.name).missing for m in METRICS] == [None] * 4
    assert verdict.data_until_s is not None


def test_a_preview_in_which_nothing_was_asked_misses_nothing() -> None:
    asked = after(*[PREVIEW] * 3)
    quiet = evaluate.update(BLUE_GREEN, asked, [at(Stage.PREVIEW)])
    assert quiet.metrics[0] is asked.metrics[0]
    assert evaluate.verdict(BLUE_GREEN, quiet).kind is VerdictKind.NOT_WORSE
    assert evaluate.probed(BLUE_GREEN, quiet) == 180


def test_failing_probes_are_harm() -> None:
    verdict = judged(at(Stage.PREVIEW, errors_at_preview=trials(40, 60, 0, 0)))
    assert verdict.kind is VerdictKind.HARMFUL
    assert verdict.culprit == "errors@preview"


def test_each_metric_counts_the_windows_of_its_own_stage() -> None:
    verdict = judged(PREVIEW, SPLIT, SPLIT, SETTLED, SETTLED, SETTLED)
    assert [verdict.finding(metric.name).windows for metric in METRICS] == [1, 2, 3, 3]
    assert [verdict.finding(metric.name).stage for metric in METRICS] == [m.stage for m in METRICS]
    assert verdict.finding("errors@settle").measure == "errors"
    assert verdict.stage is Stage.SETTLE


def test_settling_claims_nothing_in_the_treatments_favour() -> None:
    verdict = judged(PREVIEW, SPLIT, *[SETTLED] * 40)
    found = verdict.finding("errors@settle")
    assert found.verdict is VerdictKind.UNDECIDED
    assert found.log_e_promote == 0.0
    assert found.inside_margin_at_step is True
    assert "before/after, not concurrent" in found.method
    assert any("conditions did not change" in text for text in found.assumptions)
    assert verdict.finding("slo@settle").verdict is VerdictKind.NOT_WORSE
    assert verdict.kind is VerdictKind.UNDECIDED


def test_a_worse_treatment_is_rolled_back_while_it_settles() -> None:
    worse = at(Stage.SETTLE, errors_at_settle=trials(90, 1000, 0, 0), slo_at_settle=trials(0, 1000, 0, 0))
    verdict = judged(*[PREVIEW] * 3, SPLIT, worse)
    assert verdict.kind is VerdictKind.HARMFUL
    assert verdict.culprit == "errors@settle"
    found = verdict.finding("errors@settle")
    assert found.verdict is VerdictKind.HARMFUL
    assert found.effect.estimate == pytest.approx(9.0)
    assert found.difference == pytest.approx(0.08)
    assert found.inside_margin_at_step is False


def test_what_another_stage_lacks_does_not_matter() -> None:
    verdict = judged(SPLIT, at(Stage.SPLIT, errors=GONE), SETTLED)
    assert verdict.finding("errors").missing is None
    assert verdict.kind is VerdictKind.UNDECIDED
    assert judged(SPLIT, at(Stage.SPLIT)).kind is VerdictKind.NO_DATA


def test_distrust_of_a_window_ends_with_the_stage_and_that_of_a_declaration_does_not() -> None:
    impossible = at(Stage.SPLIT, errors=trials(5, 3, 0, 9))
    assert judged(impossible).kind is VerdictKind.UNTRUSTWORTHY
    assert judged(impossible, SETTLED).finding("errors").distrust == ""
    wrong = an_experiment(metrics=(replace(BRIDGE, kind=MetricKind.THRESHOLD, limit=2.0), SLO))
    readings = {"errors": HEALTHY, "slo@settle": HEALTHY}
    observation = replace(window(0, **readings), stage=Stage.SETTLE)
    verdict = evaluate.verdict(wrong, evaluate.update(wrong, evaluate.start(wrong), [observation]))
    assert "limit" in verdict.finding("errors").distrust
    assert verdict.kind is not VerdictKind.UNTRUSTWORTHY


def test_harm_of_an_earlier_stage_stays() -> None:
    verdict = judged(at(Stage.SPLIT, errors=BAD), *[SETTLED] * 5)
    assert verdict.kind is VerdictKind.HARMFUL
    assert verdict.culprit == "errors"


def test_a_before_after_check_of_a_latency_needs_an_objective() -> None:
    latency = replace(BEFORE_AFTER, kind=MetricKind.DISTRIBUTION, weight=1.0)
    experiment = an_experiment(metrics=(latency,))
    observation = replace(window(0, **{"errors@settle": FAST}), stage=Stage.SETTLE)
    evidence = evaluate.update(experiment, evaluate.start(experiment), [observation])
    verdict = evaluate.verdict(experiment, evidence)
    assert "latency objective" in verdict.finding("errors@settle").distrust
    assert verdict.kind is VerdictKind.UNTRUSTWORTHY
    assert verdict.finding("errors@settle").difference is None


def test_a_restart_in_any_stage_changes_nothing() -> None:
    straight = restarted = evaluate.start(BLUE_GREEN)
    for observation in (PREVIEW, at(Stage.PREVIEW), SPLIT, SETTLED, SETTLED):
        straight = evaluate.update(BLUE_GREEN, straight, [observation])
        restarted = evaluate.update(BLUE_GREEN, restarted, [observation])
        restarted = Evidence.from_plain(BLUE_GREEN, json.loads(json.dumps(restarted.to_plain())))
    assert straight.to_plain() == restarted.to_plain()
    assert evaluate.verdict(BLUE_GREEN, straight) == evaluate.verdict(BLUE_GREEN, restarted)


def test_the_weights_of_all_stages_are_one_budget() -> None:
    """A stage that has not begun counts as 1, so an early stage crosses later by its part of the weight."""
    verdict = judged(at(Stage.PREVIEW, errors_at_preview=trials(9, 60, 0, 0)))
    own = verdict.finding("errors@preview").log_e_harm
    assert verdict.log_e_harm == pytest.approx(log(0.25 * 2.718281828459045**own + 0.75))
    assert verdict.arms[0].log_e_harm == pytest.approx(verdict.log_e_harm)
