"""What the report's charts show, from the view. Pure; `marks` draws them."""

from collections.abc import Iterable, Iterator
from itertools import groupby, pairwise

from analysis.report.plot import (
    Axis,
    Chart,
    Level,
    Line,
    Moment,
    Range,
    Sample,
    Tick,
    even_ticks,
    ratio_ticks,
    value_ticks,
)
from analysis.report.rows import MetricRow
from analysis.report.shares import ShareRow
from analysis.report.trace import MetricPoint
from analysis.report.view import ReportView
from engine.core import wording
from engine.core.plan import Stage

WHOLE_RUN = "whole run"
LOWEST_LOG10_E = -3.0
ABOVE_THRESHOLD = 3.0

_BAD, _MUTED, _MARGIN = "var(--bad)", "var(--muted)", "var(--series-3)"
_STAGES = {Stage.PREVIEW: "preview", Stage.SPLIT: "split", Stage.SETTLE: "settling"}


def harm_chart(view: ReportView) -> Chart:
    """E-values against harm over time, run and metrics, with the rollback threshold."""
    whole = [(point.end_s, point.log10_e_harm) for point in view.points]
    each = [(row.metric, [(s, p.log10_e_harm) for s, p in _of(view, row)]) for row in view.metrics]
    threshold = view.design.log10_rollback
    limit = Level(at=threshold, name=f"harm {10**threshold:,.0f}", colour=_BAD)
    return _evidence(view, [(WHOLE_RUN, whole), *each], limit)


def promotion_chart(view: ReportView) -> Chart:
    """E-values for "not worse" (and "better", where it is asked) over time, with the promotion threshold."""
    series = []
    for row in deciding(view):
        series.append((f"{row.metric}: not worse", [(s, p.log10_e_promote) for s, p in _of(view, row)]))
        better = [(s, p.log10_e_better) for s, p in _of(view, row) if p.log10_e_better is not None]
        if better:
            series.append((f"{row.metric}: better", better))
    threshold = view.design.log10_promote
    limit = Level(at=threshold, name=f"shown {10**threshold:,.0f}", colour="var(--good)")
    return _evidence(view, series, limit)


def deciding(view: ReportView) -> tuple[MetricRow, ...]:
    """The metrics that can promote."""
    return tuple(row for row in view.metrics if row.weight > 0)


def effect_chart(view: ReportView, row: MetricRow, room: Range) -> Chart:
    """One metric's effect over time with its confidence sequence, cumulative since launch."""
    samples = tuple(
        Sample(at_s=end_s, value=each.effect, low=each.low, high=each.high)
        for end_s, each in _of(view, row)
        if each.effect is not None
    )
    ratio = row.measure != "share"
    ticks = ratio_ticks(room, apart=0.07) if ratio else _percent_ticks(room)
    axis = Axis(title=row.measure, room=room, ticks=ticks, log=ratio)
    return _timed(view, axis, [Line(name=row.metric, samples=samples)], _effect_levels(row))


def difference_chart(view: ReportView, row: MetricRow) -> Chart:
    """Treatment minus control over time, for a metric that has no ratio."""
    share = wording.is_share(row)
    size = 100 if share else 1
    samples = tuple(
        Sample(at_s=end_s, value=size * each.difference)
        for end_s, each in _of(view, row)
        if each.difference is not None
    )
    levels = _difference_levels(row, size)
    reach = [each.value for each in samples] + [level.at for level in levels]
    spare = 0.15 * (max(reach) - min(reach)) or 0.01
    room = Range(low=min(reach) - spare, high=max(reach) + spare)
    ticks = even_ticks(room, 6) if share else value_ticks(room, 6, row.value_unit)
    axis = Axis(title="difference (pp)" if share else "difference", room=room, ticks=ticks)
    return _timed(view, axis, [Line(name=row.metric, samples=samples)], levels)


def effect_range(rows: Iterable[MetricRow], view: ReportView) -> Range:
    """One axis for all ratios, wide enough for each estimate and limit; for shares from 0 up."""
    chosen = list(rows)
    shares = [row for row in chosen if row.measure == "share"]
    late = view.points[len(view.points) // 3 :]
    index = {row.metric: place for place, row in enumerate(view.metrics)}
    seen = [
        each.effect
        for point in late
        for each in (point.metrics[index[row.metric]] for row in chosen)
        if each.effect is not None
    ]
    if shares:
        limits = [row.margin_rate for row in shares if row.margin_rate is not None]
        return Range(low=0.0, high=min(1.0, 1.5 * max([0.001, *seen[-1:], *limits])))
    ends = [end for row in chosen for end in (row.low, row.high) if end is not None and 0.1 < end < 10]
    reach = [each for each in (*seen, *ends) if each > 0]
    return Range(low=max(min([0.5, *reach]) / 1.1, 0.02), high=min(max([2.0, *reach]) * 1.1, 50))


def ramp_chart(view: ReportView) -> Chart:
    """The treatments' shares of traffic: planned at the earliest, and as the target reported them."""
    until_s = view.generated_s if view.ended_s is None else view.ended_s
    plans = dict.fromkeys(_planned(view, index) for index in range(len(view.treatments)))
    lines = [Line(name="planned at the earliest", samples=plan, stepped=True, outline=True) for plan in plans]
    would = any(each.would for each in view.splits)
    for index, name in enumerate(view.treatments):
        actual = [(each.at_s, _share(each.shares, index)) for each in view.splits]
        if actual:
            actual.append((max(until_s, actual[-1][0]), actual[-1][1]))
        samples = tuple(Sample(at_s=at_s, value=pct) for at_s, pct in actual)
        told = "would be" if would else "actual"
        named = f"{name}, {told}" if len(view.treatments) > 1 else told
        lines.append(Line(name=named, samples=samples, look=index, stepped=True))
    ticks = tuple(Tick(at=pct, label=f"{pct} %") for pct in (0, 25, 50, 75, 100))
    axis = Axis(title="share of traffic", room=Range(low=0, high=100), ticks=ticks)
    return _timed(view, axis, lines, [], changes=False)


def share_chart(view: ReportView, row: ShareRow, index: int) -> Chart:
    """One treatment's share of the visitors counted: planned with its tolerance, and seen."""
    shares = [(point.end_s, point.shares[index]) for point in view.points if len(point.shares) > index]
    planned = tuple(
        Sample(
            at_s=at_s,
            value=100 * each.planned,
            low=100 * max(each.planned - row.tolerance, 0),
            high=100 * min(each.planned + row.tolerance, 1),
        )
        for at_s, each in shares
        if each.planned is not None
    )
    seen = tuple(Sample(at_s=at_s, value=100 * each.seen) for at_s, each in shares if each.seen is not None)
    reach = [
        100 * (row.planned or 0.5) - 200 * row.tolerance,
        100 * (row.planned or 0.5) + 200 * row.tolerance,
    ]
    reach += [each.value for each in seen[len(seen) // 5 :]]
    room = Range(low=max(min(reach), 0.0), high=min(max(reach), 100.0))
    axis = Axis(title=f"{row.treatment} of both (%)", room=room, ticks=even_ticks(room, 6))
    lines = [Line(name="planned, with tolerance", samples=planned, look=2), Line(name="seen", samples=seen)]
    return _timed(view, axis, lines, [])


def _evidence(view: ReportView, series: list[tuple[str, list[tuple[float, float]]]], limit: Level) -> Chart:
    highest = max((value for _, path in series for _, value in path), default=0.0)
    room = Range(low=LOWEST_LOG10_E, high=min(max(highest, limit.at + 0.5), limit.at + ABOVE_THRESHOLD))
    powers = range(int(room.low), int(room.high) + 1)
    ticks = tuple(Tick(at=n, label=f"{10.0**n:,g}" if n < 4 else f"10^{n}") for n in powers)
    lines = [
        Line(name=name, samples=tuple(Sample(at_s=at_s, value=value) for at_s, value in path), look=index)
        for index, (name, path) in enumerate(series)
    ]
    return _timed(view, Axis(title="e-value", room=room, ticks=ticks), lines, [limit])


def _planned(view: ReportView, index: int) -> tuple[Sample, ...]:
    """One treatment's planned share; it ends at all traffic, unless several might have that."""
    planned = [(rung.earliest_s, _share(rung.shares, index)) for rung in view.ramp]
    if view.ramp:
        last = planned[-1][1] if len(view.treatments) > 1 else 100
        planned.append((view.ramp[-1].earliest_s + view.ramp[-1].hold_s, last))
    return tuple(Sample(at_s=at_s, value=pct) for at_s, pct in planned)


def _of(view: ReportView, row: MetricRow) -> list[tuple[float, MetricPoint]]:
    index = [each.metric for each in view.metrics].index(row.metric)
    return [(point.end_s, point.metrics[index]) for point in view.points]


def _effect_levels(row: MetricRow) -> list[Level]:
    if row.measure == "share":
        return [] if row.margin_rate is None else [Level(at=row.margin_rate, name="limit", colour=_BAD)]
    control = row.control.rate
    levels = [_no_difference(1.0)]
    if control and row.tolerance_rate and row.tolerance_rate > 0.0:
        levels.append(Level(at=row.tolerance_rate / control, name="tolerance", colour=_BAD))
    if control and row.margin_rate and row.margin_rate > 0.0:
        levels.append(_margin(row.margin_rate / control))
    return levels


def _difference_levels(row: MetricRow, size: int) -> list[Level]:
    if row.margin_rate is None or row.control.rate is None:
        return [_no_difference(0.0)]
    return [_no_difference(0.0), _margin(size * (row.margin_rate - row.control.rate))]


def _no_difference(at: float) -> Level:
    return Level(at=at, name="no difference", colour=_MUTED, dash="")


def _margin(at: float) -> Level:
    return Level(at=at, name="margin", colour=_MARGIN, dash="2 3")


def _percent_ticks(room: Range) -> tuple[Tick, ...]:
    ticks = even_ticks(Range(low=100 * room.low, high=100 * room.high), 5, " %")
    return tuple(Tick(at=tick.at / 100, label=tick.label) for tick in ticks)


def _share(shares: tuple[int, ...], index: int) -> int:
    return shares[index] if index < len(shares) else 0


def _timed(
    view: ReportView, axis: Axis, lines: list[Line], levels: list[Level], *, changes: bool = True
) -> Chart:
    """The same time axis for every chart: from the launch to the last that is known."""
    moments = [view.launched_s, *(each.at_s for each in view.splits)]
    moments += [sample.at_s for line in lines for sample in line.samples]
    until_s = max([*moments, *(point.end_s for point in view.points)])
    return Chart(
        from_s=min(moments),
        until_s=max(until_s, min(moments) + 1),
        axis=axis,
        lines=tuple(lines),
        levels=tuple(levels),
        changes=tuple(_changes(view)) if changes else (),
        stages=_stages(view),
    )


def _changes(view: ReportView) -> Iterator[Moment]:
    """Wherever shares changed: the new ones."""
    for before, now in pairwise(view.splits):
        if now.shares != before.shares:
            yield Moment(at_s=now.at_s, text=f"{'/'.join(map(str, now.shares))} %")


def _stages(view: ReportView) -> tuple[Moment, ...]:
    """Where each stage of a plan with several began, or canary and test of an A/B test that has both."""
    reached = [(each.reached_s, each.part) for each in view.ramp if each.part and each.reached_s is not None]
    if reached:
        begun = [next(group) for _, group in groupby(reached, key=lambda each: each[1])]
        return tuple(Moment(at_s=at_s, text=part) for at_s, part in begun)
    if {rung.stage for rung in view.ramp} <= {Stage.SPLIT}:
        return ()
    runs = [next(group) for _, group in groupby(view.points, key=lambda point: point.stage)]
    return tuple(Moment(at_s=point.start_s, text=_STAGES[point.stage]) for point in runs)
