"""The report as Markdown, for a comment on a pull request or a chat: the same facts, the log cut to its end.

Foreign text is escaped; what stands here are labels, the sentences are the view's.
"""

from collections.abc import Iterator

from analysis.report import costs, latency_words, words
from analysis.report.breakdowns import Part
from analysis.report.markdown_text import code, code_cell, plain, table
from analysis.report.method import calibrated
from analysis.report.rows import MetricRow
from analysis.report.view import ReportView
from engine.core.model import Mode
from engine.core.numbers import clock_time, duration, percent, points

MOST_LOG_ENTRIES = 50
"""Lines of the decision log at the most, the newest; a comment has a largest length."""


def to_markdown(view: ReportView) -> str:
    """The text, ending with a newline."""
    parts = [
        *_top(view),
        "#### Release",
        _list(_facts(view)),
        *_arms(view),
        "#### Metrics",
        *_metrics(view),
        *_parts(view),
        *_latency(view),
        "#### Traffic",
        *_traffic(view),
        "#### Split",
        *_split(view),
        "#### Decisions",
        *_log(view),
        *_folded("Method", _method(view)),
        *_folded("Counters", _counters(view)),
        *_origin(view),
    ]
    return "\n\n".join(parts) + "\n"


def _top(view: ReportView) -> Iterator[str]:
    yield f"### {view.icon} {plain(view.name)}: {plain(view.word)}"
    yield f"{'⚠ ' if view.distrusted else ''}**{plain(view.headline)}**"
    if view.mode is Mode.OBSERVE:
        yield "Observe mode: nothing is changed."
    if view.summary:
        yield plain(view.summary)
    told = " ".join(view.done) or view.reason
    if told:
        yield plain(told)
    if view.description:
        yield f"> {plain(view.description)}"
    if view.blockers:
        yield _list(
            f"⛔ {plain(blocker.detail)} (since {clock_time(blocker.since_s)})" for blocker in view.blockers
        )


def _facts(view: ReportView) -> Iterator[str]:
    arms = f"{plain(view.control)} → {plain(', '.join(view.treatments))}"
    yield f"Release: {arms}, {plain(view.strategy)}, on {plain(words.target(view))}"
    yield f"Launched: {clock_time(view.launched_s)}"
    yield f"Decided: {plain(words.decided(view))}"
    for exposure in view.exposures:
        yield f"Served by {plain(exposure.variant)}: {plain(words.served(exposure))}"
    for row in costs.costs(view):
        yield f"Affected so far, {plain(row.declared)}, {plain(row.variant)}: {plain(costs.cost(row))}"
    yield f"Data: {plain(words.data(view))}"
    for gap in view.health.gaps:
        yield f"Missing: {plain(words.gap(gap))}" + (f" ({plain(gap.detail)})" if gap.detail else "")


def _arms(view: ReportView) -> Iterator[str]:
    if len(view.arms) < 2:
        return
    yield "#### Treatments"
    yield table(
        ("Treatment", "Verdict", "Better by", "Most evidence of harm", "E-value against harm"),
        [
            (
                plain(arm.treatment),
                f"{arm.icon} {arm.word}",
                plain(arm.better_by) or "nothing shown",
                plain(arm.culprit) or "none",
                words.e_value(arm.log10_e_harm),
            )
            for arm in view.arms
        ],
    )


def _metrics(view: ReportView) -> Iterator[str]:
    several = len(view.treatments) > 1
    treatment = "Treatment" if several else plain(view.treatment)
    columns = ("Metric", plain(view.control), treatment, "Difference", "Effect, likely", "Held against")
    yield table((*columns, "Verdict"), [_metric(view, row, several=several) for row in view.metrics])
    notes = [f"{plain(row.metric)}: {plain(row.note)}" for row in view.metrics if row.note]
    if notes:
        yield _list(notes)
    yield words.SAME_SECONDS


def _metric(view: ReportView, row: MetricRow, *, several: bool) -> tuple[str, ...]:
    about = ", ".join(each for each in (row.role, row.counts, words.sense(row), words.stage(row)) if each)
    treatment = words.share(row, row.treatment)
    difference = ", ".join(each for each in (words.difference(row), words.difference_interval(row)) if each)
    return (
        f"{plain(row.declared)} ({plain(about)})",
        words.share(row, row.control),
        f"{plain(row.variant)}: {treatment}" if several else treatment,
        difference,
        plain(words.effect(row, view.control)),
        plain(words.held_against(row)),
        f"{row.icon} {row.word}",
    )


def _parts(view: ReportView) -> Iterator[str]:
    for each in view.breakdowns:
        several = f", {plain(each.variant)}" if len(view.treatments) > 1 else ""
        yield f"#### {plain(each.declared)} by {plain(each.label)}{several}"
        columns = (
            plain(each.label),
            plain(view.control),
            plain(each.variant),
            "Difference",
            "Effect, likely",
        )
        yield table((*columns, "Worse?"), [_part(view, part) for part in each.parts])
        yield plain(each.told)


def _part(view: ReportView, part: Part) -> tuple[str, ...]:
    row = part.row
    return (
        plain(part.value),
        words.share(row, row.control),
        words.share(row, row.treatment),
        words.difference(row),
        plain(words.effect(row, view.control)),
        f"{part.icon} {part.word}",
    )


def _latency(view: ReportView) -> Iterator[str]:
    if view.latencies:
        yield "#### Latency"
    for row in view.latencies:
        yield f"{plain(row.metric)}: {plain(latency_words.told(row))}"
        columns = ("Quantile", *(f"{plain(curve.variant)}, likely" for curve in (row.control, row.treatment)))
        yield table(columns, [(name, *map(plain, cells)) for name, *cells in latency_words.quantiles(row)])


def _traffic(view: ReportView) -> Iterator[str]:
    yield table(
        ("Step", "Share", "Hold", "Floor per arm", "Approval", words.time_column(view)),
        [
            (
                f"{rung.number}{words.stage_name(rung)}",
                words.planned(rung),
                duration(rung.hold_s),
                f"{rung.floor:,}",
                "needed" if rung.approve else "not needed",
                words.reached(view, rung),
            )
            for rung in view.ramp
        ],
    )
    yield _list(
        f"Share of {plain(name)} over time: {' → '.join(words.split(each, index) for each in view.splits)}"
        for index, name in enumerate(view.treatments)
    )


def _split(view: ReportView) -> Iterator[str]:
    check = view.split_check
    if not check.rows:
        yield plain(check.exempt) or "Nothing counted yet."
        return
    yield table(
        ("Treatment", "Planned", "Seen", "Visitors of both arms", "May be off by", "E-value", "Check"),
        [
            (
                plain(row.treatment),
                percent(row.planned),
                percent(row.seen),
                f"{row.visitors:,}",
                points(row.tolerance).removeprefix("+"),
                words.e_value(row.log10_e),
                "⚠ not as planned" if row.alarm else "✔ nothing against the plan",
            )
            for row in check.rows
        ],
    )


def _log(view: ReportView) -> Iterator[str]:
    shown = view.log[-MOST_LOG_ENTRIES:]
    yield table(
        (words.time_column(view), "Who", "What", "Rule", "Weights", "Result", "Reason"),
        [
            (
                words.time_of_day(view, entry.at_s),
                plain(entry.actor),
                plain(entry.what),
                code_cell(entry.rule or ""),
                words.weights_of(entry),
                plain(entry.result),
                plain(entry.reason),
            )
            for entry in shown
        ],
    )
    if len(shown) < len(view.log):
        yield f"The last {len(shown)} of {len(view.log):,} lines; all of them are in the page and in JSON."


def _method(view: ReportView) -> Iterator[str]:
    yield from (plain(promise) for promise in view.design.promises)
    if view.design.false_rollbacks:
        yield plain(view.design.false_rollbacks)
    for row in view.metrics:
        assumed = "; ".join(row.assumptions)
        yield plain(
            f"{row.metric}: {row.method}; {calibrated(row)}" + (f"; assumes: {assumed}" if assumed else "")
        )
    for each in view.breakdowns:
        yield plain(f"{each.metric} by {each.label}: {each.method}")


def _counters(view: ReportView) -> Iterator[str]:
    for counter in view.counters:
        yield f"{plain(counter.metric)} {counter.part}: {code(counter.selector)}"


def _folded(title: str, lines: Iterator[str]) -> Iterator[str]:
    yield f"<details><summary>{title}</summary>"
    yield _list(lines)
    yield "</details>"


def _origin(view: ReportView) -> Iterator[str]:
    origin = view.provenance
    made = f"Made {clock_time(view.generated_s)} by rampwise {plain(origin.rampwise_version)}"
    frozen = f" Frozen as {code(view.snapshot)}." if view.snapshot else ""
    yield (
        f"{made} from run {code(origin.run_id)} ({origin.events:,} events)."
        f" Spec sha256 {code(origin.spec_sha256)}.{frozen} Again: {code(origin.command)}"
    )


def _list(lines: Iterator[str] | list[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)
