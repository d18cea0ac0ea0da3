"""Latency of both arms at the end: shares above each bucket bound, quantiles, and how they differ. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import accumulate
from math import log

from analysis.stats.interval import share_interval
from analysis.stats.quantiles import Quantile, quantile
from analysis.stats.shape import Paired, Shape, slowness
from engine.core import wording
from engine.core.events import Event, Observed
from engine.core.measure import HistogramReading, Observation
from engine.core.model import Experiment, Metric, MetricKind
from engine.core.plan import Stage
from engine.core.verdict import Finding, Verdict

LEVELS = (0.5, 0.95, 0.99)
_WATCHED = 0.95
"""The quantile that is looked at for whether its bucket can tell much."""
_WIDE = 1.5
"""A bucket that ends at more times its beginning cannot tell a change that matters."""
_LOG_TELLING = log(20.0)
"""Log e-value of harm from which it is said how the treatment is slower."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Buckets:
    """Trials per bucket of both arms over the windows that counted, and the same paired within windows."""

    bounds_s: tuple[float, ...]
    control: tuple[int, ...]
    treatment: tuple[int, ...]
    paired: Paired


@dataclass(frozen=True, slots=True, kw_only=True)
class Above:
    """Share of trials slower than a bucket bound, with its confidence sequence."""

    bound_s: float
    share: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One arm's distribution. All intervals take it as unchanging over the run, each with error `alpha`."""

    variant: str
    trials: int
    above: tuple[Above, ...]
    quantiles: tuple[Quantile, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyRow:
    """A latency metric of one treatment.

    Attributes:
        told: how the treatment is slower, in a sentence. caution: what the buckets cannot tell, or empty.
    """

    metric: str
    alpha: float
    control: Curve
    treatment: Curve
    told: str
    caution: str


def buckets_of(
    experiment: Experiment, events: Iterable[Event], before: Mapping[str, Buckets] | None = None
) -> dict[str, Buckets]:
    """Totals per latency metric after more events; takes whole histograms."""
    totals = dict(before or {})
    metrics = [each for each in experiment.metrics if _has_curve(each)]
    for event in events:
        if isinstance(event.payload, Observed):
            for observation in event.payload.observations:
                _add(totals, metrics, observation)
    return totals


def latency_rows(
    experiment: Experiment, verdict: Verdict, totals: Mapping[str, Buckets]
) -> tuple[LatencyRow, ...]:
    """All latency metrics of which something was counted, in the experiment's order."""
    return tuple(
        _row(experiment, metric, verdict.finding(metric.name), totals[metric.name])
        for metric in experiment.metrics
        if metric.name in totals
    )


def _has_curve(metric: Metric) -> bool:
    return metric.kind is MetricKind.DISTRIBUTION and metric.stage is Stage.SPLIT and not metric.family


def _add(totals: dict[str, Buckets], metrics: Iterable[Metric], observation: Observation) -> None:
    """Only windows that are evidence: of the metric's stage, after warm-up, with trials in both arms."""
    if observation.warm_up or observation.stage is not Stage.SPLIT:
        return
    for metric in metrics:
        reading = observation.readings.get(metric.name)
        if isinstance(reading, HistogramReading) and reading.control.total and reading.treatment.total:
            known = totals.get(metric.name) or _empty(reading)
            if known.bounds_s == reading.control.bounds_s == reading.treatment.bounds_s:
                totals[metric.name] = _with_window(known, reading)


def _empty(reading: HistogramReading) -> Buckets:
    size = len(reading.control.counts)
    paired = Paired(control=(0.0,) * size, treatment=(0.0,) * size, weight=0.0)
    nothing = (0,) * size
    return Buckets(bounds_s=reading.control.bounds_s, control=nothing, treatment=nothing, paired=paired)


def _with_window(known: Buckets, reading: HistogramReading) -> Buckets:
    control, treatment = reading.control.counts, reading.treatment.counts
    return replace(
        known,
        control=tuple(map(sum, zip(known.control, control, strict=True))),
        treatment=tuple(map(sum, zip(known.treatment, treatment, strict=True))),
        paired=known.paired.with_window(control, treatment),
    )


def _row(experiment: Experiment, metric: Metric, finding: Finding, totals: Buckets) -> LatencyRow:
    treatment = experiment.treatments[metric.treatment_index]
    dispersion, alpha = finding.dispersion or 1.0, finding.effect.alpha

    def curve(variant: str, counts: tuple[int, ...]) -> Curve:
        return _curve(variant, totals.bounds_s, counts, alpha=alpha, dispersion=dispersion)

    row = LatencyRow(
        metric=metric.name,
        alpha=alpha,
        control=curve(experiment.control, totals.control),
        treatment=curve(treatment, totals.treatment),
        told=_told(metric, finding, totals),
        caution="",
    )
    return replace(row, caution=_caution(row))


def _curve(
    variant: str, bounds_s: tuple[float, ...], counts: tuple[int, ...], *, alpha: float, dispersion: float
) -> Curve:
    total = sum(counts)
    return Curve(
        variant=variant,
        trials=total,
        above=tuple(
            _above(bound_s, total - up_to, total, alpha=alpha, dispersion=dispersion)
            for bound_s, up_to in zip(bounds_s, accumulate(counts[:-1]), strict=True)
        ),
        quantiles=tuple(
            quantile(bounds_s, counts, level, alpha=alpha, dispersion=dispersion) for level in LEVELS
        ),
    )


def _above(bound_s: float, bad: int, total: int, *, alpha: float, dispersion: float) -> Above:
    """Dispersed counts have the weight of as many fewer trials, rounded down, and at least one."""
    trials = max(1, int(total / dispersion))
    low, high = share_interval(min(trials, round(bad / dispersion)), trials, alpha)
    return Above(bound_s=bound_s, share=bad / total, low=low, high=high)


def _told(metric: Metric, finding: Finding, totals: Buckets) -> str:
    """Said only where there is evidence of harm: shapes of chance are no news."""
    if metric.higher_is_better:
        return ""
    found = slowness(totals.paired)
    if found is None or not totals.bounds_s or finding.log_e_harm_max < _LOG_TELLING:
        return wording.not_slower()
    told = wording.slow_tail if found.shape is Shape.TAIL else wording.slower_body
    return told(
        bound_s=totals.bounds_s[found.bound],
        control=found.control,
        treatment=found.treatment,
        wins=found.wins,
    )


def _caution(row: LatencyRow) -> str:
    """Whether the bucket of the treatment's p95 is too wide to tell much."""
    watched = next(each for each in row.treatment.quantiles if each.level == _WATCHED)
    if watched.upto_s is not None and watched.above_s and watched.upto_s <= _WIDE * watched.above_s:
        return ""
    return wording.wide_bucket(watched.level, watched.above_s, watched.upto_s)
