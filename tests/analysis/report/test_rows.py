"""Rows of the metric table: limits and costs the right way round, and the method box's yearly rate."""

from dataclasses import replace

import pytest

from analysis.report import costs
from analysis.report.method import DAY_S, Releases, design
from analysis.report.rows import Extra, MetricRow
from analysis.report.view import ReportView
from engine.core.model import Bound
from tests.analysis.report.scenario import better_of_two, preview_failed, rolled_back, settled
from tests.builders import a_metric, a_verdict, an_experiment


def row(view: ReportView, metric: str) -> MetricRow:
    return next(each for each in view.metrics if each.metric == metric)


def test_limits_lie_above_control_or_below_it_where_higher_is_better() -> None:
    errors = row(rolled_back().view(), "errors")
    conversion = row(better_of_two().view(), "conversion@v3")

    assert (errors.tolerance_rate, errors.margin_rate) == pytest.approx((0.0105, 0.015))
    assert conversion.tolerance_rate == pytest.approx(0.1 / 1.05)
    assert conversion.margin_rate == pytest.approx(0.1 / 1.1)


def test_an_absolute_limit_never_falls_below_nothing() -> None:
    story = better_of_two()
    wide = [replace(each, margin=Bound(absolute=0.5)) for each in story.experiment.metrics]
    story.experiment = replace(story.experiment, metrics=tuple(wide))

    assert row(story.view(), "conversion@v3").margin_rate == 0


def test_the_interval_of_a_difference_holds_its_estimate() -> None:
    errors = row(rolled_back().view(), "errors")
    low, at, high = errors.difference_low, errors.difference, errors.difference_high

    assert low is not None
    assert at is not None
    assert high is not None
    assert 0 < low < at < high


@pytest.mark.parametrize(
    ("extra", "higher", "told"),
    [
        (Extra(estimate=54.2, low=37.0, high=62.0), False, "54 more bad requests|likely +37 to +62"),
        (Extra(estimate=-15.0, low=-26.0, high=None), False, "15 fewer bad requests|at least −26"),
        (
            Extra(estimate=-800.0, low=-1035.0, high=-559.0),
            True,
            "800 more bad requests|likely +559 to +1,035",
        ),
        (Extra(estimate=20.0, low=None, high=231.0), True, "20 fewer bad requests|at least −231"),
        (Extra(estimate=0.0, low=None, high=None), False, "0 more bad requests|not bounded yet"),
    ],
)
def test_costs_say_more_or_fewer_of_what_is_counted(extra: Extra, higher: bool, told: str) -> None:
    errors = replace(row(rolled_back().view(), "errors"), extra=extra, higher_is_better=higher)

    first, ends = told.split("|")
    assert costs.cost(errors) == f"{first} than at the rate of control ({ends})"


def test_probes_harm_nobody() -> None:
    assert costs.costs(preview_failed().view()) == ()
    assert {each.metric for each in costs.costs(settled().view())} == {"http_errors", "http_errors@settle"}


def test_a_preview_that_failed_served_nobody() -> None:
    assert not preview_failed().view().exposure.given
    assert settled().view().exposure.given


def test_exposure_counts_the_bridge_and_the_time_after_the_switch() -> None:
    exposure = settled().view().exposure

    assert exposure.treatment is not None
    assert exposure.treatment.total == 12 * 1_000 + 8 * 2_000


def test_every_treatment_s_exposure_is_its_own() -> None:
    exposures = better_of_two().view().exposures

    assert [each.variant for each in exposures] == ["v2", "v3"]
    assert [each.treatment.total for each in exposures if each.treatment] == [20_000, 20_000]


def test_metrics_of_another_stage_leave_no_gaps() -> None:
    assert settled().view().health.gaps == ()


@pytest.mark.parametrize(
    ("releases", "told"),
    [
        (None, "of 100 harmless ones, at most 1 are"),
        (Releases(seen=9, span_s=3 * DAY_S), "of 100 harmless ones, at most 1 are"),
        (Releases(seen=73, span_s=73 * DAY_S), "At 365 releases a year (73 seen on this target in 73 days)"),
    ],
)
def test_false_rollbacks_a_year_need_some_weeks_of_releases(releases: Releases | None, told: str) -> None:
    box = design(an_experiment(metrics=(a_metric(),)), a_verdict(), releases)

    assert told in box.false_rollbacks
