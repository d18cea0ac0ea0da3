"""Charts by day and weekday: what is not over yet is marked, and what is stray is left out."""

from dataclasses import replace

import pytest

from analysis.product.result import Analysis
from analysis.report.figures import Figure
from analysis.report.product.charts import exposure_figure
from analysis.report.product.effect_charts import day_figure, weekday_figure
from analysis.report.product.view import NOTHING, build_view
from tests.analysis.report.product.parts import (
    AT_S,
    DAYS,
    PLAN,
    PURCHASE,
    START,
    by_day,
    by_weekday,
    day,
    found,
    nothing,
)
from tests.analysis.report.product.samples import no_data, ship

DAY_S = 86_400.0


def days_chart(analysis: Analysis) -> Figure:
    return day_figure(analysis, "x", by_day(), None, trusted=True)


def lasting(within_s: float | None, at_s: float = AT_S) -> Analysis:
    metrics = (replace(PURCHASE, within_s=within_s), *PLAN.metrics[1:])
    return replace(ship(), plan=replace(PLAN, metrics=metrics), at_s=at_s)


def test_days_that_are_not_over_are_dashed_and_go_on_from_the_last_that_is() -> None:
    chart = days_chart(lasting(7 * DAY_S)).chart
    assert chart is not None
    done, rest = chart.lines
    assert [sample.at_s for sample in done.samples] == [START.timestamp() + n * DAY_S for n in range(3)]
    assert [sample.at_s for sample in rest.samples] == [START.timestamp() + n * DAY_S for n in range(2, 9)]
    assert (done.outline, rest.outline) == (False, True)
    assert all(sample.low is None for sample in rest.samples)


def test_days_that_are_not_over_are_named_in_the_table_and_counted_below() -> None:
    figure = days_chart(lasting(7 * DAY_S))
    assert [row[0].endswith("(not over)") for row in figure.table] == [False] * 3 + [True] * 7
    assert "The last 7 days are not over (dashed): not all users have had their 7 d yet." in figure.caption


def test_once_all_days_are_over_nothing_is_dashed() -> None:
    figure = days_chart(lasting(7 * DAY_S, at_s=START.timestamp() + 30 * DAY_S))
    assert figure.chart is not None
    assert [line.outline for line in figure.chart.lines] == [False]
    assert "not over" not in figure.caption
    assert not any("not over" in cell for row in figure.table for cell in row)


def test_where_no_day_is_over_the_line_is_drawn_whole_and_said_so() -> None:
    figure = days_chart(lasting(30 * DAY_S))
    assert figure.chart is not None
    assert [(line.outline, len(line.samples)) for line in figure.chart.lines] == [(False, DAYS - 1)]
    assert "No day is over" in figure.caption


def test_a_metric_without_an_end_says_that_later_days_have_had_less_time() -> None:
    figure = days_chart(lasting(None))
    assert figure.chart is not None
    assert [line.outline for line in figure.chart.lines] == [False]
    assert "the later a day, the less time it has had" in figure.caption


def test_a_last_day_without_an_effect_leaves_nothing_to_dash() -> None:
    at_s = START.timestamp() + (DAYS + 6.5) * DAY_S
    chart = days_chart(lasting(7 * DAY_S, at_s=at_s)).chart
    assert chart is not None
    assert [line.outline for line in chart.lines] == [False]


def test_effects_of_too_few_units_make_no_chart() -> None:
    few = tuple(replace(nothing("purchase"), slice=each.slice) for each in by_weekday())
    assert weekday_figure(ship(), "x", few, trusted=True).chart is None
    days = tuple(replace(nothing("purchase"), slice=each.slice) for each in by_day())
    figure = day_figure(ship(), "x", days, None, trusted=True)
    assert figure.chart is None
    assert "not measured on any of them" in figure.caption


def test_weekdays_say_that_days_which_are_not_over_are_left_out() -> None:
    figure = weekday_figure(lasting(7 * DAY_S), "x", by_weekday(), trusted=True)
    assert "Days of which not all users have had their 7 d yet are left out." in figure.caption
    assert [row[0] for row in figure.table] == ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]


def test_the_day_of_the_look_is_not_drawn_but_told() -> None:
    days = {**found(("control", "short")).days, day(DAYS): {"control": 3, "short": 2}}
    figure = exposure_figure(replace(ship(), counted=found(("control", "short"), days=days)), None)
    assert figure.chart is not None
    assert {len(line.samples) for line in figure.chart.lines} == {DAYS}
    assert figure.table[-1] == (f"{day(DAYS)} (not over)", "3", "2")
    assert "The day of the look is not over, and not drawn." in figure.caption


def test_a_single_day_is_drawn_even_before_it_is_over() -> None:
    days = {day(DAYS): {"control": 3, "short": 2}}
    figure = exposure_figure(replace(ship(), counted=found(("control", "short"), days=days)), None)
    assert figure.chart is not None
    assert "not drawn" not in figure.caption
    assert "on one day" in figure.caption


def test_units_from_long_before_are_no_part_of_any_chart() -> None:
    gap = {f"2026-02-{n:02}": {"control": 0, "short": 0} for n in range(1, 29)}
    early = {"2026-01-31": {"control": 1, "short": 0}, **gap, "2026-03-01": {"control": 0, "short": 0}}
    usual = found(("control", "short"))
    stray = replace(
        ship(),
        counted=replace(usual, days={**early, **usual.days}),
        days=(replace(by_day()[0], slice=replace(by_day()[0].slice, value="2026-01-31")), *by_day()),
    )
    view = build_view(stray, NOTHING)
    assert [row[0] for row in view.exposure.table] == [day(n) for n in range(DAYS)]
    assert "Left out here: 1 from long before." in view.exposure.caption
    assert view.details[0].figures == build_view(ship(), NOTHING).details[0].figures


def test_nobody_exposed_is_no_chart() -> None:
    assert exposure_figure(no_data(), None).chart is None


@pytest.mark.parametrize("within_s", [None, 7 * DAY_S])
def test_charts_are_never_taller_than_what_they_show(within_s: float | None) -> None:
    chart = days_chart(lasting(within_s)).chart
    assert chart is not None
    drawn = [sample.value for line in chart.lines for sample in line.samples]
    assert chart.axis.room.low < min(drawn) <= max(drawn) < chart.axis.room.high
