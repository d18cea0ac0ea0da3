"""`rampwise replay`: what recorded windows lead to, run by run. Data on stdout, talk on stderr.

Imports stand inside the functions: `--help` stays fast.
"""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.options import moment
from engine.cli.session import Session, session_of
from engine.core.outcome import ExitCode

if TYPE_CHECKING:
    from analysis.replay import Assumed, Row
    from analysis.window_files import RunBlock
    from engine.core.model import Experiment, Metric
    from engine.redeciding import Again


class Form(StrEnum):
    """How rows are printed; all stream."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def replay(
    ctx: typer.Context,
    experiment: Annotated[
        str,
        typer.Argument(
            metavar="EXPERIMENT", help="An experiment file; or a run's id, or an experiment's name."
        ),
    ],
    windows: Annotated[
        Path | None,
        typer.Option("--windows", metavar="FILE", help="Windows of one or many runs, as CSV or Parquet."),
    ] = None,
    history: Annotated[
        Path | None,
        typer.Option(
            "--history",
            metavar="FILE",
            help="Windows in which all variants ran the same version: for dispersion.",
        ),
    ] = None,
    prometheus: Annotated[
        str | None,
        typer.Option("--prometheus", metavar="URL", help="Read the past of this server instead, as one run."),
    ] = None,
    start: Annotated[
        float | None, typer.Option("--start", metavar="TIME", parser=moment, help="When that past begins.")
    ] = None,
    end: Annotated[
        float | None, typer.Option("--end", metavar="TIME", parser=moment, help="When it ends.")
    ] = None,
    form: Annotated[Form, typer.Option("--output", "-o", help="How to print the rows.")] = Form.TABLE,
) -> None:
    """Decide again from what was recorded, with this experiment's rules.

    With --windows it decides every run of a file and prints a row for each: what it came to, at which
    window, after how many requests to the treatment, by which rule. Weights are as recorded; a file without
    the column `weight` is one step. The exit code is 0 whatever the outcomes are.

    With --prometheus it does so for what that server has between --start and --end, in windows of the
    experiment's interval, as one step. Times are ISO 8601 (UTC without a zone) or epoch seconds.

    With neither, EXPERIMENT is a run of this database: its evidence and decisions are made again from its
    log. It prints what comes out otherwise, if anything; then the exit code is 1.

    Example:
      rampwise replay experiment.yaml --windows runs.csv
      rampwise replay experiment.yaml --windows runs.parquet --history aa.csv -o csv
      rampwise replay experiment.yaml --prometheus http://prom:9090 --start 1772445600 --end 1772452800
      rampwise replay checkout-v2
    """
    session = session_of(ctx)
    _refuse_mixtures(ctx, windows, history, (prometheus, start, end))
    if windows is not None:
        _replay_file(session, _experiment(experiment), windows, history, form)
    elif prometheus is not None and start is not None and end is not None:
        _replay_past(session, _experiment(experiment), prometheus, (start, end), history, form)
    else:
        _replay_run(session, _named(experiment), form, is_file=_is_file(experiment))


def _refuse_mixtures(
    ctx: typer.Context, windows: Path | None, history: Path | None, past: tuple[object, ...]
) -> None:
    """Raises for options of which some are missing or which do not go together."""
    given = sum(option is not None for option in past)
    if given and windows is not None:
        raise typer.BadParameter("either a file or a server", ctx=ctx, param_hint="--windows, --prometheus")
    if 0 < given < len(past):
        msg = "they go together"
        raise typer.BadParameter(msg, ctx=ctx, param_hint="--prometheus, --start, --end")
    if history is not None and windows is None and not given:
        msg = "it goes with --windows or --prometheus; a run has its own evidence"
        raise typer.BadParameter(msg, ctx=ctx, param_hint="--history")


def _named(text: str) -> str:
    """A run's id or an experiment's name; of an experiment file, its experiment's."""
    from engine import spec

    return spec.read(Path(text)).name if _is_file(text) else text


def _is_file(text: str) -> bool:
    path = Path(text)
    return path.is_file() or path.suffix in {".yaml", ".yml"}


def _replay_run(session: Session, name: str, form: Form, *, is_file: bool) -> None:
    from engine.cli.lookup import find_run
    from engine.cli.replay_rows import put_differences
    from engine.cli.session import the_store
    from engine.redeciding import made_again

    store = the_store()
    if is_file:
        session.say(f"Looking for the newest run of {name}; other pasts: --windows FILE, --prometheus URL.")
    run_id = find_run(store, name).snapshot.run.id
    seen: Counter[str] = Counter()
    differing: Counter[str] = Counter()

    def differences() -> "Iterator[Again]":
        for each in made_again(store, run_id):
            seen[each.what] += 1
            if each.differs:
                differing[each.what] += 1
                yield each

    put_differences(form, differences())
    made = f"{run_id}: {seen['evidence']} readings and {seen['decision']} decisions made again"
    if differing:
        session.say(f"{made}; {differing['evidence']} and {differing['decision']} of them differ.")
        raise typer.Exit(ExitCode.ERROR)
    session.say(f"{made}; all are the same, byte for byte.")


def _experiment(text: str) -> "Experiment":
    """Of an experiment file, else of a stored run."""
    from engine import spec
    from engine.replaying import experiment_of

    if _is_file(text):
        return experiment_of(spec.read(Path(text)))
    from engine.cli.lookup import find_run
    from engine.cli.session import the_store
    from engine.wiring import load_experiment

    return load_experiment(find_run(the_store(), text))


def _replay_file(
    session: Session, experiment: "Experiment", windows: Path, history: Path | None, form: Form
) -> None:
    from engine.replaying import blocks_in

    assumed = _assumed(session, experiment, history)
    _put_decided(session, experiment, blocks_in(windows, experiment), assumed, str(windows), form)


def _replay_past(
    session: Session,
    experiment: "Experiment",
    url: str,
    between: tuple[float, float],
    history: Path | None,
    form: Form,
) -> None:
    from engine.replaying import past_of

    assumed = _assumed(session, experiment, history)
    past = past_of(experiment, url, *between)
    _put_decided(session, experiment, [past], assumed, url, form)


def _put_decided(
    session: Session,
    experiment: "Experiment",
    blocks: "Iterable[RunBlock]",
    assumed: "Assumed",
    origin: str,
    form: Form,
) -> None:
    from analysis.replay import replay as decided
    from engine.cli.replay_rows import put_rows

    measured: set[str] = set()
    outcomes: Counter[str] = Counter()
    rows = decided(experiment, _told(session, blocks, measured), assumed)
    put_rows(form, _counted(rows, outcomes))
    _say_the_end(session, experiment, origin, measured, outcomes)


def _assumed(session: Session, experiment: "Experiment", history: Path | None) -> "Assumed":
    from analysis.replay import Assumed, deciding
    from engine.replaying import assumed_from

    if history is None:
        return Assumed()
    assumed = assumed_from(history, experiment)
    for metric in deciding(experiment):
        session.say(f"{metric.name}: {_learned(assumed, metric, history)}.")
    return assumed


def _learned(assumed: "Assumed", metric: "Metric", history: Path) -> str:
    """What history says of a metric, and what is made of it."""
    known = assumed.by_metric.get(metric.name)
    if metric.dispersion is not None:
        return f"the experiment declares dispersion {metric.dispersion:g}, so {history} is not asked"
    if known is None:
        return f"too few windows in {history}; every run estimates its own dispersion"
    doubt = ": too long to tell a swing from harm, so it is not believed" if known.too_long else ""
    return (
        f"dispersion {known.value:.2f}, correlated over {known.correlation_windows} windows "
        f"({known.windows} windows of {history}){doubt}"
    )


def _counted(rows: "Iterable[Row]", outcomes: Counter[str]) -> "Iterator[Row]":
    for row in rows:
        outcomes[row.outcome] += 1
        yield row


def _told(session: Session, blocks: "Iterable[RunBlock]", measured: set[str]) -> "Iterator[RunBlock]":
    """The blocks, with progress where somebody watches, which metrics they measure, and what looks wrong."""
    from analysis.replay import looks_running

    done, running = 0, set[str]()
    watched = sys.stderr.isatty() and not session.quiet
    for block in blocks:
        measured |= {name for name, columns in block.metrics.items() if columns.present.any()}
        running |= looks_running(block)
        yield block
        done += len(block.runs)
        if watched:
            typer.echo(f"\r{done} runs", nl=False, err=True)
    if watched:
        typer.echo("\r\033[K", nl=False, err=True)
    if running:
        names = ", ".join(sorted(running))
        session.say(f"Counts of {names} only ever rise: if they are running totals, take differences first.")


def _say_the_end(
    session: Session, experiment: "Experiment", origin: str, measured: set[str], outcomes: Counter[str]
) -> None:
    from analysis.replay import deciding

    unknown = {metric.measure or metric.name for metric in deciding(experiment)} - measured
    if unknown:
        names = ", ".join(sorted(unknown))
        session.say(f"{origin} measures nothing of {names}, which has to speak for a promotion.")
    found = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.most_common())
    runs = outcomes.total()
    session.say(f"{runs} run{'' if runs == 1 else 's'}: {found}." if runs else f"{origin} has no runs.")
