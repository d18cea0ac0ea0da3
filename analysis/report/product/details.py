"""What is behind one row of the metric table: numbers, adjustment, Bayesian view, effect by day. Pure."""

from dataclasses import dataclass

from analysis.product.rates import began
from analysis.product.result import Analysis, Bayes, Effect
from analysis.report.figures import Figure
from analysis.report.product.course import Course
from analysis.report.product.effect_charts import day_figure, weekday_figure
from analysis.report.product.rows import Row, effects_of, row
from analysis.report.words import e_value
from engine.core.product import ProductMetric
from engine.core.wording import product as wording
from engine.core.wording import product_method as method

_LN10 = 2.302585092994046


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """One comparison in full; `told` are sentences, `bayes` stands apart under its warning."""

    id: str
    title: str
    row: Row
    numbers: tuple[tuple[str, str], ...]
    told: tuple[str, ...]
    bayes: str
    figures: tuple[Figure, ...]


def details(analysis: Analysis, course: Course | None, *, trusted: bool) -> tuple[Detail, ...]:
    """One per row of the metric table, in its order; `course` marks charts where the test began."""
    return tuple(_detail(analysis, each, course, trusted=trusted) for each in analysis.effects)


def _detail(analysis: Analysis, effect: Effect, course: Course | None, *, trusted: bool) -> Detail:
    each = row(analysis, effect, trusted=trusted)
    metric = analysis.plan.metric(effect.metric)
    told = (
        f"{metric.name}: {each.measured}; {each.sense}.",
        method.cuped_told(metric, effect.reduction),
        method.cap_told(metric, analysis.caps.get(metric.name), analysis.plan.unit),
        wording.lack(effect.reason).capitalize() + "." if effect.reason else "",
    )
    return Detail(
        id=each.id,
        title=f"{each.metric}: {each.variant} against {analysis.plan.control}",
        row=each,
        numbers=_numbers(analysis, effect, each),
        told=tuple(sentence for sentence in told if sentence),
        bayes=_bayes(analysis, metric, effect) if trusted else "",
        figures=_figures(analysis, effect, each.id, course, trusted=trusted),
    )


def _numbers(analysis: Analysis, effect: Effect, each: Row) -> tuple[tuple[str, str], ...]:
    metric = analysis.plan.metric(effect.metric)
    error = wording.gap(metric, effect.standard_error).removeprefix("+")
    p_value = "none" if effect.p_value is None else f"{effect.p_value:.3g}"
    pairs = [
        (analysis.plan.control, f"{each.control}, of {each.control_units}"),
        (each.variant, f"{each.treatment}, of {each.treatment_units}"),
        ("Difference", _with(each.difference, each.within)),
        ("Relative difference", _with(each.relative or "no data", each.relative_within)),
        ("Standard error", error if effect.standard_error is not None else "none"),
        ("e-value against no difference", _evidence(effect.evidence)),
        ("p-value", p_value),
        ("e-value for staying within the margin", _evidence(effect.evidence_not_worse)),
        ("Claimed", "yes" if effect.claimed else "no"),
    ]
    return tuple((name, text) for name, text in pairs if text)


def _evidence(log_e: float | None) -> str:
    return "" if log_e is None else e_value(log_e / _LN10)


def _with(size: str, within: str) -> str:
    return f"{size}, {within}" if within else size


def _bayes(analysis: Analysis, metric: ProductMetric, effect: Effect) -> str:
    found = _found(analysis.bayes, effect)
    if found is None:
        return ""
    loss = wording.gap(metric, found.loss).removeprefix("+")
    return method.bayes_told(metric, variant=found.variant, chance=found.chance, loss=loss)


def _found(views: tuple[Bayes, ...], effect: Effect) -> Bayes | None:
    mine = (each for each in views if (each.metric, each.variant) == (effect.metric, effect.variant))
    return next(mine, None)


def _figures(
    analysis: Analysis, effect: Effect, name: str, course: Course | None, *, trusted: bool
) -> tuple[Figure, ...]:
    start = began(analysis.counted) or ""
    mine = effects_of(analysis.days, effect.metric, effect.variant)
    days = tuple(each for each in mine if each.slice.value >= start)
    weekdays = effects_of(analysis.weekdays, effect.metric, effect.variant)
    made = []
    if days:
        made.append(day_figure(analysis, name, days, course, trusted=trusted))
    if weekdays:
        made.append(weekday_figure(analysis, name, weekdays, trusted=trusted))
    return tuple(made)
