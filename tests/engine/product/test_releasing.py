"""Which run carries an experiment, how it went, and as of when one is looked at whose run has ended."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from analysis.report.product.course import CourseEnd, CourseStage, CourseStep
from engine.adapters.store import SqlStore, open_store
from engine.codec import to_plain
from engine.core.decision import Decision, DecisionKind, Rule
from engine.core.events import Applied, Decided, Intended, Payload
from engine.core.model import Mode
from engine.core.product import ProductPlan, Share
from engine.core.run import Act, Phase, Run
from engine.core.target import ALL_TO_CONTROL, TargetFacts, Weights
from engine.errors import CorruptRecord, StoreError, UsageError
from engine.product.releasing import Release, course_of, release_in_store, release_of
from engine.spec import parse
from engine.spec import to_plain as document_to_plain
from tests.contracts.store_samples import next_events, started
from tests.engine.product.test_looking import plan

DOCUMENT = """\
apiVersion: rampwise.dev/v1alpha1
kind: ReleaseExperiment
metadata: {name: checkout}
spec:
  target:
    flag: {experiment: checkout, file: flags.json, control: old, treatments: [new], split_pct: [50, 50]}
  strategy: {ab: {weights: [50], hold: 1h, canary: {steps: [5, 20], hold: 10min}}}
  source: {prometheus: {url: "http://127.0.0.1:9"}}
  metrics:
    - {kind: proportion, name: errors, bad: bad_total, total: all_total}
  product:
    question: Do they buy?
    control: old
    variants: {old: 50, new: 50}
    metrics: [{conversion: order}]
"""
FACTS = TargetFacts(
    key="flag/flags.json/checkout",
    control="old",
    treatment="new",
    arm_labels={},
    router=None,
    source_options={},
)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SqlStore:
    url = f"sqlite:///{tmp_path}/rampwise.sqlite3"
    monkeypatch.setenv("RAMPWISE_DATABASE", url)
    return open_store(url)


def spec_of(facts: TargetFacts = FACTS) -> dict[str, Any]:
    document = parse(DOCUMENT, "checkout.yaml")
    return {"document": document_to_plain(document), "facts": to_plain(TargetFacts, facts)}


def shift(number: int, weights: Weights, step: int | None, rule: Rule = Rule.FLOORS_MET) -> list[Payload]:
    return acted(number, DecisionKind.SHIFT, weights, step, rule)


def acted(
    number: int, kind: DecisionKind, weights: Weights, step: int | None, rule: Rule, *, ok: bool = True
) -> list[Payload]:
    act = Act(number=number, kind=kind, rule=rule, weights=weights, step=step, found=None, version="v")
    applied = Applied(act_number=number, ok=ok, weights=weights if ok else None, detail="" if ok else "gone")
    return [Intended(act=act), applied]


def kept(store: SqlStore, run_id: str, *payloads: Payload, at_s: float = 1000.0) -> Run:
    """A run in the store that these made, 15 s apart."""
    first, _, begun = started(run_id, name="checkout", target_key=run_id, at_s=at_s)
    events, last = next_events(first, *payloads) if payloads else ([], first)
    store.create(last, spec_of(), [*begun, *events])
    return last.run


def carried(store: SqlStore, run_id: str) -> Release:
    return release_of(store, store.load(run_id), plan())


def test_the_newest_run_of_the_name_carries_the_experiment(store: SqlStore) -> None:
    ended = acted(1, DecisionKind.STOP, ALL_TO_CONTROL, None, Rule.STOPPED)
    kept(store, "checkout-1", *ended)
    kept(store, "checkout-2", at_s=2000.0)
    found, known = store.newest("checkout"), release_in_store(plan())
    assert found is not None
    assert known is not None
    assert found.snapshot.run.id == known.run.id == "checkout-2"
    assert store.newest("another") is None


def test_without_a_database_there_is_no_run_and_none_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "new" / "rampwise.sqlite3"
    monkeypatch.setenv("RAMPWISE_DATABASE", f"sqlite:///{file}")
    assert release_in_store(plan()) is None
    assert not file.parent.exists()


def test_a_name_that_is_no_database_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAMPWISE_DATABASE", "nonsense")
    with pytest.raises(StoreError, match="is not a database URL"):
        release_in_store(plan())


def test_the_course_is_of_confirmed_weights_from_the_canary_to_the_end(store: SqlStore) -> None:
    promote = Decision(
        kind=DecisionKind.PROMOTE,
        rule=Rule.PROMOTED,
        reason="Promoted by ada@desk: it is better",
        actor="ada@desk",
        weights=Weights.all_to(0),
    )
    failed = acted(2, DecisionKind.SHIFT, Weights.of(20), 1, Rule.FLOORS_MET, ok=False)
    kept(
        store,
        "checkout-1",
        *shift(1, Weights.of(5), 0),
        *failed,
        Applied(act_number=2, ok=True, weights=Weights.of(20), detail=""),
        *shift(3, Weights.of(50), 2),
        Decided(decision=promote),
        *acted(4, DecisionKind.PROMOTE, Weights.all_to(0), None, Rule.PROMOTED),
    )
    course = course_of(carried(store, "checkout-1"))
    assert course is not None
    assert (course.run_id, course.strategy) == ("checkout-1", "ab")
    assert course.steps == (
        CourseStep(at_s=1030.0, stage=CourseStage.CANARY, weights_pct={"old": 95, "new": 5}),
        CourseStep(at_s=1075.0, stage=CourseStage.CANARY, weights_pct={"old": 80, "new": 20}),
        CourseStep(at_s=1105.0, stage=CourseStage.TEST, weights_pct={"old": 50, "new": 50}),
    )
    assert course.ended == CourseEnd(
        at_s=1150.0,
        phase=Phase.PROMOTED,
        variant="new",
        reason="Promoted by ada@desk: it is better",
        by="ada@desk",
    )


def test_a_run_that_only_began_has_a_course_without_steps(store: SqlStore) -> None:
    kept(store, "checkout-1")
    found = carried(store, "checkout-1")
    course = course_of(found)
    assert course is not None
    assert (course.steps, course.ended) == ((), None)
    assert found.in_canary
    assert found.everybody_has() == "old"


def test_a_run_that_only_watches_released_nothing(store: SqlStore) -> None:
    kept(store, "checkout-1", *shift(1, Weights.of(5), 0))
    found = carried(store, "checkout-1")
    assert course_of(replace(found, run=replace(found.run, mode=Mode.OBSERVE))) is None


def test_a_run_that_cannot_be_read_any_more_is_told(store: SqlStore) -> None:
    first, spec, begun = started("checkout-1", name="checkout")
    store.create(first, spec, begun)
    with pytest.raises(CorruptRecord, match="the experiment of checkout-1 cannot be read"):
        release_in_store(plan())


def of_variants(*names: str) -> ProductPlan:
    return replace(plan(), shares=tuple(Share(variant=name, share=1 / len(names)) for name in names))


@pytest.mark.parametrize(
    ("variants", "control", "treatments"),
    [
        (("old", "new"), "old", ("new",)),
        (("classic", "short"), "classic", ("short",)),
        (("old", "b"), "old", ("b",)),
    ],
)
def test_variants_are_matched_by_name_or_because_there_is_one(
    store: SqlStore, variants: tuple[str, ...], control: str, treatments: tuple[str, ...]
) -> None:
    kept(store, "checkout-1")
    found = release_of(store, store.load("checkout-1"), of_variants(*variants))
    assert (found.control, found.treatments, found.named) == (control, treatments, ("new",))


@pytest.mark.parametrize("variants", [("new", "old"), ("new", "b"), ("a", "old"), ("old", "new", "more")])
def test_variants_the_wrong_way_round_or_others_are_refused(
    store: SqlStore, variants: tuple[str, ...]
) -> None:
    kept(store, "checkout-1")
    with pytest.raises(UsageError, match="run checkout-1 releases new against old, but the experiment"):
        release_of(store, store.load("checkout-1"), of_variants(*variants))


def test_several_treatments_are_in_the_run_s_order(store: SqlStore) -> None:
    first, _, begun = started("checkout-1", name="checkout")
    store.create(first, spec_of(replace(FACTS, treatment="b", more_treatments=("a",))), begun)
    found = release_of(store, store.load("checkout-1"), of_variants("old", "a", "b"))
    assert found.treatments == found.named == ("b", "a")
