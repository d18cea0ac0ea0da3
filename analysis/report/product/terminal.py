"""A product experiment's report for a terminal: rich tables on a TTY, plain text elsewhere."""

from collections.abc import Iterable
from typing import IO

from rich.console import Group, RenderableType
from rich.text import Text

from analysis.product.result import Analysis
from analysis.report.console import empty_table, section, write
from analysis.report.product.rows import Row
from analysis.report.product.view import NOTHING, Origin, ProductView, build_view

_COLOURS = {
    "better": "green",
    "not_worse": "green",
    "harmful": "red",
    "untrustworthy": "red",
    "undecided": "yellow",
    "no_data": "yellow",
}


def terminal(analysis: Analysis, stream: IO[str], origin: Origin = NOTHING, *, whole: bool = True) -> None:
    """Write the report; colours and the terminal's width only on a TTY.

    Args:
        analysis: what to tell.
        stream: where to.
        origin: how it was made.
        whole: with parts of the users, methods and counts of rows; else the answer and what it rests on.
    """
    view = build_view(analysis, origin)
    write(renderable(view) if whole else Group(*_answer(view), _ending(view)), stream)


def renderable(view: ProductView) -> RenderableType:
    """The whole report."""
    return Group(*_answer(view), *_breakdowns(view), _ending(view), *_course(view), *_making(view))


def _answer(view: ProductView) -> list[RenderableType]:
    return [
        _header(view),
        Text(),
        Text(view.headline, style="bold"),
        *(Text(sentence) for sentence in view.why),
        *([Text(f"Next: {view.next_step}")] if view.next_step else []),
        _lines("FACTS", (f"{name}: {' '.join(told)}" for name, told in view.facts)),
        *([_lines("WITH EVERYBODY ON THE VARIANT", view.impacts)] if view.impacts else []),
        section("HEALTH OF THE DATA", _checks(view)),
        *(section(group.title.upper(), _rows(view, group.rows, group.empty)) for group in view.groups),
    ]


def _ending(view: ProductView) -> RenderableType:
    return _lines("PLANNED END", view.ending)


def _course(view: ProductView) -> list[RenderableType]:
    if view.course is None:
        return []
    told = Text("\n".join(view.course.told))
    if not view.course.rows:
        return [section("HOW IT WAS RELEASED", told)]
    table = empty_table(*(column.upper() for column in view.course.columns))
    for row in view.course.rows:
        table.add_row(*map(Text, row.cells))
    return [section("HOW IT WAS RELEASED", Group(told, table))]


def _making(view: ProductView) -> list[RenderableType]:
    return [
        _lines("METHOD", (*view.method, *view.exclusions)),
        _lines("BAYESIAN VIEW", [each.bayes for each in view.details if each.bayes] or ["none"]),
        _lines("DATA FOUND, AND LEFT OUT", (f"{name}: {count}" for name, count in view.found)),
        _lines("MADE BY", _origin(view)),
    ]


def _header(view: ProductView) -> Text:
    shares = ", ".join(f"{each.name} {each.planned}" for each in view.variants)
    facts = "   ".join((f"{view.icon} {view.word}", shares, view.status))
    question = f"\n{view.question}" if view.question else ""
    return Text.assemble((view.name, "bold"), "   ", facts, question)


def _lines(title: str, lines: Iterable[str]) -> RenderableType:
    return section(title, Text("\n".join(lines)))


def _checks(view: ProductView) -> RenderableType:
    table = empty_table("CHECK", "STATE", "FOUND")
    for check in view.checks:
        state = Text(f"{check.icon} {check.word}", style=_COLOURS[check.look])
        table.add_row(check.title, state, Text(" ".join((*check.told, check.mend)).strip()))
    return table


def _rows(view: ProductView, rows: Iterable[Row], empty: str, first: str = "METRIC") -> RenderableType:
    chosen = list(rows)
    if not chosen:
        return Text(empty)
    treatment = "VARIANT" if len(view.variants) > 2 else view.variants[-1].name
    table = empty_table(first, view.control, treatment, "DIFFERENCE", "RELATIVE", "HELD AGAINST", "VERDICT")
    for row in chosen:
        table.add_row(*_cells(view, row), Text(f"{row.verdict.icon} {row.verdict.word}", _look(row)))
    notes = [Text(f"{_name(view, row)}: {row.verdict.note}") for row in chosen if row.verdict.note]
    return Group(table, *notes)


def _cells(view: ProductView, row: Row) -> tuple[Text, ...]:
    return (
        Text(_name(view, row)),
        Text(f"{row.control} ({row.control_units})"),
        Text(f"{row.treatment} ({row.treatment_units})"),
        Text(", ".join(each for each in (f"{row.direction} {row.difference}".strip(), row.within) if each)),
        Text(", ".join(each for each in (row.relative, row.relative_within) if each)),
        Text(row.held_against),
    )


def _look(row: Row) -> str:
    return _COLOURS[row.verdict.look]


def _name(view: ProductView, row: Row) -> str:
    variant = row.variant if len(view.variants) > 2 else ""
    return ", ".join(each for each in (row.metric, variant, row.sliced) if each)


def _breakdowns(view: ProductView) -> list[RenderableType]:
    made: list[RenderableType] = []
    for each in view.breakdowns:
        kind = "CONFIRMATORY" if each.confirmatory else "EXPLORATORY"
        rows = _rows(view, (row for part in each.parts for row in part.rows), "")
        made.append(section(f"BY {each.dimension} ({kind})", Group(Text(each.told), rows)))
    return made


def _origin(view: ProductView) -> list[str]:
    lines = [f"{name}: {text}" for name, text in view.origin]
    return [*lines, f"Again: {view.command}"] if view.command else lines
