"""The target `observed`: it names two versions, and nothing can make it move anything."""

import pytest
from pydantic import ValidationError

from engine import spec
from engine.adapters.observed import ObservedOptions, ObservedTarget
from engine.core.model import Arm
from engine.core.target import TargetGone, Weights
from engine.errors import SpecError
from engine.wiring import prepare

LABELS = {
    "control": {"namespace": "shop", "hash": "aaa"},
    "treatment": {"namespace": "shop", "hash": "bbb"},
}
DOCUMENT = """\
apiVersion: rampwise.dev/v1alpha1
kind: ReleaseExperiment
metadata: {name: checkout}
spec:
  target:
    observed:
      control: {hash: aaa}
      treatment: {hash: bbb}
      prometheus: http://127.0.0.1:9
  strategy: canary
  mode: observe
  metrics:
    - {name: errors, kind: proportion, bad: errors_total, total: requests_total}
"""


def observed(**changes: object) -> ObservedTarget:
    return ObservedTarget(ObservedOptions.model_validate({**LABELS, **changes}))


def test_versions_are_named_by_what_tells_them_apart() -> None:
    facts = observed().facts()
    assert (facts.control, facts.treatment, facts.key) == ("aaa", "bbb", "observed/aaa..bbb")
    assert facts.arm_labels == {Arm.CONTROL: LABELS["control"], Arm.TREATMENT: LABELS["treatment"]}
    assert (facts.router, facts.preview_url, facts.source_options) == (None, None, {})


def test_a_key_of_its_own_and_places_are_handed_on() -> None:
    facts = observed(key="shop/1", prometheus="http://p:9090", preview_url="http://preview").facts()
    assert (facts.key, facts.preview_url) == ("observed/shop/1", "http://preview")
    assert facts.source_options == {"url": "http://p:9090"}


@pytest.mark.parametrize(("told", "shown"), [(None, 50), (20, 20)])
def test_the_share_is_as_told_and_nothing_rests_on_it(told: int | None, shown: int) -> None:
    state = observed(share_pct=told).observe()
    assert (state.weights, state.exact, state.ended) == (Weights.of(shown), False, "")
    assert state.control.ready
    assert state.treatment.ready


@pytest.mark.parametrize("weights", [Weights.of(0), Weights.of(5), Weights.of(100)])
def test_nothing_is_ever_applied(weights: Weights) -> None:
    target = observed()
    before = target.observe()
    answer = target.apply(weights)
    assert isinstance(answer, TargetGone)
    assert "mode: observe" in answer.detail
    assert target.observe() == before


@pytest.mark.parametrize(
    ("treatment", "says"),
    [
        (LABELS["control"], "two different versions"),
        ({"hash": "bbb"}, "the same label names"),
        ({}, "at least 1 item"),
        ({"namespace": "shop", "hash": ""}, "at least 1 character"),
        ({"namespace": "shop", "ha-sh": "x"}, "should match pattern"),
    ],
)
def test_labels_tell_two_versions_apart(treatment: dict[str, str], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        observed(treatment=treatment)


def test_a_document_on_it_observes() -> None:
    assert prepare(spec.parse(DOCUMENT, "checkout.yaml")).experiment.treatment == "bbb"


@pytest.mark.parametrize("mode", ["  mode: act\n", ""])
def test_acting_is_refused_with_what_to_type(mode: str) -> None:
    with pytest.raises(SpecError) as found:
        spec.parse(DOCUMENT.replace("  mode: observe\n", mode), "checkout.yaml")
    [problem] = found.value.problems
    assert (problem.field, problem.expected) == ("spec.mode", "expected mode: observe")


def test_counts_without_a_denominator_need_shares_that_nobody_planned() -> None:
    text = DOCUMENT + "    - {name: crashes, kind: count, count: crashes_total}\n"
    with pytest.raises(SpecError) as found:
        spec.parse(text, "checkout.yaml")
    [problem] = found.value.problems
    assert problem.field == "spec.metrics[1].kind"
