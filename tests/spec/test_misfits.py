"""A target that a plan or its metrics do not fit is refused, with one clear line."""

import pytest

from engine.core.target import TargetFacts
from tests.spec.documents import GOOD
from tests.spec.staged import BRIDGE, CONVERSIONS, PREVIEW_URL, ab, blue_green, of, problem_of
from tests.spec.stand_ins import SESSIONS, facts_of_three, facts_with

PHASED = "{weights: [50], canary: {steps: [5]}}"
PRODUCT = """\
  product:
    question: Do more visitors buy?
    variants: {v1: 50, v2: 50}
    control: v1
    data: data/
    metrics: [{conversion: purchase}]
"""
MISFITS = {
    "a preview out of reach": (
        blue_green(),
        facts_with(),
        (
            "x.yaml:6: spec.strategy.blue_green: found blue_green, which probes a preview, but this target "
            "knows no address of the treatment; "
            "expected a strategy without a preview, or a target that knows the address"
        ),
    ),
    "too few weights": (
        ab("{weights: [50]}"),
        facts_of_three(),
        (
            "x.yaml:6: spec.strategy.ab: found 1 weight for 2 treatments (v2, v3); "
            "expected one weight for each treatment, in the target's order"
        ),
    ),
    "too many weights": (
        ab("{weights: [30, 30]}"),
        facts_with(sessions=SESSIONS),
        (
            "x.yaml:6: spec.strategy.ab: found 2 weights for one treatment (v2); "
            "expected one weight for each treatment, in the target's order"
        ),
    ),
    "a canary of two": (
        GOOD,
        facts_of_three(),
        (
            "x.yaml:6: spec.strategy.canary: found canary, which releases one treatment, but the target has "
            "v2, v3; expected one treatment, or a strategy with a weight for each"
        ),
    ),
    "a sticky ramp": (
        GOOD,
        facts_with(sticky=True),
        (
            "x.yaml:6: spec.strategy.canary: found canary with 4 different splits, but visitors of this "
            "target are sticky: who came before a change of weights stays, so the arms would not be "
            "comparable; expected one split, or a target without stickiness"
        ),
    ),
    "a sticky canary before a test": (
        ab(PHASED),
        facts_with(sessions=SESSIONS, sticky=True, arms_pct=(40,)),
        (
            "x.yaml:6: spec.strategy.ab: found ab with 2 different splits, but visitors of this "
            "target are sticky: who came before a change of weights stays, so the arms would not be "
            "comparable; expected one split, or a target without stickiness"
        ),
    ),
    "a canary that gives users two variants": (
        ab(PHASED, more=CONVERSIONS + PRODUCT),
        facts_with(sessions=SESSIONS),
        (
            "x.yaml:6: spec.strategy.ab: found a canary before a product experiment, on a target whose ramp "
            "moves users between variants; expected the target `flag` with `split_pct`, and no weight above "
            "a treatment's share of it"
        ),
    ),
    "requests of sticky visitors": (
        ab(more="    - {kind: proportion, name: carts, role: objective, bad: b, total: t}\n"),
        facts_with(sticky=True),
        (
            "x.yaml:7: spec.metrics: found objectives of unit request only (carts), but visitors of this "
            "target are sticky; expected an objective of unit session or user, such as preset: conversions"
        ),
    ),
    "no counts of sessions": (
        ab(),
        facts_with(),
        (
            "x.yaml:11: spec.metrics[2].preset: found conversions, but this target knows of no counts of "
            "sessions; expected kind: proportion with good:, total: and unit: session"
        ),
    ),
    "labels of one treatment for two": (
        ab(
            "{weights: [25, 25]}",
            "    - {kind: proportion, name: carts, role: objective, bad: b, total: t, "
            "arm_labels: {control: {v: a}, treatment: {v: b}}}\n",
        ),
        facts_of_three(),
        (
            "x.yaml:11: spec.metrics[2].arm_labels: found labels of one treatment, but the target has "
            "v2, v3; expected no arm_labels, so that the target's own hold"
        ),
    ),
    "control as second treatment": (
        ab("{weights: [25, 25]}"),
        facts_of_three(more_treatments=("v1",)),
        "x.yaml:5: spec.target: found 'v1' as control and as treatment; expected versions that differ",
    ),
    "one treatment twice": (
        ab("{weights: [25, 25]}"),
        facts_of_three(more_treatments=("v2",)),
        "x.yaml:5: spec.target: found 'v2' twice as treatment; expected versions that differ",
    ),
}


@pytest.mark.parametrize(("text", "facts", "message"), MISFITS.values(), ids=MISFITS.keys())
def test_what_does_not_fit_the_target_is_refused(text: str, facts: TargetFacts, message: str) -> None:
    assert problem_of(text, facts) == message


def test_one_fixed_split_fits_sticky_visitors() -> None:
    one_step = GOOD.replace("strategy: canary", "strategy: {canary: {steps: [20]}}")
    assert of(one_step, facts_with(sticky=True)).sticky
    bridged = facts_with(sticky=True, preview_url=PREVIEW_URL)
    assert of(blue_green(BRIDGE), bridged).sticky


def test_a_canary_fits_where_arms_are_dealt_out_once_for_all() -> None:
    facts = facts_with(sessions=SESSIONS, sticky=True, arms_pct=(50,))
    experiment = of(ab(PHASED, more=CONVERSIONS + PRODUCT), facts)
    assert (experiment.arms_pct, experiment.plan.canary_steps) == ((50,), 1)
    assert of(ab(PHASED), facts_with(sessions=SESSIONS)).plan.canary_steps == 1
