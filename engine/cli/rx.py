"""`rampwise rx`: the experiments of a cluster, with the user's own kubeconfig.

The person's rights on `releaseexperiments` decide what they may do; the controller itself is never called.
"""

from typing import Annotated

import typer

from engine.cli.options import Output, OutputOption, ReasonOption, YesOption, seconds
from engine.cli.session import session_of
from engine.cli.teaching import add
from engine.core.events import Verb
from engine.core.outcome import ExitCode

app = typer.Typer(
    help="Experiments in a cluster: list, look, promote, stop, with your own kubeconfig.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

SCHEMA = "rampwise.dev/objects/v1"
TAKEN_WITHIN_S = 30.0
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The ReleaseExperiment's name.")]
NamespaceOption = Annotated[
    str, typer.Option("--namespace", "-n", help="Its namespace, else that of the kubeconfig's context.")
]
ContextOption = Annotated[
    str | None, typer.Option("--context", help="Context of the kubeconfig, else the current one.")
]
TimeoutOption = Annotated[
    float | None,
    typer.Option(
        "--timeout",
        metavar="DURATION",
        parser=seconds,
        help="How long to wait for the controller's answer, else 30s.",
    ),
]


def list_objects(
    ctx: typer.Context,
    namespace: NamespaceOption = "",
    everywhere: Annotated[
        bool, typer.Option("--all-namespaces", "-A", help="Those of all namespaces.")
    ] = False,
    context: ContextOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show the experiments of a namespace, or of all. `kubectl get rx` shows the same.

    Example:
      rampwise rx list -n shop
      rampwise rx list -A -o json
    """
    from engine.cli.printing import put
    from engine.cli.rx_objects import Door
    from engine.cli.rx_pictures import draw_objects

    found = Door.to(context, namespace).all(everywhere=everywhere)
    put(
        output,
        names=[f"{one['metadata']['namespace']}/{one['metadata']['name']}" for one in found],
        plain={"schema": SCHEMA, "experiments": found},
        picture=lambda wide: draw_objects(found, wide=wide),
    )
    if not found:
        session_of(ctx).say("No experiments. `kubectl apply -f FILE` makes one; -A looks in all namespaces.")


def status(
    name: NameArgument,
    namespace: NamespaceOption = "",
    context: ContextOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show where an experiment stands, what is in its way, and its latest decisions.

    Example:
      rampwise rx status checkout-v2 -n shop
      rampwise rx status checkout-v2 -n shop --context production -o yaml
    """
    from engine.cli.printing import put
    from engine.cli.rx_objects import Door
    from engine.cli.rx_pictures import draw_object

    found = Door.to(context, namespace).one(name)
    put(
        output,
        names=[f"{found['metadata']['namespace']}/{name}"],
        plain={"schema": SCHEMA, "experiments": [found]},
        picture=lambda _: draw_object(found),
    )


def promote(
    ctx: typer.Context,
    name: NameArgument,
    reason: ReasonOption,
    namespace: NamespaceOption = "",
    treatment: Annotated[
        str, typer.Option("--treatment", metavar="NAME", help="Which one, where several have traffic.")
    ] = "",
    yes: YesOption = False,
    context: ContextOption = None,
    timeout: TimeoutOption = None,
) -> None:
    """Give the treatment all traffic now, whatever the evidence says.

    Refused while the act itself is unsafe: freeze, treatment not ready, somebody else moves the traffic.
    Asks first; where nobody can be asked it needs --yes.

    Example:
      rampwise rx promote checkout-v2 -n shop --reason "fixes the outage" --yes
    """
    session_of(ctx).confirm(f"Promote {name}: give {treatment or 'the treatment'} all traffic?", yes=yes)
    _ask(ctx, context, namespace, name, Verb.PROMOTE, reason, timeout, treatment)


def rollback(
    ctx: typer.Context,
    name: NameArgument,
    reason: ReasonOption,
    namespace: NamespaceOption = "",
    context: ContextOption = None,
    timeout: TimeoutOption = None,
) -> None:
    """Give control all traffic now and end the run as rolled back. Never blocked, never questioned.

    Example:
      rampwise rx rollback checkout-v2 -n shop --reason "customers complain"
    """
    _ask(ctx, context, namespace, name, Verb.ROLLBACK, reason, timeout)


def stop(
    ctx: typer.Context,
    name: NameArgument,
    reason: ReasonOption,
    namespace: NamespaceOption = "",
    context: ContextOption = None,
    timeout: TimeoutOption = None,
) -> None:
    """Give control all traffic now and end the run as stopped. Never blocked, never questioned.

    Example:
      rampwise rx stop checkout-v2 -n shop --reason "wrong build"
    """
    _ask(ctx, context, namespace, name, Verb.STOP, reason, timeout)


def pause(
    ctx: typer.Context,
    name: NameArgument,
    reason: ReasonOption,
    namespace: NamespaceOption = "",
    context: ContextOption = None,
    timeout: TimeoutOption = None,
) -> None:
    """Leave traffic as it is until `resume`. Evidence is still read, and harm still rolls back.

    Example:
      rampwise rx pause checkout-v2 -n shop --reason "lunch"
    """
    _ask(ctx, context, namespace, name, Verb.PAUSE, reason, timeout)


def resume(
    ctx: typer.Context,
    name: NameArgument,
    reason: ReasonOption,
    namespace: NamespaceOption = "",
    context: ContextOption = None,
    timeout: TimeoutOption = None,
) -> None:
    """Go on after `pause`.

    Example:
      rampwise rx resume checkout-v2 -n shop --reason "back"
    """
    _ask(ctx, context, namespace, name, Verb.RESUME, reason, timeout)


def approve(
    ctx: typer.Context,
    name: NameArgument,
    reason: ReasonOption,
    namespace: NamespaceOption = "",
    context: ContextOption = None,
    timeout: TimeoutOption = None,
) -> None:
    """Allow the run to leave its present step.

    Only steps with `approve: true` wait for it.

    Example:
      rampwise rx approve checkout-v2 -n shop --reason "dashboards look fine"
    """
    _ask(ctx, context, namespace, name, Verb.APPROVE, reason, timeout)


def _ask(
    ctx: typer.Context,
    context: str | None,
    namespace: str,
    name: str,
    verb: Verb,
    reason: str,
    timeout_s: float | None,
    treatment: str = "",
) -> None:
    """Put the command on the object, and say what became of it. Refused or not taken is exit 1."""
    from engine.cli.rx_objects import Door
    from engine.cli.trouble import complain

    within_s = TAKEN_WITHIN_S if timeout_s is None else timeout_s
    answer = Door.to(context, namespace).ask(name, verb, reason, treatment, within_s)
    (session_of(ctx).say if answer.done else complain)(answer.text)
    if not answer.done:
        raise typer.Exit(ExitCode.ERROR)


add(app, "list", list_objects)
add(app, "status", status)
add(app, "promote", promote)
add(app, "rollback", rollback)
add(app, "stop", stop)
add(app, "pause", pause)
add(app, "resume", resume)
add(app, "approve", approve)
