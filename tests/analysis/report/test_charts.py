"""Charts are plain data: what is drawn, on which axes, and how series are told apart."""

import re
from collections.abc import Iterator
from datetime import datetime
from itertools import combinations, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.report.charts import (
    difference_chart,
    effect_chart,
    effect_range,
    evidence_chart,
    ramp_chart,
)
from analysis.report.history import Split
from analysis.report.marks import (
    NARROW,
    WIDE,
    Canvas,
    Frame,
    Level,
    Range,
    levels_beside,
    weight_changes,
)
from tests.analysis.report.scenario import observing, rolled_back


def layers(chart: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for layer in chart["layer"]:
        yield layer
        if "layer" in layer:
            yield from layers(layer)


def lines(chart: dict[str, Any]) -> dict[str, Any]:
    return next(layer for layer in layers(chart) if layer.get("mark", {}).get("type") == "line")


def test_every_series_differs_in_colour_dash_and_marker() -> None:
    chart = evidence_chart(rolled_back().view(), WIDE)
    line = lines(chart)["encoding"]
    ends = [each["mark"]["shape"] for each in layers(chart) if "shape" in each.get("mark", {})]

    assert line["color"]["scale"]["domain"] == ["whole run", "errors", "latency", "refunds"]
    assert len(set(line["color"]["scale"]["range"])) == 4
    assert len({tuple(dash) for dash in line["strokeDash"]["scale"]["range"]}) == 4
    assert len(set(ends)) == 4


def test_the_legend_shows_dashes() -> None:
    encoding = lines(evidence_chart(rolled_back().view(), WIDE))["encoding"]

    assert encoding["color"]["legend"] == encoding["strokeDash"]["legend"]
    assert encoding["strokeDash"]["legend"]["symbolType"] == "stroke"


def test_evidence_shows_the_threshold_of_this_experiment() -> None:
    chart = evidence_chart(rolled_back().view(), WIDE)
    rules = [
        each
        for each in layers(chart)
        if each.get("mark", {}).get("type") == "rule" and "y" in each["encoding"]
    ]

    assert [rule["encoding"]["y"]["datum"] for rule in rules] == pytest.approx([2.0])


def test_every_drawn_value_lies_on_its_axis() -> None:
    view = rolled_back().view()
    charts = [
        evidence_chart(view, WIDE),
        *(effect_chart(view, row, effect_range([row], view), WIDE) for row in view.metrics),
    ]
    for chart in charts:
        line = lines(chart)
        low, high = line["encoding"]["y"]["scale"]["domain"]
        values = line.get("data", chart.get("data"))["values"]
        drawn = [value[key] for value in values for key in ("y", "low", "high") if key in value]
        assert drawn
        assert all(low <= value <= high for value in drawn)


def test_ratios_share_one_axis() -> None:
    view = rolled_back().view()
    ratios = [row for row in view.metrics if row.measure != "share"]
    room = effect_range(ratios, view)

    domains = [
        lines(effect_chart(view, row, room, WIDE))["encoding"]["y"]["scale"]["domain"] for row in ratios
    ]

    assert len(ratios) == 2
    assert domains[0] == domains[1]


def test_the_ramp_shows_plan_and_fact() -> None:
    values = lines(ramp_chart(rolled_back().view(), WIDE))["data"]["values"]
    paths = {
        series: [value["y"] for value in values if value["series"] == series]
        for series in ("actual", "planned at the earliest")
    }

    assert paths == {"actual": [0, 5, 20, 0, 0], "planned at the earliest": [5, 20, 50, 100]}


def test_observe_mode_draws_what_would_be() -> None:
    values = lines(ramp_chart(observing().view(), WIDE))["data"]["values"]

    assert {value["series"] for value in values} == {"would be", "planned at the earliest"}


def test_colours_are_the_page_s_own() -> None:
    view = rolled_back().view()
    text = str([evidence_chart(view, WIDE), ramp_chart(view, WIDE)])

    assert re.findall(r"#[0-9a-fA-F]{3,8}\b", text) == []


def test_a_difference_is_drawn_in_percentage_points_with_its_margin_on_the_axis() -> None:
    view = rolled_back().view()
    errors = view.metrics[0]
    assert errors.difference is not None

    line = lines(chart := difference_chart(view, errors, WIDE))

    low, high = line["encoding"]["y"]["scale"]["domain"]
    assert chart["data"]["values"][-1]["y"] == pytest.approx(100 * errors.difference)
    levels = [each["encoding"]["y"]["datum"] for each in layers(chart) if "datum" in y_of(each)]
    assert len(levels) == 2
    drawn = [value["y"] for value in chart["data"]["values"]]
    assert all(low < each < high for each in (*drawn, *levels))


@given(st.lists(st.tuples(st.floats(0, 3600), st.integers(1, 100)), max_size=12))
def test_shares_above_the_plot_never_lie_on_each_other(moves: list[tuple[float, int]]) -> None:
    frame = Frame(canvas=NARROW, from_s=0, until_s=3600)
    path = [Split(at_s=at_s, weight_pct=pct, would=False) for at_s, pct in sorted(moves)]
    placed = [
        (seconds(value["t"]) * NARROW.width_px / 3600, layer["layer"][1]["encoding"]["y"]["value"])
        for layer in weight_changes(frame, path)
        for value in layer["data"]["values"]
    ]

    assert len(placed) == sum(a.weight_pct != b.weight_pct for a, b in pairwise(path))
    for (one_x, one_y), (other_x, other_y) in combinations(placed, 2):
        assert one_y != other_y or abs(one_x - other_x) > 40


@given(st.lists(st.floats(0.1, 10), min_size=1, max_size=4), st.sampled_from([WIDE, NARROW]))
def test_names_of_levels_never_lie_on_each_other(values: list[float], canvas: Canvas) -> None:
    levels = [Level(at=value, name="x", colour="var(--ink)") for value in values]
    drawn = levels_beside(levels, Range(low=0.1, high=10), canvas, log=True)
    places = sorted(each["layer"][1]["encoding"]["y"]["value"] for each in drawn)

    assert all(after - before > 14.9 for before, after in pairwise(places))


def y_of(layer: dict[str, Any]) -> dict[str, Any]:
    return layer.get("encoding", {}).get("y", {})


def seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()
