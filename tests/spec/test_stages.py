"""Each metric is measured per treatment and stage of the plan, and targets that do not fit are refused."""

from dataclasses import replace
from typing import Any

import pytest

from analysis import evaluate
from engine.core.measure import Missing, MissingReason, Observation, Trials, TrialsReading, Window
from engine.core.model import Arm, Bound, Experiment, Metric, MetricKind, Role, Selector, Unit
from engine.core.plan import Policy, Stage
from engine.core.target import TargetFacts
from engine.core.verdict import VerdictKind
from tests.spec.documents import GOOD, threshold
from tests.spec.staged import BRIDGE, CONVERSIONS, PREVIEW_URL, QUALITY, ab, blue_green, of, problem_of
from tests.spec.stand_ins import REQUESTS, SESSIONS, facts_of_three, facts_with


def by_name(experiment: Experiment) -> dict[str, Metric]:
    return {metric.name: metric for metric in experiment.metrics}


def test_a_canary_s_metrics_stay_what_they_were_declared_as() -> None:
    metrics = of(GOOD, facts_with()).metrics
    assert [(m.name, m.measure, m.stage, m.treatment_index) for m in metrics] == [
        ("http_errors", "http_errors", Stage.SPLIT, 0),
        ("http_latency", "http_latency", Stage.SPLIT, 0),
    ]


def test_blue_green_probes_the_preview_and_compares_before_and_after() -> None:
    experiment = of(blue_green(), facts_with(preview_url=PREVIEW_URL))
    assert [(m.name, m.stage, m.weight) for m in experiment.metrics] == [
        ("errors@preview", Stage.PREVIEW, 0.5),
        ("http_errors@settle", Stage.SETTLE, 0.25),
        ("http_latency@settle", Stage.SETTLE, 0.25),
    ]
    assert experiment.preview_url == PREVIEW_URL
    assert experiment.probed_metrics == experiment.metrics[:1]


def test_probes_are_judged_by_errors_and_by_latency_if_asked_for() -> None:
    options = "{preview: {errors: 1%, count: 500, latency: {over: 300ms, share: 10%}}}"
    metrics = by_name(of(blue_green(options), facts_with(preview_url=PREVIEW_URL)))
    errors, slow = metrics["errors@preview"], metrics["slow@preview"]
    assert {errors.kind, slow.kind} == {MetricKind.THRESHOLD}
    assert (errors.limit, errors.slo_s, errors.weight) == (0.01, None, 0.25)
    assert (slow.limit, slow.slo_s, slow.weight) == (0.1, 0.3, 0.25)
    assert {errors.role, slow.role} == {Role.GUARDRAIL}


def test_a_bridge_adds_metrics_of_a_split() -> None:
    experiment = of(blue_green(BRIDGE, QUALITY), facts_with(preview_url=PREVIEW_URL))
    stages = [(m.name, m.stage, round(m.weight, 9)) for m in experiment.metrics]
    sixth = round(1 / 6, 9)
    assert stages == [
        ("errors@preview", Stage.PREVIEW, round(1 / 3, 9)),
        ("http_errors", Stage.SPLIT, sixth),
        ("http_latency", Stage.SPLIT, sixth),
        # Without an objective it has no share that could be told before and after.
        ("render", Stage.SPLIT, 0.0),
        ("http_errors@settle", Stage.SETTLE, sixth),
        ("http_latency@settle", Stage.SETTLE, sixth),
    ]


def test_a_threshold_is_checked_after_the_switch_too() -> None:
    text = threshold("limit: 1%").replace("strategy: canary", "strategy: blue_green")
    settled = by_name(of(text, facts_with(preview_url=PREVIEW_URL)))["own@settle"]
    assert (settled.kind, settled.limit, settled.measure) == (MetricKind.THRESHOLD, 0.01, "own")


def test_every_treatment_is_compared_with_control() -> None:
    experiment = of(ab("{weights: [25, 25]}"), facts_of_three())
    assert experiment.treatments == ("v2", "v3")
    assert [(m.name, m.treatment_index) for m in experiment.metrics] == [
        ("http_errors@v2", 0),
        ("http_latency@v2", 0),
        ("conversions@v2", 0),
        ("http_errors@v3", 1),
        ("http_latency@v3", 1),
        ("conversions@v3", 1),
    ]
    metrics = by_name(experiment)
    assert metrics["http_errors@v3"].arm_labels == {
        Arm.CONTROL: {"service": "checkout-v1@file"},
        Arm.TREATMENT: {"service": "checkout-v3@file"},
    }
    assert metrics["conversions@v3"].arm_labels == {
        Arm.CONTROL: {"version": "v1"},
        Arm.TREATMENT: {"version": "v3"},
    }
    assert metrics["conversions@v2"].measure == "conversions"


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        (GOOD, facts_with()),
        (blue_green(), facts_with(preview_url=PREVIEW_URL)),
        (blue_green(BRIDGE, QUALITY), facts_with(preview_url=PREVIEW_URL)),
        (ab(), facts_with(sessions=SESSIONS)),
        (ab("{weights: [25, 25]}"), facts_of_three()),
    ],
)
def test_the_weights_of_all_stages_and_treatments_add_up_to_one(text: str, facts: TargetFacts) -> None:
    metrics = of(text, facts).metrics
    assert abs(sum(metric.weight for metric in metrics) - 1) < 1e-9
    assert all((metric.weight > 0) == metric.decides for metric in metrics)
    assert len({metric.name for metric in metrics}) == len(metrics)


def test_conversions_count_good_sessions() -> None:
    metric = by_name(of(ab(), facts_with(sessions=SESSIONS)))["conversions"]
    assert (metric.bad, metric.total) == (SESSIONS.converted, SESSIONS.total)
    assert metric.higher_is_better
    assert (metric.role, metric.unit, metric.kind) == (
        Role.OBJECTIVE,
        Unit.SESSION,
        MetricKind.PROPORTION,
    )
    assert metric.margin == Bound(relative=0.1)


def test_a_proportion_of_good_trials_is_higher_the_better() -> None:
    good = "    - {kind: proportion, name: carts, good: good_total, total: all_total}\n"
    metrics = by_name(of(GOOD + good, facts_with()))
    assert (metrics["carts"].bad, metrics["carts"].higher_is_better) == (Selector(name="good_total"), True)
    assert metrics["carts"].margin == Bound(relative=0.1)
    assert not metrics["http_errors"].higher_is_better


def test_good_trials_are_no_errors_when_weights_are_shared_out() -> None:
    good = "    - {kind: proportion, name: carts, good: good_total, total: all_total}\n"
    weights = {metric.name: metric.weight for metric in of(GOOD + good, facts_with()).metrics}
    assert weights == {"http_errors": 0.5, "http_latency": 0.25, "carts": 0.25}


def test_the_router_s_assignments_are_counted_per_treatment() -> None:
    splits = of(ab("{weights: [25, 25]}"), facts_of_three(sticky=True)).splits
    assert [(m.name, m.treatment_index, m.total, m.unit) for m in splits] == [
        ("split@v2", 0, REQUESTS, Unit.SESSION),
        ("split@v3", 1, REQUESTS, Unit.SESSION),
    ]
    assert {m.kind for m in splits} == {MetricKind.ASSIGNMENT}
    assert splits[1].arm_labels[Arm.TREATMENT] == {"service": "checkout-v3@file"}


def counting(**changes: Any) -> TargetFacts:
    router = facts_with().router
    assert router is not None
    return facts_with(router=replace(router, assignments=REQUESTS), **changes)


def test_one_treatment_has_one_split() -> None:
    (split,) = of(GOOD, counting()).splits
    assert (split.name, split.unit) == ("split", Unit.REQUEST)


def test_there_is_no_split_to_check_without_a_split_or_without_counts() -> None:
    assert of(GOOD, facts_with()).splits == ()
    assert of(blue_green(), counting(preview_url=PREVIEW_URL)).splits == ()
    assert len(of(blue_green(BRIDGE), counting(preview_url=PREVIEW_URL)).splits) == 1


def test_the_split_s_tolerance_may_be_declared() -> None:
    assert of(GOOD, facts_with()).split_tolerance == Bound(relative=0.1, absolute=0.01)
    declared = of(GOOD + "  split_tolerance: {absolute: 3pp}\n", facts_with())
    assert declared.split_tolerance == Bound(absolute=0.03)


def test_horizon_and_policies_are_the_strategy_s_unless_declared() -> None:
    experiment = of(ab(), facts_with(sessions=SESSIONS))
    assert experiment.horizon_s == 14 * 86400
    assert (experiment.on_blind, experiment.on_untrustworthy) == (Policy.HOLD, Policy.HOLD)
    assert experiment.on_undecided is Policy.ROLLBACK
    text = ab(more=CONVERSIONS + "  horizon: 3d\n  on_blind: rollback\n")
    declared = of(text, facts_with(sessions=SESSIONS))
    assert (declared.horizon_s, declared.on_blind) == (3 * 86400, Policy.ROLLBACK)


def previewed(good: int, limit: str) -> VerdictKind:
    """The verdict after so many good probes and nothing else."""
    options = f"{{preview: {{count: 5000, errors: {limit}}}}}"
    experiment = of(blue_green(options), facts_with(preview_url=PREVIEW_URL))
    probed = TrialsReading(control=Trials(bad=0, total=0), treatment=Trials(bad=0, total=good))
    unasked = Missing(reason=MissingReason.NO_TRAFFIC, detail="nothing before the switch")
    observation = Observation(
        window=Window(index=0, start_s=0.0, end_s=15.0),
        readings={m.name: probed if m.stage is Stage.PREVIEW else unasked for m in experiment.metrics},
        stage=Stage.PREVIEW,
    )
    evidence = evaluate.update(experiment, evaluate.start(experiment), [observation])
    return evaluate.verdict(experiment, evidence).kind


@pytest.mark.parametrize(("limit", "fewest"), [("5%", 81), ("1%", 411)])
def test_a_preview_of_too_few_probes_is_refused_and_one_of_enough_can_pass(limit: str, fewest: int) -> None:
    def document(count: int) -> str:
        return blue_green(f"{{preview: {{count: {count}, errors: {limit}}}}}")

    facts = facts_with(preview_url=PREVIEW_URL)
    assert of(document(fewest), facts).plan.probes is not None
    assert f"at least {fewest}" in problem_of(document(fewest - 1), facts)
    assert previewed(fewest, limit) is VerdictKind.NOT_WORSE
    assert previewed(fewest - 1, limit) is VerdictKind.UNDECIDED


def test_stickiness_is_the_target_s() -> None:
    assert of(ab(), facts_with(sessions=SESSIONS, sticky=True)).sticky
    assert not of(ab(), facts_with(sessions=SESSIONS)).sticky
