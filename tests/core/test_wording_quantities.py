"""Values, differences and limits are told in their own unit."""

import pytest

from engine.core import wording
from engine.core.model import Bound, MetricKind
from engine.core.numbers import amount, change
from engine.core.verdict import ArmSummary, Effect, VerdictKind
from tests.builders import a_finding, a_metric, a_run, a_verdict, an_experiment

MEAN = Effect(measure="ratio of means", estimate=1.2, low=1.1, high=1.3, alpha=0.05)


@pytest.mark.parametrize(
    ("value", "unit", "told"),
    [
        (0.02, "s", "20 ms"),
        (1.5, "s", "1.5 s"),
        (0.0000004, "s", "0.4 µs"),
        (0.0, "s", "0 s"),
        (-0.02, "s", "−20 ms"),
        (3_000_000, "bytes", "3 MB"),
        (999, "bytes", "999 bytes"),
        (12.5, "EUR", "12.5 EUR"),
        (1234, "", "1,234"),
        (None, "s", "no data"),
    ],
)
def test_an_amount_has_its_unit(value, unit, told):
    assert amount(value, unit) == told


def test_a_change_has_its_sign():
    assert (change(0.02, "s"), change(-3.0), change(0.0, "bytes")) == ("+20 ms", "−3", "0 bytes")


@pytest.mark.parametrize(
    ("kind", "unit", "limit", "told"),
    [
        (MetricKind.PROPORTION, "", Bound(relative=0.5, absolute=0.001), "the larger of 1.5× and +0.1 pp"),
        (MetricKind.MEAN, "s", Bound(relative=0.1, absolute=0.02), "the larger of 1.1× and +20 ms"),
        (MetricKind.RATIO, "bytes", Bound(absolute=3e6), "+3 MB"),
        (MetricKind.GAUGE, "", Bound(absolute=40), "+40"),
        (MetricKind.COUNT, "", Bound(absolute=2), "+2 a window"),
    ],
)
def test_a_limit_is_in_the_metrics_unit(kind, unit, limit, told):
    assert wording.bound(a_metric(kind=kind, value_unit=unit), limit) == told


def verdict_of(kind: VerdictKind, pods: int | None = None):
    arms = [ArmSummary(bad=bad, total=1_000, step_bad=bad, step_total=1_000) for bad in (100.0, 120.0)]
    found = a_finding(
        kind=MetricKind.MEAN,
        verdict=kind,
        control=arms[0],
        treatment=arms[1],
        difference=0.02,
        effect=MEAN,
        pods=pods,
    )
    return a_verdict(kind=kind, findings=(found,), culprit="errors", harm_latched=kind is VerdictKind.HARMFUL)


def the_experiment():
    metric = a_metric(kind=MetricKind.MEAN, value_unit="s", margin=Bound(absolute=0.03))
    return an_experiment(metrics=(metric,))


def test_harm_of_a_mean_is_told_in_its_unit():
    told = wording.harm(the_experiment(), verdict_of(VerdictKind.HARMFUL))
    assert told == (
        "Roll back: v2 is worse. errors: 120 ms against 100 ms (+20 ms, likely 1.1× to 1.3×);"
        " tolerated is 1.05×."
    )


def test_promotion_of_a_mean_is_told_in_its_unit():
    told = wording.promote(the_experiment(), verdict_of(VerdictKind.NOT_WORSE))
    assert told.endswith("errors: 120 ms against 100 ms, worse by less than 30 ms (95 % confidence).")


@pytest.mark.parametrize(("pods", "said"), [(1, "One pod"), (2, "2 pods"), (3, ""), (None, "")])
def test_the_verdict_says_that_few_pods_cannot_tell(pods, said):
    told = wording.summary(the_experiment(), a_run(), verdict_of(VerdictKind.NOT_WORSE, pods))
    caution = f" {said} in an arm: a bad node cannot be told from a bad release."
    assert told.endswith(caution) if said else "bad node" not in told


def test_data_that_are_not_to_be_trusted_are_not_blamed_on_pods():
    told = wording.summary(the_experiment(), a_run(), verdict_of(VerdictKind.UNTRUSTWORTHY, 1))
    assert "bad node" not in told
