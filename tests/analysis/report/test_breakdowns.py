"""Parts of metrics in the report: below the whole, named where they are worse, and nowhere else."""

import json
from dataclasses import replace

import pytest

from analysis.report.document import from_json, to_json
from analysis.report.html import to_html
from analysis.report.markdown import to_markdown
from analysis.report.view import build_view
from engine.core.model import Matcher
from engine.core.verdict import VerdictKind
from tests.analysis.report.scenario import SPEC, Story, broken_down, measured, rolled_back, three_metrics
from tests.analysis.report.test_forms import text_of
from tests.builders import an_experiment

ROUTES = ["/pay", "/cart", "/<b>old</b>"]


def test_a_breakdown_has_a_part_per_value_and_says_which_are_worse() -> None:
    (breakdown,) = broken_down().view().breakdowns
    assert (breakdown.metric, breakdown.declared, breakdown.variant) == ("errors", "errors", "v2")
    assert breakdown.label == "route"
    assert [part.value for part in breakdown.parts] == ROUTES
    assert [part.discovered for part in breakdown.parts] == [True, False, False]
    assert [part.row.verdict for part in breakdown.parts] == [
        VerdictKind.HARMFUL,
        VerdictKind.UNDECIDED,
        VerdictKind.NO_DATA,
    ]
    assert breakdown.parts[2].log10_e_harm == 0.0
    assert "/pay: 1 of 3 values" in breakdown.told


def test_metrics_points_gaps_and_costs_are_of_whole_metrics() -> None:
    view = broken_down().view()
    names = [row.metric for row in view.metrics]
    assert names == ["errors", "latency", "refunds"]
    assert all([each.metric for each in point.metrics] == names for point in view.points)
    assert view.health.gaps == ()
    assert view.exposure.metric == "errors"


def test_the_rest_of_the_report_is_as_without_parts() -> None:
    story = broken_down()
    whole = story.experiment.without_parts()
    without = build_view(whole, SPEC, story.run, story.events, now_s=story.now_s, version="1.2.3")
    view = story.view()
    assert without.breakdowns == ()
    assert (view.metrics, view.points, view.headline) == (without.metrics, without.points, without.headline)
    assert (view.summary, view.latencies, view.arms) == (without.summary, without.latencies, without.arms)


@pytest.mark.parametrize("form", [text_of, to_markdown, to_html])
def test_every_form_for_people_tells_of_each_value(form: object) -> None:
    assert callable(form)
    told = form(broken_down().view())
    assert "worse here" in told
    assert "not shown to be worse" in told
    assert "/cart" in told
    assert "closed e-BH" in told
    assert "BREAKDOWN" not in text_of(rolled_back().view())


def test_a_value_brings_no_markup() -> None:
    view = broken_down().view()
    assert "<b>old" not in to_html(view)
    assert "&lt;b&gt;old" in to_html(view)
    assert "<b>old" not in to_markdown(view)


def test_json_has_them_and_comes_back() -> None:
    view = broken_down().view()
    text = to_json(view)
    (plain,) = json.loads(text)["breakdowns"]
    assert [part["discovered"] for part in plain["parts"]] == [True, False, False]
    assert from_json(text) == view


def test_parts_have_no_curves() -> None:
    slow = [
        replace(
            metric,
            name=f"latency ({value})",
            family="latency",
            segment=Matcher(label="p", op="=", value=value),
        )
        for value in ("a", "b")
        for metric in three_metrics()[1:2]
    ]
    story = Story(an_experiment(metrics=(*three_metrics(), *slow)))
    story.step(1)
    whole = measured(treatment=20)
    story.observe([{**whole, **{each.name: whole["latency"] for each in slow}}])
    view = story.view()
    assert [row.metric for row in view.latencies] == ["latency"]
    assert [part.row.windows for part in view.breakdowns[0].parts] == [1, 1]
