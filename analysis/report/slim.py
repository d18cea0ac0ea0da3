"""Events with no more of each window than a report tells, so that a long log takes little memory. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from engine.core.events import Event, Observed
from engine.core.measure import Histogram, HistogramReading, Observation, Reading
from engine.core.model import Experiment


def slimmed(experiment: Experiment, events: Iterable[Event]) -> Iterator[Event]:
    """The same events; histograms keep but the bound of the latency objective.

    Evidence can no longer be evaluated from them, so only windows whose standing was noted are slimmed.
    """
    objectives = {metric.name: metric.slo_s for metric in experiment.metrics}
    for event in events:
        match event.payload:
            case Observed(observations=observations, standing=standing) if standing is not None:
                slim = tuple(_observation(objectives, observation) for observation in observations)
                yield replace(event, payload=Observed(observations=slim, standing=standing))
            case _:
                yield event


def _observation(objectives: dict[str, float | None], observation: Observation) -> Observation:
    readings = {
        name: _reading(objectives.get(name), reading) for name, reading in observation.readings.items()
    }
    return replace(observation, readings=readings)


def _reading(slo_s: float | None, reading: Reading) -> Reading:
    if not isinstance(reading, HistogramReading):
        return reading
    return replace(
        reading, control=_histogram(slo_s, reading.control), treatment=_histogram(slo_s, reading.treatment)
    )


def _histogram(slo_s: float | None, histogram: Histogram) -> Histogram:
    if slo_s is None or slo_s not in histogram.bounds_s:
        return Histogram(bounds_s=(), counts=(histogram.total,))
    above = histogram.above(slo_s)
    return Histogram(bounds_s=(slo_s,), counts=(histogram.total - above, above))
