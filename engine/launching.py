"""Launches a run, or rehearses one without changing anything."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from analysis import evaluate
from engine.adapters.gates import open_gate, read_flag, write_flag
from engine.core.events import Actor, Event, Launched
from engine.core.evolve import launch as launched_run
from engine.core.gate import GateState, GateStatus
from engine.core.model import Experiment, GateChoice, Mode
from engine.core.run import Run
from engine.core.target import ALL_TO_CONTROL, TargetGone, TargetState
from engine.errors import Unreachable, UsageError
from engine.explaining import Explained, explain
from engine.ports import Clock, Snapshot, Store
from engine.telling import letters_of
from engine.wiring import Prepared

BUILT_IN_GATE = "file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """What a launch would find now: nothing was changed.

    Attributes:
        creates_gate: the flag does not exist yet; a launch would create it, open.
    """

    experiment: Experiment
    target: TargetState | TargetGone
    gate: GateState
    creates_gate: bool
    explained: Explained
    in_the_way: tuple[str, ...]


def rehearse(prepared: Prepared, store: Store, clock: Clock) -> Rehearsal:
    """Read the target, the gate and every query as they are now."""
    experiment = prepared.experiment
    target = prepared.target.observe()
    creates_gate = _is_absent(experiment.gate)
    gate = _to_be(experiment.gate) if creates_gate else _gate(experiment.gate, experiment.name)
    explained = explain(experiment, clock.now_s())
    found = (
        _busy(store, experiment.name, prepared.facts.key),
        _gate_problem(gate),
        _split_problem(prepared, target),
        _ladder_problem(prepared),
        *explained.wrong,
    )
    return Rehearsal(
        experiment=experiment,
        target=target,
        gate=gate,
        creates_gate=creates_gate,
        explained=explained,
        in_the_way=tuple(problem for problem in found if problem),
    )


def launch(
    prepared: Prepared, store: Store, clock: Clock, actor: Actor, place: str, *, replaces: str | None = None
) -> str:
    """Begin a run and return its id; an engine that serves, or `drive`, does the rest.

    Raises:
        UsageError: the name or target has an active run, the gate is not open, or traffic is already split.
        Unreachable: the target does not answer.
    """
    experiment = prepared.experiment
    if replaces is None and (busy := _busy(store, experiment.name, prepared.facts.key)):
        raise UsageError(busy)
    _create_default_flag(experiment.gate)
    if problem := _gate_problem(_gate(experiment.gate, experiment.name)):
        raise UsageError(problem)
    target = prepared.target.observe()
    if isinstance(target, TargetGone):
        raise Unreachable(target.detail)
    if problem := _split_problem(prepared, target) or _ladder_problem(prepared):
        raise UsageError(problem)
    run_id = f"{experiment.name}-{secrets.token_hex(2)}"
    run, event = _first_event(prepared, run_id, clock.now_s(), actor, place)
    snapshot = Snapshot(run=run, evidence=evaluate.start(experiment).to_plain(), cursor={})
    letters = letters_of(experiment, None, [event])
    store.create(snapshot, prepared.to_plain(), [event], letters=letters, replace=replaces)
    return run_id


def _first_event(
    prepared: Prepared, run_id: str, now_s: float, actor: Actor, place: str
) -> tuple[Run, Event]:
    payload = Launched(
        spec=prepared.to_plain()["document"],
        name=prepared.experiment.name,
        target_key=prepared.facts.key,
        mode=prepared.experiment.mode,
    )
    event = Event(
        run_id=run_id,
        seq=1,
        at_s=now_s,
        actor=actor,
        source=place,
        reason="launched",
        rule=None,
        payload=payload,
    )
    return launched_run(run_id, event, payload), event


def _busy(store: Store, name: str, target_key: str) -> str:
    rival = store.rival(name, target_key)
    if rival is None:
        return ""
    if rival.same_name:
        return (
            f"{name} is already being released by run {rival.run_id}; "
            f"`rampwise status {rival.run_id}` shows it, `rampwise serve` drives it if nobody does, "
            "`rampwise launch FILE --replace` stops it first"
        )
    return (
        f"run {rival.run_id} owns the target {target_key}; wait for it, "
        f"or stop it with `rampwise stop {rival.run_id} --reason TEXT`"
    )


def _create_default_flag(gate: GateChoice) -> None:
    if _is_default(gate):
        write_flag(gate.flag, is_open=True, only_if_absent=True)


def _gate(choice: GateChoice, name: str) -> GateState:
    return open_gate(choice, name).read()


def _is_absent(choice: GateChoice) -> bool:
    """Whether this is the default flag, before its first launch."""
    return _is_default(choice) and read_flag(choice.flag) is None


def _to_be(choice: GateChoice) -> GateState:
    """A default flag as a launch would create it."""
    reason = "a launch would create it, open"
    return GateState(status=GateStatus.OPEN, flag=choice.flag, provider=BUILT_IN_GATE, reason=reason)


def _is_default(choice: GateChoice) -> bool:
    return choice.provider == BUILT_IN_GATE and "path" not in choice.options


def _gate_problem(gate: GateState) -> str:
    match gate.status:
        case GateStatus.OPEN:
            return ""
        case GateStatus.CLOSED:
            return f"flag `{gate.flag}` is closed ({gate.reason}); `rampwise gate open {gate.flag}` opens it"
        case GateStatus.UNKNOWN:
            return f"flag `{gate.flag}` gives no clean answer ({gate.provider}): {gate.reason}"


def _split_problem(prepared: Prepared, target: TargetState | TargetGone) -> str:
    experiment = prepared.experiment
    if isinstance(target, TargetGone):
        return target.detail
    if target.ended:
        return f"{prepared.facts.key} has nothing to release: {target.ended}"
    if experiment.mode is Mode.OBSERVE or target.weights == ALL_TO_CONTROL:
        return ""
    return (
        f"{prepared.facts.key} already gives {target.weights.treatment} % to {experiment.treatment}; "
        f"a run starts with all traffic on {experiment.control}: `rampwise target reset FILE` does that"
    )


def _ladder_problem(prepared: Prepared) -> str:
    """Steps that the target cannot be put at."""
    rungs = prepared.facts.rungs_pct
    plan = prepared.experiment.plan
    if rungs is None or prepared.experiment.mode is Mode.OBSERVE:
        return ""
    if plan.budget is not None:
        return f"a budget chooses any share, and {prepared.facts.key} can only be put at {_percents(rungs)}"
    planned = (pct for step in plan.steps for pct in step.shares or (step.weight_pct,))
    missing = sorted({pct for pct in planned if pct not in rungs} - {0})
    if not missing:
        return ""
    if 100 in missing:
        return (
            f"{prepared.facts.key} gives a version everything only by promoting it, so it cannot be watched"
            " at 100 % before; use `strategy: canary`, or a target that switches (a Rollout with `blueGreen`)"
        )
    if rungs == (100,):
        return (
            f"{prepared.facts.key} switches all traffic at once, and cannot be put at {_percents(missing)};"
            " use `strategy: blue_green` without a bridge, or a target that splits (a Rollout with `canary`)"
        )
    return (
        f"{prepared.facts.key} can be put at {_percents(rungs)}, and not at {_percents(missing)}; "
        "give the strategy those steps, or let `rampwise prepare FILE` write a ladder with the steps you want"
    )


def _percents(shares_pct: Iterable[int]) -> str:
    return ", ".join(f"{pct} %" for pct in shares_pct) or "no share"
