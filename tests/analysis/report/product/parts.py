"""What analyses for the tests of their report are made of: a plan, effects, counts, a split, a course."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from analysis.product.result import (
    Effect,
    Interval,
    Lack,
    SplitFinding,
    Standing,
)
from analysis.product.totals import ALL, DAY, Counted, Slice
from analysis.report.product.course import Course, CourseEnd, CourseStage, CourseStep
from engine.core.model import Bound, Role
from engine.core.product import (
    Aggregate,
    Dimension,
    Exclusion,
    Measure,
    ProductMetric,
    ProductPlan,
    Share,
    Tables,
)
from engine.core.run import Phase
from tests.analysis.product.counting import counted

START = datetime(2026, 3, 2, tzinfo=UTC)
DAYS = 10
AT_S = (START + timedelta(days=DAYS, hours=3)).timestamp()
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
TURNED = "\u202e\u05e9\u05dc\u05d5\u05dd 12 %\x1b[2J\u0007"
LONG = "the_share_of_visitors_who_finish_the_checkout_" * 4

PURCHASE = ProductMetric(
    name="purchase",
    aggregate=Aggregate.CONVERSION,
    measure=Measure(event="order"),
    role=Role.OBJECTIVE,
    margin=Bound(),
    within_s=7 * 86_400.0,
    before_s=14 * 86_400.0,
)
REVENUE = ProductMetric(
    name="revenue",
    aggregate=Aggregate.SUM,
    measure=Measure(event="order", value="amount"),
    role=Role.OBJECTIVE,
    margin=Bound(),
    winsorize=0.999,
    value_unit="EUR",
)
LOADING = ProductMetric(
    name="loading time",
    aggregate=Aggregate.QUANTILE,
    measure=Measure(event="page", value="load_s"),
    role=Role.GUARDRAIL,
    margin=Bound(relative=0.05),
    quantile=0.95,
    higher_is_better=False,
    value_unit="s",
)
REFUNDS = ProductMetric(
    name="refunds",
    aggregate=Aggregate.RATIO,
    measure=Measure(event="refund"),
    per=Measure(event="order"),
    role=Role.GUARDRAIL,
    margin=Bound(absolute=0.01),
    higher_is_better=False,
)
VISITS = ProductMetric(
    name="visits",
    aggregate=Aggregate.COUNT,
    measure=Measure(event="visit"),
    role=Role.QUALITY,
    margin=Bound(),
)

PLAN = ProductPlan(
    name="short-checkout",
    question="Does a checkout on one page bring more orders?",
    shares=(Share(variant="control", share=0.5), Share(variant="short", share=0.5)),
    tables=Tables(warehouse="data", columns={}),
    metrics=(PURCHASE, REVENUE, LOADING, REFUNDS, VISITS),
    dimensions=(Dimension(column="browser"), Dimension(column="country", confirmatory=False)),
    exclusions=(Exclusion(column="kind", values=("bot", "tester")),),
    starts_s=START.timestamp(),
    ends_s=(START + timedelta(days=14)).timestamp(),
)


def effect(
    metric: str,
    control: float,
    difference: float,
    half: float,
    standing: Standing,
    *,
    variant: str = "short",
    part: Slice = ALL,
    units: int = 6_000,
    claimed: bool = False,
) -> Effect:
    """One comparison with an interval of this half width."""
    return Effect(
        metric=metric,
        variant=variant,
        slice=part,
        units_control=units,
        units_treatment=units + 31,
        control=control,
        treatment=control + difference,
        difference=difference,
        relative=difference / control,
        standard_error=half / 2.8,
        interval=Interval(low=difference - half, high=difference + half),
        relative_interval=Interval(low=(difference - half) / control, high=(difference + half) / control),
        evidence=(difference / half * 2) ** 2 / 2,
        p_value=0.0123,
        claimed=claimed,
        standing=standing,
        reduction=0.38 if metric == "purchase" else 0.0,
    )


def nothing(metric: str, *, variant: str = "short", part: Slice = ALL, units: int = 1) -> Effect:
    """A comparison of too few units."""
    return Effect(
        metric=metric,
        variant=variant,
        slice=part,
        units_control=units,
        units_treatment=0,
        control=None,
        treatment=None,
        reason=Lack.UNITS,
    )


def whole(variant: str = "short", lift: float = 0.012, *, claimed: bool = True) -> tuple[Effect, ...]:
    """All metrics of one variant."""
    first = Standing.BETTER if claimed else Standing.UNCLEAR
    half = 0.006 if claimed else 0.02
    return (
        effect("purchase", 0.12, lift, half, first, variant=variant, claimed=claimed),
        effect("revenue", 8.4, 0.31, 0.62, Standing.UNCLEAR, variant=variant),
        effect("loading time", 1.42, 0.011, 0.03, Standing.NOT_WORSE, variant=variant, claimed=True),
        effect("refunds", 0.031, -0.001, 0.004, Standing.NOT_WORSE, variant=variant, claimed=True),
        effect("visits", 3.2, 0.2, 0.15, Standing.BETTER, variant=variant),
    )


def day(number: int) -> str:
    """An ISO day of the experiment."""
    return (START + timedelta(days=number)).date().isoformat()


def by_day(variant: str = "short") -> tuple[Effect, ...]:
    """Purchases by the day of the first exposure, with one day of too few."""
    return (
        *(
            effect(
                "purchase",
                0.12,
                0.03 - 0.002 * n,
                0.03,
                Standing.UNCLEAR,
                variant=variant,
                part=Slice(dimension=DAY, value=day(n)),
                units=600,
            )
            for n in range(DAYS - 1)
        ),
        nothing("purchase", variant=variant, part=Slice(dimension=DAY, value=day(DAYS - 1))),
    )


def by_weekday() -> tuple[Effect, ...]:
    """Purchases by day of the week."""
    return tuple(
        effect(
            "purchase",
            0.12,
            0.01 + 0.001 * n,
            0.02,
            Standing.UNCLEAR,
            part=Slice(dimension="@weekday", value=f"{n}"),
            units=900,
        )
        for n in range(1, 8)
    )


def by_dimension() -> tuple[Effect, ...]:
    """Purchases and revenue by browser (confirmatory) and country (exploratory)."""
    browsers, countries = ("chrome", "safari", "other"), ("de", "fr")
    return (
        *(
            effect(
                "purchase",
                0.12,
                0.02 if value == "chrome" else 0.004,
                0.015,
                Standing.BETTER if value == "chrome" else Standing.UNCLEAR,
                part=Slice(dimension="browser", value=value),
                units=2_000,
                claimed=value == "chrome",
            )
            for value in browsers
        ),
        nothing("revenue", part=Slice(dimension="browser", value="other")),
        *(
            effect(
                "purchase",
                0.11,
                -0.02 if value == "fr" else 0.02,
                0.018,
                Standing.WORSE if value == "fr" else Standing.BETTER,
                part=Slice(dimension="country", value=value),
                units=2_500,
            )
            for value in countries
        ),
    )


def found(names: Sequence[str], **changed: Any) -> Counted:
    """What was found in tables without faults."""
    control, *others = names
    plain = {
        "exposures": 15_210,
        "repeated": 120,
        "events": 98_412,
        "duplicates": 35,
        "early": 210,
        "early_units": {control: 52, **dict.fromkeys(others, 49)},
        "crossed": 4,
        "excluded": 812,
        "before_start": 17,
        "machines": dict.fromkeys(names, 0),
        "incomplete": 3,
        "valueless": {"revenue": 6, "loading time": 0},
        "first_s": START.timestamp() + 60,
        "last_s": AT_S - 3600,
        "days": {
            day(n): {name: 600 + 37 * (n % 3) - 11 * place for place, name in enumerate(names)}
            for n in range(DAYS)
        },
        "events_by_day": {day(n): 9_800 for n in range(DAYS)},
        "events_by_name": {"order": 5_312, "page": 41_020, "refund": 160, "visit": 51_920},
    }
    return counted(**plain | changed)


def split(part: Slice = ALL, units: Mapping[str, int] | None = None, *, alarm: bool = False) -> SplitFinding:
    """The split in one part."""
    return SplitFinding(
        slice=part,
        units=units or {"control": 6_000, "short": 6_031},
        planned={"control": 0.5, "short": 0.5},
        log_e=12.4 if alarm else -1.9,
        p_value=1e-7 if alarm else 0.78,
        alarm=alarm,
    )


def course(names: Sequence[str] = ("control", "short"), phase: Phase | None = Phase.PROMOTED) -> Course:
    """A canary of two rungs, the test, and by default an end after the look's last full day."""
    control, *others = names

    def step(hours: float, stage: CourseStage, weight_pct: int) -> CourseStep:
        each = weight_pct // len(others)
        shares = {control: 100 - each * len(others), **dict.fromkeys(others, each)}
        return CourseStep(at_s=START.timestamp() + 3600 * hours, stage=stage, weights_pct=shares)

    ended = CourseEnd(
        at_s=AT_S - 7_200,
        phase=phase or Phase.PROMOTED,
        variant=others[0],
        reason="purchase is better",
        by="ann@laptop",
    )
    return Course(
        run_id="7f3a",
        strategy="ab",
        steps=(
            step(0, CourseStage.CANARY, 4),
            step(6, CourseStage.CANARY, 20),
            step(50, CourseStage.TEST, 50),
        ),
        ended=None if phase is None else ended,
    )
