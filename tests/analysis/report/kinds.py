"""Event logs of runs whose metrics are no shares, and of latency that is slower in different ways."""

from engine.core.decision import DecisionKind, Rule
from engine.core.measure import (
    EventsReading,
    Histogram,
    HistogramReading,
    Moments,
    MomentsReading,
    Quotient,
    QuotientReading,
    Reading,
)
from engine.core.model import Bound, Metric, MetricKind, Role, Selector
from engine.core.target import ALL_TO_CONTROL
from tests.analysis.report.scenario import Story
from tests.builders import a_metric, an_experiment

CURVE_BOUNDS_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_BODY = (300, 300, 250, 100, 40, 10, 0)
_JITTER = (0, 2, -1, 1, -2, 3, -3, 1, 0, -1)
"""Deviations of windows from their mean, a fixed series."""


def value_metrics() -> tuple[Metric, ...]:
    """One of each kind that is no share."""
    return (
        a_metric(name="restarts", kind=MetricKind.COUNT, total=None, weight=0.25),
        a_metric(
            name="checkout_time",
            kind=MetricKind.MEAN,
            value_unit="s",
            tolerance=Bound(relative=0.05, absolute=0.01),
            margin=Bound(relative=None, absolute=0.02),
            weight=0.25,
        ),
        a_metric(
            name="response_size",
            kind=MetricKind.RATIO,
            value_unit="bytes",
            dispersion=None,
            margin=Bound(relative=0.1),
            weight=0.25,
        ),
        a_metric(
            name="cache_entries",
            kind=MetricKind.GAUGE,
            role=Role.OBJECTIVE,
            higher_is_better=True,
            bad=None,
            total=None,
            expression="cache_entries",
            dispersion=None,
            margin=Bound(relative=0.1),
            weight=0.25,
        ),
    )


def values(place: int, *, share: float, seconds: float = 0.12) -> dict[str, Reading]:
    """One window: 1,000 requests in all, with the treatment's mean `seconds` (control: 120 ms)."""
    jitter = _JITTER[place % len(_JITTER)]
    n_t = round(1_000 * share)
    n_c = 1_000 - n_t

    def moments(count: int, mean: float) -> Moments:
        return Moments(count=count, sum=count * mean, sum_sq=count * (mean**2 + 0.03**2))

    return {
        "restarts": EventsReading(control=4 + jitter % 3, treatment=jitter % 2, pods=(4, 1)),
        "checkout_time": MomentsReading(
            control=moments(n_c, 0.12 + jitter * 1e-3), treatment=moments(n_t, seconds)
        ),
        "response_size": QuotientReading(
            control=Quotient(numerator=n_c * (20_000.0 + 50 * jitter), denominator=n_c),
            treatment=Quotient(numerator=n_t * 20_100.0, denominator=n_t),
        ),
        "cache_entries": QuotientReading(
            control=Quotient(numerator=5_000.0 + 20 * jitter, denominator=1),
            treatment=Quotient(numerator=5_040.0 - 10 * jitter, denominator=1),
        ),
    }


def _of_values(seconds: float) -> Story:
    story = Story(an_experiment(metrics=value_metrics()))
    for number, step in enumerate(story.experiment.plan.steps[:2]):
        story.step(number)
        # The window in which weights change has none that are certain.
        story.observe([values(place, share=step.weight_pct / 100, seconds=seconds) for place in range(16)])
    return story


def other_kinds() -> Story:
    """Events, a mean, a ratio and a level, all as they should be, with one pod of the treatment."""
    return _of_values(seconds=0.12)


def slower_on_average() -> Story:
    """The same with a mean that is 60 ms higher."""
    story = _of_values(seconds=0.18)
    story.act(DecisionKind.ROLLBACK, Rule.HARM, ALL_TO_CONTROL, "Roll back: v2 is worse.")
    return story


def _of_latency(treatment: tuple[int, ...], windows: int = 12) -> Story:
    metric = a_metric(
        name="latency",
        kind=MetricKind.DISTRIBUTION,
        bad=None,
        total=None,
        buckets=Selector(name="seconds_bucket"),
        slo_s=0.5,
    )
    story = Story(an_experiment(metrics=(metric,)))
    reading = HistogramReading(
        control=Histogram(bounds_s=CURVE_BOUNDS_S, counts=_BODY),
        treatment=Histogram(bounds_s=CURVE_BOUNDS_S, counts=treatment),
        pods=(5, 5),
    )
    story.step(2)
    story.observe([{"latency": reading} for _ in range(windows)])
    return story


def slow_tail() -> Story:
    """A latency that is slower for two requests of a hundred."""
    return _of_latency((294, 294, 245, 98, 39, 10, 20))


def slow_body() -> Story:
    """A latency that is slower all over."""
    return _of_latency((240, 290, 280, 130, 48, 12, 0))
