"""Which pods each arm's series come from, where their labels tell, and what each of them counted."""

from collections.abc import Iterable, Mapping, Sequence

from analysis.sources.counters import Delta
from analysis.sources.measured import Part, measure
from analysis.sources.series import Components, Labels
from analysis.stats.pod_places import MOST_PODS
from engine.core.measure import (
    ByPod,
    EventsReading,
    Histogram,
    HistogramReading,
    Measured,
    Missing,
    MomentsReading,
    PodCount,
    QuotientReading,
    TrialsReading,
)
from engine.core.model import Metric, MetricKind
from engine.core.plan import Stage

TELLING = ("pod", "instance")
"""Labels that name what serves, the better one first."""
_DIGITS = 6


def telling_label(control: Sequence[Labels], treatment: Sequence[Labels]) -> str | None:
    """The label that names the pods of both arms, or None.

    A label tells only if all series have it and no value is in both arms: a pod serves one version, whereas a
    router that counts for both is named on the series of both.
    """
    for label in TELLING:
        ours, theirs = ({labels.get(label, "") for labels in arm} for arm in (control, treatment))
        if ours and theirs and "" not in ours | theirs and ours.isdisjoint(theirs):
            return label
    return None


def pods_of(control: Sequence[Labels], treatment: Sequence[Labels]) -> tuple[int, int] | None:
    """Distinct pods of control and treatment, or None where no label tells.

    >>> pods_of([{"pod": "a"}, {"pod": "b"}], [{"pod": "c"}])
    (2, 1)
    >>> pods_of([{"instance": "router:1"}], [{"instance": "router:1"}]) is None
    True
    """
    label = telling_label(control, treatment)
    if label is None:
        return None
    return len({labels[label] for labels in control}), len({labels[label] for labels in treatment})


def by_pod(
    metric: Metric,
    label: str,
    control: Mapping[Part, Sequence[Delta]],
    treatment: Mapping[Part, Sequence[Delta]],
    reading: Measured,
) -> ByPod | None:
    """What each pod counted, of the series that were scraped in this window.

    Args:
        metric: compared while both arms serve, and no part of another; None for others.
        label: that tells its pods apart.
        control: what its series did, by part.
        treatment: likewise.
        reading: of both arms; ranks of latencies are in its buckets.

    Returns:
        None as well where an arm has more than `MOST_PODS`.
    """
    compared = metric.kind not in {MetricKind.THRESHOLD, MetricKind.ASSIGNMENT} and not metric.family
    if metric.stage is not Stage.SPLIT or not compared:
        return None
    ours, theirs = (_components(arm, label) for arm in (control, treatment))
    if max(len(ours), len(theirs)) > MOST_PODS:
        return None
    ranks = _mid_ranks(reading) if isinstance(reading, HistogramReading) else ()
    return ByPod(control=_counted(metric, ours, ranks), treatment=_counted(metric, theirs, ranks))


def _components(deltas: Mapping[Part, Sequence[Delta]], label: str) -> Mapping[str, Components]:
    """Increments of every pod, named as `measure` wants them."""
    found: dict[str, dict[str, int | float]] = {}
    for part, series in deltas.items():
        for delta in series:
            if not delta.sampled:
                continue
            counts = found.setdefault(delta.labels[label], {})
            for component, count in delta.counts.items():
                name = component or part
                counts[name] = counts.get(name, 0) + count
    return found


def _counted(metric: Metric, pods: Mapping[str, Components], ranks: Sequence[float]) -> tuple[PodCount, ...]:
    """Pods with usable trials; one that lacks a part of the metric has none."""
    counted = []
    for pod in sorted(pods):
        if not _is_whole(metric, pods[pod]):
            continue
        reading = measure(metric, pods[pod], pods[pod], ())
        if not isinstance(reading, Missing):
            weight, sums = _cells(metric, reading, ranks)
            counted.append(PodCount(pod=pod, weight=weight, sums=sums))
    return tuple(counted)


def _is_whole(metric: Metric, counts: Components) -> bool:
    if metric.buckets or metric.histogram:
        return bool(counts)
    needed = {Part.TOTAL: metric.total, Part.SQUARES: metric.squares}
    return all(part in counts for part, selector in needed.items() if selector is not None)


def _cells(metric: Metric, reading: Measured, ranks: Sequence[float]) -> tuple[float, tuple[float, ...]]:
    """Weight and sums of one pod, whose counts are both arms of the reading."""
    match reading:
        case TrialsReading(control=trials):
            return trials.total, (trials.bad,)
        case EventsReading(control=events):
            return 1.0, (events,)
        case HistogramReading(control=histogram):
            return histogram.total, _latencies(metric, histogram, ranks)
        case MomentsReading(control=moments):
            return moments.count, (moments.sum,)
        case QuotientReading(control=quotient):
            return quotient.denominator, (quotient.numerator,)


def _latencies(metric: Metric, histogram: Histogram, ranks: Sequence[float]) -> tuple[float, ...]:
    ranked = round(sum(rank * count for rank, count in zip(ranks, histogram.counts, strict=True)), _DIGITS)
    return (ranked,) if metric.slo_s is None else (ranked, histogram.above(metric.slo_s))


def _mid_ranks(reading: HistogramReading) -> tuple[float, ...]:
    """Per bucket the part of both arms' trials below it, and half of those in it."""
    pooled = [sum(pair) for pair in zip(reading.control.counts, reading.treatment.counts, strict=True)]
    return tuple(_ranks(pooled, max(1, sum(pooled))))


def _ranks(pooled: Iterable[int], every: int) -> Iterable[float]:
    below = 0
    for count in pooled:
        yield (below + count / 2) / every
        below += count
