"""Tables of the experiments of a cluster, from what their status says. Asks nobody."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from engine.cli.printing import table

if TYPE_CHECKING:
    from rich.console import RenderableType

_NOTHING = "-"


def draw_objects(found: Sequence[Mapping[str, Any]], *, wide: bool) -> "RenderableType":
    """One line each."""
    drawn = table("NAMESPACE", "NAME", "PHASE", "STEP", "WEIGHTS", "VERDICT", *(("REASON",) if wide else ()))
    for one in found:
        status = one.get("status") or {}
        fields = ("phase", "step", "weights", "verdict", *(("reason",) if wide else ()))
        cells = [str(status.get(name) or _NOTHING) for name in fields]
        drawn.add_row(one["metadata"]["namespace"], one["metadata"]["name"], *cells)
    return drawn


def draw_object(one: Mapping[str, Any]) -> "RenderableType":
    """Where it stands, what its conditions say, and its latest decisions."""
    from rich.console import Group

    status = one.get("status") or {}
    facts = table("", "")
    facts.show_header = False
    facts.add_row("experiment", f"{one['metadata']['namespace']}/{one['metadata']['name']}")
    for name in ("run", "phase", "step", "weights", "verdict", "reason", "started", "ended"):
        if status.get(name):
            facts.add_row(name, str(status[name]))
    for condition in status.get("conditions", ()):
        said = condition["message"] or condition["reason"]
        facts.add_row(condition["type"].lower(), f"{condition['status']}: {said}")
    if command := status.get("command"):
        came = f"refused: {command['refused']}" if command["refused"] else "done"
        facts.add_row("command", f"{command['verb']} by {command['actor']} at {command['at']}: {came}")
    history = status.get("history")
    return Group(facts, "", _history(history)) if history else facts


def _history(entries: Sequence[Mapping[str, Any]]) -> "RenderableType":
    drawn = table("AT", "DECISION", "WEIGHTS", "BY", "REASON")
    for entry in entries:
        drawn.add_row(
            *(str(entry.get(name) or _NOTHING) for name in ("at", "decision", "weights", "actor", "reason"))
        )
    return drawn
