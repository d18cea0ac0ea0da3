"""`rampwise prepare`: what to apply so that a workload waits for Rampwise instead of moving on by itself.

It changes nothing in the cluster: what it prints is for Git or `kubectl apply`.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.session import session_of

if TYPE_CHECKING:
    from engine.adapters.argo_rollouts.ladder import Bucket, Fit

_KINDS = {
    "rollout": "Rollout",
    "rollouts": "Rollout",
    "ro": "Rollout",
    "deployment": "Deployment",
    "deployments": "Deployment",
    "deploy": "Deployment",
    "ksvc": "Service",
}
_OF_REQUESTS, _OF_VISITORS = "1,5,20,50", "50"
"""Shares by default."""


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
        str | None,
        typer.Option(
            metavar="PERCENTS",
            help="Shares at which a canary is to wait. [1,5,20,50; with --by 50]",
            show_default=False,
        ),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(
            metavar="header=NAME|cookie=NAME",
            help="Divide visitors, not requests: by the bucket (0 to 99) that each request names.",
        ),
    ] = None,
    equal_arms: Annotated[
        bool,
        typer.Option(
            "--equal-arms", help="Compare with a baseline of the treatment's size, started beside it."
        ),
    ] = False,
) -> None:
    """Print what to apply before the first release on Argo Rollouts or Knative.

    A canary gets a pause without an end after each step, blue/green one before its switch, a Deployment a
    Rollout that refers to it, and a Knative Service (as a merge patch) the names of its revisions.
    With --by an A/B test's header routes stand in place of weights; with --equal-arms the steps start as many
    new pods of the stable version as the treatment has. Nothing is applied.

    Example:
      rampwise prepare rollout.yaml --steps 5,25,50 > ready.yaml
      rampwise prepare rollout/checkout -n shop | kubectl apply -f -
      rampwise prepare rollout/checkout -n shop --by header=X-Bucket --steps 50
      rampwise prepare rollout/checkout -n shop --equal-arms --steps 5,20
    """
    import yaml

    manifest = _in_file(Path(workload)) if Path(workload).exists() else _live(workload, namespace, context)
    usual = _OF_REQUESTS if by is None else _OF_VISITORS
    shares_pct = _shares(usual if steps is None else steps)
    bucket = None if by is None else _bucket(by)
    fit = _fit_equal(manifest, shares_pct, bucket) if equal_arms else _fit(manifest, shares_pct, bucket)
    say = session_of(ctx).say
    for change in fit.changes or ("Nothing has to change.",):
        say(change)
    typer.echo(yaml.safe_dump(fit.manifest, sort_keys=False), nl=False)


def _fit(manifest: dict[str, Any], shares_pct: list[int], by: "Bucket | None") -> "Fit":
    from engine.adapters.argo_rollouts.ladder import Fit, fit_deployment, fit_rollout
    from engine.adapters.knative.pinning import pin
    from engine.errors import UsageError

    if manifest["kind"] == "Rollout":
        return fit_rollout(manifest, shares_pct, by)
    if by is not None:
        msg = f"--by is for a Rollout; {manifest['metadata']['name']} is a {manifest['kind']}"
        raise UsageError(msg)
    if manifest["kind"] == "Deployment":
        return fit_deployment(manifest, shares_pct)
    pinned = pin(manifest)
    traffic = (pinned.patch or manifest)["spec"]["traffic"]
    return Fit(manifest={"spec": {"traffic": traffic}}, changes=pinned.changes)


def _fit_equal(manifest: dict[str, Any], shares_pct: list[int], by: "Bucket | None") -> "Fit":
    from engine.adapters.argo_rollouts.ladder import fit_equal_arms
    from engine.errors import UsageError

    if by is not None:
        msg = "--equal-arms divides requests and --by divides visitors; choose one"
        raise UsageError(msg)
    if manifest["kind"] != "Rollout":
        msg = f"--equal-arms is for a Rollout; {manifest['metadata']['name']} is a {manifest['kind']}"
        raise UsageError(msg)
    return fit_equal_arms(manifest, shares_pct)


def _bucket(text: str) -> "Bucket":
    from engine.adapters.argo_rollouts.ladder import Bucket

    found = re.fullmatch(r"(header|cookie)=([A-Za-z0-9_-]+)", text)
    if found is None:
        msg = f"{text!r} names no bucket; write header=X-Bucket or cookie=bucket"
        raise typer.BadParameter(msg)
    return Bucket(**{found[1]: found[2]})


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
