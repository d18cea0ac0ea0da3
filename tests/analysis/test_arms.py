"""Several treatments against one control: verdicts one by one, objectives, and the split of visitors."""

import json
from dataclasses import replace
from math import exp, log

import pytest

from analysis import evaluate
from analysis.evaluate import Evidence
from engine.core.measure import Observation, Reading, TrialsReading
from engine.core.model import Bound, Experiment, MetricKind, Role, Unit
from engine.core.target import Weights
from engine.core.verdict import ArmVerdict, Verdict, VerdictKind
from tests.analysis.evaluating import BAD, GONE, HEALTHY, ONE, trials, window
from tests.builders import a_metric, an_experiment

GUARDED = a_metric(name="errors", measure="errors")
BUYS = a_metric(
    name="buys",
    measure="buys",
    role=Role.OBJECTIVE,
    unit=Unit.SESSION,
    higher_is_better=True,
    margin=Bound(relative=0.5),
)
VISITORS = a_metric(name="visitors", kind=MetricKind.ASSIGNMENT, bad=None)


def of_arm(metric: object, index: int, weight: float) -> object:
    return replace(metric, name=f"{metric.measure}@v{index + 2}", treatment_index=index, weight=weight)


PAIR = an_experiment(
    more_treatments=("v3",),
    metrics=tuple(of_arm(metric, index, 0.25) for index in (0, 1) for metric in (GUARDED, BUYS)),
    splits=tuple(replace(VISITORS, name=f"visitors@v{i + 2}", treatment_index=i) for i in (0, 1)),
)
SAME = trials(100, 1000, 100, 1000)
MORE = trials(160, 1000, 100, 1000)
FEWER = trials(40, 1000, 100, 1000)
ALL_LIVE = Weights.of(30, 30)


def at(
    errors: tuple[Reading, Reading] = (HEALTHY, HEALTHY),
    buys: tuple[Reading, Reading] = (SAME, SAME),
    weights: Weights | None = ALL_LIVE,
    **visitors: Reading,
) -> Observation:
    readings = {f"errors@v{i + 2}": reading for i, reading in enumerate(errors)}
    readings |= {f"buys@v{i + 2}": reading for i, reading in enumerate(buys)}
    readings |= {name.replace("_at_", "@"): reading for name, reading in visitors.items()}
    return replace(window(0, **readings), weights=weights)


def after(*observations: Observation, experiment: Experiment = PAIR) -> Evidence:
    return evaluate.update(experiment, evaluate.start(experiment), observations)


def judged(*observations: Observation, experiment: Experiment = PAIR) -> Verdict:
    return evaluate.verdict(experiment, after(*observations, experiment=experiment))


def kinds(verdict: Verdict) -> tuple[VerdictKind, ...]:
    return tuple(arm.kind for arm in verdict.arms)


def test_one_treatment_is_one_arm_that_says_what_the_run_says() -> None:
    windows = [window(0, errors=trials(6, 100, 20, 900)), window(1, errors=BAD)]
    for upto in range(3):
        evidence = evaluate.update(ONE, evaluate.start(ONE), windows[:upto])
        verdict = evaluate.verdict(ONE, evidence)
        assert verdict.arms == (
            ArmVerdict(
                treatment="v2",
                kind=verdict.kind,
                harm_latched=verdict.harm_latched,
                log_e_harm=verdict.log_e_harm,
                culprit=verdict.culprit,
            ),
        )


def test_an_arms_evidence_is_the_weighted_average_of_its_own_metrics() -> None:
    verdict = judged(at(errors=(trials(14, 1000, 10, 1000), trials(12, 1000, 10, 1000))))
    for index, arm in enumerate(verdict.arms):
        own = [found for found in verdict.findings if found.treatment_index == index]
        assert exp(arm.log_e_harm) == pytest.approx(sum(0.5 * exp(found.log_e_harm) for found in own))


def test_an_arm_crosses_at_the_number_of_treatments_over_alpha() -> None:
    """Between 1/alpha and 2/alpha one treatment alone would latch, and one of two must not."""
    alone = replace(PAIR, more_treatments=(), splits=(), metrics=(replace(PAIR.metrics[0], weight=1.0),))
    latched = []
    for bad in range(10, 80):
        reading = trials(bad, 1000, 10, 1000)
        pair = judged(at(errors=(reading, HEALTHY)))
        single = judged(window(0, **{"errors@v2": reading}), experiment=alone)
        crossed = pair.arms[0].log_e_harm >= log(2 / PAIR.alpha_rollback)
        assert pair.arms[0].harm_latched is crossed
        assert pair.finding("errors@v2").log_e_harm == pytest.approx(single.finding("errors@v2").log_e_harm)
        latched.append((single.harm_latched, pair.arms[0].harm_latched))
    assert (True, False) in latched
    assert (False, True) not in latched


def test_a_harmful_arm_latches_alone_and_the_run_goes_on() -> None:
    verdict = judged(*[at(errors=(HEALTHY, BAD))] * 3, *[at()] * 40)
    assert [arm.harm_latched for arm in verdict.arms] == [False, True]
    assert verdict.arms[1].kind is VerdictKind.HARMFUL
    assert verdict.arms[1].culprit == "errors@v3"
    assert verdict.finding("errors@v3").verdict is VerdictKind.HARMFUL
    assert not verdict.harm_latched
    assert verdict.kind is not VerdictKind.HARMFUL


def test_the_run_is_harmful_when_every_arm_is() -> None:
    verdict = judged(at(errors=(HEALTHY, BAD)), at(errors=(BAD, HEALTHY)))
    assert verdict.harm_latched
    assert verdict.kind is VerdictKind.HARMFUL
    assert verdict.culprit in {"errors@v2", "errors@v3"}


def test_of_live_arms_all_harmful_the_run_is_harmful() -> None:
    healthy, dropped = at(errors=(BAD, HEALTHY)), at(errors=(BAD, GONE), weights=Weights.of(30))
    verdict = judged(healthy, dropped)
    assert not verdict.harm_latched
    assert verdict.kind is VerdictKind.HARMFUL


def test_what_a_dropped_arm_lacks_does_not_matter() -> None:
    dropped = at(errors=(HEALTHY, GONE), buys=(SAME, GONE), weights=Weights.of(30))
    verdict = judged(*[at()] * 20, *[dropped] * 2)
    assert kinds(verdict) == (VerdictKind.NOT_WORSE, VerdictKind.NO_DATA)
    assert verdict.kind is VerdictKind.NOT_WORSE
    assert verdict.data_until_s is not None
    live = replace(dropped, weights=ALL_LIVE)
    assert judged(*[at()] * 20, live).kind is VerdictKind.NO_DATA


def test_weights_that_are_not_known_leave_the_last_known_ones_in_force() -> None:
    dropped = at(errors=(HEALTHY, GONE), buys=(SAME, GONE), weights=Weights.of(30))
    verdict = judged(*[at()] * 20, dropped, replace(dropped, weights=None))
    assert verdict.kind is VerdictKind.NOT_WORSE
    assert judged(at(weights=None), replace(dropped, weights=None)).kind is VerdictKind.NO_DATA


def test_more_buyers_are_better_and_fewer_are_harm() -> None:
    verdict = judged(*[at(buys=(MORE, FEWER))] * 8)
    assert kinds(verdict) == (VerdictKind.BETTER, VerdictKind.HARMFUL)
    assert verdict.kind is VerdictKind.BETTER
    assert verdict.arms[0].better_by == "buys@v2"
    assert verdict.arms[1].better_by == ""
    assert verdict.finding("buys@v2").verdict is VerdictKind.BETTER
    assert verdict.arms[1].culprit == "buys@v3"


def test_better_needs_guardrails_that_are_not_worse() -> None:
    verdict = judged(*[at(errors=(trials(1, 30, 1, 30), HEALTHY), buys=(MORE, SAME))] * 8)
    assert verdict.finding("buys@v2").verdict is VerdictKind.BETTER
    assert verdict.finding("errors@v2").verdict is VerdictKind.UNDECIDED
    assert verdict.arms[0].kind is VerdictKind.UNDECIDED
    assert verdict.arms[0].better_by == "buys@v2"


def test_not_better_is_not_worse_where_every_live_arm_is() -> None:
    verdict = judged(*[at()] * 40)
    assert kinds(verdict) == (VerdictKind.NOT_WORSE,) * 2
    assert verdict.kind is VerdictKind.NOT_WORSE
    apart = judged(*[at(errors=(HEALTHY, trials(1, 30, 1, 30)))] * 40)
    assert kinds(apart) == (VerdictKind.NOT_WORSE, VerdictKind.UNDECIDED)
    assert apart.kind is VerdictKind.UNDECIDED


def test_holm_asks_more_of_one_objective_among_several() -> None:
    """Where one objective alone is just better, two need twice the evidence."""
    alone = replace(PAIR, more_treatments=(), splits=(), metrics=PAIR.metrics[:2])
    found = []
    for more in range(100, 160):
        reading = trials(more, 1000, 100, 1000)
        single = judged(window(0, **{"errors@v2": HEALTHY, "buys@v2": reading}), experiment=alone).finding(
            "buys@v2"
        )
        pair = judged(at(buys=(reading, SAME))).finding("buys@v2")
        assert single.log_e_better == pair.log_e_better
        assert (single.verdict is VerdictKind.BETTER) is ((single.log_e_better or 0.0) >= log(1 / 0.05))
        found.append((single.verdict is VerdictKind.BETTER, pair.verdict is VerdictKind.BETTER))
    assert (True, False) in found
    assert (False, True) not in found


def test_requests_of_sticky_visitors_are_reported_and_do_not_promote() -> None:
    per_request = tuple(replace(metric, unit=Unit.REQUEST) for metric in PAIR.metrics)
    sticky = replace(PAIR, sticky=True, metrics=per_request)
    verdict = judged(*[at(buys=(MORE, SAME))] * 8, experiment=sticky)
    found = verdict.finding("buys@v2")
    assert found.log_e_better is not None
    assert found.log_e_better > log(1 / 0.05)
    assert not found.may_promote
    assert found.verdict is VerdictKind.NOT_WORSE
    assert verdict.arms[0].better_by == ""
    assert any("not independent" in text for text in found.assumptions)


def test_guardrails_are_not_asked_whether_they_are_better() -> None:
    found = judged(at()).finding("errors@v2")
    assert found.log_e_better is None
    assert "Holm" not in found.method
    assert "Holm" in judged(at()).finding("buys@v2").method


def swapped(reading: TrialsReading) -> TrialsReading:
    return TrialsReading(control=reading.treatment, treatment=reading.control)


@pytest.mark.parametrize("margin", [Bound(relative=0.5), Bound(relative=0.5, absolute=0.01)])
@pytest.mark.parametrize("tolerance", [Bound(relative=0.05), Bound(absolute=0.01)])
@pytest.mark.parametrize("reading", [trials(12, 1000, 9, 900), trials(300, 1000, 400, 1000)])
def test_higher_is_better_is_the_same_with_the_arms_swapped(
    reading: TrialsReading, tolerance: Bound, margin: Bound
) -> None:
    lower = an_experiment(metrics=(a_metric(role=Role.OBJECTIVE, tolerance=tolerance, margin=margin),))
    higher = an_experiment(metrics=(replace(lower.metrics[0], higher_is_better=True),))
    readings = [reading] * 3
    plain = judged(*[window(i, errors=swapped(r)) for i, r in enumerate(readings)], experiment=lower)
    turned = judged(*[window(i, errors=r) for i, r in enumerate(readings)], experiment=higher)
    ours, theirs = turned.findings[0], plain.findings[0]
    assert ours.log_e_harm == pytest.approx(theirs.log_e_harm)
    assert ours.log_e_promote == pytest.approx(theirs.log_e_promote)
    assert ours.log_e_better == pytest.approx(theirs.log_e_better)
    assert ours.verdict is theirs.verdict
    assert ours.inside_margin_at_step is theirs.inside_margin_at_step
    assert ours.treatment == theirs.control


def test_the_effect_of_more_buyers_is_still_treatment_over_control() -> None:
    lower = an_experiment(metrics=(a_metric(role=Role.OBJECTIVE),))
    higher = an_experiment(metrics=(replace(lower.metrics[0], higher_is_better=True),))
    windows = [window(i, errors=MORE) for i in range(4)]
    ours, theirs = (judged(*windows, experiment=each).findings[0].effect for each in (higher, lower))
    assert (ours.estimate, ours.low, ours.high) == pytest.approx((theirs.estimate, theirs.low, theirs.high))


def test_higher_is_better_is_refused_where_no_trial_is_good() -> None:
    metric = a_metric(kind=MetricKind.THRESHOLD, limit=0.1, higher_is_better=True)
    experiment = an_experiment(metrics=(metric,))
    verdict = evaluate.verdict(experiment, evaluate.start(experiment))
    assert "higher cannot be better" in verdict.findings[0].distrust


def test_a_split_off_plan_makes_the_run_untrustworthy() -> None:
    off = {"visitors_at_v2": trials(0, 300, 0, 400), "visitors_at_v3": trials(0, 100, 0, 400)}
    verdict = judged(*[at(**off)] * 20)
    assert [found.alarm for found in verdict.splits] == [False, True]
    assert kinds(verdict) == (VerdictKind.NOT_WORSE, VerdictKind.UNTRUSTWORTHY)
    assert verdict.kind is VerdictKind.UNTRUSTWORTHY
    assert verdict.splits[1].planned == pytest.approx(30 / 70)
    assert verdict.splits[1].seen == pytest.approx(0.2)
    assert verdict.splits[1].treatment == "v3"


def test_harm_does_not_wait_for_a_clean_split() -> None:
    off = {"visitors_at_v2": trials(0, 300, 0, 400), "visitors_at_v3": trials(0, 100, 0, 400)}
    verdict = judged(*[at(errors=(BAD, BAD), **off)] * 20)
    assert verdict.splits[1].alarm
    assert verdict.kind is VerdictKind.HARMFUL


def test_a_missing_split_count_is_no_evidence_and_no_blocker() -> None:
    verdict = judged(*[at(visitors_at_v2=GONE)] * 20)
    assert [found.windows for found in verdict.splits] == [0, 0]
    assert verdict.kind is VerdictKind.NOT_WORSE


def test_a_restart_changes_nothing() -> None:
    straight = restarted = evaluate.start(PAIR)
    for observation in [
        at(visitors_at_v2=trials(0, 30, 0, 44)),
        at(errors=(BAD, HEALTHY)),
        at(errors=(GONE, HEALTHY), buys=(GONE, MORE), weights=Weights.of(0, 30)),
    ]:
        straight = evaluate.update(PAIR, straight, [observation])
        restarted = evaluate.update(PAIR, restarted, [observation])
        restarted = Evidence.from_plain(PAIR, json.loads(json.dumps(restarted.to_plain())))
    assert straight.to_plain() == restarted.to_plain()
    assert evaluate.verdict(PAIR, straight) == evaluate.verdict(PAIR, restarted)


def test_split_checks_that_a_run_was_stored_without_begin_when_they_can() -> None:
    plain = after(at()).to_plain()
    plain["splits"] = []
    assert len(Evidence.from_plain(PAIR, plain).splits) == 2
    without = replace(PAIR, splits=())
    assert Evidence.from_plain(without, after(at()).to_plain()).splits == ()
