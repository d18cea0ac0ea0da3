"""What counts, means, ratios, gauges and histograms of a document mean, and what several of them cost."""

from math import log

import pytest

from engine.core.model import Arm, Bound, Metric, MetricKind, Selector, Unit
from engine.core.plan import Stage
from engine.core.target import TargetFacts
from engine.spec import parse
from engine.spec.cost import harm_costs
from engine.spec.expression import dropped_labels
from tests.spec.documents import GOOD, edited, errors_with
from tests.spec.staged import BRIDGE, PREVIEW_URL, ab, blue_green, of, problem_of
from tests.spec.stand_ins import SESSIONS, facts_of_three, facts_with

MEAN = "kind: mean, name: own, sum: s, count: c"
COUNT = "kind: count, name: own, count: c"
RATIO = "kind: ratio, name: own, numerator: a, denominator: b"
GAUGE = "kind: gauge, name: own, expression: avg by (version) (queue)"


def own(fields: str, facts: TargetFacts | None = None) -> Metric:
    """What a metric of the name `own` means."""
    return of(f"{GOOD}    - {{{fields}}}\n", facts or facts_with()).metric("own")


def named(name: str) -> Selector:
    return Selector(name=name)


def test_a_count_reads_one_counter() -> None:
    metric = own(COUNT)
    assert (metric.kind, metric.bad, metric.total) == (MetricKind.COUNT, named("c"), None)


def test_a_mean_reads_sum_count_and_squares() -> None:
    metric = own(f"{MEAN}, sum_sq: q, value_unit: s, unit: session")
    assert (metric.kind, metric.unit, metric.value_unit) == (MetricKind.MEAN, Unit.SESSION, "s")
    assert (metric.bad, metric.total, metric.squares) == (named("s"), named("c"), named("q"))
    assert own(MEAN).squares is None


@pytest.mark.parametrize("kind", ["mean", "distribution"])
def test_a_histogram_is_a_classic_or_a_native_one(kind: str) -> None:
    slo = ", slo: 1s" if kind == "distribution" else ""
    classic = own(f"kind: {kind}, name: own, buckets: b_bucket{slo}")
    native = own(f"kind: {kind}, name: own, histogram: h{slo}")
    assert (classic.buckets, classic.histogram) == (named("b_bucket"), None)
    assert (native.buckets, native.histogram) == (None, named("h"))
    assert classic.kind is native.kind is MetricKind(kind)


def test_a_ratio_reads_two_counters() -> None:
    metric = own(RATIO)
    assert (metric.kind, metric.bad, metric.total) == (MetricKind.RATIO, named("a"), named("b"))


def test_a_gauge_keeps_its_expression_and_the_arms_labels() -> None:
    metric = own(f"{GAUGE}, value_unit: bytes")
    assert (metric.kind, metric.expression) == (MetricKind.GAUGE, "avg by (version) (queue)")
    assert metric.arm_labels == {Arm.CONTROL: {"version": "v1"}, Arm.TREATMENT: {"version": "v2"}}
    assert metric.value_unit == "bytes"


@pytest.mark.parametrize(
    ("expression", "labels", "dropped"),
    [
        ("sum(up)", ["version"], ("version",)),
        ("(sum by (version, job) (up))", ["version", "job"], ()),
        ("sum by (version) (up)", ["service", "version"], ("service",)),
        ("sum without (version) (up)", ["service", "version"], ("version",)),
        ("topk(1, up)", ["version"], ()),
        ("up", ["version"], ()),
        # Inside of a function the labels are kept; what a sum of sums drops shows at the outermost one.
        ("abs(sum by (version) (up))", ["version"], ()),
    ],
)
def test_labels_that_an_aggregation_drops_are_known(
    expression: str, labels: list[str], dropped: tuple[str, ...]
) -> None:
    assert dropped_labels(expression, labels) == dropped


def test_an_expression_that_drops_the_arms_labels_is_refused() -> None:
    gauge = "    - {kind: gauge, name: own, expression: sum(queue)}\n"
    assert problem_of(GOOD + gauge, facts_with()) == (
        "x.yaml:11: spec.metrics[2].expression: found 'sum(queue)', which drops version, by which the arms "
        "are told apart; expected an expression that keeps it, such as avg by (version) (...)"
    )
    declared = "arm_labels: {control: {pool: a}, treatment: {pool: b}}, expression: sum by (pool) (queue)"
    assert own(f"kind: gauge, name: own, {declared}").arm_labels[Arm.TREATMENT] == {"pool": "b"}


@pytest.mark.parametrize("fields", [COUNT, MEAN, RATIO, GAUGE])
def test_values_may_be_better_when_higher(fields: str) -> None:
    assert not own(fields).higher_is_better
    assert own(f"{fields}, direction: higher").higher_is_better


@pytest.mark.parametrize(
    ("fields", "margin"),
    [
        (MEAN, Bound(relative=0.1)),
        (RATIO, Bound(relative=0.1)),
        (f"{GAUGE}, direction: higher", Bound(relative=0.1)),
        (COUNT, Bound(relative=0.5)),
        (f"{COUNT}, direction: lower", Bound(relative=0.5)),
        (f"{COUNT}, direction: higher", Bound(relative=0.1)),
        ("kind: distribution, name: own, buckets: b, slo: 1s", Bound(relative=0.2, absolute=0.005)),
        ("kind: distribution, name: own, buckets: b, slo: 1s, direction: higher", Bound(relative=0.1)),
    ],
)
def test_each_kind_has_bounds_of_its_own(fields: str, margin: Bound) -> None:
    metric = own(fields)
    assert (metric.tolerance, metric.margin) == (Bound(relative=0.05), margin)


def test_absolute_bounds_of_values_are_in_their_unit() -> None:
    in_seconds = own(f"{MEAN}, value_unit: s, tolerance: {{absolute: 5ms}}, margin: {{absolute: 0.02}}")
    assert (in_seconds.tolerance, in_seconds.margin) == (Bound(absolute=0.005), Bound(absolute=0.02))
    in_bytes = own(f"{GAUGE}, value_unit: bytes, margin: {{relative: 20%, absolute: 5e6}}")
    assert in_bytes.margin == Bound(relative=0.2, absolute=5e6)


def test_effect_and_dispersion_are_taken_over_where_declared() -> None:
    declared = of(errors_with("effect: 75%", "dispersion: 1.7"), facts_with()).metric("http_errors")
    assert (declared.effect, declared.dispersion) == (0.75, 1.7)
    default = of(GOOD, facts_with()).metric("http_errors")
    assert (default.effect, default.dispersion) == (None, None)


def test_only_shares_are_measured_after_a_switch_and_they_have_all_of_its_weight() -> None:
    text = blue_green(BRIDGE, f"    - {{{MEAN}}}\n    - {{{GAUGE.replace('own', 'queue_size')}}}\n")
    metrics = of(text, facts_with(preview_url=PREVIEW_URL)).metrics
    split = {m.name: m.weight for m in metrics if m.stage is Stage.SPLIT}
    settle = {m.name: m.weight for m in metrics if m.stage is Stage.SETTLE}
    assert set(split) == {"http_errors", "http_latency", "own", "queue_size"}
    assert settle == pytest.approx({"http_errors@settle": 0.25, "http_latency@settle": 1 / 12})
    assert sum(split.values()) == pytest.approx(1 / 3)


def test_every_treatment_has_every_kind() -> None:
    metrics = of(ab("{weights: [25, 25]}", f"    - {{{MEAN}, role: objective}}\n"), facts_of_three()).metrics
    assert [m.name for m in metrics if m.kind is MetricKind.MEAN] == ["own@v2", "own@v3"]


def test_bad_events_are_errors_when_weights_are_shared_out_and_good_ones_are_not() -> None:
    def weights(direction: str) -> dict[str, float]:
        text = f"{GOOD}    - {{{COUNT}, direction: {direction}}}\n"
        return {m.name: m.weight for m in of(text, facts_with()).metrics}

    assert weights("lower") == {"http_errors": 0.25, "http_latency": 0.5, "own": 0.25}
    assert weights("higher") == {"http_errors": 0.5, "http_latency": 0.25, "own": 0.25}


def test_several_metrics_cost_the_logarithm_of_their_weights() -> None:
    document = parse(f"{GOOD}    - {{{MEAN}}}\n  alpha_rollback: 0.01\n", "x.yaml")
    half, quarter = harm_costs(document)
    assert (half.names, half.weight) == (("http_errors",), pytest.approx(0.5))
    assert (quarter.names, quarter.weight) == (("http_latency", "own"), pytest.approx(0.25))
    assert half.times == pytest.approx(log(1 / (0.01 * 0.5)) / log(1 / 0.01))
    assert quarter.times == pytest.approx(log(1 / (0.01 * 0.25)) / log(1 / 0.01))


def test_a_metric_that_decides_alone_costs_nothing_more() -> None:
    only = edited("    - preset: http_latency\n      slo: 500ms\n", f"    - {{{MEAN}, role: quality}}\n")
    assert harm_costs(parse(only, "x.yaml")) == ()


def test_the_price_of_metrics_is_against_one_metric_of_the_same_plan() -> None:
    (pair,) = harm_costs(parse(blue_green(BRIDGE), "x.yaml"))
    assert pair.times == pytest.approx(log(3 / (0.01 * 0.5)) / log(3 / 0.01))
    text = ab("{weights: [25, 25]}").replace("    - preset: http_latency\n      slo: 500ms\n", "")
    (pair,) = harm_costs(parse(text, "x.yaml"))
    assert pair.times == pytest.approx(log(2 / (0.01 * 0.5)) / log(2 / 0.01))
    experiment = of(text, facts_of_three(sessions=SESSIONS))
    assert {metric.weight for metric in experiment.metrics} == {0.25}
