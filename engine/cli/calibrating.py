"""`rampwise calibrate`: a template on its service's own past. Data on stdout, talk on stderr.

Imports stand inside the functions: `--help` stays fast.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.options import Output, OutputOption, seconds
from engine.cli.session import Session, session_of, the_clock
from engine.core.outcome import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from analysis.calibration import AaRuns
    from engine.core.model import Experiment, PluginChoice

_SINCE_S = 14 * 86_400.0
_SETTLED_S = 60.0
"""What is older than this has been scraped and stored."""


def calibrate(
    ctx: typer.Context,
    experiment: Annotated[Path, typer.Argument(metavar="EXPERIMENT", help="The experiment's YAML file.")],
    prometheus: Annotated[
        str | None,
        typer.Option("--prometheus", metavar="URL", help="Where the past is, else the experiment's source."),
    ] = None,
    since: Annotated[
        float | None,
        typer.Option(
            "--since", metavar="DURATION", parser=seconds, help="How far back to look; by default 14d."
        ),
    ] = None,
    history: Annotated[
        Path | None,
        typer.Option(
            "--history",
            metavar="FILE",
            help="Instead of Prometheus: windows in which all variants ran the same version.",
        ),
    ] = None,
    run_length: Annotated[
        float | None,
        typer.Option(
            "--run-length",
            metavar="DURATION",
            parser=seconds,
            help="Length of a run; by default all steps' holds, at least 200 windows.",
        ),
    ] = None,
    split_by: Annotated[
        str | None,
        typer.Option("--split-by", metavar="LABEL", help="What tells pods apart, else pod, then instance."),
    ] = None,
    splits: Annotated[
        int, typer.Option("--splits", min=1, max=100, help="Random splits of the pods in every run.")
    ] = 3,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of everything that is drawn.")] = 1,
    output: OutputOption = Output.TABLE,
) -> None:
    """Measure an experiment's error rates on its service's own past.

    It cuts the past, in which one version served, into runs as long as a release, splits control's pods into
    pseudo-arms, and decides every run with the experiment's own rules: a rollback is false. Then it makes
    the treatment worse by exactly the margin: a promotion is wrong. It shows both rates, the dispersion
    and correlation of every metric, the rates with that dispersion declared, and what to change.

    Exit 1 when a rate is above what the experiment promises, beyond chance.

    Example:
      rampwise calibrate experiment.yaml --prometheus http://prometheus:9090 --since 14d
      rampwise calibrate experiment.yaml --history aa-windows.csv -o json
    """
    if history is not None and (prometheus or split_by or since is not None):
        msg = "a file of windows needs no --prometheus, --since or --split-by"
        raise typer.BadParameter(msg, ctx=ctx, param_hint="--history")
    from analysis.calibration import advice_on, windows_of_a_run
    from analysis.calibration import calibrate as measure
    from engine.calibrating import judged, past_in, source_of, without_unmeasured
    from engine.cli.calibration_view import plain, shown
    from engine.cli.printing import put

    tell = _teller(session_of(ctx))
    template = judged(_experiment(experiment, measured=history is not None))
    windows = windows_of_a_run(template, run_length)
    if history is not None:
        tell(f"reading {history}")
        past = past_in(history, template, windows)
    else:
        past = _past_of_pods(
            template,
            source_of(template, prometheus),
            _SINCE_S if since is None else since,
            split_by,
            (windows, splits, seed),
            tell,
        )
    template, unmeasured = without_unmeasured(template, past)
    found = measure(template, past, seed=seed, tell=tell)
    tell("")
    advice = advice_on(template, found)
    put(
        output,
        names=[name for each in advice if each.needed for name in each.lines],
        plain=plain(template, found, advice, unmeasured),
        picture=lambda _: shown(template, found, advice, unmeasured),
    )
    if found.is_off:
        raise typer.Exit(ExitCode.ERROR)


def _experiment(path: Path, *, measured: bool) -> "Experiment":
    """Of a file. Where all is measured already, its target need not answer."""
    from engine import spec
    from engine.replaying import experiment_of
    from engine.wiring import prepare

    document = spec.read(path)
    return experiment_of(document) if measured else prepare(document).experiment.without_parts()


def _past_of_pods(
    experiment: "Experiment",
    source: "PluginChoice",
    since_s: float,
    label: str | None,
    drawing: tuple[int, int, int],
    tell: "Callable[[str], None]",
) -> "AaRuns":
    """`drawing` is windows of a run, splits and seed."""
    from analysis.calibration import aa_runs_of_pods
    from engine.calibrating import read_pods
    from engine.errors import UsageError

    windows, splits, seed = drawing
    run_s = windows * experiment.interval_s
    if since_s < run_s:
        msg = f"a past of {since_s:g} s is shorter than a run, which takes {run_s:g} s; look further back"
        raise UsageError(msg)
    end_s = the_clock().now_s() - _SETTLED_S
    pods = read_pods(experiment, source, start_s=end_s - since_s, end_s=end_s, label=label, tell=tell)
    return aa_runs_of_pods(pods, experiment, windows, splits=splits, seed=seed)


def _teller(session: Session) -> "Callable[[str], None]":
    """Says on stderr what is done: each on the line of the one before where somebody watches."""
    watched = sys.stderr.isatty()

    def tell(text: str) -> None:
        if watched and not session.quiet:
            typer.echo(f"\r\033[K{text}", nl=False, err=True)
        elif text:
            session.say(text)

    return tell
