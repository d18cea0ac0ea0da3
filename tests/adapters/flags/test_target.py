import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.adapters.flags import FlagTarget, evaluator, flag_provider
from engine.adapters.flags import target as targets
from engine.adapters.gates import file_provider, open_gate, read_flag, write_flag
from engine.core.gate import GateStatus
from engine.core.model import Arm, GateChoice
from engine.core.target import ALL_TO_CONTROL, ALL_TO_TREATMENT, Weights
from engine.errors import UsageError
from engine.flags.scheme import Scheme
from engine.intake import exposure_id, is_exposure
from engine.testing.targets import state
from tests.adapters.clusters import gone
from tests.adapters.flags.places import (
    launched,
    options,
    pins,
    target_at,
)

GATES = {"file": file_provider, "flag": flag_provider}
SWITCH, EXPOSURE, VARIANT = "exp.checkout.enabled", "exp.checkout.exposure", "exp.checkout.variant"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "flags.json"


def flags_in(file: Path) -> dict[str, Any]:
    return dict(json.loads(file.read_text())["flags"])


def rewrite(file: Path, key: str, **change: Any) -> None:
    """What a person does to a flag."""
    document = json.loads(file.read_text())
    document["flags"][key] |= change
    file.write_text(json.dumps(document))


def test_the_facts_name_what_a_run_rests_on(file: Path) -> None:
    facts = target_at(file, treatments=["short", "long"], prometheus="http://prom:9090").facts()
    assert facts.key == f"flag/file:{file}/checkout"
    assert (facts.control, facts.treatment, facts.more_treatments) == ("old", "short", ("long",))
    assert facts.arm_labels == {Arm.CONTROL: {"variant": "old"}, Arm.TREATMENT: {"variant": "short"}}
    assert facts.more_labels == ({"variant": "long"},)
    assert facts.source_options == {"url": "http://prom:9090"}
    assert facts.arms_pct == ()
    assert target_at(file, split_pct=[60, 40]).facts().arms_pct == (40,)
    assert facts.pinned["salt"] == "checkout"
    assert facts.pinned["file"] == str(file)
    assert facts.pinned["evaluator"]["package"] == "openfeature-flagd-core"


def test_pinned_options_are_options(file: Path) -> None:
    pinned = pins(file)
    again = options(file, **pinned)
    assert again.plan == replace(options(file).plan, metadata={"run": pinned["run"]})
    assert again.evaluator is not None
    assert again.evaluator.scheme == evaluator.fingerprint()


def exposed_as(file: Path, unit: str) -> str | None:
    """What an exposure of this unit is called, None where it is exposed to nothing."""
    told = evaluator.Evaluator(flags_in(file)).string(VARIANT, unit)
    if not is_exposure(told.reason, told.variant):
        return None
    return exposure_id("checkout", str(told.flag_metadata["run"]), str(told.variant), unit)


@pytest.mark.parametrize("is_tidy", [True, False])
def test_at_a_relaunch_everybody_is_exposed_anew(file: Path, is_tidy: bool) -> None:
    units = [f"unit-{number}" for number in range(50)]
    first = launched(file, split_pct=[50, 50])
    first.apply(Weights.of(50))
    before = [exposed_as(file, unit) for unit in units]
    (first.finish if is_tidy else first.apply)(ALL_TO_CONTROL)
    again = launched(file, split_pct=[50, 50])
    assert state(again.observe()).weights == ALL_TO_CONTROL
    assert state(again.observe()).ended == ""
    assert state(again.apply(Weights.of(50))).ended == ""
    after = [exposed_as(file, unit) for unit in units]
    assert None not in {*before, *after}
    assert not set(before) & set(after)


@pytest.mark.parametrize("key", [VARIANT, EXPOSURE, "exp.checkout.arm"])
def test_a_foreign_change_ends_the_release_and_is_not_given_more(file: Path, key: str) -> None:
    target = launched(file)
    before = state(target.apply(Weights.of(20)))
    rewrite(file, key, defaultVariant="nothing of ours")
    after = state(target.observe())
    assert "somebody else wrote" in after.ended
    assert after.version != before.version
    assert "somebody else wrote" in gone(target.apply(Weights.of(30)))
    assert "changed meanwhile" in gone(target.apply(Weights.of(30), before.version))
    left = file.read_text()
    assert state(target.apply(after.weights, after.version)) == after
    assert file.read_text() == left


def test_everything_is_taken_back_from_a_foreign_change(file: Path) -> None:
    target = launched(file)
    state(target.apply(Weights.of(20)))
    rewrite(file, VARIANT, targeting={}, defaultVariant="short")
    seen = state(target.observe())
    assert (seen.weights, bool(seen.ended)) == (ALL_TO_TREATMENT, True)
    after = state(target.apply(ALL_TO_CONTROL))
    assert (after.weights, after.ended) == (ALL_TO_CONTROL, "")


def test_an_end_that_somebody_else_made_is_left_as_it_is(file: Path) -> None:
    target = launched(file)
    state(target.apply(Weights.of(20)))
    rewrite(file, VARIANT, targeting={}, defaultVariant="short")
    seen, left = state(target.observe()), file.read_text()
    assert (seen.weights, seen.leftovers) == (ALL_TO_TREATMENT, True)
    assert state(target.finish(seen.weights, seen.version)) == seen
    assert file.read_text() == left
    assert state(target.finish(ALL_TO_CONTROL)).weights == ALL_TO_CONTROL
    assert set(flags_in(file)) == {SWITCH, VARIANT}


@pytest.mark.parametrize(
    ("unit", "said"),
    [("ada", "gives 'old' to ada, and not short"), (None, "to what has no targeting key, and not short")],
)
def test_flags_that_do_not_give_everybody_the_winner_are_noticed(
    file: Path, unit: str | None, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Wrong(evaluator.Evaluator):
        def string(self, key: str, asked: str | None) -> Any:
            told = super().string(key, asked)
            told.value = "old" if asked == unit else told.value
            return told

    monkeypatch.setattr(evaluator, "Evaluator", Wrong)
    assert said in gone(launched(file, testers={"short": ["ada"]}).finish(ALL_TO_TREATMENT))


def test_foreign_shares_are_measured_by_evaluating(file: Path) -> None:
    target = launched(file)
    state(target.apply(Weights.of(20)))
    by_key = {"fractional": [{"var": "targetingKey"}, ["old", 60], ["short", 40]]}
    rewrite(file, VARIANT, targeting=by_key)
    assert state(target.observe()).weights.treatment == pytest.approx(40, abs=6)


def test_an_applications_flag_that_is_disabled_or_gone_gives_the_codes_default(file: Path) -> None:
    target = launched(file)
    state(target.apply(Weights.of(20)))
    rewrite(file, VARIANT, state="DISABLED")
    seen = state(target.observe())
    assert (seen.weights, bool(seen.ended)) == (ALL_TO_CONTROL, True)
    document = json.loads(file.read_text())
    del document["flags"][VARIANT]
    file.write_text(json.dumps(document))
    assert state(target.observe()).weights == ALL_TO_CONTROL


@pytest.mark.parametrize("broken", [{"targeting": []}, {"state": "ON"}, {"variants": {}}])
def test_flags_that_cannot_be_evaluated_give_no_answer(file: Path, broken: dict[str, Any]) -> None:
    target = launched(file)
    state(target.apply(Weights.of(20)))
    rewrite(file, VARIANT, **{"targeting": {"var": "no variant"}, **broken})
    if broken == {"targeting": []}:
        rewrite(file, VARIANT, targeting={"cat": ["no", "variant"]})
    assert "cannot be evaluated" in gone(target.observe())


def test_the_kill_switch_is_a_persons(file: Path) -> None:
    target = launched(file)
    state(target.apply(Weights.of(20)))
    write_flag(SWITCH, is_open=False, path=file)
    seen = state(target.observe())
    assert seen.control.ready
    assert (seen.treatment.ready, seen.treatment.detail) == (False, f"the kill switch {SWITCH} is off")
    assert f"{SWITCH} is off" in gone(target.apply(Weights.of(30)))
    assert state(target.apply(Weights.of(10))).weights == Weights.of(10)
    assert state(target.apply(ALL_TO_CONTROL)).weights == ALL_TO_CONTROL
    assert read_flag(SWITCH, file) is False
    write_flag(SWITCH, is_open=True, path=file)
    assert state(target.apply(Weights.of(30))).treatment.ready


@pytest.mark.parametrize("provider", ["file", "flag"])
def test_the_kill_switch_is_a_runs_gate(file: Path, provider: str, monkeypatch: pytest.MonkeyPatch) -> None:
    state(target_at(file).apply(ALL_TO_CONTROL))
    monkeypatch.setattr("engine.adapters.gates.providers.plugins.load", lambda *_: GATES[provider])
    place = {"path": str(file)} if provider == "file" else {"file": str(file)}
    gate = open_gate(GateChoice(provider=provider, flag=SWITCH, options=place), "checkout")
    assert gate.read().status is GateStatus.OPEN
    write_flag(SWITCH, is_open=False, path=file)
    assert gate.read().status is GateStatus.CLOSED
    file.unlink()
    assert gate.read().status is GateStatus.UNKNOWN


def test_a_gate_without_a_place_is_refused() -> None:
    with pytest.raises(UsageError, match="one of file"):
        flag_provider(SWITCH, {})


def with_evaluator(file: Path, **change: str) -> FlagTarget:
    """The target of a run that was launched with another evaluator."""
    pinned = pins(file)
    return target_at(file, **{**pinned, "evaluator": {**pinned["evaluator"], **change}})


def test_another_way_to_deal_out_users_ends_the_release(file: Path) -> None:
    state(launched(file).apply(Weights.of(20)))
    target = with_evaluator(file, hashing="000000000000")
    assert "deals out users in another way" in state(target.observe()).ended
    assert "deals out users in another way" in gone(target.apply(Weights.of(30)))
    assert state(target.apply(ALL_TO_CONTROL)).weights == ALL_TO_CONTROL


def test_another_version_of_the_evaluator_gives_nothing_more(file: Path) -> None:
    state(launched(file).apply(Weights.of(20)))
    target = with_evaluator(file, version="1.0.0")
    assert not state(target.observe()).ended
    assert "launch a new run" in gone(target.apply(Weights.of(30)))
    assert state(target.apply(Weights.of(10))).weights == Weights.of(10)


def test_the_evaluator_is_asked_once_for_its_scheme(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    mine = Scheme(package="mine", version="1", hashing="abc")
    monkeypatch.setattr(targets, "_current", lambda: mine)
    assert pins(file)["evaluator"] == {"package": "mine", "version": "1", "hashing": "abc"}


@pytest.mark.parametrize(
    ("unit", "value", "said"),
    [
        (None, "short", "gives a treatment to what has no targeting key"),
        ("ada", "old", "does not give short to its tester ada"),
        ("unit-3", "none of ours", "gives 'none of ours'"),
        ("unit-3", "short", f"gives short to unit-3, which {EXPOSURE} does not expose"),
    ],
)
def test_flags_that_do_not_do_what_was_written_are_noticed(
    file: Path, unit: str | None, value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An evaluator that is wrong about one unit. Of the ordinary ones, unit-3 is not exposed at 1 %."""

    class Wrong(evaluator.Evaluator):
        def string(self, key: str, asked: str | None) -> Any:
            told = super().string(key, asked)
            told.value = value if asked == unit else told.value
            return told

    monkeypatch.setattr(evaluator, "Evaluator", Wrong)
    target = launched(file, testers={"short": ["ada", "unit-5"]})
    assert said in gone(target.apply(Weights.of(1)))


def test_a_tester_may_be_unexposed_by_the_ramp(file: Path) -> None:
    target = launched(file, testers={"short": [f"unit-{number}" for number in range(20)]})
    assert state(target.apply(Weights.of(1))).weights == Weights.of(1)


def test_an_evaluator_that_takes_no_flags_is_noticed(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> None:
        raise ValueError("it takes no flags")

    target = launched(file)
    monkeypatch.setattr(evaluator, "Evaluator", broken)
    assert "the flags cannot be evaluated: ValueError" in gone(target.apply(Weights.of(20)))
