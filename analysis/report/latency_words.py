"""Latency curves and quantiles as text, the same for every form of the report. Pure."""

from collections.abc import Iterator

from analysis.report.latency import Above, Curve, LatencyRow
from analysis.stats.quantiles import Quantile
from engine.core import wording
from engine.core.numbers import percent


def told(row: LatencyRow) -> str:
    """How the treatment is slower, and what the buckets cannot tell."""
    return " ".join(each for each in (row.told, row.caution) if each)


def quantiles(row: LatencyRow) -> Iterator[tuple[str, str, str]]:
    """Name, control and treatment of each quantile."""
    for control, treatment in zip(row.control.quantiles, row.treatment.quantiles, strict=True):
        yield f"p{100 * control.level:g}", _quantile(control), _quantile(treatment)


def counted(curve: Curve) -> str:
    """How many trials a curve is of."""
    return f"{wording.whole(curve.trials)} trials"


def above(place: Above) -> str:
    """A share above a bound with what is likely."""
    return f"{percent(place.share)} (likely {percent(place.low)} to {percent(place.high)})"


def _quantile(each: Quantile) -> str:
    """The bucket that holds it, and where it is likely to be."""
    inside = wording.between(each.above_s, each.upto_s)
    return f"{inside} (likely {wording.between(each.low_s, each.high_s)})"
