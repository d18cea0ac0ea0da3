"""What is wrong with plugins and their options gets one clear line each: where, found, expected."""

import pytest

from tests.spec.documents import DURATION, canary, edited, problems_of, with_line

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
