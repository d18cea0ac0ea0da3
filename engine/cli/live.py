"""What target and flag of a run say at this moment. Trouble is a value, never an error."""

from dataclasses import dataclass

from engine.adapters.gates import open_gate
from engine.core.gate import GateState, GateStatus
from engine.core.model import Experiment
from engine.core.target import TargetGone, TargetState
from engine.errors import RampwiseError
from engine.wiring import make_target


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """The outside as it is now."""

    target: TargetState | TargetGone
    gate: GateState


def look(experiment: Experiment) -> Live:
    """Ask target and flag; both are bounded in time."""
    return Live(target=_target(experiment), gate=_gate(experiment))


def _target(experiment: Experiment) -> TargetState | TargetGone:
    try:
        return make_target(experiment.target).observe()
    except RampwiseError as error:
        return TargetGone(detail=str(error))


def _gate(experiment: Experiment) -> GateState:
    choice = experiment.gate
    try:
        return open_gate(choice, experiment.name).read()
    except RampwiseError as error:
        return GateState(
            status=GateStatus.UNKNOWN, flag=choice.flag, provider=choice.provider, reason=str(error)
        )
