"""Analyses for the tests of their report: one per answer, and those that a report breaks on most easily."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from analysis.product.result import (
    Analysis,
    Answer,
    Bayes,
    Effect,
    Fault,
    FaultKind,
    Forecast,
    Impact,
    Interval,
    Lack,
    Outcome,
    ProductRule,
    SplitFinding,
    Standing,
)
from analysis.product.totals import ALL, DAY, Counted, Slice
from engine.core.model import Bound, Role
from engine.core.product import (
    Aggregate,
    Dimension,
    Exclusion,
    Measure,
    Method,
    ProductMetric,
    ProductPlan,
    Share,
    Tables,
)

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


def counted(names: Sequence[str], **changed: object) -> Counted:
    """What was found in tables without faults."""
    found = Counted(
        exposures=15_210,
        repeated=120,
        events=98_412,
        duplicates=35,
        early=210,
        crossed=4,
        excluded=812,
        machines=0,
        unknown={},
        future=0,
        first_s=START.timestamp() + 60,
        last_s=AT_S - 3600,
        days={
            day(n): {name: 600 + 37 * (n % 3) - 11 * place for place, name in enumerate(names)}
            for n in range(DAYS)
        },
        events_by_day={day(n): 9_800 for n in range(DAYS)},
    )
    return replace(found, **changed)  # type: ignore[arg-type]


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


def ship() -> Analysis:
    """Better, and all guardrails hold."""
    return Analysis(
        plan=PLAN,
        at_s=AT_S,
        method=Method.ANYTIME,
        answer=Answer(
            outcome=Outcome.SHIP, rule=ProductRule.OBJECTIVE_BETTER, variant="short", metric="purchase"
        ),
        units={"control": 6_000, "short": 6_031},
        effects=whole(),
        parts=by_dimension(),
        days=by_day(),
        weekdays=by_weekday(),
        bayes=(
            Bayes(metric="purchase", variant="short", chance=0.998, loss=0.00002),
            Bayes(metric="revenue", variant="short", chance=0.84, loss=0.05),
        ),
        impacts=(
            Impact(
                metric="purchase",
                variant="short",
                per_day=14.4,
                interval=Interval(low=7.2, high=21.6),
                units_per_day=1_203.1,
            ),
            Impact(metric="revenue", variant="short", per_day=372.9, interval=None, units_per_day=1_203.1),
        ),
        splits=(split(), split(Slice(dimension="browser", value="safari"), {"control": 990, "short": 1_010})),
        faults=(),
        forecasts=(
            Forecast(metric="purchase", needed=5_800, units=6_000, days=0.0, at_s=AT_S),
            Forecast(metric="revenue", needed=9_300, units=6_000, days=5.5, at_s=AT_S + 5.5 * 86_400),
        ),
        counted=counted(("control", "short")),
        caps={"revenue": 412.0},
    )


def keep_control() -> Analysis:
    """A guardrail is worse than its margin."""
    one, two, _, four, five = whole()
    slow = effect("loading time", 1.42, 0.21, 0.06, Standing.WORSE, claimed=True)
    return replace(
        ship(),
        answer=Answer(
            outcome=Outcome.KEEP_CONTROL,
            rule=ProductRule.GUARDRAIL_WORSE,
            variant="short",
            metric="loading time",
        ),
        effects=(one, two, slow, four, five),
    )


def keep_running() -> Analysis:
    """Not enough evidence, with a fault that is worth a word."""
    return replace(
        ship(),
        answer=Answer(outcome=Outcome.KEEP_RUNNING, rule=ProductRule.NOT_YET),
        effects=whole(claimed=False),
        faults=(Fault(kind=FaultKind.DUPLICATES, grave=False, count=2_400, share=0.024),),
        forecasts=(
            Forecast(metric="purchase", needed=21_000, units=6_000, days=12.4, at_s=AT_S + 12.4 * 86_400),
            Forecast(metric="refunds", needed=9_000, units=6_000, days=None, at_s=None),
        ),
    )


def do_not_trust() -> Analysis:
    """Not split as planned in one browser only, though an objective looks better."""
    safari = Slice(dimension="browser", value="safari")
    return replace(
        ship(),
        answer=Answer(outcome=Outcome.DO_NOT_TRUST, rule=ProductRule.FAULT),
        splits=(split(), split(safari, {"control": 1_100, "short": 900}, alarm=True)),
        faults=(
            Fault(kind=FaultKind.SPLIT, grave=True, what="browser=safari", count=2_000, share=0.166),
            Fault(kind=FaultKind.MISSING_DAY, grave=True, what=f"{day(3)} short"),
            Fault(kind=FaultKind.OLD, grave=False),
        ),
    )


def no_data() -> Analysis:
    """Nobody was exposed."""
    return replace(
        ship(),
        answer=Answer(outcome=Outcome.KEEP_RUNNING, rule=ProductRule.NO_DATA),
        units={},
        effects=tuple(nothing(metric.name, units=0) for metric in PLAN.metrics),
        parts=(),
        days=(),
        weekdays=(),
        bayes=(),
        impacts=(),
        splits=(),
        forecasts=(),
        counted=Counted(
            exposures=0,
            repeated=0,
            events=0,
            duplicates=0,
            early=0,
            crossed=0,
            excluded=0,
            machines=0,
            unknown={},
            future=0,
            first_s=None,
            last_s=None,
            days={},
            events_by_day={},
        ),
        caps={},
    )


def three_variants() -> Analysis:
    """Two treatments, one of which lost."""
    shares = (
        Share(variant="control", share=0.5),
        Share(variant="short", share=0.25),
        Share(variant="long", share=0.25),
    )
    lost = effect("purchase", 0.12, -0.02, 0.008, Standing.WORSE, variant="long", claimed=True)
    return replace(
        ship(),
        plan=replace(PLAN, shares=shares),
        answer=Answer(
            outcome=Outcome.KEEP_RUNNING,
            rule=ProductRule.OBJECTIVE_WORSE,
            variant="long",
            metric="purchase",
        ),
        units={"control": 6_000, "short": 3_011, "long": 2_988},
        effects=(*whole(claimed=False), lost, *whole("long")[1:]),
        days=(*by_day(), *by_day("long")),
        splits=(
            SplitFinding(
                slice=ALL,
                units={"control": 6_000, "short": 3_011, "long": 2_988},
                planned={"control": 0.5, "short": 0.25, "long": 0.25},
                log_e=-2.1,
                p_value=0.95,
                alarm=False,
            ),
        ),
        counted=counted(("control", "short", "long")),
    )


def no_guardrails() -> Analysis:
    """No metric in a role, no planned end, one day only."""
    return replace(
        ship(),
        plan=replace(PLAN, metrics=(replace(PURCHASE, before_s=None),), dimensions=(), ends_s=None),
        effects=whole()[:1],
        parts=(),
        days=by_day()[:1],
        weekdays=(),
        bayes=(),
        impacts=(),
        forecasts=(),
        counted=counted(("control", "short"), days={day(0): {"control": 6_000, "short": 6_031}}),
    )


def named(name: str) -> Analysis:
    """Everything that somebody outside names is called so."""
    base = ship()
    metrics = tuple(
        replace(each, name=f"{name}{each.name}", measure=Measure(event=name), value_unit="")
        for each in PLAN.metrics
    )
    shares = (Share(variant="control", share=0.5), Share(variant=name, share=0.5))

    def called(effects: tuple[Effect, ...]) -> tuple[Effect, ...]:
        return tuple(
            replace(
                each,
                metric=f"{name}{each.metric}",
                variant=name,
                slice=each.slice
                if each.slice.dimension in ("", DAY, "@weekday")
                else Slice(dimension=f"{name}{each.slice.dimension}", value=name + each.slice.value),
            )
            for each in effects
        )

    return replace(
        base,
        plan=replace(
            PLAN,
            name=name,
            question=name,
            shares=shares,
            metrics=metrics,
            unit=name,
            dimensions=(Dimension(column=f"{name}browser"),),
            exclusions=(Exclusion(column=name, values=(name,)),),
            tables=Tables(warehouse=name, exposures=name, events=name, columns={}),
        ),
        answer=replace(base.answer, variant=name, metric=f"{name}purchase"),
        units={"control": 6_000, name: 6_031},
        effects=called(base.effects),
        parts=called(base.parts),
        days=called(base.days),
        weekdays=called(base.weekdays),
        bayes=tuple(replace(each, metric=f"{name}{each.metric}", variant=name) for each in base.bayes),
        impacts=tuple(replace(each, metric=f"{name}{each.metric}", variant=name) for each in base.impacts),
        forecasts=tuple(replace(each, metric=f"{name}{each.metric}") for each in base.forecasts),
        splits=(
            SplitFinding(
                slice=Slice(dimension=name, value=name),
                units={"control": 6_000, name: 6_031},
                planned={"control": 0.5, name: 0.5},
                log_e=9.0,
                p_value=0.1,
                alarm=True,
            ),
        ),
        faults=(Fault(kind=FaultKind.UNKNOWN_VARIANT, grave=False, what=name, count=3, share=0.0001),),
        counted=counted(("control", name), unknown={name: 3}),
        caps={},
    )


def long_names() -> Analysis:
    """Names as long as nobody should make them."""
    return named(LONG)


SAMPLES: Mapping[str, Callable[[], Analysis]] = {
    "ship": ship,
    "keep_control": keep_control,
    "keep_running": keep_running,
    "do_not_trust": do_not_trust,
    "no_data": no_data,
    "three_variants": three_variants,
    "no_guardrails": no_guardrails,
    "long_names": long_names,
}
