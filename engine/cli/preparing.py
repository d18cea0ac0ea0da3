"""`rampwise prepare`: what to apply so that a workload waits for Rampwise instead of moving on by itself.

It changes nothing in the cluster: what it prints is for Git or `kubectl apply`.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.session import session_of

if TYPE_CHECKING:
    from engine.adapters.argo_rollouts.ladder import Fit

_KINDS = {
    "rollout": "Rollout",
    "rollouts": "Rollout",
    "ro": "Rollout",
    "deployment": "Deployment",
    "deployments": "Deployment",
    "deploy": "Deployment",
    "ksvc": "Service",
}


def prepare(
    ctx: typer.Context,
    workload: Annotated[
        str,
        typer.Argument(
            metavar="FILE|KIND/NAME",
            help="A manifest, or what is in the cluster: rollout/NAME, deployment/NAME or ksvc/NAME.",
        ),
    ],
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", help="Namespace of what is in the cluster.")
    ] = "default",
    context: Annotated[str | None, typer.Option(help="Context of the kubeconfig. [the current one]")] = None,
    steps: Annotated[
        str, typer.Option(metavar="PERCENTS", help="Shares at which a canary is to wait.")
    ] = "1,5,20,50",
) -> None:
    """Print what to apply before the first release on Argo Rollouts or Knative.

    A canary gets a pause without an end after each step, blue/green one before its switch, a Deployment a
    Rollout that refers to it, and a Knative Service (as a merge patch) the names of its revisions.
    Nothing is applied.

    Example:
      rampwise prepare rollout.yaml --steps 5,25,50 > ready.yaml
      rampwise prepare rollout/checkout -n shop | kubectl apply -f -
    """
    import yaml

    manifest = _in_file(Path(workload)) if Path(workload).exists() else _live(workload, namespace, context)
    fit = _fit(manifest, _shares(steps))
    say = session_of(ctx).say
    for change in fit.changes or ("Nothing has to change.",):
        say(change)
    typer.echo(yaml.safe_dump(fit.manifest, sort_keys=False), nl=False)


def _fit(manifest: dict[str, Any], shares_pct: list[int]) -> "Fit":
    from engine.adapters.argo_rollouts.ladder import Fit, fit_deployment, fit_rollout
    from engine.adapters.knative.pinning import pin

    if manifest["kind"] == "Rollout":
        return fit_rollout(manifest, shares_pct)
    if manifest["kind"] == "Deployment":
        return fit_deployment(manifest, shares_pct)
    pinned = pin(manifest)
    traffic = (pinned.patch or manifest)["spec"]["traffic"]
    return Fit(manifest={"spec": {"traffic": traffic}}, changes=pinned.changes)


def _shares(text: str) -> list[int]:
    try:
        return [int(part.strip().removesuffix("%")) for part in text.split(",")]
    except ValueError as error:
        msg = f"{text!r} are no whole percents; write 1,5,20,50"
        raise typer.BadParameter(msg) from error


def _in_file(file: Path) -> dict[str, Any]:
    import yaml

    from engine.errors import UsageError

    try:
        documents = list(yaml.safe_load_all(file.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        msg = f"{file} cannot be read: {error}"
        raise UsageError(msg) from error
    found: list[dict[str, Any]] = [each for each in documents if _is_workload(each)]
    if len(found) != 1:
        msg = f"{file} has {len(found)} Rollouts and Deployments; one is needed"
        raise UsageError(msg)
    return found[0]


def _is_workload(document: object) -> bool:
    match document:
        case {"kind": "Rollout" | "Deployment", "metadata": {"name": str()}, "spec": {}}:
            return True
        case _:
            return False


def _live(workload: str, namespace: str, context: str | None) -> dict[str, Any]:
    from engine.adapters.argo_rollouts.kinds import ROLLOUTS
    from engine.adapters.knative.kinds import KNATIVE_SERVICES
    from engine.adapters.kubernetes.client import connect
    from engine.adapters.kubernetes.cluster import DEPLOYMENTS
    from engine.errors import UsageError

    short, _, name = workload.partition("/")
    kind = _KINDS.get(short.lower())
    if kind is None or not name:
        msg = f"{workload} is neither a file nor rollout/NAME, deployment/NAME or ksvc/NAME"
        raise UsageError(msg)
    resources = {"Rollout": ROLLOUTS, "Deployment": DEPLOYMENTS, "Service": KNATIVE_SERVICES}
    return {"kind": kind, **connect(context).get(resources[kind], namespace, name)}
