"""Every kind of metric through the one door: what counts, what does not, what it comes to, and storage."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from math import log
from typing import Any

import numpy as np
import pytest

from analysis import evaluate
from analysis.evaluate import Evidence
from analysis.stats.dispersion import TOO_LONG
from engine.core.measure import (
    EventsReading,
    Measured,
    MissingReason,
    Moments,
    MomentsReading,
    Observation,
    Quotient,
    QuotientReading,
    Reading,
)
from engine.core.model import Bound, Experiment, Metric, MetricKind, Role
from engine.core.target import Weights
from engine.core.verdict import Finding, Verdict, VerdictKind
from tests.analysis.evaluating import BAD, FAST, GONE, HEALTHY, LATENCY, SHARE, trials, window
from tests.builders import a_metric, an_experiment

HALF = Weights.of(50)
COUNTED = {"bad": None, "total": None, "margin": Bound(relative=0.5), "tolerance": Bound(relative=0.05)}


def of_kind(kind: MetricKind, **changes: Any) -> Experiment:
    return an_experiment(metrics=(a_metric(kind=kind, **{**COUNTED, **changes}),))


def swing(index: int) -> float:
    """Moves up and down by a tenth, the same for every test."""
    return 1.0 + 0.1 * ((index * 7) % 5 - 2) / 2


def events(index: int, times: float) -> EventsReading:
    return EventsReading(control=40 + index % 3, treatment=round(times * (40 + (index + 1) % 3)))


def values(index: int, times: float) -> MomentsReading:
    """A hundred values per arm with a standard deviation of half their mean."""

    def arm(mean: float) -> Moments:
        return Moments(count=100, sum=100 * mean, sum_sq=100 * 1.25 * mean**2)

    return MomentsReading(control=arm(swing(index)), treatment=arm(times * swing(index + 1)))


def quotients(index: int, times: float) -> QuotientReading:
    return QuotientReading(
        control=Quotient(numerator=50 * swing(index), denominator=100.0),
        treatment=Quotient(numerator=50 * times * swing(index + 1), denominator=100.0),
    )


def levels(index: int, times: float) -> QuotientReading:
    return QuotientReading(
        control=Quotient(numerator=swing(index), denominator=1.0),
        treatment=Quotient(numerator=times * swing(index + 1), denominator=1.0),
    )


Reader = Callable[[int, float], Measured]
KINDS: dict[MetricKind, Reader] = {
    MetricKind.COUNT: events,
    MetricKind.MEAN: values,
    MetricKind.RATIO: quotients,
    MetricKind.GAUGE: levels,
}
EVERY = pytest.mark.parametrize(("kind", "reading"), KINDS.items(), ids=KINDS)


def at(index: int, reading: Reading, **changes: Any) -> Observation:
    return replace(window(index, errors=reading), **{"weights": HALF, **changes})


def judged(experiment: Experiment, observations: Sequence[Observation]) -> Verdict:
    return evaluate.verdict(experiment, evaluate.update(experiment, evaluate.start(experiment), observations))


def found(experiment: Experiment, observations: Sequence[Observation]) -> Finding:
    return judged(experiment, observations).findings[0]


@EVERY
def test_a_treatment_twice_as_bad_is_harmful(kind: MetricKind, reading: Reader) -> None:
    verdict = judged(of_kind(kind), [at(i, reading(i, 2.0)) for i in range(40)])
    assert verdict.kind is VerdictKind.HARMFUL
    assert verdict.culprit == "errors"
    effect = verdict.findings[0].effect
    assert effect.estimate == pytest.approx(2.0, rel=0.05)
    assert effect.low is not None
    assert 1.0 < effect.low < 2.0
    assert verdict.findings[0].inside_margin_at_step is False


@EVERY
def test_a_treatment_like_control_becomes_not_worse(kind: MetricKind, reading: Reader) -> None:
    verdict = judged(of_kind(kind), [at(i, reading(i, 1.0)) for i in range(60)])
    assert verdict.kind is VerdictKind.NOT_WORSE
    assert verdict.findings[0].inside_margin_at_step is True
    assert verdict.findings[0].difference == pytest.approx(0.0, abs=0.02)


@EVERY
def test_higher_is_better_turns_the_comparison_round(kind: MetricKind, reading: Reader) -> None:
    turned = of_kind(kind, higher_is_better=True, role=Role.OBJECTIVE)
    assert judged(turned, [at(i, reading(i, 0.5)) for i in range(60)]).kind is VerdictKind.HARMFUL
    assert judged(turned, [at(i, reading(i, 2.0)) for i in range(60)]).kind is VerdictKind.BETTER


@EVERY
def test_a_missing_window_adds_nothing(kind: MetricKind, reading: Reader) -> None:
    experiment = of_kind(kind)
    past = [at(i, reading(i, 1.2)) for i in range(15)]
    before, gap = found(experiment, past), found(experiment, [*past, at(15, GONE)])
    assert gap.verdict is VerdictKind.NO_DATA
    assert (gap.missing, gap.missing_windows, gap.windows) == (GONE, 1, 15)
    assert (gap.treatment, gap.control) == (before.treatment, before.control)
    assert (gap.log_e_harm, gap.log_e_promote) == (before.log_e_harm, before.log_e_promote)


@EVERY
def test_warm_up_is_no_evidence(kind: MetricKind, reading: Reader) -> None:
    warm = found(of_kind(kind), [at(i, reading(i, 3.0), warm_up=True) for i in range(40)])
    assert warm.windows == 0
    assert warm.log_e_harm == warm.log_e_harm_max == 0.0
    assert warm.verdict is VerdictKind.UNDECIDED


@pytest.mark.parametrize(
    ("kind", "reading"),
    [
        (
            MetricKind.MEAN,
            MomentsReading(control=Moments(count=10, sum=1.0), treatment=Moments(count=0, sum=0.0)),
        ),
        (
            MetricKind.RATIO,
            QuotientReading(
                control=Quotient(numerator=1.0, denominator=9.0),
                treatment=Quotient(numerator=0.0, denominator=0.0),
            ),
        ),
    ],
)
def test_a_zero_denominator_is_no_traffic_and_not_a_zero(kind: MetricKind, reading: Measured) -> None:
    idle = found(of_kind(kind), [at(0, reading)])
    assert idle.windows == 0
    assert idle.missing is not None
    assert (idle.missing.reason, idle.missing.arm) == (MissingReason.NO_TRAFFIC, "treatment")


@pytest.mark.parametrize("weights", [None, Weights.of(0), Weights.of(100)])
def test_events_do_not_count_while_it_is_uncertain_who_had_the_traffic(weights: Weights | None) -> None:
    experiment = of_kind(MetricKind.COUNT)
    past = [at(i, events(i, 1.0)) for i in range(5)]
    skipped = found(experiment, [*past, at(5, events(5, 9.0), weights=weights)])
    assert skipped == found(experiment, past)
    assert skipped.windows == 5


def test_events_are_compared_by_planned_shares() -> None:
    """Nine times as many events in the arm with nine times the traffic are no difference."""
    tenth = [at(i, EventsReading(control=90, treatment=10), weights=Weights.of(10)) for i in range(30)]
    experiment = of_kind(MetricKind.COUNT)
    assert found(experiment, tenth).effect.estimate == pytest.approx(1.0)
    assert judged(experiment, tenth).kind is VerdictKind.NOT_WORSE
    assert judged(experiment, [replace(one, weights=HALF) for one in tenth]).kind is VerdictKind.NOT_WORSE
    more = [replace(one, readings={"errors": EventsReading(control=90, treatment=30)}) for one in tenth]
    assert judged(experiment, more).kind is VerdictKind.HARMFUL


def test_values_without_squares_wait_for_ten_windows_to_know_their_spread() -> None:
    def plain(index: int) -> MomentsReading:
        known = values(index, 2.0)
        return MomentsReading(
            control=replace(known.control, sum_sq=None), treatment=replace(known.treatment, sum_sq=None)
        )

    experiment = of_kind(MetricKind.MEAN)
    windows = [at(i, plain(i)) for i in range(40)]
    assert found(experiment, windows[:10]).log_e_harm == pytest.approx(0.0, abs=1e-12)
    assert judged(experiment, windows).kind is VerdictKind.HARMFUL


@pytest.mark.parametrize(
    "impossible",
    [
        (MetricKind.COUNT, EventsReading(control=-1, treatment=3)),
        (MetricKind.MEAN, values(0, float("inf"))),
        (MetricKind.RATIO, quotients(0, float("nan"))),
        (MetricKind.GAUGE, levels(0, float("nan"))),
        (MetricKind.GAUGE, HEALTHY),
    ],
)
def test_impossible_numbers_are_untrustworthy(impossible: tuple[MetricKind, Measured]) -> None:
    kind, reading = impossible
    verdict = judged(of_kind(kind), [at(0, reading)])
    assert verdict.kind is VerdictKind.UNTRUSTWORTHY
    assert verdict.findings[0].windows == 0


def test_the_fewest_pods_seen_are_said_and_fewer_than_three_are_a_caution() -> None:
    experiment = an_experiment()
    many, few = (replace(HEALTHY, pods=pods) for pods in ((5, 4), (3, 2)))
    assert found(experiment, [at(0, HEALTHY)]).pods is None
    assert found(experiment, [at(0, many)]).pods == 4
    caution = found(experiment, [at(0, many), at(1, few), at(2, HEALTHY), at(3, many)])
    assert caution.pods == 2
    assert any("2 pods in an arm" in text for text in caution.assumptions)
    assert not any("pods" in text for text in found(experiment, [at(0, many)]).assumptions)


def swinging(growth: float) -> tuple[Experiment, Evidence]:
    """A run without history whose long blocks vary `growth` times as much as its short ones."""
    experiment = of_kind(MetricKind.PROPORTION, dispersion=None)
    past = evaluate.update(experiment, evaluate.start(experiment), [at(i, HEALTHY) for i in range(65)])
    sums = replace(past.metrics[0].sums, growth=np.array([growth]), dispersion=np.ones(1))
    return experiment, replace(past, metrics=(replace(past.metrics[0], sums=sums),))


def test_correlation_that_is_too_long_holds_an_alarm_back_and_blocks_promotion() -> None:
    outcomes = []
    for growth in (1.0, 20.0 * TOO_LONG):
        experiment, evidence = swinging(growth)
        for index in (65, 66):
            evidence = evaluate.update(experiment, evidence, [at(index, BAD)])
        outcomes.append(evaluate.verdict(experiment, evidence))
    believed, held_back = outcomes
    assert believed.kind is VerdictKind.HARMFUL
    assert believed.finding("errors").log_e_harm == held_back.finding("errors").log_e_harm
    assert held_back.kind is VerdictKind.UNTRUSTWORTHY
    assert f"vary {20.0 * TOO_LONG:.1f} times" in held_back.finding("errors").distrust
    assert not held_back.harm_latched
    assert held_back.log_e_harm < 0.0
    assert held_back.finding("errors").log_e_harm_max < log(1 / experiment.alpha_rollback)


def test_evidence_beyond_doubt_is_believed_whatever_the_correlation() -> None:
    experiment, evidence = swinging(2.0 * TOO_LONG)
    for index in (65, 66):
        evidence = evaluate.update(experiment, evidence, [at(index, BAD)])
    assert evaluate.verdict(experiment, evidence).kind is VerdictKind.HARMFUL


def test_correlation_that_is_too_long_does_not_matter_without_an_alarm() -> None:
    experiment, evidence = swinging(2.0 * TOO_LONG)
    calm = evaluate.update(experiment, evidence, [at(65, HEALTHY)])
    found = evaluate.verdict(experiment, calm).findings[0]
    assert found.distrust == ""
    assert found.verdict is VerdictKind.UNDECIDED


@pytest.mark.parametrize(
    ("metric", "readings"),
    [
        *[
            (of_kind(kind, dispersion=dispersion).metrics[0], [reader(i, 1.1) for i in range(24)])
            for kind, reader in KINDS.items()
            for dispersion in (1.0, None)
        ],
        (a_metric(role=Role.OBJECTIVE, dispersion=None), [trials(3 + i % 4, 100, 9, 300) for i in range(24)]),
        (a_metric(tolerance=Bound(absolute=0.01)), [BAD, HEALTHY] * 12),
        (replace(LATENCY, name="errors", weight=1.0, dispersion=None), [FAST] * 24),
        (replace(LATENCY, name="errors", weight=1.0, slo_s=None), [FAST] * 24),
        (replace(SHARE, name="errors", weight=1.0, dispersion=None), [HEALTHY, BAD] * 12),
    ],
)
def test_stored_and_taken_up_again_the_fold_is_the_same_to_the_last_bit(
    metric: Metric, readings: Sequence[Measured]
) -> None:
    experiment = an_experiment(metrics=(metric,))
    straight = restarted = evaluate.start(experiment)
    for index, reading in enumerate(readings):
        seen = at(index, GONE if index == 7 else reading, new_start=index % 6 == 5, warm_up=index < 2)
        straight = evaluate.update(experiment, straight, [seen])
        restarted = evaluate.update(experiment, restarted, [seen])
        restarted = Evidence.from_plain(experiment, json.loads(json.dumps(restarted.to_plain())))
    assert json.dumps(straight.to_plain()) == json.dumps(restarted.to_plain())
    assert evaluate.verdict(experiment, straight) == evaluate.verdict(experiment, restarted)
