"""A canary that goes on as an A/B test, by flags: nobody changes sides, and the end leaves clean flags."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openfeature.flag_evaluation import Reason

from analysis import evaluate
from analysis.stats.evidence import log_e_better
from engine import spec
from engine.adapters.flags import FlagTarget
from engine.adapters.flags.evaluator import Evaluator
from engine.adapters.gates import write_flag
from engine.core.decision import Rule
from engine.core.events import Actor, Applied, Intended, Verb
from engine.core.evolve import replay
from engine.core.model import Bound, Role, Unit
from engine.core.run import Phase
from engine.core.target import ALL_TO_CONTROL, ALL_TO_TREATMENT, TargetGone, TargetState, Weights
from engine.errors import SpecError
from engine.ports import Snapshot
from engine.testing.targets import state
from engine.wiring import prepare
from strategies.ab import Ab, AbOptions
from tests.adapters.flags.places import target_at
from tests.adapters.flags.world import SWITCH, VARIANT, VARIANTS, FlagWorld
from tests.builders import a_metric
from tests.engine.world import RUN_ID, quick_experiment

EXAMPLE = Path(__file__).parents[3] / "manifests/examples/13-canary-then-ab/experiment.yaml"
UNITS = [f"user-{number}" for number in range(2000)]
SPLIT = {"split_pct": [50, 50], "testers": {"v2": ["ada"], "v1": ["bob"]}}
BETTER, HARMFUL, ALIKE = (0.10, 0.03), (0.05, 0.4), (0.05, 0.05)


def world_of(file: Path, error_rates: tuple[float, float]) -> FlagWorld:
    """Errors are the objective, by session; a canary at 5 and 20 %, then half and half."""
    options = {"hold": "60s", "floor": 50, "canary": {"steps": [5, 20], "hold": "30s", "floor": 20}}
    metric = a_metric(role=Role.OBJECTIVE, unit=Unit.SESSION, margin=Bound(relative=0.5, absolute=0.03))
    plan = Ab().plan(AbOptions.model_validate(options, strict=False))
    experiment = quick_experiment(metrics=(metric,), plan=plan)
    world = FlagWorld(experiment=experiment, error_rates=error_rates, file=file, more=SPLIT)
    world.launch()
    return world


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "flags.json"


def flags_in(file: Path) -> dict[str, Any]:
    return dict(json.loads(file.read_text())["flags"])


def exposures(file: Path) -> dict[str, str]:
    """Who is recorded now, and with which variant."""
    evaluator = Evaluator(flags_in(file))
    told = {unit: evaluator.string(VARIANT, unit) for unit in UNITS}
    return {unit: each.value for unit, each in told.items() if each.reason is not Reason.DEFAULT}


def everybody(file: Path) -> set[str]:
    """What users, testers and who has no key are given."""
    evaluator = Evaluator(flags_in(file))
    return {evaluator.string(VARIANT, unit).value for unit in (*UNITS, "ada", "bob", "", None)}


def until(world: FlagWorld, wanted: Callable[[Snapshot], bool]) -> Snapshot:
    for _ in range(200):
        snapshot = world.tick()
        if wanted(snapshot):
            return snapshot
        assert not snapshot.run.phase.ended, snapshot.run.reason
        world.pass_time(10)
    raise AssertionError("never came to that")


def intended(world: FlagWorld) -> list[Weights]:
    return [event.payload.act.weights for event in world.events if isinstance(event.payload, Intended)]


def test_the_canary_goes_on_as_the_test_and_nobody_changes_sides(file: Path) -> None:
    world = world_of(file, BETTER)
    recorded: dict[str, str] = {}
    for number, exposed_pct in ((0, 10), (1, 40), (2, 100)):
        until(world, lambda snapshot, number=number: snapshot.run.step == number)  # type: ignore[misc]
        now = exposures(file)
        assert recorded.items() <= now.items()
        assert len(now) == pytest.approx(len(UNITS) * exposed_pct / 100, rel=0.2)
        assert list(now.values()).count("v2") == pytest.approx(len(now) / 2, rel=0.2)
        recorded = now
    ended = until(world, lambda snapshot: snapshot.run.phase.ended).run
    assert (ended.phase, ended.ended_by) == (Phase.PROMOTED, Rule.EVIDENCE)
    assert intended(world) == [Weights.of(5), Weights.of(20), Weights.of(50), ALL_TO_TREATMENT]
    assert world.lost == set()
    assert everybody(file) == {"v2"}
    assert exposures(file) == {}
    assert set(flags_in(file)) == {SWITCH, VARIANT}


def test_what_the_canary_showed_counts_in_the_test(file: Path) -> None:
    world = world_of(file, BETTER)
    snapshot = until(world, lambda snapshot: snapshot.run.step == 2)
    evidence = evaluate.Evidence.from_plain(world.experiment, snapshot.evidence)
    [metric], [known] = world.experiment.metrics, evidence.metrics
    assert known.windows + known.missing_windows == snapshot.run.windows_done
    before = log_e_better(metric, known)
    assert before is not None
    assert before > 0
    world.pass_time(20)
    after = evaluate.Evidence.from_plain(world.experiment, world.tick().evidence).metrics[0]
    assert after.windows > known.windows
    assert after.treatment.total > after.treatment.step_total > 0


def test_harm_in_the_canary_takes_it_from_everybody_testers_too(file: Path) -> None:
    world = world_of(file, HARMFUL)
    until(world, lambda snapshot: snapshot.run.step == 0)
    assert Evaluator(flags_in(file)).string(VARIANT, "ada").value == "v2"
    ended = until(world, lambda snapshot: snapshot.run.phase.ended).run
    assert (ended.phase, ended.ended_by) == (Phase.ROLLED_BACK, Rule.HARM)
    assert ended.step < world.experiment.plan.canary_steps
    assert everybody(file) == {"v1"}
    assert set(flags_in(file)) == {SWITCH, VARIANT}
    results = [event.payload for event in world.events if isinstance(event.payload, Applied)]
    assert results[-1].detail == "what only the run needed was removed from the target"


def test_the_next_run_of_the_name_begins_where_this_one_was_cleaned(file: Path) -> None:
    until(world_of(file, HARMFUL), lambda snapshot: snapshot.run.phase.ended)
    before = state(target_at(file, **VARIANTS, **SPLIT).observe())
    assert (before.weights, before.ended) == (ALL_TO_CONTROL, "")
    again = world_of(file, BETTER)
    assert until(again, lambda snapshot: snapshot.run.phase.ended).run.phase is Phase.PROMOTED
    reset = state(target_at(file, **VARIANTS, **SPLIT).apply(ALL_TO_CONTROL))
    assert (reset.weights, reset.ended, reset.leftovers) == (ALL_TO_CONTROL, "", True)


def test_the_kill_switch_is_a_persons_at_the_end_too(file: Path) -> None:
    world = world_of(file, ALIKE)
    until(world, lambda snapshot: snapshot.run.step == 1)
    write_flag(SWITCH, is_open=False, path=file)
    assert world.tick().run.ended_by is Rule.GATE_CLOSED
    assert everybody(file) == {"v1"}
    assert flags_in(file)[SWITCH]["defaultVariant"] == "off"


def edited(*changes: tuple[str, str]) -> str:
    """The example with these texts in place of others."""
    text = EXAMPLE.read_text(encoding="utf-8")
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    return text


def test_the_example_is_a_canary_and_a_test_that_users_events_decide(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    experiment = prepare(spec.parse(edited(), "x.yaml")).experiment
    assert [step.shares for step in experiment.plan.steps] == [(1,), (5,), (20,), (50,)]
    assert (experiment.plan.canary_steps, experiment.plan.product_decides) == (3, True)
    assert experiment.arms_pct == (50,)


@pytest.mark.parametrize(
    "change", [("split_pct: [50, 50]", "split_pct: [60, 40]"), ("      split_pct: [50, 50] ", "      # ")]
)
def test_a_canary_that_would_give_users_two_variants_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: tuple[str, str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SpecError, match="whose ramp moves users between variants"):
        prepare(spec.parse(edited(change), "x.yaml"))


def test_two_treatments_go_up_together_to_the_planned_split(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = edited(
        ("treatments: [short]", "treatments: [short, shorter]"),
        ("split_pct: [50, 50]", "split_pct: [50, 25, 25]"),
        ("steps: [1, 5, 20]", "steps: [2, 10]"),
        ("weights: [50]", "weights: [25, 25]"),
        ("{classic: 50, short: 50}", "{classic: 50, short: 25, shorter: 25}"),
    )
    prepared = prepare(spec.parse(text, "x.yaml"))
    assert prepared.experiment.sticky
    key, options = "exp.short-checkout.variant", prepared.experiment.target.options
    for shares, exposed_pct in (((1, 1), 4), ((5, 5), 20), ((25, 25), 100)):
        state(prepared.target.apply(Weights.of(*shares)))
        evaluator = Evaluator(flags_in(Path(str(options["file"]))))
        told = [evaluator.string(key, unit) for unit in UNITS]
        counted = Counter(each.value for each in told if each.reason is not Reason.DEFAULT)
        assert counted.total() == pytest.approx(len(UNITS) * exposed_pct / 100, rel=0.25)
        assert counted["classic"] == pytest.approx(counted.total() / 2, rel=0.25)
        assert counted["short"] == pytest.approx(counted["shorter"], rel=0.5)


class Killed(BaseException):
    """Stands in for SIGKILL: nothing in the engine may catch it."""


class Mortal:
    """The target of an engine that dies at its last act, just before or just after it."""

    Options = FlagTarget.Options

    def __init__(self, target: FlagTarget, *, before: bool) -> None:
        self._target, self._before = target, before
        self.facts, self.observe, self.apply = target.facts, target.observe, target.apply

    def finish(self, weights: Weights, found: str | None = None) -> TargetState | TargetGone:
        if not self._before:
            self._target.finish(weights, found)
        raise Killed


def stop(world: FlagWorld) -> None:
    ada = Actor(user="ada", host="desk")
    world.store.request(RUN_ID, Verb.STOP, ada, "enough", "cli", world.clock.now_s(), "")


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize(
    ("error_rates", "stopped", "phase", "winner"),
    [
        (BETTER, False, Phase.PROMOTED, "v2"),
        (HARMFUL, False, Phase.ROLLED_BACK, "v1"),
        (ALIKE, True, Phase.STOPPED, "v1"),
    ],
    ids=["better", "harmful", "stopped before the first step"],
)
def test_killed_at_the_last_act_the_flags_are_cleaned_by_the_next_engine(
    file: Path, error_rates: tuple[float, float], stopped: bool, phase: Phase, winner: str, before: bool
) -> None:
    world = world_of(file, error_rates)
    mortal = Mortal(world.target, before=before)
    if stopped:
        stop(world)
    for _ in range(100):
        try:
            world.tick(target=mortal)
        except Killed:
            break
        world.pass_time(10)
    assert (set(flags_in(file)) == {SWITCH, VARIANT}) is not before
    ended = world.tick().run
    assert (ended.phase, ended.pending) == (phase, None)
    assert everybody(file) == {winner}
    assert set(flags_in(file)) == {SWITCH, VARIANT}
    left = file.read_text()
    assert world.tick().run == ended
    assert file.read_text() == left
    assert replay(world.events) == ended
    acts = [event.payload.act.number for event in world.events if isinstance(event.payload, Intended)]
    results = [event.payload for event in world.events if isinstance(event.payload, Applied)]
    assert [each.act_number for each in results] == acts
