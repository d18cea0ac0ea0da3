from dataclasses import replace
from math import exp, log

import pytest

from analysis import evaluate
from analysis.evaluate import Evidence
from engine.core.measure import Histogram, HistogramReading, MissingReason, TrialsReading
from engine.core.model import MetricKind, Role
from engine.core.verdict import VerdictKind
from tests.analysis.evaluating import (
    ALL,
    BAD,
    FAST,
    GONE,
    HEALTHY,
    LATENCY,
    ONE,
    SHARE,
    after,
    buckets,
    judged,
    trials,
    window,
)
from tests.builders import a_metric, an_experiment

SLIGHTLY_BETTER = trials(5, 1000, 25, 1000)


def started(evidence: Evidence) -> int:
    """How many start points the first metric has."""
    return evidence.metrics[0].sums.starts.weights.shape[1]


def test_nothing_measured_is_no_data() -> None:
    verdict = evaluate.verdict(ALL, evaluate.start(ALL))
    assert verdict.kind is VerdictKind.NO_DATA
    assert verdict.windows == verdict.windows_read == 0
    assert verdict.data_until_s is None
    assert verdict.culprit == ""
    assert verdict.log_e_harm == pytest.approx(0.0)
    assert {found.effect.low for found in verdict.findings} == {None}


def test_error_free_arms_become_not_worse() -> None:
    assert judged(ONE, *[HEALTHY] * 2).kind is VerdictKind.UNDECIDED
    verdict = judged(ONE, *[HEALTHY] * 6)
    assert verdict.kind is VerdictKind.NOT_WORSE
    assert verdict.findings[0].inside_margin_at_step is True
    assert verdict.findings[0].effect.estimate is None


def test_a_clear_regression_is_harmful_and_names_its_culprit() -> None:
    verdict = judged(ONE, BAD)
    assert verdict.kind is VerdictKind.HARMFUL
    assert verdict.harm_latched
    assert verdict.culprit == "errors"
    assert verdict.log_e_harm >= log(1 / ONE.alpha_rollback)
    found = verdict.finding("errors")
    assert found.verdict is VerdictKind.HARMFUL
    assert found.effect.estimate == pytest.approx(9.0)
    assert found.effect.low is not None
    assert found.effect.low > 1
    assert found.difference == pytest.approx(0.08)
    assert found.inside_margin_at_step is False


def test_harm_latches_even_when_later_windows_of_the_same_update_are_healthy() -> None:
    verdict = judged(ONE, BAD, *[trials(0, 1000, 60, 1000)] * 20)
    assert verdict.log_e_harm < log(1 / ONE.alpha_rollback)
    assert verdict.kind is VerdictKind.HARMFUL
    assert verdict.finding("errors").verdict is VerdictKind.HARMFUL


def test_the_runs_evidence_is_the_weighted_average_of_its_metrics() -> None:
    evidence = evaluate.update(
        ALL,
        evaluate.start(ALL),
        [window(0, errors=trials(6, 100, 20, 900), latency=FAST, share=HEALTHY)],
    )
    verdict = evaluate.verdict(ALL, evidence)
    expected = sum(found.weight * exp(found.log_e_harm) for found in verdict.findings)
    assert exp(verdict.log_e_harm) == pytest.approx(expected)
    assert verdict.culprit == "errors"


def test_warm_up_is_not_evidence() -> None:
    evidence = evaluate.update(ONE, evaluate.start(ONE), [window(0, warm_up=True, errors=BAD)])
    verdict = evaluate.verdict(ONE, evidence)
    assert verdict.kind is VerdictKind.UNDECIDED
    assert verdict.findings[0].treatment.total == 0
    assert (verdict.windows, verdict.windows_read) == (0, 1)


def test_a_missing_series_is_not_a_zero() -> None:
    before = judged(ONE, *[HEALTHY] * 6)
    verdict = judged(ONE, *[HEALTHY] * 6, GONE)
    found = verdict.finding("errors")
    assert verdict.kind is VerdictKind.NO_DATA
    assert found.verdict is VerdictKind.NO_DATA
    assert found.missing == GONE
    assert found.missing_windows == 1
    assert found.treatment == before.finding("errors").treatment
    assert found.log_e_promote == before.finding("errors").log_e_promote
    assert verdict.data_until_s == before.data_until_s


def test_measuring_again_ends_no_data() -> None:
    assert judged(ONE, *[HEALTHY] * 6, GONE, HEALTHY).kind is VerdictKind.NOT_WORSE


@pytest.mark.parametrize(
    ("reading", "arm"), [(trials(0, 0, 1, 10), "treatment"), (trials(1, 10, 0, 0), "control")]
)
def test_an_arm_without_trials_is_no_traffic(reading: TrialsReading, arm: str) -> None:
    found = judged(ONE, HEALTHY, reading).finding("errors")
    assert found.missing is not None
    assert found.missing.reason is MissingReason.NO_TRAFFIC
    assert found.missing.arm == arm
    assert found.treatment.total == 1000


def test_a_missing_metric_leaves_the_others_their_evidence() -> None:
    evidence = evaluate.update(ALL, evaluate.start(ALL), [window(0, errors=BAD, latency=GONE, share=GONE)])
    verdict = evaluate.verdict(ALL, evidence)
    assert verdict.finding("latency").windows == 0
    assert verdict.finding("errors").windows == 1
    assert verdict.windows == 1
    assert verdict.kind is VerdictKind.HARMFUL


def test_untrustworthy_beats_not_worse_and_contributes_nothing() -> None:
    impossible = trials(2000, 1000, 0, 1000)
    verdict = judged(ONE, *[HEALTHY] * 6, impossible)
    assert verdict.kind is VerdictKind.UNTRUSTWORTHY
    assert "impossible" in verdict.finding("errors").distrust
    assert verdict.finding("errors").treatment.bad == 0
    assert verdict.log_e_harm < -700
    assert judged(ONE, *[HEALTHY] * 6, impossible, HEALTHY).kind is VerdictKind.NOT_WORSE


def test_an_objective_between_buckets_is_untrustworthy() -> None:
    experiment = an_experiment(metrics=(replace(LATENCY, name="errors", slo_s=0.3, weight=1.0),))
    assert judged(experiment, FAST).kind is VerdictKind.UNTRUSTWORTHY


def test_buckets_that_change_mid_run_are_untrustworthy() -> None:
    experiment = an_experiment(metrics=(replace(LATENCY, name="errors", weight=1.0),))
    other = Histogram(bounds_s=(0.2, 0.5, 1.0), counts=(900, 90, 10, 0))
    verdict = judged(experiment, FAST, HistogramReading(control=other, treatment=other))
    assert verdict.kind is VerdictKind.UNTRUSTWORTHY
    assert "mid-run" in verdict.findings[0].distrust


def test_a_new_step_resets_step_totals_and_opens_a_start() -> None:
    evidence = after(ONE, *[SLIGHTLY_BETTER] * 3)
    moved = evaluate.update(ONE, evidence, [window(3, new_start=True, errors=trials(2, 500, 1, 500))])
    arm = evaluate.verdict(ONE, moved).finding("errors").treatment
    assert (arm.bad, arm.total, arm.step_bad, arm.step_total) == (17, 3500, 2, 500)
    assert started(moved) == started(evidence) + 1


def test_the_time_grid_opens_starts_without_any_weight_change() -> None:
    experiment = an_experiment(horizon_s=32 * 60.0)
    evidence = evaluate.update(
        experiment, evaluate.start(experiment), [window(i, errors=SLIGHTLY_BETTER) for i in range(5)]
    )
    assert started(evidence) == 2
    assert evaluate.verdict(experiment, evidence).findings[0].treatment.step_total == 5000
    within_one_period = evaluate.update(
        ONE, evaluate.start(ONE), [window(i, errors=SLIGHTLY_BETTER) for i in range(5)]
    )
    assert started(within_one_period) == 1


def test_a_new_step_before_the_first_measured_window_opens_nothing() -> None:
    """The buckets of a latency are not known then."""
    seen = [window(0, new_start=True, errors=GONE, latency=GONE, share=GONE)]
    seen += [window(1, new_start=True, errors=HEALTHY, latency=FAST, share=HEALTHY)]
    evidence = evaluate.update(ALL, evaluate.start(ALL), seen)
    assert [state.windows for state in evidence.metrics] == [1, 1, 1]
    assert {state.sums.starts.weights.shape[1] for state in evidence.metrics} == {1}


def test_harm_after_a_healthy_past_is_still_seen() -> None:
    past = [trials(10, 1000, 10, 1000)] * 30
    worse = [trials(20, 1000, 10, 1000)] * 6
    stale = judged(ONE, *past, *worse)
    fresh = evaluate.update(
        ONE,
        after(ONE, *past),
        [window(30 + i, new_start=i == 0, errors=r) for i, r in enumerate(worse)],
    )
    assert stale.kind is not VerdictKind.HARMFUL
    assert evaluate.verdict(ONE, fresh).kind is VerdictKind.HARMFUL


def test_quality_metrics_are_shown_and_never_decide() -> None:
    experiment = an_experiment(metrics=(a_metric(), a_metric(name="extra", role=Role.QUALITY, weight=0.0)))
    windows = [window(i, errors=HEALTHY, extra=BAD) for i in range(6)]
    verdict = evaluate.verdict(experiment, evaluate.update(experiment, evaluate.start(experiment), windows))
    assert verdict.kind is VerdictKind.NOT_WORSE
    assert verdict.finding("extra").verdict is VerdictKind.HARMFUL


def test_without_deciding_metrics_nothing_is_not_worse() -> None:
    experiment = an_experiment(metrics=(a_metric(role=Role.QUALITY, weight=0.0),))
    assert judged(experiment, *[HEALTHY] * 9).kind is VerdictKind.UNDECIDED


def test_every_deciding_metric_must_be_not_worse() -> None:
    steady = {"latency": buckets((990, 9, 1, 0), (990, 9, 1, 0)), "share": HEALTHY}
    windows = [window(i, errors=trials(12, 1000, 10, 1000), **steady) for i in range(3)]
    verdict = evaluate.verdict(ALL, evaluate.update(ALL, evaluate.start(ALL), windows))
    assert verdict.finding("share").verdict is VerdictKind.NOT_WORSE
    assert verdict.finding("errors").verdict is VerdictKind.UNDECIDED
    assert verdict.kind is VerdictKind.UNDECIDED


def test_a_ramp_with_rising_rates_shows_no_difference() -> None:
    ramp = [trials(1, 100, 9, 900), trials(50, 500, 50, 500)]
    found = judged(ONE, *ramp).finding("errors")
    assert found.treatment.rate != found.control.rate
    assert found.difference == pytest.approx(0.0, abs=1e-12)
    assert found.effect.estimate == pytest.approx(1.0)


def test_a_threshold_needs_no_control() -> None:
    experiment = an_experiment(metrics=(replace(SHARE, name="errors", weight=1.0),))
    passed = judged(experiment, *[trials(0, 500, 0, 0)] * 2)
    assert passed.kind is VerdictKind.NOT_WORSE
    assert passed.findings[0].effect.measure == "share"
    assert passed.findings[0].effect.low == 0.0
    assert passed.findings[0].inside_margin_at_step is True
    assert judged(experiment, trials(60, 1000, 0, 0)).kind is VerdictKind.HARMFUL


def test_a_slower_tail_is_harmful_and_counts_those_over_the_objective() -> None:
    experiment = an_experiment(metrics=(replace(LATENCY, name="errors", weight=1.0),))
    verdict = judged(experiment, *[buckets((900, 90, 10, 0), (880, 60, 30, 30))] * 3)
    assert verdict.kind is VerdictKind.HARMFUL
    assert verdict.findings[0].treatment.bad == 180


def test_latency_without_an_objective_cannot_promote() -> None:
    experiment = an_experiment(metrics=(replace(LATENCY, name="errors", weight=1.0, slo_s=None),))
    found = judged(experiment, *[FAST] * 50).findings[0]
    assert found.verdict is VerdictKind.UNDECIDED
    assert found.log_e_promote == pytest.approx(0.0)
    assert found.inside_margin_at_step is None
    assert found.difference is None
    assert any("cannot promote" in text for text in found.assumptions)


def test_common_events_say_that_ratios_are_odds_ratios() -> None:
    found = judged(ONE, *[trials(200, 1000, 200, 1000)] * 3).findings[0]
    assert any("odds" in text and "2 of 3" in text for text in found.assumptions)
    assert not any("odds" in text for text in judged(ONE, HEALTHY).findings[0].assumptions)


def test_every_finding_states_method_and_whether_it_is_calibrated() -> None:
    estimating = replace(ALL, metrics=tuple(replace(metric, dispersion=None) for metric in ALL.metrics))
    declaring = replace(ALL, metrics=tuple(replace(metric, dispersion=1.7) for metric in ALL.metrics))
    for experiment, calibrated, says in (
        (estimating, False, "not calibrated"),
        (declaring, True, "1.70 times"),
    ):
        for found in evaluate.verdict(experiment, evaluate.start(experiment)).findings:
            assert "arXiv" in found.method or "Wald" in found.method
            assert found.calibrated is calibrated
            assert found.dispersion is None
            assert any(says in text for text in found.assumptions)


def test_the_dispersion_that_is_used_is_said_once_windows_count() -> None:
    declared = an_experiment(metrics=(a_metric(dispersion=1.7),))
    assert judged(declared, HEALTHY).findings[0].dispersion == 1.7
    estimated = an_experiment(metrics=(a_metric(dispersion=None),))
    found = judged(estimated, *[trials(10, 1000, 10, 1000)] * 3).findings[0].dispersion
    assert found is not None
    assert found > 1.0


def test_an_impossible_declaration_is_untrustworthy_from_the_start() -> None:
    experiment = an_experiment(metrics=(a_metric(kind=MetricKind.THRESHOLD, limit=0.0),))
    assert evaluate.verdict(experiment, evaluate.start(experiment)).kind is VerdictKind.UNTRUSTWORTHY
    assert judged(experiment, HEALTHY).kind is VerdictKind.UNTRUSTWORTHY
