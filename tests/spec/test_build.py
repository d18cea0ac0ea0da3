"""What a document means once the target's facts are known."""

from datetime import time
from typing import Any

import pytest

from engine.core.model import (
    Arm,
    Bound,
    GateChoice,
    Matcher,
    Metric,
    MetricKind,
    Mode,
    PluginChoice,
    ReleaseWindow,
    Role,
    Selector,
    Unit,
)
from engine.core.plan import Policy
from engine.errors import PluginError, SpecError
from engine.spec import build, parse
from tests.spec.documents import DURATION, GOOD, errors_with, threshold, with_line
from tests.spec.stand_ins import ENTRIES, REQUESTS, ROUTER_LABELS, facts_with

ARM_LABELS = "arm_labels: {control: {v: a}, treatment: {v: b}}"
PROPORTION = (
    "    - {kind: proportion, name: carts, unit: session, role: objective, "
    "bad: bad_total, total: all_total}\n"
)
DISTRIBUTION = "    - {kind: distribution, name: render, buckets: render_seconds_bucket, role: quality}\n"


def metrics_of(text: str, **facts: Any) -> dict[str, Metric]:
    return {metric.name: metric for metric in build(parse(text, "x.yaml"), facts_with(**facts)).metrics}


def build_problem(text: str, **facts: Any) -> str:
    with pytest.raises(SpecError) as caught:
        build(parse(text, "x.yaml"), facts_with(**facts))
    return str(caught.value)


def test_the_smallest_document_has_the_defaults_of_the_design() -> None:
    experiment = build(parse(GOOD, "x.yaml"), facts_with())
    assert (experiment.interval_s, experiment.warm_up_s) == (15, 60)
    assert (experiment.horizon_s, experiment.patience_s) == (24 * 3600, 600)
    assert experiment.progress_deadline_s == 120
    assert (experiment.alpha_rollback, experiment.alpha_promote) == (0.01, 0.05)
    assert {experiment.on_blind, experiment.on_untrustworthy, experiment.on_undecided} == {Policy.ROLLBACK}
    assert [(step.weight_pct, step.hold_s, step.floor) for step in experiment.plan.steps] == [
        (1, 300, 100),
        (5, 300, 100),
        (20, 300, 100),
        (50, 300, 100),
    ]
    assert experiment.mode is Mode.ACT
    assert experiment.gate == GateChoice(flag="checkout-v2", provider="file", options={})
    assert experiment.source == PluginChoice(
        name="prometheus", options={"url": "http://127.0.0.1:9090", "timeout": "5s"}
    )
    assert (experiment.control, experiment.treatment) == ("v1", "v2")
    assert (experiment.windows, experiment.description) == ((), "")


def test_presets_read_the_router() -> None:
    metrics = metrics_of(GOOD)
    errors, latency = metrics["http_errors"], metrics["http_latency"]
    assert (errors.kind, errors.total, errors.arm_labels) == (MetricKind.PROPORTION, REQUESTS, ROUTER_LABELS)
    assert errors.bad is not None
    assert errors.bad.matchers == (Matcher(label="code", op="=~", value="5.."),)
    assert (errors.tolerance, errors.margin) == (Bound(relative=0.05), Bound(relative=0.5, absolute=0.001))
    assert (latency.kind, latency.slo_s) == (MetricKind.DISTRIBUTION, 0.5)
    assert latency.buckets == Selector(name="router_duration_seconds_bucket")
    assert (latency.tolerance, latency.margin) == (Bound(relative=0.05), Bound(relative=0.2, absolute=0.005))
    assert {errors.role, latency.role} == {Role.GUARDRAIL}
    assert {errors.unit, latency.unit} == {Unit.REQUEST}


def test_explicit_metrics_read_what_they_name() -> None:
    metrics = metrics_of(GOOD + PROPORTION + DISTRIBUTION)
    carts, render = metrics["carts"], metrics["render"]
    assert (carts.role, carts.unit) == (Role.OBJECTIVE, Unit.SESSION)
    assert (carts.bad, carts.total) == (Selector(name="bad_total"), Selector(name="all_total"))
    assert carts.arm_labels == {Arm.CONTROL: {"version": "v1"}, Arm.TREATMENT: {"version": "v2"}}
    assert (render.buckets, render.slo_s) == (Selector(name="render_seconds_bucket"), None)
    assert render.weight == 0


def test_a_threshold_has_a_limit_and_allows_no_comparison() -> None:
    own = metrics_of(threshold("limit: 1%", ARM_LABELS))["own"]
    assert (own.kind, own.limit) == (MetricKind.THRESHOLD, 0.01)
    assert (own.tolerance, own.margin) == (Bound(), Bound())
    assert own.arm_labels == {Arm.CONTROL: {"v": "a"}, Arm.TREATMENT: {"v": "b"}}


def test_half_of_the_weight_is_on_errors_and_the_rest_equal() -> None:
    weights = {name: metric.weight for name, metric in metrics_of(threshold("limit: 1%")).items()}
    assert weights == {"http_errors": 0.25, "own": 0.25, "http_latency": 0.5}


def test_one_class_of_metrics_shares_the_weight() -> None:
    only = GOOD.replace("    - preset: http_latency\n      slo: 500ms\n", PROPORTION)
    assert {metric.weight for metric in metrics_of(only).values()} == {0.5}


def test_declared_weights_are_scaled_to_one() -> None:
    weights = {name: metric.weight for name, metric in metrics_of(errors_with("weight: 1.5")).items()}
    assert weights == {"http_errors": 0.75, "http_latency": 0.25}


def test_windows_gate_and_policies_are_taken_over() -> None:
    text = (
        GOOD
        + '  windows: [{days: [mon-wed, fri], from: "09:00", to: 17:30, time_zone: Europe/Berlin}]\n'
        + "  gate: {flag: cart, provider: some.module:Provider, options: {host: h, port: 1}}\n"
        + "  on_undecided: hold\n  mode: observe\n  description: faster carts\n"
    )
    experiment = build(parse(text, "x.yaml"), facts_with())
    assert experiment.windows == (
        ReleaseWindow(days=(0, 1, 2, 4), start=time(9), end=time(17, 30), time_zone="Europe/Berlin"),
    )
    assert experiment.gate == GateChoice(
        flag="cart", provider="some.module:Provider", options={"host": "h", "port": 1}
    )
    assert (experiment.on_undecided, experiment.on_blind) == (Policy.HOLD, Policy.ROLLBACK)
    assert (experiment.mode, experiment.description) == (Mode.OBSERVE, "faster carts")


def test_days_may_run_over_the_weekend() -> None:
    text = with_line("windows: [{days: sat-mon, from: 22:00, to: 02:00, time_zone: UTC}]")
    assert build(parse(text, "x.yaml"), facts_with()).windows[0].days == (0, 5, 6)


def test_a_declared_source_replaces_the_target_s() -> None:
    text = with_line("source: {prometheus: {url: http://p, timeout: 1s}}")
    source = build(parse(text, "x.yaml"), facts_with(source_options={})).source
    assert source == PluginChoice(name="prometheus", options={"url": "http://p", "timeout": "1s"})


def test_target_options_are_the_plugin_s_own_type() -> None:
    options = parse(GOOD, "x.yaml").target_options
    assert (options.service, options.control, options.treatment, options.sticky) == (
        "checkout",
        "v1",
        "v2",
        False,
    )


def test_a_target_without_router_series_has_no_presets() -> None:
    assert build_problem(GOOD, router=None).splitlines() == [
        (
            "x.yaml:8: spec.metrics[0].preset: found http_errors, but this target's router counts nothing; "
            "expected a metric of your own, with kind:"
        ),
        (
            "x.yaml:9: spec.metrics[1].preset: found http_latency, but this target's router counts nothing; "
            "expected a metric of your own, with kind:"
        ),
    ]


def test_a_target_without_version_labels_wants_them_declared() -> None:
    assert build_problem(threshold("limit: 1%"), arm_labels={}) == (
        "x.yaml:11: spec.metrics[2].arm_labels: found nothing, and the target does not know its versions' "
        "labels; expected arm_labels: {control: {...}, treatment: {...}}"
    )


def test_a_target_without_a_source_wants_one_declared() -> None:
    assert build_problem(GOOD, source_options={}) == (
        "x.yaml:4: spec.source: found nothing, and the target does not know where its metrics are; "
        "expected source: {prometheus: {...}} with its options"
    )


def test_source_options_of_the_target_are_checked() -> None:
    assert build_problem(GOOD, source_options={"url": "u", "timeout": 5}) == (
        'x.yaml:4: spec.source: found the target\'s {"url": "u", "timeout": 5}, which do not fit: '
        f"Value error, {DURATION}; expected source: {{prometheus: {{...}}}} with its options"
    )


def test_a_target_of_one_version_is_refused() -> None:
    assert build_problem(GOOD, treatment="v1") == (
        "x.yaml:5: spec.target: found 'v1' as control and as treatment; expected two versions to compare"
    )


def test_without_the_default_source_plugin_there_is_no_experiment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENTRIES, "rampwise.sources", [])
    with pytest.raises(PluginError, match="no plugin sources/prometheus; there is: none"):
        build(parse(GOOD, "x.yaml"), facts_with())
