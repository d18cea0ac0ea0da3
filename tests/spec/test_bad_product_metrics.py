"""What is wrong with a product experiment's metrics gets one clear line each: where, found, expected."""

import pytest

from tests.spec.documents import DURATION, problems_of
from tests.spec.products import edited, metric, metrics

AT = "x.yaml:16: spec.product.metrics[0]"
EVENT = "the name of events, such as purchase, at most 200 characters"
COLUMN = "a column: a letter or _, then letters, digits or _, at most 63 in all"
RATIO_PART = "the name of events, which are counted, or {event: purchase, value: amount}, which are summed"

CASES = {
    "within without unit": (
        metric("conversion: purchase", "within: 7"),
        f"x.yaml:17: spec.product.metrics[0].within: found 7; expected {DURATION}",
    ),
    "before without unit": (
        metric("conversion: purchase", "before: 14"),
        f"x.yaml:17: spec.product.metrics[0].before: found 14; expected {DURATION}",
    ),
    "within of nothing": (
        metric("conversion: purchase", "within: 0s"),
        "x.yaml:17: spec.product.metrics[0].within: found '0s'; expected a duration longer than 0s",
    ),
    "winsorize without unit": (
        metric("count: visit", "winsorize: 99.9"),
        "x.yaml:17: spec.product.metrics[0].winsorize: found 99.9; expected a percentage such as 4%",
    ),
    "winsorize from below": (
        metric("count: visit", "winsorize: 1%"),
        (
            "x.yaml:17: spec.product.metrics[0].winsorize: found '1%'; "
            "expected a percentage of at least 50% and below 100%, such as 99.9%"
        ),
    ),
    "winsorize of everything": (
        metric("count: visit", "winsorize: 100%"),
        (
            "x.yaml:17: spec.product.metrics[0].winsorize: found '100%'; "
            "expected a percentage of at least 50% and below 100%, such as 99.9%"
        ),
    ),
    "winsorize of a share": (
        metric("conversion: purchase", "winsorize: 99.9%"),
        (
            "x.yaml:17: spec.product.metrics[0].winsorize: found an unknown field; "
            "expected none: only a count or a sum is cut"
        ),
    ),
    "cap of a ratio": (
        metric("ratio: {of: purchase, per: visit}", "cap: 5"),
        (
            "x.yaml:17: spec.product.metrics[0].cap: found an unknown field; "
            "expected none: only a count or a sum is cut"
        ),
    ),
    "cap of nothing": (
        metric("count: visit", "cap: 0"),
        "x.yaml:17: spec.product.metrics[0].cap: found 0; expected greater than 0",
    ),
    "cut twice": (
        metric("count: visit", "cap: 5", "winsorize: 99%"),
        "x.yaml:17: spec.product.metrics[0].cap: found both; expected only one of cap and winsorize",
    ),
    "before of a quantile": (
        metric("quantile: {event: load, value: seconds, q: 90%}", "before: 7d"),
        (
            "x.yaml:17: spec.product.metrics[0].before: found an unknown field; "
            "expected none: a quantile is not adjusted by earlier behaviour"
        ),
    ),
    "quantile without unit": (
        metric("quantile: {event: load, value: seconds, q: 0.9}"),
        f"{AT}.quantile.q: found 0.9; expected a percentage such as 4%",
    ),
    "quantile of everything": (
        metric("quantile: {event: load, value: seconds, q: 100%}"),
        f"{AT}.quantile.q: found '100%'; expected a percentage over 0% and below 100%, such as 90%",
    ),
    "quantile of no column": (
        metric("quantile: {event: load, q: 90%}"),
        f"{AT}.quantile.value: found nothing; expected their column that is summed",
    ),
    "sum of no column": (
        metric("sum: purchase"),
        f"{AT}.sum: found 'purchase'; expected a mapping of fields",
    ),
    "column that is none": (
        metric("sum: {event: purchase, value: amount in EUR}"),
        f"{AT}.sum.value: found 'amount in EUR'; expected {COLUMN}",
    ),
    "event of blanks": (metric('conversion: " "'), f"{AT}.conversion: found ' '; expected {EVENT}"),
    "event of a number": (
        metric("conversion: 5"),
        f"{AT}.conversion: found 5; expected text (in quotes, if it looks like a number)",
    ),
    "event without an end": (
        metric(f"conversion: {'a' * 201}"),
        f"{AT}.conversion: found '{'a' * 56}...; expected {EVENT}",
    ),
    "ratio of a number": (
        metric("ratio: {of: 5, per: visit}"),
        f"{AT}.ratio.of: found 5; expected {RATIO_PART}",
    ),
    "ratio per nothing": (
        metric("ratio: {of: purchase}"),
        f"{AT}.ratio.per: found nothing; expected what it is divided by, written likewise",
    ),
    "retention that ends before it begins": (
        metric("retention: {event: visit, from: 7d, within: 7d}"),
        (
            f"{AT}.retention.within: found '7d'; "
            "expected a longer time than from, since both begin at the first exposure"
        ),
    ),
    "retention with a time beside it": (
        metric("retention: {event: visit, from: 7d, within: 14d}", "within: 14d"),
        (
            "x.yaml:17: spec.product.metrics[0].within: found an unknown field; expected "
            "none: a retention says it inside, as {event: visit, from: 7d, within: 14d}"
        ),
    ),
    "unit of a share": (
        metric("conversion: visit", "value_unit: EUR"),
        (
            "x.yaml:17: spec.product.metrics[0].value_unit: found an unknown field; "
            "expected none: shares and counts have no unit"
        ),
    ),
    "breakdown of one metric": (
        metric("conversion: visit", "breakdown: {label: country, values: [DE, FR]}"),
        (
            "x.yaml:17: spec.product.metrics[0].breakdown: found an unknown field; "
            "expected none: dimensions of the product break all its metrics down"
        ),
    ),
    "direction as a truth value": (
        metric("conversion: visit", "higher_is_better: false"),
        (
            "x.yaml:17: spec.product.metrics[0].higher_is_better: found an unknown field; "
            "expected direction: higher, or lower"
        ),
    ),
    "margin of an objective": (
        metric("conversion: visit", "role: objective", "margin: {relative: 5%}"),
        (
            "x.yaml:18: spec.product.metrics[0].margin: found a margin of role objective; "
            "expected role: guardrail, or no margin"
        ),
    ),
    "margin without a role": (
        metric("conversion: visit", "margin: {relative: 5%}"),
        (
            "x.yaml:17: spec.product.metrics[0].margin: found a margin of a metric without role; "
            "expected role: guardrail, or no margin"
        ),
    ),
    "margin of nothing": (
        metrics("conversion: purchase", "{count: visit, role: guardrail, margin: {relative: 0%}}"),
        (
            'x.yaml:17: spec.product.metrics[1].margin: found {"relative": "0%"}; '
            "expected a margin over zero, or nothing could ever be shown to be inside it"
        ),
    ),
    "margin without unit": (
        metrics("conversion: purchase", "{count: visit, role: guardrail, margin: 5%}"),
        "x.yaml:17: spec.product.metrics[1].margin: found '5%'; expected {relative: 5%} (of control)",
    ),
    "margin of a share in numbers": (
        metrics("conversion: purchase", "{conversion: visit, role: guardrail, margin: {absolute: 0.01}}"),
        (
            "x.yaml:17: spec.product.metrics[1].margin.absolute: found 0.01; "
            "expected percentage points such as 0.1pp"
        ),
    ),
    "margin of a count in seconds": (
        metrics("conversion: purchase", "{count: visit, role: guardrail, margin: {absolute: 5s}}"),
        (
            "x.yaml:17: spec.product.metrics[1].margin: found absolute 5s, a duration, for values in no "
            "unit; "
            "expected a number, or value_unit: s of a sum, ratio or quantile"
        ),
    ),
    "name that none can be made of": (
        metric("conversion: 购买"),
        f"{AT}.name: found no name; expected a name, because none can be made of the event's",
    ),
    "name that is none": (
        metric("conversion: purchase", "name: 1st"),
        (
            "x.yaml:17: spec.product.metrics[0].name: found '1st'; "
            "expected a letter, then letters, digits, _, . or -, at most 63 in all"
        ),
    ),
    "two metrics of one name": (
        metrics("{conversion: purchase, name: bought}", "{count: visit, name: bought}"),
        (
            "x.yaml:17: spec.product.metrics[1].name: found 'bought', which is also the name of metrics[0]; "
            "expected a name of its own"
        ),
    ),
    "two metrics of one name that nobody said": (
        metrics("conversion: purchase", "{conversion: purchase, within: 7d}"),
        (
            "x.yaml:17: spec.product.metrics[1].name: found 'purchase', which is also the name of "
            "metrics[0]; "
            "expected a name of its own"
        ),
    ),
    "metric of two kinds": (
        metric("conversion: purchase", "count: purchase"),
        f"{AT}: found conversion and count; expected one of them; each is a metric of its own",
    ),
    "metric of no kind": (
        metric("name: purchase"),
        (
            f"{AT}: found a metric of no kind; "
            "expected one with one of: conversion, count, sum, ratio, retention, quantile"
        ),
    ),
    "kind misspelt": (
        metric("conversions: purchase"),
        f"{AT}.conversions: found an unknown field; expected conversion",
    ),
    "metric that is a text": (
        metrics("purchase"),
        (
            f"{AT}: found a metric of no kind; "
            "expected one with one of: conversion, count, sum, ratio, retention, quantile"
        ),
    ),
    "no metric": (
        edited("    metrics:\n      - conversion: purchase\n", "    metrics: []\n"),
        "x.yaml:15: spec.product.metrics: found no metric; expected one that answers the question",
    ),
    "no objective": (
        metrics("{conversion: purchase, role: guardrail}", "count: visit"),
        (
            "x.yaml:15: spec.product.metrics: found no objective; "
            "expected role: objective on the metric that answers the question"
        ),
    ),
    "unknown role": (
        metric("conversion: purchase", "role: goal"),
        (
            "x.yaml:17: spec.product.metrics[0].role: found 'goal'; "
            "expected 'objective', 'guardrail' or 'quality'"
        ),
    ),
    "value that is a time": (
        metric("sum: {event: purchase, value: time}"),
        (
            f"{AT}.sum.value: found 'time', which is also the column time of events; "
            "expected a column of numbers, such as amount"
        ),
    ),
    "value of a ratio that is an id": (
        metric("ratio: {of: purchase, per: {event: visit, value: id}}"),
        (
            f"{AT}.ratio.per.value: found 'id', which is also the column id of events; "
            "expected a column of numbers, such as amount"
        ),
    ),
}


@pytest.mark.parametrize(("text", "problem"), CASES.values(), ids=CASES.keys())
def test_each_problem_says_where_what_was_found_and_what_is_right(text: str, problem: str) -> None:
    assert problems_of(text) == [problem]


def test_a_wrong_field_of_a_metric_hides_neither_its_rules_nor_those_of_the_section() -> None:
    text = metric("conversion: visit", "within: 7", "margin: {relative: 5%}", "winsorized: 9%")
    text += "    method: fixed\n    alpha: 5%\n    control: old\n"
    found = [problem.split(": ")[1].removeprefix("spec.product.") for problem in problems_of(text)]
    assert sorted(found) == [
        "alpha",
        "control",
        "ends",
        "metrics[0].margin",
        "metrics[0].winsorized",
        "metrics[0].within",
    ]


def test_a_wrong_kind_hides_no_other_rule_and_makes_no_name_up() -> None:
    text = metric("retention: {event: visit, from: 7, within: 14d}", "margin: {relative: 5%}")
    found = [problem.split(": ")[1] for problem in problems_of(text)]
    assert sorted(found) == ["spec.product.metrics[0].margin", "spec.product.metrics[0].retention.from"]
