"""Shows what a launch would find: plan, target, flag, each query's answer, and what is in the way."""

from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.text import Text

from engine.cli.pictures import draw_explained
from engine.cli.printing import table
from engine.cli.run_view import queries_to_plain
from engine.codec import to_plain as plain_of
from engine.core import wording
from engine.core.model import Experiment
from engine.core.numbers import duration
from engine.core.plan import Plan
from engine.core.target import TargetState
from engine.launching import Rehearsal

if TYPE_CHECKING:
    from rich.table import Table

SCHEMA = "rampwise.dev/rehearsal/v1"


def to_plain(found: Rehearsal) -> dict[str, Any]:
    """A rehearsal as plain JSON values."""
    state = found.target if isinstance(found.target, TargetState) else None
    return {
        "schema": SCHEMA,
        "name": found.experiment.name,
        "plan": plain_of(Plan, found.experiment.plan),
        "shortest_s": shortest_s(found.experiment),
        "target": None if state is None else plain_of(TargetState, state),
        "gate": {"flag": found.gate.flag, "status": found.gate.status.value, "reason": found.gate.reason},
        "creates_gate": found.creates_gate,
        "queries": queries_to_plain(found.explained.queries),
        "unsampled": list(found.explained.unsampled),
        "in_the_way": list(found.in_the_way),
    }


def shortest_s(experiment: Experiment) -> float:
    """How long a run lasts at the least: warm-up and all steps' hold times."""
    return experiment.warm_up_s + sum(step.hold_s for step in experiment.plan.steps)


def draw(found: Rehearsal) -> Group:
    """A rehearsal for people."""
    experiment = found.experiment
    variants = f"{experiment.control} → {', '.join(experiment.treatments)}"
    head = f"{experiment.name}: {variants}, {experiment.plan.strategy}"
    parts = [
        Text(head, style="bold"),
        _target(found),
        _flag(found),
    ]
    queries = draw_explained(found.explained)
    return Group(*parts, Text(), _steps(experiment), Text(), queries, Text(), *_conclusion(found))


def _flag(found: Rehearsal) -> Text:
    if found.creates_gate:
        return Text(f"flag {found.gate.flag}: would be created, open")
    return Text(f"flag {found.gate.flag}: {found.gate.status}, {found.gate.reason}")


def _conclusion(found: Rehearsal) -> list[Text]:
    """What is in the way, and what cannot be told yet."""
    lines = [Text(f"✖ in the way: {problem}", style="red") for problem in found.in_the_way]
    if found.explained.unsampled:
        names = ", ".join(found.explained.unsampled)
        hint = f"no samples of {names} yet: try again in 10 s; if it stays so, check the counters' names"
        lines.append(Text(f"? {hint}", style="yellow"))
    return lines or [Text("✔ nothing is in the way; nothing was changed", style="green")]


def _target(found: Rehearsal) -> Text:
    if not isinstance(found.target, TargetState):
        return Text(f"target: {found.target.detail}")
    ready = [
        f"{name} {'ready' if health.ready else f'not ready: {health.detail}'}"
        for name, health in (
            (found.experiment.control, found.target.control),
            *zip(found.experiment.treatments, found.target.treatments, strict=False),
        )
    ]
    sides = "/".join(("control", *("treatment",) * len(found.experiment.treatments)))
    return Text(f"target: {found.target.weights} ({sides}), {', '.join(ready)}")


def _steps(experiment: Experiment) -> "Table":
    drawn = table(">STEP", ">WEIGHT", ">HOLD", ">FLOOR PER ARM", "APPROVAL")
    plan = experiment.plan
    for number, step in enumerate(plan.steps):
        weight = wording.place(plan, number) if plan.canary_steps else f"{step.weight_pct} %"
        approval = "by a person" if step.approve else "–"
        drawn.add_row(str(number + 1), weight, duration(step.hold_s), str(step.floor), approval)
    drawn.add_row("", "100 %", "", "", f"after {duration(shortest_s(experiment))} at the earliest")
    return drawn
