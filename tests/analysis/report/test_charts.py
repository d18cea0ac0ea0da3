"""Charts are plain data: what is drawn, on which axes, and how series are told apart."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from analysis.report.charts import effect_chart, effect_range, evidence_chart, ramp_chart
from tests.analysis.report.scenario import observing, rolled_back


def layers(chart: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for layer in chart["layer"]:
        yield layer
        if "layer" in layer:
            yield from layers(layer)


def lines(chart: dict[str, Any]) -> dict[str, Any]:
    return next(layer for layer in layers(chart) if layer.get("mark", {}).get("type") == "line")


def test_every_series_differs_in_colour_dash_and_marker() -> None:
    chart = evidence_chart(rolled_back().view())
    line = lines(chart)["encoding"]
    ends = next(each for each in layers(chart) if each.get("mark", {}).get("type") == "point")["encoding"]

    assert line["color"]["scale"]["domain"] == ["whole run", "errors", "latency", "refunds"]
    assert len(set(line["color"]["scale"]["range"])) == 4
    assert len({tuple(dash) for dash in line["strokeDash"]["scale"]["range"]}) == 4
    assert len(set(ends["shape"]["scale"]["range"])) == 4


def test_evidence_shows_the_threshold_of_this_experiment() -> None:
    chart = evidence_chart(rolled_back().view())
    rules = [
        each
        for each in layers(chart)
        if each.get("mark", {}).get("type") == "rule" and "y" in each["encoding"]
    ]

    assert [rule["encoding"]["y"]["datum"] for rule in rules] == pytest.approx([2.0])


def test_every_drawn_value_lies_on_its_axis() -> None:
    view = rolled_back().view()
    charts = [
        evidence_chart(view),
        *(effect_chart(view, row, effect_range([row], view)) for row in view.metrics),
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

    domains = [lines(effect_chart(view, row, room))["encoding"]["y"]["scale"]["domain"] for row in ratios]

    assert len(ratios) == 2
    assert domains[0] == domains[1]


def test_the_ramp_shows_plan_and_fact() -> None:
    values = lines(ramp_chart(rolled_back().view()))["data"]["values"]
    paths = {
        series: [value["y"] for value in values if value["series"] == series]
        for series in ("actual", "planned at the earliest")
    }

    assert paths == {"actual": [0, 5, 20, 0, 0], "planned at the earliest": [5, 20, 50, 100]}


def test_observe_mode_draws_what_would_be() -> None:
    values = lines(ramp_chart(observing().view()))["data"]["values"]

    assert {value["series"] for value in values} == {"would be", "planned at the earliest"}


def test_colours_are_the_page_s_own() -> None:
    view = rolled_back().view()
    text = str([evidence_chart(view), ramp_chart(view)])

    assert re.findall(r"#[0-9a-fA-F]{3,8}\b", text) == []
