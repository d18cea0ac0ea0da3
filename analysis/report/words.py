"""Numbers of the view as text, the same for terminal and page. Pure; sentences are in `wording`."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from analysis.report.exposure import Exposure
from analysis.report.history import LogEntry, Rung, Split
from analysis.report.rows import MetricRow, Share
from analysis.report.tallies import Counts
from analysis.report.trace import Gap
from analysis.report.view import ReportView
from engine.core import wording
from engine.core.model import MetricKind, Mode
from engine.core.numbers import clock_time, duration, percent, times
from engine.core.plan import Stage

NOT_MEASURED = "not measured"
"""In place of a number that nobody has; never a zero or a dash."""

SAME_SECONDS = (
    "Differences and ratios compare both versions within the same seconds, so they may differ from plain"
    " subtraction of the totals while traffic shifts."
)


DIFFERENCE_ENDS = (
    "The interval of a difference is that of the ratio, at the rate that control was seen to have."
)

MAY_NOT_PROMOTE = (
    "counted per request while visitors stay on their variant, so being better is told and does not promote"
)


def share(row: MetricRow, arm: Share) -> str:
    """A rate with its counts, as in `1.2 % (12 of 1,000)`."""
    rate = level(row, arm)
    return f"{rate} ({part(row, arm)})" if arm.total else rate


def level(row: MetricRow, arm: Share) -> str:
    """A rate, mean or level."""
    return wording.level(row, arm.rate)


def part(row: MetricRow, arm: Share) -> str:
    """The counts behind a rate."""
    return wording.behind(row, arm.bad, arm.total)


def trials(row: MetricRow, counted: Counts | None) -> str:
    """Counts of one or several windows, and the value of what is no share."""
    if counted is None:
        return NOT_MEASURED
    if counted.bad is None:
        return wording.whole(counted.total)
    behind = wording.behind(row, counted.bad, counted.total)
    if wording.is_share(row) or not counted.total:
        return behind
    return f"{wording.level(row, counted.bad / counted.total)} ({behind})"


def amount(value: float | None, *, measure: str) -> str:
    """An effect in its own measure: a share as percent, a ratio as times."""
    if value is None:
        return "no estimate"
    return percent(value) if measure == "share" else times(value)


def without_ratio(row: MetricRow) -> bool:
    """Whether both variants were measured, but control had nothing bad that a ratio could be formed with."""
    measured = row.difference is not None and row.control.total > 0
    return measured and row.measure != "share" and row.effect is None


def estimate(row: MetricRow, control: str) -> str:
    """The effect in its measure, or why there is none."""
    if without_ratio(row):
        return f"no ratio ({control} had none)" if wording.is_share(row) else "no ratio"
    if row.effect is None:
        return f"no {row.measure} yet"
    return f"{row.measure} {amount(row.effect, measure=row.measure)}"


def effect(row: MetricRow, control: str) -> str:
    """Estimate and confidence sequence."""
    return ", ".join(each for each in (estimate(row, control), interval(row)) if each)


def interval(row: MetricRow) -> str:
    """The confidence sequence; an open end is said in words, nothing at all of nothing."""
    low, high = (amount(end, measure=row.measure) for end in (row.low, row.high))
    match row.low, row.high:
        case None, None:
            return "" if row.effect is None else "not bounded yet"
        case None, _:
            return f"at most {high}"
        case _, None:
            return f"at least {low}"
        case _:
            return f"{low} to {high}"


def difference(row: MetricRow) -> str:
    """Treatment minus control."""
    return wording.gap(row, row.difference)


def limits(row: MetricRow) -> tuple[str, ...]:
    """Tolerance and margin, or the limit."""
    if row.kind is MetricKind.THRESHOLD:
        return (row.margin,)
    return f"tolerance {row.tolerance}", f"margin {row.margin}"


def held_against(row: MetricRow) -> str:
    """The limits as one phrase."""
    return ", ".join(limits(row))


def e_value(log10_e: float | None) -> str:
    """An e-value: plain while short, else as a power of ten.

    >>> e_value(3.155), e_value(-0.30103), e_value(12.34)
    ('1,429', '0.5', '10^12.3')
    """
    if log10_e is None:
        return NOT_MEASURED
    if not -3 <= log10_e < 6:
        return f"10^{log10_e:.1f}"
    return f"{10**log10_e:,.0f}" if log10_e >= 2 else f"{10**log10_e:.3g}"


def iso(at_s: float) -> str:
    """A moment for machines, UTC, to the millisecond."""
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def day(view: ReportView) -> str:
    """The date in UTC, if the whole run fell on one; else empty."""
    last_s = view.generated_s if view.ended_s is None else view.ended_s
    first, last = (f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%d}" for at_s in (view.launched_s, last_s))
    return first if first == last else ""


def time_of_day(view: ReportView, at_s: float) -> str:
    """A moment within the run, UTC: without its date if all have the same."""
    return clock_time(at_s).removesuffix(" UTC").removeprefix(day(view)).strip()


def time_column(view: ReportView) -> str:
    """What heads a column of such moments, with the date that they leave out."""
    return f"Time (UTC, {day(view)})" if day(view) else "Time (UTC)"


def lag(view: ReportView) -> str:
    """How far the data are behind the traffic; empty before there are any."""
    if view.health.lag_s is None:
        return ""
    return f"data arrive about {duration(max(view.health.lag_s, 1))} later"


def target(view: ReportView) -> str:
    """What carries traffic; a path in its key begins with one slash only."""
    return re.sub("/+", "/", view.target)


def labels(values: Mapping[str, str]) -> str:
    """Label values as PromQL writes them."""
    return ", ".join(f'{name}="{value}"' for name, value in sorted(values.items()))


def weights_of(entry: LogEntry) -> str:
    """Weights before and after, control/treatment; empty where traffic stays."""
    if entry.after is None:
        return ""
    return str(entry.after) if entry.before is None else f"{entry.before} → {entry.after}"


def served(exposure: Exposure) -> str:
    """Whom the treatment served, in a sentence's words."""
    if not exposure.given:
        return "nobody: it has had no traffic"
    if not exposure.metric:
        return f"unknown: no metric counts {exposure.unit}s"
    gaps = f"; {windows(exposure.unknown_windows)} unknown" if exposure.unknown_windows else ""
    if exposure.treatment is None:
        return f"unknown: nothing measured for {exposure.metric}{gaps}"
    bad = exposure.treatment.bad
    among = "" if bad is None else f", {wording.whole(bad)} of them {exposure.counted}"
    return f"{wording.whole(exposure.treatment.total)} {exposure.unit}s{among} ({exposure.metric}{gaps})"


def decided(view: ReportView) -> str:
    """How long it took and why it ended."""
    if view.decided_after_s is None:
        return "not decided yet"
    why = "" if view.ended_by is None else f", {wording.RULE_WORDS[view.ended_by]}"
    return f"after {duration(view.decided_after_s)}{why}"


def start(view: ReportView) -> str:
    """The first windows, before both variants had traffic."""
    count = view.health.start_windows
    if not count:
        return ""
    return f"; nothing to compare yet in the first {windows(count)}"


def windows(count: int) -> str:
    """So many windows.

    >>> windows(1), windows(1200)
    ('1 window', '1,200 windows')
    """
    return f"{count:,} window{'' if count == 1 else 's'}"


def data(view: ReportView) -> str:
    """How old and how complete the data are."""
    health = view.health
    counted = f"{health.windows:,} windows counted of {health.windows_read:,} read"
    if health.data_until_s is None or health.data_age_s is None:
        return f"no complete window yet; {counted}{start(view)}"
    than = "the end" if view.phase.ended else "this report"
    age = f"{duration(health.data_age_s)} before {than}"
    return f"complete until {clock_time(health.data_until_s)}, {age}; {counted}{start(view)}"


def traffic(view: ReportView) -> str:
    """The treatments' present shares."""
    shares = view.splits[-1].shares if len(view.treatments) > 1 and view.splits else (view.weight_pct,)
    where = ", ".join(
        f"{name} has {shares[index] if index < len(shares) else 0} %"
        for index, name in enumerate(view.treatments)
    )
    return f"would be: {where}" if view.mode is Mode.OBSERVE else where


def split(each: Split, index: int = 0) -> str:
    """One treatment's measured or would-be share."""
    share_pct = each.shares[index] if index < len(each.shares) else 0
    return f"{share_pct} %" + (" (would be)" if each.would else "")


def planned(rung: Rung) -> str:
    """The planned share of every treatment."""
    return f"{'/'.join(map(str, rung.shares))} %"


def stage_name(rung: Rung) -> str:
    """The kind of a step, in brackets; nothing of the usual one."""
    kind = {Stage.PREVIEW: "preview", Stage.SPLIT: rung.part, Stage.SETTLE: "settling"}[rung.stage]
    return f" ({kind})" if kind else ""


def stage(row: MetricRow) -> str:
    """What a metric's two sides are, where they are not at the same time."""
    return "" if row.stage is Stage.SPLIT else wording.STAGE_WORDS[row.stage]


def direction(row: MetricRow) -> str:
    """Which way the treatment is off, as an arrow; nothing without a difference."""
    if row.difference is None or wording.gap(row, row.difference) == wording.gap(row, 0.0):
        return ""
    return "↑" if row.difference > 0 else "↓"


def sense(row: MetricRow) -> str:
    """Which way is good."""
    return "higher is better" if row.higher_is_better else "lower is better"


def difference_interval(row: MetricRow) -> str:
    """The confidence sequence of the difference."""
    if row.measure == "share" or row.difference is None:
        return ""
    match row.difference_low, row.difference_high:
        case None, None:
            return "not bounded yet"
        case None, high:
            return f"at most {wording.gap(row, high)}"
        case low, None:
            return f"at least {wording.gap(row, low)}"
        case low, high:
            return f"{wording.gap(row, low)} to {wording.gap(row, high)}"


def reached(view: ReportView, rung: Rung) -> str:
    """When a step began."""
    return "not reached" if rung.reached_s is None else time_of_day(view, rung.reached_s)


def gap(each: Gap) -> str:
    """What was missing, how often and why; the detail is the source's own text."""
    return f"{each.metric}: {windows(each.windows)}: {wording.missing(each.reason)}"
