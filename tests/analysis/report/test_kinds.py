"""Metrics that are no shares: every number with its unit, in every form."""

import io
import json
from dataclasses import replace

import pytest

from analysis.report import words
from analysis.report.document import canonical_json, from_json, to_json
from analysis.report.forest import forest
from analysis.report.html import to_html
from analysis.report.latency import buckets_of
from analysis.report.markdown import to_markdown
from analysis.report.rows import MetricRow
from analysis.report.slim import slimmed
from analysis.report.table_csv import to_csv
from analysis.report.terminal import print_report
from analysis.report.view import ReportView
from engine.core.events import Observed
from engine.core.measure import Histogram, HistogramReading
from engine.core.standing import Standing
from tests.analysis.report.kinds import other_kinds, slow_body, slow_tail, slower_on_average, value_metrics
from tests.analysis.report.scenario import Story
from tests.builders import an_experiment


def row_of(view: ReportView, name: str) -> MetricRow:
    return next(row for row in view.metrics if row.metric == name)


def forms(view: ReportView) -> list[str]:
    stream = io.StringIO()
    print_report(view, stream)
    return [stream.getvalue(), to_html(view), to_markdown(view).replace("\\", "")]


def test_every_form_tells_values_in_their_unit():
    for text in forms(slower_on_average().view()):
        assert "180 ms" in text
        assert "+59.8 ms" in text
        assert "tolerance the larger of 1.05× and +10 ms" in text
        assert "20.1 kB" in text
        assert "5.66 a window" in text


def test_no_value_is_told_as_a_share():
    for row in slower_on_average().view().metrics:
        told = (words.share(row, row.treatment), words.difference(row), words.difference_interval(row))
        assert not any("%" in each or "pp" in each for each in (*told, words.held_against(row)))


def test_every_form_says_that_one_pod_cannot_tell():
    for text in forms(other_kinds().view()):
        assert "One pod in an arm: a bad node cannot be told from a bad release." in text


def test_every_form_says_how_the_dispersion_is_known():
    for text in forms(other_kinds().view()):
        assert "calibrated; dispersion 1.00, as declared" in text
        assert "as estimated in this run" in text
        assert "rampwise calibrate" in text


def test_limits_are_in_the_metrics_unit_and_on_the_worse_side():
    view = other_kinds().view()
    mean, level = row_of(view, "checkout_time"), row_of(view, "cache_entries")
    assert mean.control.rate is not None
    assert mean.margin_rate == pytest.approx(mean.control.rate + 0.02)
    assert level.control.rate is not None
    assert level.margin_rate == pytest.approx(level.control.rate / 1.1)


def test_a_difference_that_is_no_share_may_be_larger_than_one():
    row = row_of(other_kinds().view(), "restarts")
    assert row.difference_high is not None
    assert row.difference_high > 1.0


def test_only_differences_in_percentage_points_share_an_axis():
    shown = forest(other_kinds().view())
    assert shown.points_axis is None
    assert all(row.own_axis is not None for group in shown.groups for row in group.rows)
    assert all(row.own_axis is None for group in forest(slow_tail().view()).groups for row in group.rows)


def test_events_that_a_release_caused_are_counted_and_values_are_not():
    view = other_kinds().view()
    assert row_of(view, "restarts").extra is not None
    assert row_of(view, "checkout_time").extra is None


def test_values_tell_how_many_were_served_and_no_bad_ones():
    (served,) = other_kinds().view().exposures
    assert served.treatment is not None
    assert (served.metric, served.treatment.total, served.treatment.bad) == ("checkout_time", 4_000, None)


def test_where_no_metric_counts_trials_nobody_is_said_to_be_served():
    metrics = tuple(replace(each, weight=1 / 3) for each in value_metrics() if each.name != "checkout_time")
    story = Story(an_experiment(metrics=metrics))
    story.step(0)
    for text in forms(story.view()):
        assert "unknown: no metric counts requests" in text


def test_the_table_has_sums_and_their_unit():
    lines = to_csv(slower_on_average().view()).splitlines()
    total = next(line for line in lines if ",total,checkout_time," in line and ",treatment,v2," in line)
    names = lines[0].split(",")
    cells = dict(zip(names, total.split(","), strict=True))
    assert (cells["trials"], cells["value_unit"]) == ("4000", "s")
    assert float(cells["counted_share"]) == pytest.approx(0.18)
    assert float(cells["counted_trials"]) == pytest.approx(720)


@pytest.mark.parametrize("story", [other_kinds, slower_on_average, slow_tail])
def test_a_frozen_report_of_any_kind_reads_the_same_again(story):
    view = story().view()
    again = from_json(to_json(view))
    assert canonical_json(again) == canonical_json(view)
    assert forms(again) == forms(view)


def test_a_tail_and_a_slower_body_are_told_apart():
    (tail,), (body,) = slow_tail().view().latencies, slow_body().view().latencies
    assert tail.told.startswith("A slow tail of about 2 %")
    assert body.told.startswith("The whole body is slower")


def test_curves_and_quantiles_are_in_every_form():
    for text in forms(slow_tail().view()):
        assert "above 2.5 s" in text
        assert "such a wide bucket cannot tell more" in text
    page = to_html(slow_tail().view())
    assert "share of trials slower than each bucket bound" in page
    latencies = json.loads(to_json(slow_tail().view()))["latencies"]
    assert [each["share"] for each in latencies[0]["treatment"]["above"]][-1] == pytest.approx(0.02)


def test_shares_above_bounds_lie_within_their_intervals():
    (row,) = slow_body().view().latencies
    for place in (*row.control.above, *row.treatment.above):
        assert place.low <= place.share <= place.high


def noted(story: Story) -> Story:
    """As the engine writes it: with what the evidence stood at."""
    standing = Standing(log_e_harm=0.0, metrics=(), splits=())
    story.events = [
        replace(each, payload=replace(each.payload, standing=standing))
        if isinstance(each.payload, Observed)
        else each
        for each in story.events
    ]
    return story


def test_slimmed_events_keep_pods_and_other_readings():
    for story in (noted(slow_tail()), noted(other_kinds())):
        slim = list(slimmed(story.experiment, story.events))
        for before, after in zip(story.events, slim, strict=True):
            if isinstance(before.payload, Observed):
                assert isinstance(after.payload, Observed)
                for whole, less in zip(before.payload.observations, after.payload.observations, strict=True):
                    for name, reading in whole.readings.items():
                        kept = less.readings[name]
                        assert kept.pods == reading.pods
                        assert isinstance(reading, HistogramReading) or kept == reading


def test_bucket_totals_add_up_page_by_page_and_leave_warm_up_out():
    story = slow_tail()
    once = buckets_of(story.experiment, story.events)
    by_page = buckets_of(story.experiment, story.events[3:], buckets_of(story.experiment, story.events[:3]))
    assert once == by_page
    assert sum(once["latency"].control) == 12_000
    story.observe([story.events[-1].payload.observations[0].readings], warm_up=True)
    assert buckets_of(story.experiment, story.events) == once


def test_a_window_with_other_buckets_is_in_no_curve():
    story = slow_tail()
    once = buckets_of(story.experiment, story.events)
    other = Histogram(bounds_s=(1.0,), counts=(5, 5))
    story.observe([{"latency": HistogramReading(control=other, treatment=other)}])
    assert buckets_of(story.experiment, story.events) == once
