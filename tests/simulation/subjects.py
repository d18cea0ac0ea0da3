"""One metric of every kind, with what is fine, what is at its margin, what is worse and what is good.

Everything at its tolerance is exactly at it, and everything at its margin exactly at that.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from engine.core.model import Bound, MetricKind
from tests.builders import a_metric
from tests.simulation import kinds
from tests.simulation.kinds import NONE, Harm
from tests.simulation.watching import Subject

_LIMIT = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A subject and its releases.

    Attributes:
        fine: no harm, at the tolerance exactly. margin: worse by exactly the margin.
        worse: should be rolled back. good: should be promoted.
        says: all of it in words.
    """

    subject: Subject
    fine: Harm
    margin: Harm
    worse: Harm
    good: Harm
    says: str


ERRORS = Subject(
    metric=a_metric(tolerance=Bound(relative=0.0), margin=Bound(relative=0.5)),
    draw=kinds.proportion(0.01),
    windows=600,
)

LATENCY = Subject(
    metric=a_metric(
        kind=MetricKind.DISTRIBUTION,
        tolerance=Bound(relative=0.0),
        margin=Bound(relative=0.2, absolute=0.005),
        slo_s=0.5,
    ),
    draw=kinds.latency,
    per_window=(50, 450),
    windows=300,
    bounds=len(kinds.BUCKETS_S),
)


def _values(kind: MetricKind, draw: kinds.Draw, windows: int, **changes: object) -> Subject:
    settings = {"tolerance": Bound(relative=0.0), "margin": Bound(relative=0.1), **changes}
    return Subject(metric=a_metric(kind=kind, **settings), draw=draw, per_window=(50, 450), windows=windows)


CASES: Mapping[str, Case] = {
    "proportion, rare": Case(
        subject=ERRORS,
        fine=NONE,
        margin=Harm(ratio=1.5),
        worse=Harm(ratio=1.5),
        good=NONE,
        says="1 % bad; tolerance 1.0 ×, margin 1.5 ×; worse is 1.5 ×, good is equal",
    ),
    "proportion, tolerance above 1": Case(
        subject=Subject(
            metric=a_metric(tolerance=Bound(relative=0.2), margin=Bound(relative=1.0)),
            draw=kinds.proportion(0.02),
            windows=400,
        ),
        fine=Harm(ratio=1.2),
        margin=Harm(ratio=2.0),
        worse=Harm(ratio=2.0),
        good=NONE,
        says="2 % bad; tolerance 1.2 × (and exactly there), margin 2 ×; worse is 2 ×, good is equal",
    ),
    "proportion, absolute margin": Case(
        subject=Subject(
            metric=a_metric(tolerance=Bound(absolute=0.001), margin=Bound(absolute=0.002), effect=1.0),
            draw=kinds.proportion(0.002),
            per_window=(200, 1_800),
            windows=500,
        ),
        fine=Harm(gap=0.001),
        margin=Harm(gap=0.002),
        worse=Harm(gap=0.004),
        good=NONE,
        says="0.2 % bad; tolerance +0.1 pp (and exactly there), margin +0.2 pp; worse is +0.4 pp",
    ),
    "proportion, common": Case(
        subject=Subject(
            metric=a_metric(tolerance=Bound(relative=0.0), margin=Bound(relative=0.5)),
            draw=kinds.common(0.2),
            per_window=(50, 150),
            windows=150,
        ),
        fine=NONE,
        margin=Harm(ratio=1.5),
        worse=Harm(ratio=1.5),
        good=NONE,
        says="20 % bad, in odds; tolerance 1.0 ×, margin 1.5 ×; worse is 1.5 ×, good is equal",
    ),
    "proportion, higher is better": Case(
        subject=Subject(
            metric=a_metric(tolerance=Bound(relative=0.0), margin=Bound(relative=0.5), higher_is_better=True),
            draw=kinds.proportion(0.03),
            per_window=(100, 100),
            windows=500,
        ),
        fine=NONE,
        margin=Harm(ratio=1 / 1.5),
        worse=Harm(ratio=1 / 1.5),
        good=NONE,
        says="3 % buy, half of the traffic each; tolerance 1.0 ×, margin 1.5 ×; worse is 1/1.5",
    ),
    "count": Case(
        subject=Subject(
            metric=a_metric(kind=MetricKind.COUNT, tolerance=Bound(relative=0.1), margin=Bound(relative=0.5)),
            draw=kinds.count(0.01),
            windows=600,
        ),
        fine=Harm(ratio=1.1),
        margin=Harm(ratio=1.5),
        worse=Harm(ratio=1.5),
        good=NONE,
        says="10 events a window; tolerance 1.1 × (and exactly there), margin 1.5 ×; worse is 1.5 ×",
    ),
    "mean": Case(
        subject=_values(MetricKind.MEAN, kinds.mean(*kinds.durations()), 300),
        fine=NONE,
        margin=Harm(ratio=1.1),
        worse=Harm(ratio=1.1),
        good=NONE,
        says="durations, coefficient of variation 0.8; tolerance 1.0 ×, margin 1.1 ×; worse is 1.1 ×",
    ),
    "mean, squares unknown": Case(
        subject=_values(
            MetricKind.MEAN,
            kinds.mean(*kinds.durations(), squares=False),
            300,
            tolerance=Bound(relative=0.05),
            margin=Bound(relative=0.2),
        ),
        fine=Harm(ratio=1.05),
        margin=Harm(ratio=1.2),
        worse=Harm(ratio=1.2),
        good=NONE,
        says="the same values; tolerance 1.05 × (and exactly there), margin 1.2 ×; worse is 1.2 ×",
    ),
    "mean, heavy tail": Case(
        subject=_values(
            MetricKind.MEAN,
            kinds.mean(*kinds.revenue()),
            400,
            margin=Bound(relative=0.3),
            higher_is_better=True,
        ),
        fine=NONE,
        margin=Harm(ratio=1 / 1.3),
        worse=Harm(ratio=1 / 1.3),
        good=NONE,
        says="revenue per user, nine of ten pay nothing; tolerance 1.0 ×, margin 1.3 ×; worse is 1/1.3",
    ),
    "ratio": Case(
        subject=_values(MetricKind.RATIO, kinds.ratio, 300),
        fine=NONE,
        margin=Harm(ratio=1.1),
        worse=Harm(ratio=1.1),
        good=NONE,
        says="exponential amounts per item; tolerance 1.0 ×, margin 1.1 ×; worse is 1.1 ×",
    ),
    "gauge": Case(
        subject=_values(MetricKind.GAUGE, kinds.gauge, 300),
        fine=NONE,
        margin=Harm(ratio=1.1),
        worse=Harm(ratio=1.1),
        good=NONE,
        says="a level with 10 % noise in the treatment; tolerance 1.0 ×, margin 1.1 ×; worse is 1.1 ×",
    ),
    "distribution": Case(
        subject=LATENCY,
        fine=NONE,
        margin=Harm(beyond=(1.2, 0.005)),
        worse=Harm(ratio=1.1),
        good=NONE,
        says="log-normal latency, median 100 ms, default buckets; margin 1.2 × and +0.5 pp of the share over "
        "500 ms; worse is everything 10 % slower",
    ),
    "threshold": Case(
        subject=Subject(
            metric=a_metric(kind=MetricKind.THRESHOLD, limit=_LIMIT),
            draw=kinds.threshold(_LIMIT),
            per_window=(50, 450),
            windows=400,
        ),
        fine=NONE,
        margin=NONE,
        worse=Harm(ratio=1.5),
        good=Harm(ratio=0.5),
        says="the treatment against a limit of 5 % (exactly there); worse is 1.5 times its odds, good half",
    ),
}
"""By name: every kind of metric, in its variations."""
