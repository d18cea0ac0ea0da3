"""Problems never hide one another: wrong and unknown fields, broken rules, plugin options show at once."""

from tests.spec.documents import canary, edited, errors_with, problems_of


def fields_of(text: str) -> list[str]:
    return [problem.split(": ")[1] for problem in problems_of(text)]


def test_a_wrong_field_of_a_metric_does_not_hide_the_rules_it_breaks() -> None:
    found = fields_of(errors_with("name: 5xx", "tolerance: {relative: 60%}"))
    assert found == ["spec.metrics[0].name", "spec.metrics[0].tolerance"]


def test_an_unknown_field_of_a_metric_does_not_hide_a_missing_slo() -> None:
    found = fields_of(edited("      slo: 500ms\n", "      sloo: 500ms\n"))
    assert sorted(found) == ["spec.metrics[1].slo", "spec.metrics[1].sloo"]


def test_a_missing_field_of_a_metric_does_not_hide_the_rules_it_breaks() -> None:
    metric = "kind: threshold\n      name: own\n      limit: 100%\n      weight: 1\n      role: quality"
    found = fields_of(edited("preset: http_errors", metric))
    assert sorted(field.rpartition(".")[2] for field in found) == ["bad", "limit", "total", "weight"]


def test_one_broken_rule_does_not_hide_another() -> None:
    found = fields_of(errors_with("weight: 1", "role: quality", "tolerance: {relative: 60%}"))
    assert found == ["spec.metrics[0].weight", "spec.metrics[0].tolerance"]


def test_a_rule_about_a_wrong_field_says_nothing_more() -> None:
    assert fields_of(errors_with("margin: 5%", "tolerance: {relative: 60%}")) == ["spec.metrics[0].margin"]


def test_an_unknown_option_of_a_strategy_does_not_hide_a_ramp_that_falls() -> None:
    found = fields_of(canary("{steps: [{weight: 20, hodl: 1h}, 10], holdd: 5min}"))
    assert sorted(found) == [
        "spec.strategy.canary.holdd",
        "spec.strategy.canary.steps",
        "spec.strategy.canary.steps[0].hodl",
    ]


def test_an_unknown_option_of_a_strategy_does_not_hide_a_horizon_that_is_too_short() -> None:
    found = fields_of(canary("{holdd: 5min}") + "  horizon: 10min\n")
    assert found == ["spec.strategy.canary.holdd", "spec.horizon"]


def test_equal_variants_do_not_hide_an_unknown_option_and_are_said_once() -> None:
    found = fields_of(edited("treatment: v2", "treatment: v1, sicky: true"))
    assert sorted(found) == ["spec.target.local.sicky", "spec.target.local.treatment"]


def test_plugin_options_and_everything_else_show_together() -> None:
    text = canary("{hold: 5}").replace("checkout-v2", "checkout_v2").replace("treatment: v2", "treatmint: v2")
    found = fields_of(text.replace("slo: 500ms", "slo: 500"))
    assert found == [
        "metadata.name",
        "spec.target.local.treatment",
        "spec.target.local.treatmint",
        "spec.strategy.canary.hold",
        "spec.metrics[1].slo",
    ]
