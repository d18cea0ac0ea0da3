"""A product experiment's report as Markdown, for a pull request or a chat. Foreign text is escaped."""

from collections.abc import Iterable, Iterator

from analysis.product.result import Analysis
from analysis.report.markdown_text import code, plain, table
from analysis.report.product.rows import Row
from analysis.report.product.view import NOTHING, Origin, ProductView, build_view


def markdown(analysis: Analysis, origin: Origin = NOTHING) -> str:
    """The text, ending with a newline."""
    view = build_view(analysis, origin)
    parts = [
        *_top(view),
        *_impacts(view),
        "#### Health of the data",
        _list(_checks(view)),
        "#### Metrics",
        *_metrics(view),
        *_breakdowns(view),
        "#### Planned end, and what is missing until then",
        _list(map(plain, view.ending)),
        *_course(view),
        *_folded("Method", [*view.method, *view.exclusions]),
        *_folded("Metrics as declared", [f"{name}: {told}" for name, told in view.metrics]),
        *_folded("Bayesian view", [each.bayes for each in view.details if each.bayes]),
        *_folded("Data found, and left out", [f"{name}: {count}" for name, count in view.found]),
        *_origin(view),
    ]
    return "\n\n".join(parts) + "\n"


def _top(view: ProductView) -> Iterator[str]:
    yield f"### {view.icon} {plain(view.name)}: {view.word}"
    yield f"**{plain(view.headline)}**"
    yield "\n".join(plain(sentence) + "  " for sentence in view.why).rstrip()
    if view.next_step:
        yield f"What to do next: {plain(view.next_step)}"
    if view.question:
        yield f"> {plain(view.question)}"
    shares = (f"{each.name} {each.planned}" for each in view.variants)
    yield _list(
        [
            f"Status: {plain(view.status)}",
            f"Variants: {plain(', '.join(shares))}",
            *(f"{name}: {plain(' '.join(told))}" for name, told in view.facts),
        ]
    )


def _impacts(view: ProductView) -> Iterator[str]:
    if view.impacts:
        yield "#### With everybody on the variant"
        yield _list(map(plain, view.impacts))


def _checks(view: ProductView) -> Iterator[str]:
    for check in view.checks:
        told = " ".join((*check.told, check.mend)).strip()
        yield f"{check.icon} {check.title}: {check.word}. {plain(told)}"


def _metrics(view: ProductView) -> Iterator[str]:
    for group in view.groups:
        yield f"**{group.title}**"
        if group.rows:
            yield table(_columns(view, "Metric"), [_cells(row, _name(view, row)) for row in group.rows])
        else:
            yield group.empty
    notes = [f"{plain(row.metric)}: {plain(row.verdict.note)}" for row in _rows(view) if row.verdict.note]
    if notes:
        yield _list(notes)


def _breakdowns(view: ProductView) -> Iterator[str]:
    for each in view.breakdowns:
        kind = "confirmatory" if each.confirmatory else "exploratory"
        yield f"#### By {plain(each.dimension)} ({kind})"
        yield plain(each.told)
        cells = [
            _cells(row, f"{_name(view, row)}, {plain(row.sliced)}")
            for part in each.parts
            for row in part.rows
        ]
        yield table(_columns(view, f"Metric, {plain(each.dimension)}"), cells)


def _course(view: ProductView) -> Iterator[str]:
    if view.course is None:
        return
    yield "#### How it was released"
    yield _list(map(plain, view.course.told))
    if view.course.rows:
        cells = [tuple(map(plain, row.cells)) for row in view.course.rows]
        yield table(tuple(map(plain, view.course.columns)), cells)


def _columns(view: ProductView, first: str) -> tuple[str, ...]:
    treatment = "Variant" if len(view.variants) > 2 else plain(view.variants[-1].name)
    return (first, "Verdict", plain(view.control), treatment, "Difference", "Relative", "Held against")


def _cells(row: Row, name: str) -> tuple[str, ...]:
    return (
        name,
        f"{row.verdict.icon} {row.verdict.word}",
        plain(f"{row.control} ({row.control_units})"),
        plain(f"{row.treatment} ({row.treatment_units})"),
        plain(", ".join(each for each in (row.difference, row.within) if each)),
        plain(", ".join(each for each in (row.relative, row.relative_within) if each)),
        plain(row.held_against),
    )


def _name(view: ProductView, row: Row) -> str:
    return plain(f"{row.metric}, {row.variant}" if len(view.variants) > 2 else row.metric)


def _rows(view: ProductView) -> Iterator[Row]:
    for group in view.groups:
        yield from group.rows


def _origin(view: ProductView) -> Iterator[str]:
    told = ". ".join(f"{name}: {plain(text)}" for name, text in view.origin)
    yield f"{told}. Again: {code(view.command)}" if view.command else f"{told}."


def _folded(title: str, lines: Iterable[str]) -> Iterator[str]:
    items = [plain(line) for line in lines]
    if items:
        yield f"<details><summary>{title}</summary>\n\n{_list(items)}\n\n</details>"


def _list(items: Iterable[str]) -> str:
    return "\n".join(f"- {item}" for item in items)
