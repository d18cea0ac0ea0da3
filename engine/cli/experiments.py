"""`rampwise init` and `rampwise validate`: experiment files, without asking anything outside."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.options import Output
from engine.cli.session import session_of, the_clock

if TYPE_CHECKING:
    from engine.core.product import ProductPlan
    from engine.spec import AnyDocument, Document

SCHEMA = "rampwise.dev/experiments/v1"


def init(
    ctx: typer.Context,
    target: Annotated[str, typer.Argument(metavar="TARGET", help="What carries traffic, such as `local`.")],
    name: Annotated[str | None, typer.Option(help="The experiment's name. [the service's, with -v2]")] = None,
    service: Annotated[
        str | None, typer.Option(help="The service to release, where targets have some.")
    ] = None,
    platform: Annotated[
        str | None, typer.Option(help="The local platform it runs on, if not the default one.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write a new file instead of to stdout."),
    ] = None,
) -> None:
    """Write the smallest useful experiment, with comments.

    `rampwise plugins` lists the targets there are. An existing file is never overwritten.

    Example:
      rampwise init local -o experiment.yaml
      rampwise init local --service basket --platform mine -o basket.yaml
    """
    from engine import spec

    options = {"service": service, "platform": platform}
    given = {option: value for option, value in options.items() if value is not None}
    text = spec.init(target, name or f"{service or 'checkout'}-v2", given)
    spec.parse(text, "the new experiment")
    if output is None:
        typer.echo(text, nl=False)
        return
    _write_new(output, text)
    session_of(ctx).say(f"Wrote {output}. Next: rampwise validate {output}")


def validate(
    ctx: typer.Context,
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="FILE...", help="Experiment files to check.")
    ] = None,
    output: Annotated[
        Output, typer.Option("--output", "-o", help="`yaml` and `json` show every default filled in.")
    ] = Output.TABLE,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON Schema of experiment files instead, for editors.")
    ] = False,
) -> None:
    """Check experiment files, all problems at once.

    Each problem has file and line, what was found and what would be right.
    It asks no target, no Prometheus and no database; `rampwise launch FILE --dry-run` does.

    Example:
      rampwise validate experiment.yaml
      rampwise validate experiment.yaml -o yaml      # with every default filled in
      rampwise validate --schema > experiment.schema.json
    """
    if schema:
        from engine.spec.schema import schema_text

        typer.echo(schema_text(), nl=False)
        return
    if not files:
        msg = "name a file, or --schema"
        raise typer.BadParameter(msg, ctx=ctx, param_hint="FILE...")
    documents = _read_all(files)
    _put(output, documents)
    for file, document in documents.items():
        for warning in _warnings(document, the_clock().now_s()):
            typer.echo(f"rampwise: warning: {file}: {warning}", err=True)
    session_of(ctx).say(f"Next: rampwise {_next(documents[files[0]], files[0])}")


def _read_all(files: list[Path]) -> dict[Path, "AnyDocument"]:
    """All documents, or all problems of all files."""
    from engine import spec
    from engine.errors import Problem, SpecError

    documents: dict[Path, AnyDocument] = {}
    problems: list[Problem] = []
    for file in files:
        try:
            documents[file] = spec.read_any(file)
        except SpecError as error:
            problems += error.problems
    if problems:
        raise SpecError(tuple(problems))
    return documents


def _put(output: Output, documents: dict[Path, "AnyDocument"]) -> None:
    from engine import spec
    from engine.cli.printing import put

    if output is Output.YAML:
        typer.echo("---\n".join(spec.to_yaml(document) for document in documents.values()), nl=False)
        return
    lines = "\n".join(line for file, document in documents.items() for line in _lines(file, document))
    plain = {"schema": SCHEMA, "experiments": [spec.to_plain(document) for document in documents.values()]}
    put(
        output,
        names=[document.name for document in documents.values()],
        plain=plain,
        picture=lambda _: lines,
    )


def _lines(file: Path, document: "AnyDocument") -> Iterator[str]:
    """What a good document is, and what its number of metrics costs."""
    from engine import spec

    plan = spec.product_plan(document)
    if isinstance(document, spec.ProductDocument):
        yield f"✔ {file}: {document.name}, a product experiment alone: nothing to launch"
    else:
        yield from _lines_of_release(file, document)
    if plan is not None:
        yield f"  product: {_compared(plan)}"


def _lines_of_release(file: Path, document: "Document") -> Iterator[str]:
    from engine.spec.cost import harm_costs, more_queries

    metrics = _metrics(len(document.content.spec.metrics))
    yield f"✔ {file}: {document.name}, {document.plan.strategy} on {document.target.name}, {metrics}"
    costs = harm_costs(document)
    if costs:
        deciding = sum(len(cost.names) for cost in costs)
        yield f"  {deciding} metrics decide; harm in only one takes about, against that metric on its own:"
    for cost in costs:
        yield f"    {cost.times:.2f} × the requests: {', '.join(cost.names)} (weight {cost.weight:.3g})"
    if more := more_queries(document):
        yield f"  breakdowns are only shown: no more requests for a decision, {more} more queries a reading"
    if document.plan.product_decides:
        yield "  users' events decide: the run guards against harm, and `rampwise ab conclude` ends it"


def _compared(plan: "ProductPlan") -> str:
    variants, method = f"{', '.join(plan.treatments)} against {plan.control}", plan.method.replace("_", " ")
    recorded = "" if plan.tables.recorded_as is None else f", recorded as {plan.tables.recorded_as}"
    return f"{variants}, {_metrics(len(plan.metrics))} of events{recorded}, {method}"


def _warnings(document: "AnyDocument", now_s: float) -> Iterator[str]:
    """What is no mistake yet, and would be one if the run were launched now."""
    from analysis.product.looks import due_s
    from engine import spec
    from engine.core.numbers import duration

    plan = spec.product_plan(document)
    if plan is None or isinstance(document, spec.ProductDocument) or not document.plan.needs_better:
        return
    due, horizon_s = due_s(plan), document.content.spec.horizon
    if due is not None and horizon_s is not None and now_s + horizon_s < due:
        yield (
            f"launched now, the run ends by its horizon {duration(due - now_s - horizon_s)} before the "
            "product experiment is decided: lengthen spec.horizon"
        )


def _next(document: "AnyDocument", file: Path) -> str:
    """What to type next."""
    from engine import spec

    if isinstance(document, spec.ProductDocument):
        return f"ab analyze {file}"
    return f"launch {file} --dry-run"


def _metrics(count: int) -> str:
    return f"{count} metric{'' if count == 1 else 's'}"


def _write_new(path: Path, text: str) -> None:
    from engine.errors import UsageError

    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        msg = f"{path} exists already and was not changed; name another file with -o"
        raise UsageError(msg) from error
    except OSError as error:
        msg = f"{path} cannot be written: {error.strerror}; name another file with -o"
        raise UsageError(msg) from error
