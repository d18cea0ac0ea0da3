"""Which columns a window file has for each kind of metric, and what their cells must be. Values only."""

from collections.abc import Mapping
from dataclasses import dataclass

from analysis.window_files.errors import WrongBucketsError, WrongRowError, WrongValueError, WrongWeightError
from engine.core.model import Experiment, MetricKind
from engine.core.plan import Stage

NEEDED: Mapping[MetricKind, tuple[str, ...]] = {
    MetricKind.PROPORTION: ("bad", "total"),
    MetricKind.THRESHOLD: ("bad", "total"),
    MetricKind.COUNT: ("count",),
    MetricKind.MEAN: ("sum", "count"),
    MetricKind.DISTRIBUTION: ("le", "count"),
    MetricKind.RATIO: ("numerator", "denominator"),
    MetricKind.GAUGE: ("value",),
}
"""Without a value in each of these, a variant has no measurement in a window."""

OPTIONAL: Mapping[MetricKind, tuple[str, ...]] = {MetricKind.MEAN: ("sum_sq",)}
"""May be absent or empty, which means unknown."""

WEIGHT = "weight"

_COUNTS: Mapping[MetricKind, tuple[str, ...]] = {
    MetricKind.PROPORTION: ("bad", "total"),
    MetricKind.THRESHOLD: ("bad", "total"),
    MetricKind.COUNT: ("count",),
    MetricKind.MEAN: ("count",),
    MetricKind.DISTRIBUTION: ("count",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What a file for one experiment may hold.

    Attributes:
        kinds: per declared metric its kind.
        variants: control, then the treatments in the experiment's order.
    """

    kinds: Mapping[str, MetricKind]
    variants: tuple[str, ...]

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the declared metrics, in order; a row's metric is an index into it."""
        return tuple(self.kinds)

    @property
    def values(self) -> tuple[str, ...]:
        """Every column of numbers that a metric needs or may have."""
        return tuple(dict.fromkeys(name for kind in self.kinds.values() for name in columns_of(kind)))


def layout_of(experiment: Experiment) -> Layout:
    """The layout of files for this experiment; what probes measure is in no file."""
    kinds = {
        metric.measure or metric.name: metric.kind
        for metric in experiment.metrics
        if metric.stage is not Stage.PREVIEW
    }
    return Layout(kinds=kinds, variants=(experiment.control, *experiment.treatments))


def columns_of(kind: MetricKind) -> tuple[str, ...]:
    """Needed and optional columns of a kind.

    >>> columns_of(MetricKind.MEAN)
    ('sum', 'count', 'sum_sq')
    """
    return NEEDED[kind] + OPTIONAL.get(kind, ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What must not be in one row.

    Attributes:
        column: whose cell is shown with the fault.
        wrong: SQL that is true of a wrong row; empty cells are NULL in it, and those that are no finite
            number infinite or NaN (an unreadable `le` -infinity or NaN).
        right: what would be right.
        error: what to raise.
    """

    column: str
    wrong: str
    right: str
    error: type[WrongRowError] = WrongValueError


def checks_of(kind: MetricKind, found: tuple[str, ...]) -> tuple[Check, ...]:
    """What must not be in a row of a metric of this kind, the gravest first.

    Args:
        kind: the metric's.
        found: columns that the file has; no other is in the SQL.
    """
    numbers = [name for name in columns_of(kind) if name in found and name != "le"]
    checks = [
        Check(column=name, wrong=f'NOT isfinite("{name}")', right="expected a number") for name in numbers
    ]
    checks += [
        Check(
            column=name,
            wrong=f'"{name}" < 0 OR "{name}" <> trunc("{name}")',
            right="expected a whole number, 0 or more",
        )
        for name in _COUNTS.get(kind, ())
    ]
    checks += [
        Check(column=name, wrong=f'abs("{name}") > {limit!r}', right=f"expected at most {said}")
        for name in numbers
        for limit, said in (_MOST if name in _COUNTS.get(kind, ()) else _FARTHEST.get(name, _FAR),)
    ]
    match kind:
        case MetricKind.PROPORTION | MetricKind.THRESHOLD:
            checks.append(Check(column="bad", wrong='"bad" > "total"', right="expected no more than total"))
        case MetricKind.MEAN if "sum_sq" in found:
            checks.append(_SQUARES)
        case MetricKind.RATIO:
            checks.append(Check(column="denominator", wrong='"denominator" < 0', right="expected 0 or more"))
        case MetricKind.DISTRIBUTION:
            checks += _BOUNDS
    return tuple(checks)


def weight_checks() -> tuple[Check, ...]:
    """What must not be in a row's weight."""
    return (
        Check(
            column=WEIGHT,
            wrong='NOT isfinite("weight") OR "weight" < 0 OR "weight" > 100',
            right="expected the treatment's percent of all traffic, 0 to 100",
            error=WrongWeightError,
        ),
    )


_MOST = (2.0**53, "2^53; above it no count is told from the next")
_FAR = (1e100, "1e100")
_FARTHEST: Mapping[str, tuple[float, str]] = {"sum_sq": (1e200, "1e200")}
"""Sums of squares of anything smaller are still numbers."""
_SQUARES = Check(
    column="sum_sq",
    # Cauchy and Schwarz: no values have a smaller sum of squares; the slack is for rounding.
    wrong='"sum_sq" * "count" < "sum" * "sum" * (1 - 1e-9)',
    right="expected the sum of the squared values, which is at least sum² / count",
)
_BOUNDS = (
    Check(
        column="le",
        wrong='"le" = \'-inf\'::DOUBLE OR isnan("le")',
        right='expected a bound as Prometheus writes it ("0.5", "1e+06", "+Inf")',
        error=WrongBucketsError,
    ),
    Check(
        column="le",
        wrong='"le" IS NULL AND "count" IS NOT NULL',
        right="expected the bound of the bucket that count is of",
        error=WrongBucketsError,
    ),
)
