"""What a question must say, and what it may not: all problems at once, with the names of the fields."""

from typing import Any

import pytest

from engine import spec
from engine.errors import SpecError
from engine.provider.question import read_question
from tests.provider.asking import COLOURS, KEY, body, colours
from tests.provider.asking import spec as measured


def problems(data: object) -> dict[str, str]:
    """Field and what was expected there."""
    with pytest.raises(SpecError) as found:
        read_question(data).document()
    return {each.field: each.expected for each in found.value.problems}


def question(**changes: Any) -> dict[str, Any]:
    return body(spec_=measured(**changes))


def without(data: dict[str, Any], field: str) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name != field}


@pytest.mark.parametrize("field", ["namespace", "rollout", "control", "treatment"])
def test_a_key_says_what_is_judged(field: str) -> None:
    assert f"key.{field}" in problems({**body(), "key": without(KEY, field)})


@pytest.mark.parametrize("field", [*KEY, "step", "attempt"])
def test_an_empty_argument_is_refused(field: str) -> None:
    assert f"key.{field}" in problems(body(**{field: ""}))


def test_a_release_of_what_serves_already_is_refused() -> None:
    assert problems(body(treatment="aaa")) == {"key.treatment": "expected another version than control's"}


def test_unknown_fields_and_analyses_are_refused() -> None:
    found = problems({**body("stepp"), "sepc": {}})
    assert set(found) == {"analysis", "sepc"}


@pytest.mark.parametrize("data", [None, [], "step", 3, {}])
def test_what_is_no_question_is_refused(data: object) -> None:
    with pytest.raises(SpecError):
        read_question(data)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"mode": "act"}, "spec.mode"),
        ({"target": {"local": {"service": "checkout"}}}, "spec.target"),
        ({"target": "observed"}, "spec.target"),
        (
            {"target": {"observed": {"control": {"a": "b"}, "treatment": {"a": "c"}, "key": "x"}}},
            "spec.target.observed.key",
        ),
        ({"strategy": {"canary": {"steps": [5, 20]}}}, "spec.strategy.canary.steps"),
        ({"strategy": {"canary": {"budget": 20.0}}}, "spec.strategy.canary.budget"),
        ({"strategy": "canary"}, "spec.strategy"),
        ({"strategy": COLOURS}, "spec.strategy"),
        ({"gate": {"provider": "os:system"}}, "spec.gate.provider"),
    ],
)
def test_what_the_rollout_decides_is_not_the_questions_to_say(changes: dict[str, Any], field: str) -> None:
    assert field in problems(question(**changes))


def test_two_colours_are_approved_by_the_switch_alone() -> None:
    approving = {"blue_green": {**COLOURS["blue_green"], "approve": False, "bridge": {"weight": 20}}}
    data = {**body("pre-promotion"), "spec": {**colours(), "strategy": approving}}
    assert set(problems(data)) == {"spec.strategy.blue_green.approve", "spec.strategy.blue_green.bridge"}


def test_a_post_promotion_analysis_needs_an_address_to_probe() -> None:
    data = {**body("post-promotion"), "spec": without(measured(), "strategy")}
    assert "spec.target.observed.preview_url" in problems(data)


def test_defaults_make_no_failure_of_missing_data() -> None:
    said = read_question(body()).document()["spec"]
    assert {said[field] for field in ("on_blind", "on_untrustworthy", "on_undecided")} == {"hold"}
    assert said["mode"] == "observe"
    assert said["gate"] == {"provider": "memory"}


def test_policies_and_a_gate_of_ones_own_hold() -> None:
    said = read_question(question(on_blind="rollback", gate={"provider": "file"})).document()["spec"]
    assert (said["on_blind"], said["gate"]) == ("rollback", {"provider": "file"})


def test_nobody_is_asked_to_approve_unless_they_want_to_be_told() -> None:
    sinks = [{"slack": {}}, {"slack": {}, "name": "all", "on": ["needs_approval"]}, "slack"]
    said = read_question(question(notify=sinks)).document()["spec"]["notify"]
    assert [each["on"] for each in said[:2]] == [["blocked", "rollback"], ["needs_approval"]]
    assert said[2] == "slack"
    assert read_question(question(notify="slack")).document()["spec"]["notify"] == "slack"


def test_the_key_and_nothing_else_tells_runs_apart() -> None:
    one = read_question(body())
    assert read_question(question(interval="20s")).digest == one.digest
    assert read_question(body("background")).digest == one.digest
    others = [body(**{field: "another"}) for field in (*KEY, "step", "attempt")]
    assert len({read_question(each).digest for each in others} | {one.digest}) == len(others) + 1


@pytest.mark.parametrize("rollout", ["Check.out_2", "-", "x" * 253, "über"])
def test_every_name_of_a_rollout_makes_a_name_of_an_experiment(rollout: str) -> None:
    name = read_question(body(rollout=rollout)).name
    assert len(name) <= 63
    document = {**read_question(body()).document(), "metadata": {"name": name}}
    with pytest.raises(SpecError) as found:
        spec.from_plain({**document, "spec": {}})
    assert "metadata.name" not in {each.field for each in found.value.problems}


def test_all_problems_of_the_spec_come_with_their_fields() -> None:
    document = read_question(question(alpha_promote=7, metrics=[{"kind": "proportion"}])).document()
    with pytest.raises(SpecError) as found:
        spec.from_plain(document)
    fields = {each.field for each in found.value.problems}
    assert {"spec.alpha_promote", "spec.metrics[0].total"} <= fields
