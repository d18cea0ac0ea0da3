"""Charts are plain data: what is drawn, on which axes, and how series are told apart; then drawn as SVG."""

import re
from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.report.charts import (
    difference_chart,
    effect_chart,
    effect_range,
    harm_chart,
    promotion_chart,
    ramp_chart,
    share_chart,
)
from analysis.report.marks import LINE_PX, NARROW, WIDE, Canvas, change_rows, draw, level_places, look, x_px
from analysis.report.plot import (
    Axis,
    Chart,
    Level,
    Moment,
    Range,
    even_ticks,
    ratio_ticks,
    time_ticks,
)
from analysis.report.words import stage_name
from engine.core.plan import Plan, Step
from tests.analysis.report.scenario import (
    Story,
    better_of_two,
    measured,
    observing,
    rolled_back,
    settled,
    split_broken,
    three_metrics,
)
from tests.builders import an_experiment


def a_chart(**parts: object) -> Chart:
    axis = Axis(title="x", room=Range(low=0.1, high=10), ticks=(), log=True)
    whole = {"from_s": 0.0, "until_s": 3600.0, "axis": axis, "lines": ()} | parts
    return Chart(**whole)  # type: ignore[arg-type]


def test_sixteen_series_differ_in_colour_and_dash_or_marker() -> None:
    looks = [look(index) for index in range(16)]

    assert len({(each.dash, each.shape) for each in looks[:4]}) == 4
    assert len(set(looks)) == 16


def test_evidence_shows_the_thresholds_of_this_experiment() -> None:
    view = rolled_back().view()

    assert [level.at for level in harm_chart(view).levels] == pytest.approx([2.0])
    assert [level.at for level in promotion_chart(view).levels] == pytest.approx([1.30103])


def test_evidence_has_a_line_for_the_run_and_each_metric() -> None:
    names = [line.name for line in harm_chart(rolled_back().view()).lines]

    assert names == ["whole run", "errors", "latency", "refunds"]


def test_objectives_show_the_evidence_that_they_are_better() -> None:
    names = [line.name for line in promotion_chart(better_of_two().view()).lines]

    assert [name for name in names if name.endswith("better")] == [
        "conversion@v2: better",
        "conversion@v3: better",
    ]


def test_every_drawn_value_lies_inside_the_plot() -> None:
    view = rolled_back().view()
    charts = [
        harm_chart(view),
        promotion_chart(view),
        ramp_chart(view),
        *(effect_chart(view, row, effect_range([row], view)) for row in view.metrics),
    ]
    for chart in charts:
        assert chart.lines
        for line in chart.lines:
            assert all(0 <= x_px(chart, WIDE, each.at_s) <= WIDE.plot_px for each in line.samples)
            assert all(0 <= chart.axis.share(each.value) <= 1 for each in line.samples)


def test_ratios_share_one_axis() -> None:
    view = rolled_back().view()
    ratios = [row for row in view.metrics if row.measure != "share"]
    room = effect_range(ratios, view)

    axes = [effect_chart(view, row, room).axis for row in ratios]

    assert len(axes) == 2
    assert axes[0].room == axes[1].room


def test_the_ramp_shows_plan_and_fact() -> None:
    planned, actual = ramp_chart(rolled_back().view()).lines

    assert [each.value for each in planned.samples] == [5, 20, 50, 100]
    assert planned.outline
    assert [each.value for each in actual.samples] == [0, 5, 20, 0, 0]


def test_the_ramp_of_several_treatments_has_a_line_for_each() -> None:
    planned, *actual = ramp_chart(better_of_two().view()).lines

    assert [each.value for each in planned.samples] == [33, 33]
    assert [line.name for line in actual] == ["v2, actual", "v3, actual"]
    assert [line.samples[-1].value for line in actual] == [0, 100]


def test_observe_mode_draws_what_would_be() -> None:
    names = {line.name for line in ramp_chart(observing().view()).lines}

    assert names == {"would be", "planned at the earliest"}


def test_stages_are_named_where_they_began_and_a_canary_has_none() -> None:
    story = settled()
    chart = ramp_chart(story.view())

    assert [stage.text for stage in chart.stages] == ["preview", "split", "settling"]
    assert [stage.at_s - chart.from_s for stage in chart.stages] == [0, 60, 240]
    assert ramp_chart(rolled_back().view()).stages == ()


def test_canary_and_test_are_named_where_they_began() -> None:
    steps = tuple(Step(weight_pct=pct, hold_s=60, floor=1, shares=(pct,)) for pct in (5, 20, 50))
    plan = Plan(strategy="ab", steps=steps, needs_better=True, canary_steps=2)
    story = Story(an_experiment(metrics=three_metrics(), plan=plan))
    for number in (0, 1):
        story.step(number)
        story.observe([measured(treatment=steps[number].weight_pct) for _ in range(4)])
    assert [stage.text for stage in ramp_chart(story.view()).stages] == ["canary"]
    story.step(2)
    story.observe([measured(treatment=50)])
    chart = ramp_chart(story.view())
    assert [stage.text for stage in chart.stages] == ["canary", "test"]
    assert [stage.at_s - chart.from_s for stage in chart.stages] == [0, 120]
    assert [stage_name(rung) for rung in story.view().ramp] == [" (canary)", " (canary)", " (test)"]


def test_the_split_is_drawn_with_its_tolerance() -> None:
    view = split_broken().view()
    row = view.split_check.rows[1]

    planned, seen = share_chart(view, row, 1).lines

    last = planned.samples[-1]
    assert (last.low, last.value, last.high) == pytest.approx((44.328, 49.254, 54.179), abs=0.01)
    assert seen.samples[-1].value == pytest.approx(37.5)


def test_a_difference_is_drawn_in_percentage_points_with_its_margin_on_the_axis() -> None:
    view = rolled_back().view()
    errors = view.metrics[0]
    assert errors.difference is not None

    chart = difference_chart(view, errors)

    assert chart.lines[0].samples[-1].value == pytest.approx(100 * errors.difference)
    assert len(chart.levels) == 2
    drawn = [each.value for each in chart.lines[0].samples] + [level.at for level in chart.levels]
    assert all(chart.axis.room.low < each < chart.axis.room.high for each in drawn)


def test_colours_are_the_page_s_own() -> None:
    view = rolled_back().view()
    text = draw(harm_chart(view), WIDE) + draw(ramp_chart(view), NARROW)

    assert re.findall(r"#[0-9a-fA-F]{3,8}\b", text) == []
    assert "var(--series-1)" in text


def test_names_in_a_chart_stay_text() -> None:
    chart = a_chart(changes=(Moment(at_s=60, text="<script>"),))

    assert "&lt;script&gt;" in draw(chart, WIDE)


@given(st.lists(st.tuples(st.floats(0, 3600), st.integers(1, 100)), max_size=12))
def test_shares_above_the_plot_never_lie_on_each_other(moves: list[tuple[float, int]]) -> None:
    changes = tuple(Moment(at_s=at_s, text=f"{pct} %") for at_s, pct in sorted(moves))
    chart = a_chart(changes=changes)

    placed = change_rows(chart, NARROW)

    assert len(placed) == len(moves)
    for (one, one_row), (other, other_row) in combinations(placed, 2):
        apart_px = abs(x_px(chart, NARROW, one.at_s) - x_px(chart, NARROW, other.at_s))
        assert one_row != other_row or apart_px > 40


@given(st.lists(st.floats(0.1, 10), min_size=1, max_size=4), st.sampled_from([WIDE, NARROW]))
def test_names_of_levels_never_lie_on_each_other(values: list[float], canvas: Canvas) -> None:
    levels = tuple(Level(at=value, name="x", colour="var(--ink)") for value in values)

    places = sorted(place for _, place in level_places(a_chart(levels=levels), canvas))

    assert all(after - before > LINE_PX - 0.1 for before, after in pairwise(places))


@given(st.floats(1e-6, 1e6), st.floats(1e-3, 1e6), st.integers(3, 9))
def test_ticks_are_few_even_and_inside(low: float, width: float, most: int) -> None:
    room = Range(low=low, high=low + width)

    ticks = even_ticks(room, most)

    assert len(ticks) <= most + 1
    assert all(room.low - width * 1e-6 <= tick.at <= room.high + width * 1e-6 for tick in ticks)
    steps = {round((b.at - a.at) / width, 6) for a, b in pairwise(ticks)}
    assert len(steps) <= 1


def test_ticks_of_ratios_keep_apart_and_one_always_stays() -> None:
    room = Range(low=0.7, high=2.5)
    axis = Axis(title="", room=room, ticks=(), log=True)

    ticks = ratio_ticks(room, apart=0.2)

    assert "1×" in [tick.label for tick in ticks]
    assert all(axis.share(b.at) - axis.share(a.at) >= 0.2 for a, b in pairwise(ticks))


@given(st.floats(1, 2e9), st.floats(1, 4e6), st.integers(2, 9))
def test_moments_on_an_axis_are_few_and_inside(from_s: float, span_s: float, most: int) -> None:
    ticks = time_ticks(from_s, from_s + span_s, most)

    assert len(ticks) <= most + 1
    assert all(from_s <= tick.at <= from_s + span_s for tick in ticks)


def test_moments_say_what_tells_them_apart() -> None:
    assert [tick.label for tick in time_ticks(0, 60, 2)] == ["00:00:00", "00:00:30", "00:01:00"]
    assert [tick.label for tick in time_ticks(0, 7200, 2)] == ["00:00", "01:00", "02:00"]
    assert time_ticks(0, 3 * 86400, 3)[1].label == "02 Jan"
