"""Draws runs for people: `status` as header, reasons and metric table; `list` as one line per run."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group
from rich.text import Text

from analysis.report.rows import MetricRow
from engine.cli.printing import table
from engine.cli.run_view import RunView
from engine.cli.summary import Summary
from engine.core import talk, wording
from engine.core.labels import PHASE_WORDS, VERDICT_WORDS
from engine.core.numbers import clock_time, duration
from engine.core.run import Phase
from engine.core.target import TargetState
from engine.core.verdict import Finding, VerdictKind
from engine.explaining import Explained

if TYPE_CHECKING:
    from rich.table import Table

_PHASE_STYLES = {
    Phase.PROMOTED: "green",
    Phase.ROLLED_BACK: "red",
    Phase.STOPPED: "yellow",
    Phase.EXPIRED: "yellow",
    Phase.FAILED: "red",
    Phase.PAUSED: "yellow",
}
_VERDICT_STYLES = {
    VerdictKind.HARMFUL: "red",
    VerdictKind.NOT_WORSE: "green",
    VerdictKind.BETTER: "green",
    VerdictKind.NO_DATA: "yellow",
    VerdictKind.UNTRUSTWORTHY: "yellow",
}


def draw_run(view: RunView) -> Group:
    """One run: where it stands, why, by which evidence, and what comes next."""
    parts: list[Text | Table] = [
        _header(view),
        Text(_standing(view), style="bold"),
        Text(),
        _facts(view),
        Text(),
    ]
    parts.append(_metrics(view.metrics, view.findings))
    notes = [Text(f"{row.metric}: {row.note}", style="yellow") for row in view.metrics if row.note]
    notes += [Text(f"{each.metric}: {each.told}") for each in view.breakdowns]
    if notes:
        parts += [Text(), *notes]
    if view.explained is not None:
        parts += [Text(), draw_explained(view.explained)]
    return Group(*parts)


def draw_runs(found: Sequence[Summary], *, wide: bool) -> "Table":
    """One line per run."""
    more = ("NAME", "TARGET", "MODE", "VERDICT", "RULE", "DRIVEN BY", "REASON") if wide else ()
    drawn = table("RUN", "PHASE", ">WEIGHT", ">STEP", ">AGE", ">DATA-AGE", "BLOCKER", "NEXT", *more)
    for one in found:
        cells: list[str | Text] = [
            one.id,
            _phase(one.phase),
            f"{one.weight_pct} %",
            _step(one),
            duration(one.age_s),
            _age(one.data_age_s),
            _blocker(one),
            one.next or "–",
        ]
        drawn.add_row(*cells, *(_more(one) if wide else ()))
    return drawn


def draw_explained(explained: Explained) -> "Table":
    """Each query and what it returned."""
    drawn = table("METRIC", "QUERY", "RETURNED", ">TOOK")
    for query in explained.queries:
        drawn.add_row(query.metric, Text(query.query), Text(query.outcome), f"{query.took_ms:.0f} ms")
    return drawn


def _header(view: RunView) -> Text:
    one = view.summary
    icon, word = PHASE_WORDS[one.phase]
    header = Text(f"{one.id}   {view.experiment.plan.strategy}   ")
    header.append(f"{icon} {word} at {one.weight_pct} %", style=_PHASE_STYLES.get(one.phase, ""))
    header.append(f"   step {_step(one)}")
    if view.live is not None:
        routed = view.live.target
        actual = f"{routed.weights.given} %" if isinstance(routed, TargetState) else "unknown"
        header.append(f"   actual {actual}   flag {view.live.gate.status}")
    header.append(f"   {duration(one.age_s)}")
    return header


def _standing(view: RunView) -> str:
    """The one sentence on where the run stands: how it ended, else why it is where it is."""
    reason = view.summary.reason
    if view.summary.ended_s is not None or not reason:
        return view.headline
    return reason[0].upper() + reason[1:]


def _is_news(one: Summary) -> bool:
    """Whether what comes next is not what the standing line says already."""
    return one.driver is None or not (one.blockers or (one.reason and one.reason in one.next))


def _facts(view: RunView) -> "Table":
    one = view.summary
    drawn = table("", "")
    drawn.show_header = False
    variants = f"{view.experiment.control} → {', '.join(view.experiment.treatments)}"
    drawn.add_row("target", f"{one.target}: {variants} (mode {one.mode})")
    if one.ended_s is not None:
        drawn.add_row("decision", Text(f"{one.rule}: {one.reason}"))
    for blocker in one.blockers if len(one.blockers) > 1 else ():
        since = duration(one.launched_s + one.age_s - blocker.since_s)
        drawn.add_row("blocked", Text(f"{blocker.kind} for {since}: {blocker.detail}", style="yellow"))
    for command in view.commands:
        drawn.add_row("asked", Text(f"{command.verb} by {command.actor}: {command.reason}"))
    if view.undelivered:
        drawn.add_row("notices", Text(view.undelivered, style="yellow"))
    if view.live is not None:
        if not isinstance(view.live.target, TargetState):
            drawn.add_row("target", Text(view.live.target.detail, style="yellow"))
        drawn.add_row("flag", Text(f"{view.live.gate.flag}: {view.live.gate.reason}"))
        drawn.add_row("data", Text(_data(one)))
        drawn.add_row("driven by", Text(one.driver or "nobody"))
        if _is_news(one):
            drawn.add_row("next", Text(one.next))
    elif one.ended_s is not None:
        drawn.add_row("ended", Text(clock_time(one.ended_s)))
    return drawn


def _metrics(rows: Sequence[MetricRow], findings: Sequence[Finding]) -> "Table":
    drawn = table(
        "METRIC",
        "ROLE",
        ">CONTROL",
        ">TREATMENT",
        ">DIFFERENCE",
        "LIKELY BETWEEN",
        "TOLERATED",
        "MARGIN",
        "VERDICT",
    )
    for row, finding in zip(rows, findings, strict=True):
        drawn.add_row(
            f"{row.metric} ({row.counts})",
            row.role.value,
            wording.level(row, row.control.rate),
            wording.level(row, row.treatment.rate),
            wording.gap(row, row.difference),
            f"{talk.likely_between(finding.effect)} ({row.measure})",
            row.tolerance,
            row.margin,
            Text(f"{row.icon} {row.word}", style=_VERDICT_STYLES.get(row.verdict, "")),
        )
    return drawn


def _phase(phase: Phase) -> Text:
    icon, word = PHASE_WORDS[phase]
    return Text(f"{icon} {word}", style=_PHASE_STYLES.get(phase, ""))


def _step(one: Summary) -> str:
    part = f" ({one.part})" if one.part else ""
    return f"{one.step}/{'?' if one.steps is None else one.steps}{part}"


def _blocker(one: Summary) -> Text:
    if one.unreadable:
        return Text("⚠ unreadable", style="red")
    if not one.blockers:
        return Text("–")
    more = f" +{len(one.blockers) - 1}" if len(one.blockers) > 1 else ""
    return Text(f"⚠ {one.blockers[0].kind}{more}", style="yellow")


def _age(age_s: float | None) -> str:
    return "–" if age_s is None else duration(age_s)


def _data(one: Summary) -> str:
    if one.data_age_s is None:
        return "no complete window yet"
    return f"complete until {duration(one.data_age_s)} ago"


def _more(one: Summary) -> tuple[str | Text, ...]:
    verdict = "–" if one.verdict is None else " ".join(VERDICT_WORDS[one.verdict])
    return (
        one.name,
        one.target,
        one.mode.value,
        verdict,
        one.rule.value,
        one.driver or "–",
        Text(one.reason or "–"),
    )
