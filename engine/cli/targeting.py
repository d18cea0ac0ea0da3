"""`rampwise target`: look at a target, or put control at 100 %, through nothing but the target itself.

No database, no Prometheus, no flag: this is what still works when they do not.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from engine.cli.options import FileArgument, Output, OutputOption
from engine.cli.session import session_of
from engine.cli.teaching import add

if TYPE_CHECKING:
    from engine.core.target import TargetGone, TargetState
    from engine.ports import Target

SCHEMA = "rampwise.dev/target/v1"

app = typer.Typer(
    help="Look at a target, or reset it, with nothing else.",
    no_args_is_help=True,
)


def show(file: FileArgument, output: OutputOption = Output.TABLE) -> None:
    """Show what the target really routes now.

    Example:
      rampwise target show experiment.yaml
    """
    _put(file, _target(file).observe(), output)


def reset(ctx: typer.Context, file: FileArgument, output: OutputOption = Output.TABLE) -> None:
    """Give control all traffic at once. For emergencies: nothing else is asked or needed.

    A run that goes on sees that somebody else moved the traffic and holds; end it with `rampwise stop`.

    Example:
      rampwise target reset experiment.yaml
    """
    from engine.core.target import ALL_TO_CONTROL, TargetState
    from engine.errors import Unreachable

    state = _target(file).apply(ALL_TO_CONTROL)
    _put(file, state, output)
    if not isinstance(state, TargetState) or state.weights != ALL_TO_CONTROL:
        msg = f"the target does not route {ALL_TO_CONTROL} (control/treatment); type the same again"
        raise Unreachable(msg)
    session_of(ctx).say("Control has all traffic.")


def _target(file: Path) -> "Target":
    from engine import spec
    from engine.core.model import PluginChoice
    from engine.wiring import make_target

    chosen = spec.read(file).target
    return make_target(PluginChoice(name=chosen.name, options=chosen.plain()))


def _put(file: Path, state: "TargetState | TargetGone", output: Output) -> None:
    from engine.cli.printing import put, table
    from engine.codec import to_plain
    from engine.core.target import TargetState
    from engine.errors import Unreachable

    if not isinstance(state, TargetState):
        msg = f"{file}: the target gives no usable answer: {state.detail}"
        raise Unreachable(msg)
    drawn = table("VARIANT", ">WEIGHT", "HEALTH")
    for arm, weight, health in (
        ("control", state.weights.control, state.control),
        *(("treatment", state.weights.share(arm), health) for arm, health in enumerate(state.treatments)),
    ):
        drawn.add_row(arm, f"{weight} %", "✔ ready" if health.ready else f"✖ not ready: {health.detail}")
    put(
        output,
        names=[str(state.weights)],
        plain={"schema": SCHEMA, **to_plain(TargetState, state)},
        picture=lambda _: drawn,
    )


add(app, "show", show)
add(app, "reset", reset)
