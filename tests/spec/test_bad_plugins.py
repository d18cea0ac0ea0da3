"""What is wrong with plugins and their options gets one clear line each: where, found, expected."""

import pytest

from tests.spec.documents import DURATION, canary, edited, problems_of, strategy, with_line

WEIGHT = "a whole number of percent from 1 to 99, such as 20 (promotion is the 100)"

CASES = {
    "weights not ascending": (
        canary("{steps: [1, 20, 5]}"),
        (
            "x.yaml:6: spec.strategy.canary.steps: found [1, 20, 5]; "
            "expected weights in ascending order, not 5 after 20"
        ),
    ),
    "weight twice": (
        canary("{steps: [5, 5]}"),
        (
            "x.yaml:6: spec.strategy.canary.steps: found [5, 5]; "
            "expected weights in ascending order, not 5 after 5"
        ),
    ),
    "step of nothing": (
        canary("{steps: [0, 5]}"),
        f"x.yaml:6: spec.strategy.canary.steps[0]: found 0; expected {WEIGHT}",
    ),
    "step of everything": (
        canary("{steps: [5, {weight: 100}]}"),
        f"x.yaml:6: spec.strategy.canary.steps[1].weight: found 100; expected {WEIGHT}",
    ),
    "step of a fraction": (
        canary("{steps: [0.5]}"),
        f"x.yaml:6: spec.strategy.canary.steps[0]: found 0.5; expected {WEIGHT}",
    ),
    "no steps": (
        canary("{steps: []}"),
        "x.yaml:6: spec.strategy.canary.steps: found []; expected at least one step, such as [1, 5, 20, 50]",
    ),
    "unknown option of a plugin": (
        canary("{step: [1]}"),
        "x.yaml:6: spec.strategy.canary.step: found an unknown field; expected steps",
    ),
    "options that are no mapping": (
        canary("[1, 5]"),
        "x.yaml:6: spec.strategy.canary: found [1, 5]; expected a mapping of fields",
    ),
    "option missing": (
        edited("control: v1, ", ""),
        "x.yaml:5: spec.target.local.control: found nothing; expected version that serves now",
    ),
    "control is treatment": (
        edited("treatment: v2", "treatment: v1"),
        (
            "x.yaml:5: spec.target.local.treatment: found 'v1', the same as control; "
            "expected another version than control's"
        ),
    ),
    "unknown strategy": (
        edited("strategy: canary", "strategy: canry"),
        "x.yaml:6: spec.strategy: found no plugin of the name 'canry'; expected canary",
    ),
    "unknown target": (
        edited("{local:", "{docker:"),
        "x.yaml:5: spec.target.docker: found no plugin of the name 'docker'; expected one of: local",
    ),
    "strategy that does not load": (
        edited("strategy: canary", "strategy: broken"),
        (
            "x.yaml:6: spec.strategy: found strategies/broken from an unknown distribution does not load: "
            "ImportError: no module named broken; expected a plugin that loads (`rampwise plugins`)"
        ),
    ),
    "options that a strategy refuses": (
        edited("strategy: canary", "strategy: picky"),
        "x.yaml:6: spec.strategy.picky: found nothing; expected an even number of steps",
    ),
    "two strategies": (
        edited("strategy: canary", "strategy: {canary: {}, picky: {}}"),
        (
            'x.yaml:6: spec.strategy: found {"canary": {}, "picky": {}}; '
            "expected one name, or one name with its options, such as {canary: {hold: 5min}}"
        ),
    ),
    "option of a stage": (
        strategy("blue_green: {bridge: {weight: 20, hodl: 1h}}"),
        "x.yaml:6: spec.strategy.blue_green.bridge.hodl: found an unknown field; expected hold",
    ),
    "bridge of everything": (
        strategy("blue_green: {bridge: {weight: 100}}"),
        f"x.yaml:6: spec.strategy.blue_green.bridge.weight: found 100; expected {WEIGHT}",
    ),
    "probes that are too slow to all be sent": (
        strategy("blue_green: {preview: {rate: 1, time_limit: 100s}}"),
        (
            'x.yaml:6: spec.strategy.blue_green.preview: found {"rate": 1, "time_limit": "100s"}; '
            "expected at most the 100 probes that 1 per second for 100s make, not 300"
        ),
    ),
    "latency that is a timeout": (
        strategy("blue_green: {preview: {latency: {over: 1s}}}"),
        (
            'x.yaml:6: spec.strategy.blue_green.preview: found {"latency": {"over": "1s"}}; '
            "expected latency.over below the timeout of 1s, not 1s"
        ),
    ),
    "too few probes to show anything": (
        strategy("blue_green: {preview: {count: 100, errors: 1%}}"),
        (
            "x.yaml:6: spec.strategy.blue_green: found 100 probes; expected at least 411: fewer cannot show "
            "a limit of 1% with alpha_promote 0.05, even if all are good"
        ),
    ),
    "no share for control": (
        strategy("ab: {weights: [60, 40]}"),
        (
            "x.yaml:6: spec.strategy.ab.weights: found [60, 40]; expected each treatment's share, such "
            "as [50] or [25, 25], below 100 together, because control needs the rest; not 100"
        ),
    ),
    "nothing that could be better": (
        strategy("ab"),
        (
            "x.yaml:7: spec.metrics: found no objective; expected role: objective on a metric that is "
            "compared with control, or preset: conversions, or a product section, which asks users' events; "
            "this strategy promotes only what is better"
        ),
    ),
    "unknown gate provider": (
        with_line("gate: {provider: memry}"),
        "x.yaml:11: spec.gate.provider: found no plugin of the name 'memry'; expected memory",
    ),
    "unknown source": (
        with_line("source: {promethius: {url: x}}"),
        "x.yaml:11: spec.source.promethius: found no plugin of the name 'promethius'; expected prometheus",
    ),
    "option of a source that is a dataclass": (
        with_line("source: {prometheus: {url: x, timeout: 5}}"),
        f"x.yaml:11: spec.source.prometheus.timeout: found 5; expected {DURATION}",
    ),
}


@pytest.mark.parametrize(("text", "message"), CASES.values(), ids=CASES.keys())
def test_one_clear_message(text: str, message: str) -> None:
    assert problems_of(text) == [message]
