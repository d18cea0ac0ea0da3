"""The answer in sentences: headline, what it rests on, what to do next, and what it means per day. Pure."""

from collections.abc import Iterator

from analysis.product.looks import due_s, next_look_s, planned_s
from analysis.product.result import Analysis, Effect, Outcome, ProductRule, Standing
from analysis.report.product.health import grave_head, grave_mend, grave_told
from analysis.report.product.rows import within
from engine.core.model import Role
from engine.core.numbers import clock_time
from engine.core.wording import product as wording
from engine.core.wording import product_method as method
from engine.core.wording import product_timing as timing

DAY_S = 86_400.0
_HARMLESS = (Standing.BETTER, Standing.NOT_WORSE)


def trusted(analysis: Analysis) -> bool:
    """Whether the results may be read at all."""
    answered = analysis.answer.outcome is not Outcome.DO_NOT_TRUST
    return answered and not any(fault.grave for fault in analysis.faults)


def headline(analysis: Analysis) -> str:
    """The answer in a sentence; a grave fault stands in its place."""
    outcome, rule = _said(analysis)
    return wording.headline(
        outcome,
        rule,
        variant=analysis.answer.variant,
        metric=analysis.answer.metric,
        control=analysis.plan.control,
        fault=grave_head(analysis) or "something grave is wrong",
    )


def outcome_of(analysis: Analysis) -> Outcome:
    """The answer's, unless a grave fault forbids it."""
    return _said(analysis)[0]


def why(analysis: Analysis) -> tuple[str, ...]:
    """What the answer rests on, with sizes and limits, and by which rule it was given."""
    _, rule = _said(analysis)
    if not trusted(analysis):
        return (*grave_told(analysis), wording.rule_told(rule))
    guarded = any(metric.role is Role.GUARDRAIL for metric in analysis.plan.metrics)
    return (*_reasons(analysis), wording.rule_told(rule, guarded=guarded))


def next_step(analysis: Analysis) -> str:
    """What to do now."""
    if not trusted(analysis):
        return grave_mend(analysis)
    outcome, rule = _said(analysis)
    return wording.next_step(
        outcome,
        rule,
        variant=analysis.answer.variant,
        metric=analysis.answer.metric,
        control=analysis.plan.control,
        unit=analysis.plan.unit,
        pace=_pace(analysis),
        look=_look(analysis),
    )


def impacts(analysis: Analysis) -> tuple[str, ...]:
    """What each effect means per day with everybody on the variant; nothing while results are not trusted."""
    if not trusted(analysis):
        return ()
    return tuple(
        method.impact_told(
            analysis.plan.metric(each.metric),
            variant=each.variant,
            per_day=each.per_day,
            low=None if each.interval is None else each.interval.low,
            high=None if each.interval is None else each.interval.high,
            units=each.units_per_day,
            unit=analysis.plan.unit,
        )
        for each in analysis.impacts
    )


def objectives_fact(analysis: Analysis) -> tuple[str, ...]:
    """Every objective with direction and size."""
    return tuple(effect_told(analysis, each) for each in _of_role(analysis, Role.OBJECTIVE))


def guardrails_fact(analysis: Analysis) -> tuple[str, ...]:
    """How many guardrails hold, variant by variant where there are several."""
    names = analysis.plan.treatments
    told = (_guardrails_told(analysis, name) for name in names)
    return tuple(
        f"{name}: {text}" if len(names) > 1 else text for name, text in zip(names, told, strict=True)
    )


def units_fact(analysis: Analysis) -> str:
    """How many units there are."""
    whole = sum(analysis.units.values())
    each = ", ".join(f"{name} {units:,}" for name, units in analysis.units.items())
    return f"{whole:,} {analysis.plan.unit}s" + (f": {each}" if whole else "")


def ending(analysis: Analysis) -> tuple[str, ...]:
    """The planned end, and what is missing until then."""
    ends_s, left = analysis.plan.ends_s, _left_days(analysis)
    return (
        timing.end_told(None if ends_s is None else clock_time(ends_s), left, _due(analysis)),
        *(
            timing.forecast_told(
                analysis.plan.metric(each.metric),
                mde=analysis.plan.mde,
                needed=each.needed,
                units=each.units,
                days=each.days,
                on="" if each.at_s is None else clock_time(each.at_s)[:10],
                unit=analysis.plan.unit,
                left_days=left,
            )
            for each in analysis.forecasts
        ),
    )


def effect_told(analysis: Analysis, effect: Effect) -> str:
    """One comparison in a sentence."""
    metric = analysis.plan.metric(effect.metric)
    if effect.difference is None:
        return wording.too_few_told(metric, variant=effect.variant, reason=effect.reason)
    between = effect.interval
    if between is not None and effect.standing is Standing.UNCLEAR and metric.role is Role.OBJECTIVE:
        return wording.could_be(
            metric,
            variant=effect.variant,
            low=wording.gap(metric, between.low),
            high=wording.gap(metric, between.high),
        )
    return wording.effect_told(
        metric,
        variant=effect.variant,
        control=analysis.plan.control,
        difference=effect.difference,
        relatively=effect.relative,
        within=within(metric, between),
    )


def _said(analysis: Analysis) -> tuple[Outcome, ProductRule]:
    if not trusted(analysis):
        return Outcome.DO_NOT_TRUST, ProductRule.FAULT
    return analysis.answer.outcome, analysis.answer.rule


def _reasons(analysis: Analysis) -> Iterator[str]:
    answer = analysis.answer
    if answer.rule is ProductRule.NO_DATA:
        return
    deciding = [each for each in analysis.effects if _decides(analysis, each)]
    yield from (effect_told(analysis, each) for each in deciding)
    if answer.outcome is Outcome.SHIP:
        yield _guardrails_told(analysis, answer.variant)


def _guardrails_told(analysis: Analysis, variant: str) -> str:
    mine = [each for each in _of_role(analysis, Role.GUARDRAIL) if each.variant == variant]
    return wording.guardrails_told(sum(each.standing in _HARMLESS for each in mine), len(mine))


def _decides(analysis: Analysis, effect: Effect) -> bool:
    """The comparison that decided; where none did, all objectives."""
    answer = analysis.answer
    if answer.metric:
        return (effect.metric, effect.variant) == (answer.metric, answer.variant)
    return analysis.plan.metric(effect.metric).role is Role.OBJECTIVE


def _of_role(analysis: Analysis, role: Role) -> list[Effect]:
    return [each for each in analysis.effects if analysis.plan.metric(each.metric).role is role]


def _pace(analysis: Analysis) -> str:
    """How long what decides takes, else the slowest; empty where that is not known, or there is enough."""
    asked = [each for each in analysis.forecasts if each.metric == analysis.answer.metric]
    missing = [each for each in asked or analysis.forecasts if each.units < each.needed]
    if not missing or any(each.days is None for each in missing):
        return ""
    slowest = max(missing, key=lambda each: each.days or 0.0)
    return timing.pace_told(slowest.metric, slowest.days or 0.0, _left_days(analysis))


def _left_days(analysis: Analysis) -> float | None:
    """Until the planned end; None where none is planned, or it is over."""
    ends_s, at_s = analysis.plan.ends_s, analysis.at_s
    return None if ends_s is None or ends_s <= at_s else (ends_s - at_s) / DAY_S


def _due(analysis: Analysis) -> str | None:
    """When a method that waits for it may decide at last, where that is not at the planned end."""
    last_s = due_s(analysis.plan)
    return None if last_s is None or last_s == analysis.plan.ends_s else clock_time(last_s)


def _look(analysis: Analysis) -> str:
    next_s = next_look_s(analysis.plan, analysis.at_s)
    planned = planned_s(analysis.plan)
    return timing.look_told(
        None if next_s is None else clock_time(next_s), last=bool(planned) and next_s == planned[-1]
    )
