"""What is wrong with a document or its own fields gets one clear line each: where, found, expected."""

import pytest

from tests.spec.documents import DURATION, GOOD, canary, edited, errors_with, problems_of, with_line

TEXT = "text (in quotes, if it looks like a number)"
ALPHA = "a probability over 0 and at most 0.5, such as 0.01"

CASES = {
    "unknown field": (
        with_line("intervall: 15s"),
        "x.yaml:11: spec.intervall: found an unknown field; expected interval",
    ),
    "unknown field without a near one": (
        edited("{name: checkout-v2}", "{name: checkout-v2, zzz: 1}"),
        "x.yaml:3: metadata.zzz: found an unknown field; expected one of: labels, name, owner",
    ),
    "unknown field of a metric": (
        errors_with("tolerence: {relative: 1%}"),
        "x.yaml:9: spec.metrics[0].tolerence: found an unknown field; expected tolerance",
    ),
    "field missing": (
        edited("  strategy: canary\n", ""),
        "x.yaml:4: spec.strategy: found nothing; expected how traffic moves, with its options",
    ),
    "wrong version of the format": (
        edited("v1alpha1", "v9"),
        "x.yaml:1: apiVersion: found 'rampwise.dev/v9'; expected 'rampwise.dev/v1alpha1'",
    ),
    "wrong kind": (
        edited("ReleaseExperiment", "Experiment"),
        "x.yaml:2: kind: found 'Experiment'; expected 'ReleaseExperiment'",
    ),
    "name that is no label": (
        edited("checkout-v2", "Checkout_V2"),
        (
            "x.yaml:3: metadata.name: found 'Checkout_V2'; "
            "expected lower-case letters, digits and dashes inside, at most 63, such as checkout-v2"
        ),
    ),
    "wrong type": (
        with_line("description: 5"),
        f"x.yaml:11: spec.description: found 5; expected {TEXT}",
    ),
    "number where text belongs": (
        edited("control: v1", "control: 1.10"),
        f"x.yaml:5: spec.target.local.control: found 1.1; expected {TEXT}",
    ),
    "text where a truth value belongs": (
        edited("treatment: v2}", 'treatment: v2, sticky: "yes"}'),
        "x.yaml:5: spec.target.local.sticky: found 'yes'; expected true or false",
    ),
    "duration without unit": (
        with_line("interval: 15"),
        f"x.yaml:11: spec.interval: found 15; expected {DURATION}",
    ),
    "duration of a wrong unit": (
        with_line("patience: 5m"),
        f"x.yaml:11: spec.patience: found '5m'; expected {DURATION}",
    ),
    "duration of nothing": (
        with_line("interval: 0s"),
        "x.yaml:11: spec.interval: found '0s'; expected a duration longer than 0s",
    ),
    "duration of years": (
        with_line("horizon: 999d"),
        "x.yaml:11: spec.horizon: found '999d'; expected a duration of at most 366d",
    ),
    "alpha of zero": (
        with_line("alpha_rollback: 0"),
        f"x.yaml:11: spec.alpha_rollback: found 0; expected {ALPHA}",
    ),
    "alpha of most": (
        with_line("alpha_promote: 0.51"),
        f"x.yaml:11: spec.alpha_promote: found 0.51; expected {ALPHA}",
    ),
    "policy that promotes": (
        with_line("on_undecided: promote"),
        "x.yaml:11: spec.on_undecided: found 'promote'; expected 'rollback' or 'hold'",
    ),
    "horizon shorter than the ramp": (
        with_line("horizon: 20min"),
        "x.yaml:11: spec.horizon: found '20min'; expected more than 20min, which the holds of all steps take",
    ),
    "ramp longer than the default horizon": (
        canary("{hold: 8h}"),
        "x.yaml:4: spec.horizon: found '1d'; expected more than 32h, which the holds of all steps take",
    ),
    "unknown time zone": (
        with_line('windows: [{days: mon, from: "09:00", to: "17:00", time_zone: Europe/Berln}]'),
        (
            "x.yaml:11: spec.windows[0].time_zone: found 'Europe/Berln'; "
            "expected a time zone such as Europe/Berlin or UTC"
        ),
    ),
    "time zone outside of the database": (
        with_line('windows: [{days: mon, from: "09:00", to: "17:00", time_zone: ../etc}]'),
        (
            "x.yaml:11: spec.windows[0].time_zone: found '../etc'; "
            "expected a time zone such as Europe/Berlin or UTC"
        ),
    ),
    "unknown day": (
        with_line("windows: [{days: mon-fry, from: 09:00, to: 17:00, time_zone: UTC}]"),
        "x.yaml:11: spec.windows[0].days: found 'mon-fry'; expected days such as [mon, wed] or mon-fri",
    ),
    "no day": (
        with_line("windows: [{days: [], from: 09:00, to: 17:00, time_zone: UTC}]"),
        "x.yaml:11: spec.windows[0].days: found []; expected days such as [mon, wed] or mon-fri",
    ),
    "time of no day": (
        with_line("windows: [{days: mon, from: 09:00, to: 24:00, time_zone: UTC}]"),
        (
            "x.yaml:11: spec.windows[0].to: found '24:00'; "
            'expected a time of day such as "09:00", up to "23:59"'
        ),
    ),
    "option of a source that is missing": (
        with_line("source: {prometheus: {}}"),
        "x.yaml:11: spec.source.prometheus.url: found nothing; expected a value, because it has no default",
    ),
    "field twice": (
        with_line("target: {local: {}}"),
        "x.yaml:11: spec.target: found the same field as in line 5; expected every field once",
    ),
    "field name that is no text": (
        with_line("? [a]\n  : b"),
        "x.yaml:11: spec: found a field name that is not text; expected a name such as `steps`",
    ),
    "metrics that are no list": (
        edited(
            "metrics:\n    - preset: http_errors\n    - preset: http_latency\n      slo: 500ms",
            "metrics: all",
        ),
        "x.yaml:7: spec.metrics: found 'all'; expected a list",
    ),
    "no metric": (
        edited(
            "metrics:\n    - preset: http_errors\n    - preset: http_latency\n      slo: 500ms", "metrics: []"
        ),
        "x.yaml:7: spec.metrics: found no metric; expected at least one, or nothing could promote",
    ),
    "document that is no mapping": (
        "- a\n- b\n",
        'x.yaml:1: document: found ["a", "b"]; expected a mapping of fields',
    ),
    "empty file": (
        "# nothing yet\n",
        (
            "x.yaml:1: document: found nothing in the file; "
            "expected one ReleaseExperiment (`rampwise init` writes one)"
        ),
    ),
    "two documents": (
        GOOD + "---\n" + GOOD,
        (
            "x.yaml:12: document: found a second document; "
            "expected one ReleaseExperiment (`rampwise init` writes one)"
        ),
    ),
    "not YAML": (
        edited("{name: checkout-v2}", "{name: checkout-v2"),
        (
            "x.yaml:4: document: found text that is not YAML (expected ',' or '}', but got ':'); "
            "expected YAML with every value written out"
        ),
    ),
    "control character": (
        "a: \x00",
        (
            "x.yaml:1: document: found text that is not YAML (unacceptable character "
            "#x0000: special characters are not allowed); "
            "expected YAML with every value written out"
        ),
    ),
    "alias": (
        with_line("description: &a x\n  on_blind: *a"),
        "x.yaml:12: document: found an alias (*name); expected YAML with every value written out",
    ),
    "tag": (
        with_line("description: !!python/name:os.system x"),
        "x.yaml:11: document: found a tag (!name); expected YAML with every value written out",
    ),
    "very deep": (
        "[" * 3000 + "]" * 3000,
        (
            "x.yaml:1: document: found values nested too deeply; "
            "expected one ReleaseExperiment (`rampwise init` writes one)"
        ),
    ),
}


@pytest.mark.parametrize(("text", "message"), CASES.values(), ids=CASES.keys())
def test_one_clear_message(text: str, message: str) -> None:
    assert problems_of(text) == [message]
