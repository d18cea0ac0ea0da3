import json
from dataclasses import replace
from typing import Any

import pytest

from engine.core.target import ALL_TO_CONTROL, ALL_TO_TREATMENT, Weights
from engine.errors import UsageError
from engine.flags.document import (
    changed,
    document,
    flags,
    is_enabled,
    is_last,
    last_flags,
    winner_of,
    written,
)
from engine.flags.plan import FlagPlan, Part

PLAN = FlagPlan(experiment="x", control="c", treatments=("a", "b"), salt="salt", testers={"b": ("ada",)})
SPLIT = FlagPlan(experiment="x", control="c", treatments=("a", "b"), salt="salt", split_pct=(50, 25, 25))
SPLITS = [Weights.of(*shares) for shares in ((0,), (5, 5), (25, 25), (0, 30), (60, 40), (85, 5), (0, 100))]


def operators(rule: Any) -> list[tuple[str, list[Any]]]:
    """Every operation in a rule, with its arguments."""
    found = []
    if isinstance(rule, dict):
        for name, arguments in rule.items():
            found.append((name, arguments))
            found += operators(arguments)
    if isinstance(rule, list):
        for each in rule:
            found += operators(each)
    return found


@pytest.mark.parametrize("plan", [PLAN, SPLIT])
@pytest.mark.parametrize("weights", SPLITS, ids=str)
def test_weights_are_read_back_from_the_flags(plan: FlagPlan, weights: Weights) -> None:
    made = flags(plan, weights)
    assert written(made, plan) == weights
    assert written(json.loads(json.dumps(made)), plan) == weights
    assert written(flags(plan, weights, is_enabled=False), plan) == weights


@pytest.mark.parametrize("plan", [PLAN, SPLIT])
@pytest.mark.parametrize("weights", SPLITS, ids=str)
def test_rules_are_what_every_flagd_takes(plan: FlagPlan, weights: Weights) -> None:
    """Three arguments of `if`; of `fractional` a text and at least two whole weights up to 2^31 - 1."""
    for flag in document(plan, weights)["flags"].values():
        for name, arguments in operators(flag.get("targeting", {})):
            if name == "if":
                assert len(arguments) == 3
            if name == "fractional":
                by, *parts = arguments
                assert list(by) == ["cat"]
                assert len(parts) >= 2
                assert all(isinstance(text, str) and isinstance(part, int) for text, part in parts)
                assert 0 < sum(part for _, part in parts) < 2**31


def test_the_arm_flag_never_changes() -> None:
    for plan in (PLAN, SPLIT):
        assert len({json.dumps(flags(plan, weights)[plan.key(Part.ARM)]) for weights in SPLITS}) == 1


def test_the_ramp_and_the_arms_are_hashed_apart() -> None:
    made = flags(SPLIT, Weights.of(5, 5))[SPLIT.key(Part.VARIANT)]
    hashed = {json.dumps(args[0]) for name, args in operators(made["targeting"]) if name == "fractional"}
    assert len(hashed) == 2
    [ramp] = [
        args[0]
        for name, args in operators(flags(SPLIT, Weights.of(5, 5))[SPLIT.key(Part.EXPOSURE)]["targeting"])
        if name == "fractional"
    ]
    [arm] = [
        args[0]
        for name, args in operators(flags(SPLIT, ALL_TO_CONTROL)[SPLIT.key(Part.ARM)]["targeting"])
        if name == "fractional"
    ]
    assert hashed == {json.dumps(ramp), json.dumps(arm)}


@pytest.mark.parametrize("part", [Part.ARM, Part.EXPOSURE, Part.VARIANT])
def test_what_somebody_else_wrote_is_noticed(part: Part) -> None:
    made = flags(PLAN, Weights.of(20))
    for change in ({"state": "DISABLED"}, {"defaultVariant": "b"}, {"targeting": {}}):
        other = {**made, PLAN.key(part): {**made[PLAN.key(part)], **change}}
        assert written(other, PLAN) is None
        assert changed(other, PLAN, made) == (PLAN.key(part),)
    missing = {key: flag for key, flag in made.items() if key != PLAN.key(part)}
    assert written(missing, PLAN) is None


@pytest.mark.parametrize(
    "exposure",
    [
        None,
        "none",
        {"variants": []},
        {"variants": {"80/20": True, "70/30": True}},
        {"variants": {"80/20": False}},
        {"variants": {"on": True}},
        {"variants": {"80/x": True}},
        {"variants": {"40/20/20/20": True}},
    ],
)
def test_an_exposure_flag_of_somebody_elses_names_no_weights(exposure: object) -> None:
    made = {**flags(PLAN, Weights.of(20)), PLAN.key(Part.EXPOSURE): exposure}
    assert written(made, PLAN) is None


def test_of_which_run_the_flags_are_is_left_aside_and_other_metadata_is_not() -> None:
    told = replace(PLAN, metadata={"run": "1", "dimensions": "country"})
    made = flags(told, Weights.of(20))
    for metadata in ({"run": "2", "dimensions": "country"}, {"dimensions": "country"}):
        assert written(made, replace(told, metadata=metadata)) == Weights.of(20)
    assert written(made, replace(told, metadata={"run": "1"})) is None
    assert written(flags(PLAN, Weights.of(20)), replace(PLAN, metadata={"run": "1"})) == Weights.of(20)


def test_the_kill_switch_is_left_aside_and_off_when_it_is_none() -> None:
    made = flags(PLAN, Weights.of(20))
    assert is_enabled(made, PLAN)
    assert is_enabled({}, PLAN)
    for switch in ("off", {}, {"state": "ENABLED"}, {**made[PLAN.key(Part.ENABLED)], "state": "DISABLED"}):
        other = {**made, PLAN.key(Part.ENABLED): switch}
        assert not is_enabled(other, PLAN)
        assert written(other, PLAN) == Weights.of(20)


def test_metadata_is_told_by_the_applications_flag_only() -> None:
    told = FlagPlan(experiment="x", control="c", treatments=("a",), salt="s", metadata={"run": "s"})
    made = flags(told, ALL_TO_TREATMENT)
    assert [key for key, flag in made.items() if "metadata" in flag] == ["exp.x.variant"]
    assert "metadata" not in flags(PLAN, ALL_TO_CONTROL)["exp.x.variant"]


ENDS = {"c": ALL_TO_CONTROL, "a": ALL_TO_TREATMENT, "b": Weights.of(0, 100)}


@pytest.mark.parametrize("plan", [PLAN, SPLIT])
@pytest.mark.parametrize("winner", ENDS)
def test_at_the_end_the_winner_and_the_kill_switch_are_left(plan: FlagPlan, winner: str) -> None:
    left = last_flags(plan, winner)
    assert set(left) == {"exp.x.enabled", "exp.x.variant"}
    assert left["exp.x.variant"]["defaultVariant"] == winner
    assert "ada" not in json.dumps(left)
    assert is_last(left, plan)
    assert not is_last(flags(plan, ENDS[winner]), plan)


@pytest.mark.parametrize("winner", ENDS)
def test_the_end_is_read_back_whatever_is_planned_next(winner: str) -> None:
    """Another split, salt or other testers of the same variants make the same end."""
    left = json.loads(json.dumps(last_flags(PLAN, winner, is_enabled=False)))
    told = FlagPlan(experiment="x", control="c", treatments=("a", "b"), salt="t", metadata={"run": "t"})
    assert {written(left, plan) for plan in (PLAN, SPLIT, told)} == {ENDS[winner]}
    assert winner_of(PLAN, ENDS[winner]) == winner


def test_an_end_that_somebody_changed_is_not_ours() -> None:
    left = last_flags(PLAN, "a")
    for change in ({"state": "DISABLED"}, {"targeting": {}}, {"defaultVariant": "none"}):
        assert written({**left, "exp.x.variant": {**left["exp.x.variant"], **change}}, PLAN) is None
    others = FlagPlan(experiment="x", control="a", treatments=("b",), salt="salt")
    assert written(left, others) is None


@pytest.mark.parametrize("weights", [Weights.of(20), Weights.of(50, 50), Weights.of(0, 0, 100)], ids=str)
def test_a_split_has_no_winner(weights: Weights) -> None:
    with pytest.raises(UsageError, match="a run does not end at"):
        winner_of(PLAN, weights)
