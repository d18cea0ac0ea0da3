"""The report for a terminal: rich tables on a TTY, the same facts as plain text elsewhere."""

from collections.abc import Iterator
from typing import IO

from rich.console import Group, RenderableType
from rich.text import Text

from analysis.report import costs, latency_words, words
from analysis.report.breakdowns import Breakdown
from analysis.report.console import empty_table, section, write
from analysis.report.history import Rung
from analysis.report.method import calibrated
from analysis.report.view import ReportView
from engine.core.model import Mode
from engine.core.numbers import clock_time, duration
from engine.core.verdict import VerdictKind

_COLOURS = {
    VerdictKind.HARMFUL: "red",
    VerdictKind.NOT_WORSE: "green",
    VerdictKind.BETTER: "green",
    VerdictKind.UNDECIDED: "yellow",
    VerdictKind.NO_DATA: "yellow",
    VerdictKind.UNTRUSTWORTHY: "red",
}


def print_report(view: ReportView, stream: IO[str]) -> None:
    """Write the report; colours and the terminal's width only on a TTY (rich honours NO_COLOR and TERM)."""
    write(renderable(view), stream)


def renderable(view: ReportView) -> RenderableType:
    """The whole report."""
    parts: list[RenderableType] = [
        _header(view),
        Text(),
        Text(view.headline, style="bold"),
        *([Text(view.summary)] if view.summary else []),
        *(Text(line) for line in view.done),
        *([Text(view.reason)] if view.reason and view.reason not in view.done else []),
        *(Text(f"⛔ {blocker.detail} (since {clock_time(blocker.since_s)})") for blocker in view.blockers),
        *([section("TREATMENTS", _arms(view))] if len(view.arms) > 1 else []),
        section("METRICS", _metrics(view)),
        *(
            section(f"BREAKDOWN OF {each.metric} BY {each.label}", _parts(view, each))
            for each in view.breakdowns
        ),
        *([section("LATENCY", Text("\n".join(_latency(view))))] if view.latencies else []),
        section("EVIDENCE", Text("\n".join(_evidence(view)))),
        section("TRAFFIC", _ramp(view)),
        section("SPLIT OF VISITORS", Text("\n".join(_split(view)))),
        section("DATA", Text("\n".join(_data(view)))),
        section("DECISIONS", _log(view)),
        section("METHOD", Text("\n".join(_method(view)))),
        section("QUERIES", Text("\n".join(_queries(view)))),
        section("MADE BY", Text("\n".join(_provenance(view)))),
    ]
    return Group(*parts)


def _header(view: ReportView) -> Text:
    facts = [
        view.strategy,
        f"{view.icon} {view.word}",
        *(["observe mode: nothing is changed"] if view.mode is Mode.OBSERVE else []),
        f"{view.control} → {' or '.join(view.treatments)}",
        words.traffic(view),
        f"launched {clock_time(view.launched_s)}",
        f"decided {words.decided(view)}" if view.ended_s is not None else words.decided(view),
    ]
    return Text.assemble((view.name, "bold"), "   ", "   ".join(facts))


def _metrics(view: ReportView) -> RenderableType:
    table = empty_table(
        "METRIC",
        "ROLE, COUNTS",
        view.control,
        view.treatment if len(view.treatments) == 1 else "TREATMENT",
        "DIFFERENCE",
        "EFFECT, LIKELY",
        "HELD AGAINST",
        "VERDICT",
    )
    for row in view.metrics:
        table.add_row(
            Text(row.metric),
            Text(", ".join(each for each in (row.role, row.counts, words.stage(row)) if each)),
            Text(words.share(row, row.control)),
            Text(words.share(row, row.treatment)),
            Text(f"{words.direction(row)} {words.difference(row)}".strip()),
            Text(words.effect(row, view.control)),
            Text(words.held_against(row)),
            Text(f"{row.icon} {row.word}", style=_COLOURS[row.verdict]),
        )
    notes = [Text(f"{row.metric}: {row.note}") for row in view.metrics if row.note]
    return Group(table, Text(words.SAME_SECONDS), *notes)


def _parts(view: ReportView, each: Breakdown) -> RenderableType:
    table = empty_table(
        each.label.upper(), view.control, each.variant, "DIFFERENCE", "EFFECT, LIKELY", "WORSE?"
    )
    for part in each.parts:
        row = part.row
        table.add_row(
            Text(part.value),
            Text(words.share(row, row.control)),
            Text(words.share(row, row.treatment)),
            Text(f"{words.direction(row)} {words.difference(row)}".strip()),
            Text(words.effect(row, view.control)),
            Text(f"{part.icon} {part.word}", style=_COLOURS[row.verdict]),
        )
    notes = [Text(f"{part.value}: {part.row.note}") for part in each.parts if part.row.note]
    return Group(table, Text(each.told), *notes)


def _latency(view: ReportView) -> Iterator[str]:
    for row in view.latencies:
        yield f"{row.metric}: {latency_words.told(row)}"
        for name, control, treatment in latency_words.quantiles(row):
            yield f"  {name}: {row.control.variant} {control}; {row.treatment.variant} {treatment}"


def _evidence(view: ReportView) -> Iterator[str]:
    if not view.points:
        yield "nothing observed yet"
        return
    last = view.points[-1]
    threshold = 10**view.design.log10_rollback
    run = words.e_value(last.log10_e_harm)
    yield f"whole run: e-value {run} against harm; at {threshold:,.0f} it is rolled back"
    needed = words.e_value(view.design.log10_promote)
    for each in last.metrics:
        asked = each.log10_e_better is not None
        better = f", {words.e_value(each.log10_e_better)} for better" if asked else ""
        yield (
            f"{each.metric}: {words.e_value(each.log10_e_harm)} for harm,"
            f" {words.e_value(each.log10_e_promote)} for not worse{better} (needs {needed})"
        )


def _ramp(view: ReportView) -> RenderableType:
    table = empty_table(
        "STEP", "SHARE", "HOLD", "FLOOR PER ARM", words.time_column(view).replace("Time", "REACHED")
    )
    for rung in view.ramp:
        table.add_row(
            f"{rung.number}",
            words.planned(rung) + words.stage_name(rung),
            _hold(rung),
            f"{rung.floor:,}",
            words.reached(view, rung),
        )
    paths = (
        f"share of {name} over time: {' → '.join(words.split(each, index) for each in view.splits)}"
        for index, name in enumerate(view.treatments)
    )
    return Group(table, *(Text(path) for path in paths))


def _arms(view: ReportView) -> RenderableType:
    table = empty_table("TREATMENT", "VERDICT", "BETTER BY", "MOST EVIDENCE OF HARM", "E-VALUE AGAINST HARM")
    for arm in view.arms:
        table.add_row(
            Text(arm.treatment),
            Text(f"{arm.icon} {arm.word}", style=_COLOURS[arm.verdict]),
            Text(arm.better_by or "nothing shown"),
            Text(arm.culprit or "none"),
            words.e_value(arm.log10_e_harm),
        )
    return table


def _split(view: ReportView) -> Iterator[str]:
    check = view.split_check
    if not check.rows:
        yield check.exempt or "nothing counted yet"
    for row in check.rows:
        state = "⚠ not as planned" if row.alarm else "✔ nothing against the plan"
        yield f"{state}: {row.told or 'no window counts yet'} (e-value {words.e_value(row.log10_e)} of 100)"


def _hold(rung: Rung) -> str:
    return duration(rung.hold_s) + (", needs approval" if rung.approve else "")


def _data(view: ReportView) -> Iterator[str]:
    yield from (f"served by {each.variant}: {words.served(each)}" for each in view.exposures)
    yield from (f"cost, {row.declared}, {row.variant}: {costs.cost(row)}" for row in costs.costs(view))
    yield words.data(view)
    if words.lag(view):
        yield words.lag(view)
    for gap in view.health.gaps:
        yield f"missing: {words.gap(gap)}" + (f" ({gap.detail})" if gap.detail else "")


def _log(view: ReportView) -> RenderableType:
    table = empty_table(words.time_column(view).upper(), "WHO", "WHAT", "RULE", "WEIGHTS", "RESULT", "REASON")
    for entry in view.log:
        table.add_row(
            words.time_of_day(view, entry.at_s),
            Text(entry.actor),
            entry.what,
            entry.rule or "",
            words.weights_of(entry),
            Text(entry.result),
            Text(entry.reason),
        )
    return table


def _method(view: ReportView) -> Iterator[str]:
    yield from view.design.promises
    yield view.design.false_rollbacks
    for row in view.metrics:
        yield f"{row.metric}: {row.method}; {calibrated(row)}"
        yield from (f"  assumes: {each}" for each in row.assumptions)
    yield from (f"{each.metric} by {each.label}: {each.method}" for each in view.breakdowns)


def _queries(view: ReportView) -> Iterator[str]:
    for counter in view.counters:
        yield f"{counter.metric} {counter.part}: {counter.selector}"
    for query in view.queries:
        when = f"{clock_time(query.at_s)}, {query.took_ms:.0f} ms"
        yield f"{query.metric} at {when}: {query.query}: {query.outcome}"


def _provenance(view: ReportView) -> Iterator[str]:
    origin = view.provenance
    made = f"rampwise {origin.rampwise_version}, {clock_time(view.generated_s)}"
    yield f"{made}, from run {origin.run_id}, {origin.events} events"
    yield f"spec sha256 {origin.spec_sha256}"
    yield f"again: {origin.command}"
    if view.snapshot is not None:
        yield f"frozen as {view.snapshot}"
