"""Effects by the values of dimensions, marked as confirmatory or exploratory. Pure."""

from dataclasses import dataclass

from analysis.product.result import Analysis, Effect, Standing
from analysis.report.product.rows import Row, row
from engine.core.product import Dimension
from engine.core.wording import product as wording
from engine.core.wording import product_method as method


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One metric and variant by the values of the dimension."""

    metric: str
    variant: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakdown:
    """One dimension."""

    dimension: str
    confirmatory: bool
    told: str
    parts: tuple[Part, ...]


def breakdowns(analysis: Analysis, *, trusted: bool) -> tuple[Breakdown, ...]:
    """The plan's dimensions with anything to show, confirmatory first; undeclared is exploratory."""
    declared = {each.column: each for each in analysis.plan.dimensions}
    seen = dict.fromkeys(each.slice.dimension for each in analysis.parts)
    for name in seen:
        declared.setdefault(name, Dimension(column=name, confirmatory=False))
    shown = sorted(
        (each for each in declared.values() if each.column in seen), key=lambda each: not each.confirmatory
    )
    return tuple(_breakdown(analysis, each, trusted=trusted) for each in shown)


def _breakdown(analysis: Analysis, dimension: Dimension, *, trusted: bool) -> Breakdown:
    mine = [each for each in analysis.parts if each.slice.dimension == dimension.column]
    pairs = dict.fromkeys((each.metric, each.variant) for each in mine)
    claims = tuple(_claim(each) for each in mine if each.claimed and trusted and _differs(each))
    return Breakdown(
        dimension=dimension.column,
        confirmatory=dimension.confirmatory,
        told=method.dimension_told(
            dimension.column,
            claims,
            confirmatory=dimension.confirmatory,
            values=len({each.slice.value for each in mine}),
        ),
        parts=tuple(
            Part(
                metric=metric,
                variant=variant,
                rows=tuple(
                    row(analysis, each, trusted=trusted, exploratory=not dimension.confirmatory)
                    for each in mine
                    if (each.metric, each.variant) == (metric, variant)
                ),
            )
            for metric, variant in pairs
        ),
    )


def _differs(effect: Effect) -> bool:
    return effect.standing in (Standing.BETTER, Standing.WORSE)


def _claim(effect: Effect) -> str:
    word = wording.STANDING_WORDS[effect.standing][1]
    return method.claim_told(effect.metric, effect.slice.value, effect.variant, word)
