"""Every query of an experiment as it would be sent now, what it returns, and what of it can never do.

Reads; changes nothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from engine.core import wording
from engine.core.measure import Missing, MissingReason, Reading, Window
from engine.core.model import Arm, Experiment
from engine.ports import Batch, QueryRecord
from engine.wiring import make_source

_WINDOWS = 2
"""The first is where counting starts."""

_NEVER_RIGHT = frozenset(
    {MissingReason.FOREIGN_SERIES, MissingReason.AMBIGUOUS_SERIES, MissingReason.BAD_QUERY}
)
"""What waiting does not mend."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """What the metric source says now.

    Attributes:
        wrong: why metrics, or all of them, cannot be read like this.
        unsampled: names of metrics without any sample of control yet.
    """

    queries: tuple[QueryRecord, ...]
    wrong: tuple[str, ...]
    unsampled: tuple[str, ...]


def explain(experiment: Experiment, now_s: float) -> Explained:
    """Read the latest two windows as a run would, from no cursor."""
    source = make_source(experiment.source)
    end_s, length_s = now_s - source.watermark_s, experiment.interval_s
    windows = tuple(
        Window(
            index=index,
            start_s=end_s - (_WINDOWS - index) * length_s,
            end_s=end_s - (_WINDOWS - 1 - index) * length_s,
        )
        for index in range(_WINDOWS)
    )
    batch = source.read(experiment.read_metrics, windows, {})
    latest = batch.readings[-1] if batch.readings else {}
    return Explained(
        queries=tuple(batch.queries),
        wrong=tuple(_wrong(batch, latest)),
        unsampled=tuple(name for name, reading in latest.items() if _is_unsampled(reading)),
    )


def _wrong(batch: Batch, latest: Mapping[str, Reading]) -> Iterator[str]:
    if batch.trouble is not None:
        yield f"{wording.missing(batch.trouble.reason)}: {batch.trouble.detail}"
    for name, reading in latest.items():
        if isinstance(reading, Missing) and reading.reason in _NEVER_RIGHT:
            yield f"{name}: {reading.detail}"


def _is_unsampled(reading: Reading) -> bool:
    """Control has all the traffic at first, so its series are there as soon as anything was sampled."""
    return (
        isinstance(reading, Missing)
        and reading.reason is MissingReason.NO_SERIES
        and reading.arm is Arm.CONTROL
    )
