"""Every query of an experiment as it would be sent now, and what it returns. Reads; changes nothing."""

from engine.core.measure import Window
from engine.core.model import Experiment
from engine.ports import QueryRecord
from engine.wiring import make_source


def explain(experiment: Experiment, now_s: float) -> tuple[QueryRecord, ...]:
    """Read the latest two windows as a run would, from no cursor: the first is where counting starts."""
    source = make_source(experiment.source)
    end_s, length_s = now_s - source.watermark_s, experiment.interval_s
    windows = tuple(
        Window(index=index, start_s=end_s - (2 - index) * length_s, end_s=end_s - (1 - index) * length_s)
        for index in range(2)
    )
    return source.read(experiment.metrics, windows, {}).queries
