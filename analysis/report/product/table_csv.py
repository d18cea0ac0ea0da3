"""A product experiment's effects as CSV (RFC 4180): a row per metric, variant and part. Empty is unknown.

Below them a row for each count of what was found in the tables and left out of them.
"""

from collections.abc import Iterator, Mapping

from analysis.product.result import Analysis, Effect, Interval
from analysis.product.young import over
from analysis.report.product.answers import outcome_of
from analysis.report.product.ordered import ordered
from analysis.report.table_csv import Cell, table_text
from analysis.report.words import iso
from engine.core.wording.product_faults import COUNTED_TITLES

COLUMNS = (
    "experiment",
    "look_utc",
    "outcome",
    "row",
    "dimension",
    "value",
    "metric",
    "role",
    "aggregate",
    "value_unit",
    "control_variant",
    "variant",
    "control_units",
    "variant_units",
    "control_mean",
    "variant_mean",
    "difference",
    "difference_low",
    "difference_high",
    "relative_difference",
    "relative_low",
    "relative_high",
    "standard_error",
    "evidence_ln",
    "p_value",
    "claimed",
    "standing",
    "reason",
    "over",
    "count",
)
"""What each of them is stands in docs/reference/product-report.md."""


def table_csv(analysis: Analysis) -> str:
    """The text with a line of column names; lines end with CR LF."""
    return table_text(COLUMNS, _rows(ordered(analysis, analysis.plan)))


def _rows(analysis: Analysis) -> Iterator[dict[str, Cell]]:
    kinds = (
        ("all", analysis.effects),
        ("dimension", analysis.parts),
        ("day", analysis.days),
        ("weekday", analysis.weekdays),
    )
    for kind, effects in kinds:
        for effect in effects:
            yield _row(analysis, kind, effect)
    for name in COUNTED_TITLES:
        for value, count in _counts(getattr(analysis.counted, name)):
            yield {**_top(analysis, "found"), "dimension": name, "value": value, "count": count}


def _counts(found: int | Mapping[str, int]) -> Iterator[tuple[str, int]]:
    """A count with no name of its own, or one per variant, metric or event."""
    yield from found.items() if isinstance(found, Mapping) else (("", found),)


def _top(analysis: Analysis, kind: str) -> dict[str, Cell]:
    return {
        "experiment": analysis.plan.name,
        "look_utc": iso(analysis.at_s),
        "outcome": outcome_of(analysis),
        "row": kind,
    }


def _row(analysis: Analysis, kind: str, effect: Effect) -> dict[str, Cell]:
    metric = analysis.plan.metric(effect.metric)
    low, high = _ends(effect.interval)
    relative_low, relative_high = _ends(effect.relative_interval)
    own = kind in ("day", "weekday")
    return {
        **_top(analysis, kind),
        "dimension": "" if own else effect.slice.dimension,
        "value": effect.slice.value,
        "metric": metric.name,
        "role": metric.role,
        "aggregate": metric.aggregate,
        "value_unit": metric.value_unit,
        "control_variant": analysis.plan.control,
        "variant": effect.variant,
        "control_units": effect.units_control,
        "variant_units": effect.units_treatment,
        "control_mean": effect.control,
        "variant_mean": effect.treatment,
        "difference": effect.difference,
        "difference_low": low,
        "difference_high": high,
        "relative_difference": effect.relative,
        "relative_low": relative_low,
        "relative_high": relative_high,
        "standard_error": effect.standard_error,
        "evidence_ln": effect.evidence,
        "p_value": effect.p_value,
        "claimed": "yes" if effect.claimed else "no",
        "standing": effect.standing,
        "reason": effect.reason,
        "over": _over(analysis, effect) if kind == "day" else "",
    }


def _over(analysis: Analysis, effect: Effect) -> str:
    """Empty where no day is ever over."""
    done = over(analysis.plan.metric(effect.metric), effect.slice.value, analysis.at_s)
    return "" if done is None else "yes" if done else "no"


def _ends(interval: Interval | None) -> tuple[float | None, float | None]:
    return (None, None) if interval is None else (interval.low, interval.high)
