"""What is wrong with metrics gets one clear line each: where, found, expected."""

import pytest

from tests.spec.documents import GOOD, edited, errors_with, problems_of, threshold

SELECTOR = 'a counter\'s name with label conditions, such as http_requests_total{code=~"5.."}'
NO_KIND = (
    "found a metric of no preset or kind; expected preset: with one of: http_errors, http_latency, "
    "conversions; or kind: with one of: proportion, count, mean, distribution, ratio, gauge, threshold"
)

CASES = {
    "margin without unit": (
        errors_with("margin: 5%"),
        (
            "x.yaml:9: spec.metrics[0].margin: found '5%'; "
            "expected {relative: 5%} (of control) or {absolute: 5pp} (percentage points)"
        ),
    ),
    "margin of bare points": (
        errors_with("margin: 0.1pp"),
        "x.yaml:9: spec.metrics[0].margin: found '0.1pp'; expected {absolute: 0.1pp}",
    ),
    "margin of a number": (
        errors_with("margin: 5"),
        (
            "x.yaml:9: spec.metrics[0].margin: found 5; "
            "expected {relative: 50%}, {absolute: 0.1pp}, or both for the larger of the two"
        ),
    ),
    "margin of an empty part": (
        errors_with("margin: {relative: }"),
        (
            'x.yaml:9: spec.metrics[0].margin: found {"relative": null}; '
            "expected a value for relative, absolute or both"
        ),
    ),
    "relative margin in points": (
        errors_with("margin: {relative: 5pp}"),
        "x.yaml:9: spec.metrics[0].margin.relative: found '5pp'; expected a percentage such as 4%",
    ),
    "absolute margin in percent": (
        errors_with("margin: {absolute: 5%}"),
        "x.yaml:9: spec.metrics[0].margin.absolute: found '5%'; expected percentage points such as 0.1pp",
    ),
    "margin of nothing": (
        errors_with("tolerance: {relative: 0%}", "margin: {relative: 0%}"),
        (
            'x.yaml:10: spec.metrics[0].margin: found {"relative": "0%"}; '
            "expected a margin over zero, or nothing could ever be shown to be inside it"
        ),
    ),
    "tolerance beyond margin": (
        errors_with("tolerance: {relative: 60%}"),
        (
            "x.yaml:9: spec.metrics[0].tolerance: found a tolerance of relative 60% beyond the margin of "
            "relative 50%; expected a tolerance of at most the margin"
        ),
    ),
    "margin within the default tolerance": (
        errors_with("margin: {relative: 2%}"),
        (
            "x.yaml:9: spec.metrics[0].margin: found a tolerance of relative 5% beyond the margin of "
            "relative 2%; expected a tolerance of at most the margin"
        ),
    ),
    "latency without slo": (
        edited("      slo: 500ms\n", ""),
        (
            "x.yaml:9: spec.metrics[1].slo: found no slo; "
            "expected slo: 500ms (without it nothing could promote), or role: quality"
        ),
    ),
    "two metrics of one name": (
        edited("http_latency", "http_latency\n      name: http_errors"),
        (
            "x.yaml:10: spec.metrics[1].name: found 'http_errors', which is also the name of metrics[0]; "
            "expected a name of its own"
        ),
    ),
    "one preset twice": (
        errors_with() + "    - preset: http_errors\n",
        (
            "x.yaml:11: spec.metrics[2].name: found 'http_errors', which is also the name of metrics[0]; "
            "expected a name of its own"
        ),
    ),
    "name of a metric": (
        errors_with("name: 5xx rate"),
        (
            "x.yaml:9: spec.metrics[0].name: found '5xx rate'; "
            "expected a letter, then letters, digits, _, . or -, at most 63 in all"
        ),
    ),
    "only quality metrics": (
        errors_with("role: quality").replace("slo: 500ms", "role: quality"),
        (
            "x.yaml:7: spec.metrics: found only quality metrics; "
            "expected a guardrail or an objective, or nothing could promote"
        ),
    ),
    "weight of a quality metric": (
        errors_with("role: quality", "weight: 1"),
        (
            "x.yaml:10: spec.metrics[0].weight: found 1; "
            "expected no weight, because a quality metric never decides"
        ),
    ),
    "weight of zero": (
        errors_with("weight: 0"),
        "x.yaml:9: spec.metrics[0].weight: found 0; expected greater than 0",
    ),
    "unknown preset": (
        edited("preset: http_errors", "preset: http_error"),
        "x.yaml:8: spec.metrics[0].preset: found 'http_error'; expected http_errors",
    ),
    "unknown kind": (
        edited("preset: http_errors", "kind: apdex"),
        (
            "x.yaml:8: spec.metrics[0].kind: found 'apdex'; "
            "expected one of: count, distribution, gauge, mean, proportion, ratio, threshold"
        ),
    ),
    "preset as a kind": (
        edited("preset: http_errors", "kind: http_errors"),
        ("x.yaml:8: spec.metrics[0].kind: found 'http_errors', which is a preset; write preset: http_errors"),
    ),
    "kind as a preset": (
        edited("preset: http_errors", "preset: proportion"),
        ("x.yaml:8: spec.metrics[0].preset: found 'proportion', which is a kind; write kind: proportion"),
    ),
    "metric of no kind": (
        edited("preset: http_errors", "name: errors"),
        f"x.yaml:8: spec.metrics[0]: {NO_KIND}",
    ),
    "metric that is no mapping": (
        edited("preset: http_errors", "http_errors"),
        f"x.yaml:8: spec.metrics[0]: {NO_KIND}",
    ),
    "threshold without limit": (
        threshold(),
        "x.yaml:11: spec.metrics[2].limit: found nothing; expected largest acceptable share of bad trials",
    ),
    "limit without unit": (
        threshold("limit: 0.01"),
        "x.yaml:15: spec.metrics[2].limit: found 0.01; expected a percentage such as 4%",
    ),
    "limit of everything": (
        threshold("limit: 100%"),
        "x.yaml:15: spec.metrics[2].limit: found '100%'; expected a percentage over 0% and under 100%",
    ),
    "margin on a threshold": (
        threshold("limit: 1%", "margin: {relative: 50%}"),
        (
            "x.yaml:16: spec.metrics[2].margin: found an unknown field; "
            "expected one of: arm_labels, bad, kind, limit, name, role, total, unit, weight"
        ),
    ),
    "neither bad nor good trials": (
        GOOD + "    - {kind: proportion, name: own, total: all_total}\n",
        (
            "x.yaml:11: spec.metrics[2].bad: found neither bad nor good; "
            "expected the counter of bad trials, or good: with that of good ones"
        ),
    ),
    "bad and good trials": (
        GOOD + "    - {kind: proportion, name: own, bad: a, good: b, total: all_total}\n",
        "x.yaml:11: spec.metrics[2].good: found both bad and good; expected only one of bad and good",
    ),
    "tolerance beyond the default margin of good trials": (
        GOOD + "    - {kind: proportion, name: own, good: b, total: t, tolerance: {relative: 20%}}\n",
        (
            "x.yaml:11: spec.metrics[2].tolerance: found a tolerance of relative 20% beyond the margin of "
            "relative 10%; expected a tolerance of at most the margin"
        ),
    ),
    "expression as selector": (
        threshold("limit: 1%").replace("bad_total", "sum(bad_total)"),
        (
            f"x.yaml:13: spec.metrics[2].bad: found 'sum(bad_total)'; expected {SELECTOR}; "
            "not an expression, and without a range"
        ),
    ),
    "selector with an offset": (
        threshold("limit: 1%").replace("all_total", "all_total offset 5m"),
        (
            f"x.yaml:14: spec.metrics[2].total: found 'all_total offset 5m'; "
            f"expected {SELECTOR}, without offset, @ or `or`"
        ),
    ),
    "selector without a name": (
        threshold("limit: 1%").replace("all_total", "'{job=\"x\"}'"),
        f"x.yaml:14: spec.metrics[2].total: found '{{job=\"x\"}}'; expected {SELECTOR}; the name is missing",
    ),
    "selector that is a number": (
        threshold("limit: 1%").replace("all_total", "5"),
        f"x.yaml:14: spec.metrics[2].total: found 5; expected {SELECTOR}",
    ),
    "arms of the same labels": (
        threshold("limit: 1%", "arm_labels: {control: {v: a}, treatment: {v: a}}"),
        (
            'x.yaml:16: spec.metrics[2].arm_labels.treatment: found {"v": "a"}; '
            "expected other label values than the control's"
        ),
    ),
}


@pytest.mark.parametrize(("text", "message"), CASES.values(), ids=CASES.keys())
def test_one_clear_message(text: str, message: str) -> None:
    assert problems_of(text) == [message]
