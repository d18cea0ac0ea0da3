"""`rampwise controller`: the engine inside a cluster, with `ReleaseExperiment` as its interface."""

import sys
from typing import Annotated

import typer

from engine.cli.options import KeepEventsOption
from engine.cli.serving import address_of
from engine.cli.session import session_of, the_store

_LISTEN = "0.0.0.0:8484"
"""Probes and scrapes come from other pods; a NetworkPolicy says from which."""


def controller(
    ctx: typer.Context,
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", help="Only the experiments of this namespace; all, if absent.")
    ] = "",
    lease_namespace: Annotated[
        str | None,
        typer.Option(
            "--lease-namespace",
            envvar="POD_NAMESPACE",
            help="Where the leader's Lease is kept, else in --namespace, else in rampwise.",
        ),
    ] = None,
    context: Annotated[
        str | None, typer.Option("--context", help="Context of the kubeconfig; inside a pod its own cluster.")
    ] = None,
    listen: Annotated[
        str,
        typer.Option(
            "--listen", metavar="HOST:PORT|off", help="Where probes, metrics and read-only pages are served."
        ),
    ] = _LISTEN,
    allow_host: Annotated[
        list[str] | None,
        typer.Option("--allow-host", metavar="NAME", help="A further name that browsers may ask for."),
    ] = None,
    keep_events_s: KeepEventsOption = None,
) -> None:
    r"""Drive the ReleaseExperiment objects of a cluster until SIGTERM.

    One replica leads, the others stand by and take over within 15 s. The event log is in the database that
    --db names: SQLite on a volume for one replica, PostgreSQL for several. People go on using `kubectl`:

    \b
      kubectl get rx
      kubectl annotate rx checkout-v2 rampwise.dev/command=promote rampwise.dev/reason="looks good"

    Example:
      rampwise controller
      rampwise controller --namespace shop --context staging --listen 127.0.0.1:8484
    """
    import logging

    from engine.cli.controlling import control
    from engine.cli.logs import log_to_stderr
    from engine.cli.retaining import retaining

    address = address_of(listen)
    store = the_store()
    log_to_stderr(logging.INFO, as_json=not sys.stderr.isatty())
    with retaining(store, keep_events_s):
        control(
            store,
            address,
            allow_host or (),
            session_of(ctx).say,
            namespace=namespace,
            lease_namespace=lease_namespace or namespace or "rampwise",
            context=context,
        )
