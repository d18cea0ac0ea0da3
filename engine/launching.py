"""Launches a run, or rehearses one without changing anything."""

import secrets
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
from engine.explaining import explain
from engine.ports import Clock, QueryRecord, Snapshot, Store
from engine.wiring import Prepared

BUILT_IN_GATE = "file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """What a launch would find now: nothing was changed."""

    experiment: Experiment
    target: TargetState | TargetGone
    gate: GateState
    queries: tuple[QueryRecord, ...]
    in_the_way: tuple[str, ...]


def rehearse(prepared: Prepared, store: Store, clock: Clock) -> Rehearsal:
    """Read the target, the gate and every query as they are now."""
    experiment = prepared.experiment
    target = prepared.target.observe()
    gate = _gate_or_to_be(experiment.gate, experiment.name)
    found = (
        _busy(store, experiment.name, prepared.facts.key),
        _gate_problem(gate),
        _split_problem(prepared, target),
    )
    return Rehearsal(
        experiment=experiment,
        target=target,
        gate=gate,
        queries=explain(experiment, clock.now_s()),
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
    if problem := _split_problem(prepared, target):
        raise UsageError(problem)
    run_id = f"{experiment.name}-{secrets.token_hex(2)}"
    run, event = _first_event(prepared, run_id, clock.now_s(), actor, place)
    snapshot = Snapshot(run=run, evidence=evaluate.start(experiment).to_plain(), cursor={})
    store.create(snapshot, prepared.to_plain(), [event], replace=replaces)
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
    for run_id in store.active():
        run = store.load(run_id).snapshot.run
        if name == run.name:
            return (
                f"{name} is already being released by run {run_id}; `rampwise status {run_id}` shows it, "
                "`rampwise launch --replace` stops it first"
            )
        if target_key == run.target_key:
            return (
                f"run {run_id} owns the target {target_key}; wait for it, "
                f"or stop it with `rampwise stop {run_id} --reason TEXT`"
            )
    return ""


def _create_default_flag(gate: GateChoice) -> None:
    if _is_default(gate):
        write_flag(gate.flag, is_open=True, only_if_absent=True)


def _gate(choice: GateChoice, name: str) -> GateState:
    return open_gate(choice, name).read()


def _gate_or_to_be(choice: GateChoice, name: str) -> GateState:
    """The gate now; a default flag that a launch would create counts as created."""
    if _is_default(choice) and read_flag(choice.flag) is None:
        reason = "the launch would create it, open"
        return GateState(status=GateStatus.OPEN, flag=choice.flag, provider=BUILT_IN_GATE, reason=reason)
    return _gate(choice, name)


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
    if experiment.mode is Mode.OBSERVE or target.weights == ALL_TO_CONTROL:
        return ""
    return (
        f"{prepared.facts.key} already gives {target.weights.treatment} % to {experiment.treatment}; "
        f"a run starts with all traffic on {experiment.control}: `rampwise target reset FILE` does that"
    )
