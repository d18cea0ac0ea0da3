"""Analyses for the tests of their report: one per answer, and those that a report breaks on most easily."""

from collections.abc import Callable, Mapping
from dataclasses import replace

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
    Outcome,
    ProductRule,
    SplitFinding,
    Standing,
)
from analysis.product.totals import ALL, DAY, Slice
from engine.core.product import Dimension, Exclusion, Measure, Method, Share, Tables
from tests.analysis.product.counting import NOTHING
from tests.analysis.report.product.parts import (
    AT_S,
    LONG,
    PLAN,
    PURCHASE,
    by_day,
    by_dimension,
    by_weekday,
    day,
    effect,
    found,
    nothing,
    split,
    whole,
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
        counted=found(("control", "short")),
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
        counted=NOTHING,
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
        counted=found(("control", "short", "long")),
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
        counted=found(("control", "short"), days={day(0): {"control": 6_000, "short": 6_031}}),
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
        counted=found(("control", name), unknown={name: 3}),
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
