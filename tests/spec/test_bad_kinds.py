"""What is wrong with counts, means, ratios, gauges and histograms gets one clear line each."""

import pytest

from tests.spec.documents import GOOD, errors_with, problems_of
from tests.spec.staged import BRIDGE, blue_green

MEAN = "kind: mean, name: own, sum: s, count: c"
RATIO = "kind: ratio, name: own, numerator: a, denominator: b"
GAUGE = "kind: gauge, name: own"
COUNT = "kind: count, name: own, count: c"
PROMQL = "PromQL that gives one series per arm, such as avg by (version) (queue_length)"
SETTLING = "a proportion, a threshold, or a distribution with slo"


def with_metric(fields: str) -> str:
    """The good document with one more metric, in line 11."""
    return f"{GOOD}    - {{{fields}}}\n"


def at(field: str, message: str) -> str:
    return f"x.yaml:11: spec.metrics[2]{field and '.'}{field}: {message}"


CASES = {
    "mean of a sum without a count": (
        with_metric("kind: mean, name: own, sum: s"),
        at("count", "found sum without count; expected the counter of how many values were summed up"),
    ),
    "mean of nothing": (
        with_metric("kind: mean, name: own"),
        at(
            "sum",
            "found no sum, buckets or histogram; expected sum: with count:, or buckets: of a classic "
            "histogram, or histogram: with a native one",
        ),
    ),
    "mean of two sources": (
        with_metric(f"{MEAN}, buckets: b_bucket"),
        at("buckets", "found sum and buckets; expected only one of sum with count, buckets, histogram"),
    ),
    "mean of a histogram and a count": (
        with_metric("kind: mean, name: own, histogram: h, count: c"),
        at("count", "found 'c'; expected no count, because histogram has it"),
    ),
    "mean of buckets and squares": (
        with_metric("kind: mean, name: own, buckets: b_bucket, sum_sq: q"),
        at("sum_sq", "found 'q'; expected no sum_sq, because buckets has it"),
    ),
    "distribution of no histogram": (
        with_metric("kind: distribution, name: own, slo: 1s"),
        at(
            "buckets",
            "found neither buckets nor histogram; expected the _bucket counter of a classic histogram, or "
            "histogram: with a native one's name",
        ),
    ),
    "distribution of two histograms": (
        with_metric("kind: distribution, name: own, slo: 1s, buckets: b_bucket, histogram: h"),
        at("histogram", "found both buckets and histogram; expected only one of buckets and histogram"),
    ),
    "native histogram of classic buckets": (
        with_metric("kind: distribution, name: own, slo: 1s, histogram: h_bucket"),
        at(
            "histogram",
            "found h_bucket, which is of a classic histogram; "
            "expected buckets: with it, or a native histogram's name",
        ),
    ),
    "ratio without a denominator": (
        with_metric("kind: ratio, name: own, numerator: a"),
        at("denominator", "found nothing; expected counter of what it is divided by"),
    ),
    "count without a counter": (
        with_metric("kind: count, name: own"),
        at("count", "found nothing; expected counter of events"),
    ),
    "direction of neither": (
        with_metric(f"{COUNT}, direction: up"),
        at("direction", "found 'up'; expected 'lower' or 'higher'"),
    ),
    "direction of a proportion": (
        errors_with("direction: higher"),
        (
            "x.yaml:9: spec.metrics[0].direction: found an unknown field; "
            "expected none: shares of trials have bad: or good:, and presets are what they are"
        ),
    ),
    "margin of a mean in percent": (
        with_metric(f"{MEAN}, margin: 5%"),
        at("margin", "found '5%'; expected {relative: 5%} (of control)"),
    ),
    "margin of a mean as a number": (
        with_metric(f"{MEAN}, margin: 20"),
        at("margin", "found 20; expected {absolute: 20} (in the metric's own unit)"),
    ),
    "margin of a mean as a duration": (
        with_metric(f"{MEAN}, value_unit: s, margin: 20ms"),
        at("margin", "found '20ms'; expected {absolute: 20ms}"),
    ),
    "margin of a mean as points": (
        with_metric(f"{MEAN}, margin: 1pp"),
        at(
            "margin",
            "found '1pp'; expected {relative: 10%}, {absolute: 20} (in the metric's own unit), or both for "
            "the larger of the two",
        ),
    ),
    "points of a mean": (
        with_metric(f"{MEAN}, margin: {{absolute: 1pp}}"),
        at(
            "margin.absolute",
            "found '1pp'; expected a number in the metric's own unit, such as 20; "
            "percentage points are for shares only",
        ),
    ),
    "percentage as an amount": (
        with_metric(f"{MEAN}, margin: {{absolute: 5%}}"),
        at(
            "margin.absolute",
            "found '5%'; expected a number in the metric's own unit, such as 20; "
            "a percentage of control is {relative: 5%}",
        ),
    ),
    "amount of a unit": (
        with_metric(f"{MEAN}, value_unit: bytes, margin: {{absolute: 5 MB}}"),
        at(
            "margin.absolute",
            "found '5 MB'; expected a number in the metric's own unit, such as 20 "
            "(or a duration such as 20ms, where value_unit is s)",
        ),
    ),
    "amount below zero": (
        with_metric(f"{MEAN}, margin: {{absolute: -5}}"),
        at(
            "margin.absolute",
            "found -5; expected a number in the metric's own unit, such as 20 "
            "(or a duration such as 20ms, where value_unit is s)",
        ),
    ),
    "duration of values without a unit": (
        with_metric(f"{MEAN}, margin: {{absolute: 20ms}}"),
        at(
            "margin",
            "found absolute 20ms, a duration, for values in no unit; "
            "expected a number, or value_unit: s, where durations may stand",
        ),
    ),
    "duration of values in milliseconds": (
        with_metric(f"{MEAN}, value_unit: ms, tolerance: {{absolute: 20ms}}"),
        at(
            "tolerance",
            "found absolute 20ms, a duration, for values in ms; "
            "expected a number, or value_unit: s, where durations may stand",
        ),
    ),
    "duration of a count": (
        with_metric(f"{COUNT}, margin: {{absolute: 20ms}}"),
        at(
            "margin",
            "found absolute 20ms, a duration, for values in no unit; "
            "expected a number of events per window, at all traffic",
        ),
    ),
    "margin of a ratio of nothing": (
        with_metric(f"{RATIO}, tolerance: {{relative: 0%}}, margin: {{absolute: 0}}"),
        at(
            "margin",
            'found {"absolute": 0}; '
            "expected a margin over zero, or nothing could ever be shown to be inside it",
        ),
    ),
    "tolerance of a mean beyond its margin": (
        with_metric(f"{MEAN}, value_unit: s, tolerance: {{absolute: 30ms}}, margin: {{absolute: 20ms}}"),
        at(
            "tolerance",
            "found a tolerance of absolute 30ms beyond the margin of absolute 20ms; "
            "expected a tolerance of at most the margin",
        ),
    ),
    "unit of no text": (
        with_metric(f"{MEAN}, value_unit: ''"),
        at(
            "value_unit",
            "found ''; expected a unit to show beside values, such as s or bytes, at most 12 characters",
        ),
    ),
    "unit of too much text": (
        with_metric(f"{MEAN}, value_unit: kilobytes per order"),
        at(
            "value_unit",
            "found 'kilobytes per order'; expected a unit to show beside values, such as s or bytes, "
            "at most 12 characters",
        ),
    ),
    "effect within the tolerance": (
        errors_with("effect: 5%"),
        (
            "x.yaml:9: spec.metrics[0].effect: found '5%'; "
            "expected more than the tolerance of 5%, or it would be no harm"
        ),
    ),
    "effect of nothing": (
        with_metric(f"{MEAN}, tolerance: {{absolute: 1}}, effect: 0%"),
        at("effect", "found '0%'; expected more than the tolerance of 0%, or it would be no harm"),
    ),
    "effect without unit": (
        errors_with("effect: 0.5"),
        "x.yaml:9: spec.metrics[0].effect: found 0.5; expected a percentage such as 4%",
    ),
    "dispersion below one": (
        errors_with("dispersion: 0.5"),
        "x.yaml:9: spec.metrics[0].dispersion: found 0.5; expected greater than or equal to 1",
    ),
    "expression that is none": (
        with_metric(f"{GAUGE}, expression: 'sum(('"),
        at(
            "expression",
            f"found 'sum(('; expected {PROMQL} (PromQL: unclosed left parenthesis)",
        ),
    ),
    "expression of a placeholder": (
        with_metric(f"{GAUGE}, expression: 'queue{{version=\"$variant\"}}'"),
        at(
            "expression",
            f"found 'queue{{version=\"$variant\"}}'; expected {PROMQL}, without $variant: nothing is filled "
            "in, arm_labels tell the arms apart",
        ),
    ),
    "expression of a range": (
        with_metric(f"{GAUGE}, expression: 'queue[5m]'"),
        at("expression", f"found 'queue[5m]'; expected {PROMQL}; this gives a range, a number or text"),
    ),
    "expression of a number": (
        with_metric(f"{GAUGE}, expression: scalar(queue)"),
        at("expression", f"found 'scalar(queue)'; expected {PROMQL}; this gives a range, a number or text"),
    ),
    "mean after a switch": (
        blue_green(more=f"    - {{{MEAN}}}\n"),
        at(
            "",
            "found mean, which cannot be compared before and after a switch; expected a split too, such as "
            f"blue_green: {{bridge: {{weight: 20}}}}, or {SETTLING}",
        ),
    ),
    "latency without slo after a switch": (
        blue_green(more="    - {kind: distribution, name: own, buckets: b_bucket, role: quality}\n"),
        at(
            "",
            "found distribution, which cannot be compared before and after a switch; expected a split too, "
            f"such as blue_green: {{bridge: {{weight: 20}}}}, or {SETTLING}",
        ),
    ),
    "nothing to take a switch back": (
        f"{blue_green(BRIDGE).split('    - preset')[0]}    - {{{MEAN}}}\n",
        (
            "x.yaml:7: spec.metrics: found no deciding metric that can be compared before and after the "
            f"switch; expected also {SETTLING}, so that it can be taken back"
        ),
    ),
}


@pytest.mark.parametrize(("text", "message"), CASES.values(), ids=CASES.keys())
def test_one_clear_message(text: str, message: str) -> None:
    assert problems_of(text) == [message]
