"""What `breakdown` of a metric means, what it costs, and what is wrong with it."""

import pytest

from engine.core.model import Arm, Matcher, Metric, Role, Selector
from engine.core.plan import Stage
from engine.spec import from_plain, parse, to_plain
from engine.spec.cost import harm_costs, more_queries
from engine.spec.schema import json_schema
from tests.spec.documents import GOOD, edited, errors_with, problems_of
from tests.spec.staged import BRIDGE, PREVIEW_URL, ab, blue_green, of, problem_of
from tests.spec.stand_ins import SESSIONS, facts_of_three, facts_with

BY_ROUTE = "breakdown: {label: route, values: [/pay, /cart]}"
OWN = 'kind: proportion, name: own, bad: "b{code=~\\"5..\\"}", total: t'


def parts(text: str) -> dict[str, Metric]:
    return {metric.name: metric for metric in of(text, facts_with()).metrics if metric.family}


def with_metric(fields: str) -> str:
    """The good document with one more metric, in line 11."""
    return f"{GOOD}    - {{{fields}}}\n"


def test_each_value_is_a_metric_that_is_shown_and_decides_nothing() -> None:
    experiment = of(with_metric(f"{OWN}, {BY_ROUTE}"), facts_with())
    whole, part = experiment.metric("own"), experiment.metric("own (route=/pay)")
    assert [metric.name for metric in experiment.metrics][-2:] == ["own (route=/pay)", "own (route=/cart)"]
    assert (part.role, part.weight, part.decides, part.family) == (Role.QUALITY, 0.0, False, "own")
    assert part.segment == Matcher(label="route", op="=", value="/pay")
    assert (part.measure, part.arm_labels) == ("own (route=/pay)", whole.arm_labels)
    assert (part.tolerance, part.margin, part.unit) == (whole.tolerance, whole.margin, whole.unit)
    assert (whole.family, whole.segment) == ("", None)


def test_its_counters_have_the_value_as_one_more_condition() -> None:
    part = parts(with_metric(f"{OWN}, {BY_ROUTE}"))["own (route=/cart)"]
    route = Matcher(label="route", op="=", value="/cart")
    assert part.bad == Selector(name="b", matchers=(Matcher(label="code", op="=~", value="5.."), route))
    assert part.total == Selector(name="t", matchers=(route,))
    assert part.buckets is part.squares is part.histogram is None


@pytest.mark.parametrize(
    ("fields", "counters"),
    [
        ("kind: mean, name: own, sum: s, count: c, sum_sq: q", 3),
        ("kind: mean, name: own, sum: s, count: c", 2),
        ("kind: mean, name: own, histogram: h", 1),
        ("kind: distribution, name: own, buckets: b_bucket, slo: 1s", 1),
        ("kind: distribution, name: own, histogram: h, slo: 1s", 1),
        ("kind: count, name: own, count: c", 1),
        ("kind: proportion, name: own, good: g, total: t", 2),
    ],
)
def test_everything_that_is_counted_and_compared_can_be_broken_down(fields: str, counters: int) -> None:
    text = with_metric(f"{fields}, {BY_ROUTE}")
    part = parts(text)["own (route=/pay)"]
    read = [each for each in (part.bad, part.total, part.squares, part.buckets, part.histogram) if each]
    assert [each.matchers[-1].value for each in read] == ["/pay"] * counters
    assert more_queries(parse(text, "x.yaml")) == 2 * counters


def test_presets_read_the_routers_counters_of_one_value() -> None:
    found = parts(errors_with(BY_ROUTE))
    assert list(found) == ["http_errors (route=/pay)", "http_errors (route=/cart)"]
    assert found["http_errors (route=/pay)"].total is not None
    assert more_queries(parse(errors_with(BY_ROUTE), "x.yaml")) == 4


def test_the_decision_costs_nothing_more() -> None:
    plain, broken_down = parse(GOOD, "x.yaml"), parse(errors_with(BY_ROUTE), "x.yaml")
    assert harm_costs(plain) == harm_costs(broken_down)
    assert more_queries(plain) == 0
    whole = of(errors_with(BY_ROUTE), facts_with()).without_parts()
    assert whole == of(GOOD, facts_with())


def test_every_treatment_has_its_own_family() -> None:
    text = ab("{weights: [25, 25]}", f"    - preset: conversions\n      {BY_ROUTE}\n")
    metrics = of(text, facts_of_three(sessions=SESSIONS)).metrics
    found = {metric.name: metric for metric in metrics if metric.family}
    assert {each.family for each in found.values()} == {"conversions@v2", "conversions@v3"}
    second = found["conversions@v3 (route=/pay)"]
    assert (second.treatment_index, second.measure) == (1, "conversions (route=/pay)")
    assert second.arm_labels[Arm.TREATMENT] != found["conversions@v2 (route=/pay)"].arm_labels[Arm.TREATMENT]


def test_only_a_split_is_broken_down() -> None:
    text = blue_green(BRIDGE).replace("http_errors\n", f"http_errors\n      {BY_ROUTE}\n")
    metrics = of(text, facts_with(preview_url=PREVIEW_URL)).metrics
    assert {metric.stage for metric in metrics if metric.family} == {Stage.SPLIT}
    never = blue_green().replace("http_errors\n", f"http_errors\n      {BY_ROUTE}\n")
    assert problems_of(never) == [
        (
            "x.yaml:9: spec.metrics[0].breakdown: found a breakdown, but this plan never splits traffic; "
            "expected a split, such as blue_green: {bridge: {weight: 20}}, or no breakdown"
        )
    ]


def test_it_survives_being_stored() -> None:
    text = errors_with("breakdown: {label: path, values: ['a \"b\" \\ c', '{}']}")
    document = parse(text, "x.yaml")
    again = from_plain(to_plain(document))
    assert again.content == document.content


BAD = {
    "one value": (
        "{label: route, values: [/pay]}",
        "values: found 1 value; expected 2 to 20 values, each of which is a query more",
    ),
    "too many": (
        f"{{label: route, values: [{', '.join(f'v{i}' for i in range(21))}]}}",
        "values: found 21 values; expected 2 to 20 values, each of which is a query more",
    ),
    "a value twice": (
        "{label: route, values: [/pay, /pay, /a]}",
        "values: found /pay more than once; expected every value once",
    ),
    "no value": (
        "{label: route, values: [/pay, '']}",
        "values[1]: found ''; expected a label value to show, such as /pay, of 1 to 80 characters",
    ),
    "a value that cannot be shown": (
        '{label: route, values: [/pay, "a\\u001bb"]}',
        "values[1]: found 'a\x1bb'; expected a label value to show, such as /pay, of 1 to 80 characters",
    ),
    "a text for values": (
        "{label: route, values: /pay}",
        "values: found '/pay'; expected a list",
    ),
    "a number for a value": (
        "{label: code, values: [200, '500']}",
        "values[0]: found 200; expected text (in quotes, if it looks like a number)",
    ),
    "no label": (
        "{values: [/pay, /cart]}",
        "label: found nothing; expected label by which the metric's counters are broken down",
    ),
    "the buckets' own label": (
        "{label: le, values: ['1', '2']}",
        (
            "label: found 'le'; expected a label of the metric's counters, such as route; "
            "not le, which belongs to histograms"
        ),
    ),
    "a label that is none": (
        "{label: __name__, values: [a, b]}",
        (
            "label: found '__name__'; expected a label of the metric's counters, such as route; "
            "not le, which belongs to histograms"
        ),
    ),
}


@pytest.mark.parametrize(("written", "expected"), BAD.values(), ids=BAD)
def test_a_wrong_breakdown_is_told_with_its_line(written: str, expected: str) -> None:
    assert problems_of(errors_with(f"breakdown: {written}")) == [
        f"x.yaml:9: spec.metrics[0].breakdown.{expected}"
    ]


@pytest.mark.parametrize(
    "fields",
    [
        "kind: threshold, name: own, bad: b, total: t, limit: 1%",
        "kind: ratio, name: own, numerator: a, denominator: b",
        "kind: gauge, name: own, expression: avg by (version) (queue)",
    ],
)
def test_what_is_not_counted_and_compared_is_not_broken_down(fields: str) -> None:
    assert problems_of(with_metric(f"{fields}, {BY_ROUTE}")) == [
        (
            "x.yaml:11: spec.metrics[2].breakdown: found an unknown field; "
            "expected none: a threshold, ratio or gauge is not broken down"
        )
    ]


def test_a_label_that_tells_versions_apart_breaks_nothing_down() -> None:
    labels = "arm_labels: {control: {version: a}, treatment: {version: b}}"
    broken = BY_ROUTE.replace("route", "version")
    found = problem_of(with_metric(f"{OWN}, {labels}, {broken}"), facts_with())
    assert "metrics[2].breakdown.label: found 'version', by which the versions are told apart" in found


@pytest.mark.parametrize(
    "counters",
    [
        'bad: b{route="/pay"}, total: t{route="/pay"}',
        'bad: b{route=~"/.*"}, total: t',
        'bad: b, total: t{route!="/pay"}',
    ],
)
def test_a_label_on_which_a_counter_has_conditions_of_its_own_breaks_nothing_down(counters: str) -> None:
    quoted = ", ".join(
        f"{name}: '{selector}'" for name, selector in (each.split(": ") for each in counters.split(", "))
    )
    found = problem_of(with_metric(f"kind: proportion, name: own, {quoted}, {BY_ROUTE}"), facts_with())
    assert "breakdown.label: found 'route', on which " in found
    assert "has conditions of its own; expected another label" in found


def test_conditions_that_all_counters_share_leave_something_to_break_down() -> None:
    text = with_metric(
        f"""kind: proportion, name: own, bad: 'b{{route!="/a"}}', total: 't{{route!="/a"}}', {BY_ROUTE}"""
    )
    assert list(parts(text)) == ["own (route=/pay)", "own (route=/cart)"]


def test_the_schema_knows_breakdowns() -> None:
    definition = json_schema()["$defs"]["BreakdownField"]
    assert definition["properties"]["values"]["minItems"] == 2
    assert definition["required"] == ["label", "values"]
    assert "breakdown" not in json_schema()["$defs"]["Gauge"]["properties"]


def test_presets_without_a_router_say_so_once() -> None:
    text = edited("http_errors\n", f"http_errors\n      {BY_ROUTE}\n")
    assert "breakdown" not in problem_of(text, facts_with(router=None))
