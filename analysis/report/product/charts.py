"""The chart of units per day, and what charts over days share. Pure; effects are in `effect_charts`."""

from collections.abc import Mapping, Sequence

from analysis.product.days import DAY_S, end_of, start_of
from analysis.product.rates import began
from analysis.product.result import Analysis
from analysis.report.figures import Figure
from analysis.report.plot import Axis, Chart, Level, Line, Moment, Range, Sample, Tick, even_ticks
from analysis.report.product.course import Course, CourseStage
from engine.core.wording import product_course as wording


def exposure_figure(analysis: Analysis, course: Course | None) -> Figure:
    """Units first exposed per day and variant; the day of the look is not drawn, for it is not over."""
    days, plan = days_of(analysis), analysis.plan
    names = [share.variant for share in plan.shares]
    unfinished = [day for day in days if end_of(day) > analysis.at_s]
    drawn = [day for day in days if day not in unfinished] or unfinished
    whole = sum(map(sum, days.values()))
    earlier = sum(sum(units.values()) for units in analysis.counted.days.values()) - whole
    return Figure(
        id="exposure",
        title=f"New {plan.unit}s per day and variant",
        caption=(
            f"{whole:,} {plan.unit}s were first exposed on {_days(len(days))}. Each counts once, on the day"
            " (UTC) of its first exposure; lines that part from each other are a split that changed."
            + (" The day of the look is not over, and not drawn." if len(drawn) < len(days) else "")
            + (f" Left out here: {earlier:,} from long before." if earlier else "")
        ),
        chart=_exposure_chart(analysis, names, {day: days[day] for day in drawn}, course) if whole else None,
        columns=("Day (UTC)", *names),
        table=tuple(
            (f"{day} (not over)" if day in unfinished else day, *(f"{count:,}" for count in units))
            for day, units in days.items()
        ),
        empty="Nobody has been exposed yet.",
    )


def days_of(analysis: Analysis) -> dict[str, tuple[int, ...]]:
    """New units of each variant, in the plan's order, per day since the experiment began."""
    start = began(analysis.counted) or ""
    names = [share.variant for share in analysis.plan.shares]
    return {
        day: tuple(units.get(name, 0) for name in names)
        for day, units in sorted(analysis.counted.days.items())
        if day >= start
    }


def _exposure_chart(
    analysis: Analysis, names: Sequence[str], days: Mapping[str, tuple[int, ...]], course: Course | None
) -> Chart:
    lines = tuple(
        Line(
            name=name,
            look=index,
            samples=tuple(Sample(at_s=start_of(day), value=units[index]) for day, units in days.items()),
        )
        for index, name in enumerate(names)
    )
    room = Range(low=0.0, high=1.08 * max(map(max, days.values())) or 1.0)
    ticks = tuple(Tick(at=each.at, label=_short(each.at)) for each in even_ticks(room, 5))
    axis = Axis(title=f"new {analysis.plan.unit}s per day", room=room, ticks=ticks)
    return over_days(axis, lines, [start_of(day) for day in days], course)


def over_days(
    axis: Axis,
    lines: tuple[Line, ...],
    places: Sequence[float],
    course: Course | None,
    levels: tuple[Level, ...] = (),
) -> Chart:
    """A chart along days, with a mark on the day on which the release's test began."""
    from_s, until_s = min(places), max(*places, min(places) + DAY_S)
    return Chart(
        from_s=from_s,
        until_s=until_s,
        axis=axis,
        lines=lines,
        levels=levels,
        changes=tuple(each for each in _marks(course) if from_s <= each.at_s <= until_s),
    )


def _marks(course: Course | None) -> tuple[Moment, ...]:
    """Where the test began; at the beginning of its day, as all that is drawn of a day."""
    began_s = None if course is None else course.began_s(CourseStage.TEST)
    return () if began_s is None else (Moment(at_s=began_s // DAY_S * DAY_S, text=wording.TEST_BEGINS),)


def _days(count: int) -> str:
    return "one day" if count == 1 else f"{count:,} days"


def _short(value: float) -> str:
    """A count that fits beside an axis.

    >>> _short(250.0), _short(12_000.0), _short(1_500_000.0)
    ('250', '12k', '1.5M')
    """
    for size, letter in ((1e6, "M"), (1e4, "k")):
        if value >= size:
            return f"{value / (1e3 if letter == 'k' else size):g}{letter}"
    return f"{value:,g}"
