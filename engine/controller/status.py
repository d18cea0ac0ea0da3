"""The status of a `ReleaseExperiment`, made from its run alone: it can be made again at any time. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from engine.core import wording
from engine.core.decision import Decision
from engine.core.events import Commanded, Event
from engine.core.model import Experiment
from engine.core.run import Phase, Run
from engine.core.verdict import Verdict

Status = dict[str, Any]

ACCEPTED, BLOCKED, ENDED = "Accepted", "Blocked", "Ended"
_MOST_TEXT = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One condition without the time of its latest change."""

    type: str
    status: bool
    reason: str
    message: str


def of_run(
    experiment: Experiment, run: Run, verdict: Verdict, history: Sequence[Status], generation: int
) -> Status:
    """The status of an object whose run goes on or has ended; conditions without times (see `settled`)."""
    kinds = sorted({blocker.kind.value for blocker in run.blockers})
    blocked = bool(kinds) and not run.phase.ended
    conditions = [
        Condition(type=ACCEPTED, status=True, reason="Launched", message=f"run {run.id}"),
        Condition(
            type=BLOCKED,
            status=blocked,
            reason="".join(part.capitalize() for part in kinds[0].split("_"))
            if blocked
            else "NothingInTheWay",
            message="; ".join(blocker.detail for blocker in run.blockers) if blocked else "",
        ),
        Condition(
            type=ENDED,
            status=run.phase.ended,
            reason=in_one_word(run.phase.value),
            message=wording.headline(experiment, run, verdict),
        ),
    ]
    status: Status = {
        "observedGeneration": generation,
        "run": run.id,
        "phase": run.phase.value,
        "step": _step(experiment, run),
        "weights": str(run.weights),
        "verdict": verdict.kind.value,
        "reason": _short(run.reason or wording.headline(experiment, run, verdict)),
        "started": timestamp(run.launched_s),
        "conditions": [_plain(each, generation) for each in conditions],
        "history": list(history),
    }
    if run.ended_s is not None:
        status["ended"] = timestamp(run.ended_s)
    return status


def _step(experiment: Experiment, run: Run) -> str:
    part = wording.part(experiment.plan, run.step)
    return f"{run.step + 1}/{len(experiment.plan.steps)}{f' {part}' if part else ''}"


def refused(problem: str, generation: int, run_id: str = "") -> Status:
    """The status of an object that cannot be launched now; `run_id`: of a run that it had and lost."""
    condition = Condition(type=ACCEPTED, status=False, reason="NotLaunched", message=problem)
    status: Status = {
        "observedGeneration": generation,
        "phase": Phase.PENDING.value,
        "reason": _short(problem),
        "conditions": [_plain(condition, generation)],
    }
    return status | {"run": run_id} if run_id else status


def settled(status: Status, before: Mapping[str, Any], now_s: float) -> Status:
    """The status with the time of each condition's latest change, taken from the one before where none is."""
    known = {each["type"]: each for each in before.get("conditions", ())}
    conditions = []
    for condition in status["conditions"]:
        earlier = known.get(condition["type"], {})
        same = earlier.get("status") == condition["status"]
        since = earlier["lastTransitionTime"] if same else timestamp(now_s)
        conditions.append({**condition, "lastTransitionTime": since})
    return {**status, "conditions": conditions}


def entry(event: Event, decision: Decision) -> Status:
    """One decision as the history shows it."""
    shown = {
        "at": timestamp(event.at_s),
        "decision": decision.kind.value,
        "rule": decision.rule.value,
        "actor": decision.actor,
        "reason": _short(decision.reason),
    }
    return shown if decision.weights is None else {**shown, "weights": str(decision.weights)}


def command(event: Event, commanded: Commanded) -> Status:
    """The latest command, and what came of it."""
    return {
        "number": commanded.command_id,
        "verb": commanded.verb.value,
        "at": timestamp(event.at_s),
        "actor": str(event.actor),
        "refused": _short(commanded.refused),
    }


def in_one_word(words: str) -> str:
    """As the API wants its reasons.

    >>> in_one_word("rolled_back")
    'RolledBack'
    """
    return "".join(part.capitalize() for part in words.split("_"))


def timestamp(at_s: float) -> str:
    """RFC 3339 with whole seconds, as the API keeps it.

    >>> timestamp(0.9)
    '1970-01-01T00:00:00Z'
    """
    return datetime.fromtimestamp(int(at_s), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _plain(condition: Condition, generation: int) -> Status:
    return {
        "type": condition.type,
        "status": str(condition.status),
        "reason": condition.reason,
        "message": _short(condition.message),
        "observedGeneration": generation,
    }


def _short(text: str) -> str:
    return text if len(text) <= _MOST_TEXT else f"{text[: _MOST_TEXT - 1]}…"
