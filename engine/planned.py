"""Joins an experiment with what is known of its traffic, given or from its metric source's past.

It moves no traffic and writes to no store.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from analysis.planning import Flow, NoFlow, as_read, flow_of, is_planned
from analysis.sources.history import read_history
from engine import wiring
from engine.core.model import Experiment, Metric, PluginChoice
from engine.core.wording import plans as words
from engine.errors import Unreachable, UsageError

_WINDOW_S = 300.0
"""Past windows are so long at the least: only rates are wanted."""
_CHUNK_S = 6 * 3600.0
SOURCE = "prometheus"


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """Traffic as typed, by metric's declared name; the empty name stands for all others."""

    rates_per_s: Mapping[str, float]
    base_rates: Mapping[str, float]

    def flow(self, metric: Metric) -> Flow | None:
        """What is typed for the metric, None unless both rates are."""
        rate, base = (_for(metric, each) for each in (self.rates_per_s, self.base_rates))
        return None if rate is None or base is None else Flow(rate_per_s=rate, base_rate=base)


def flows(
    experiment: Experiment, given: Given, *, url: str | None, since_s: float, now_s: float
) -> Mapping[str, Flow | NoFlow]:
    """What is known of the traffic of every metric that can be planned; what is typed comes first.

    Raises:
        UsageError: nothing is known of any, and what to type; or traffic is typed for no metric of these.
        Unreachable: the past cannot be read, and what to type instead.
    """
    planned = {name_of(metric): metric for metric in experiment.metrics if is_planned(metric)}
    _refuse_others(given, list(planned))
    typed = {name: given.flow(metric) for name, metric in planned.items()}
    known: dict[str, Flow | NoFlow] = {name: flow for name, flow in typed.items() if flow is not None}
    wanted = [metric for name, metric in planned.items() if name not in known]
    if wanted:
        try:
            past = _from_past(experiment, wanted, url=url, since_s=since_s, now_s=now_s)
        except Unreachable as error:
            names = sorted(name_of(metric) for metric in wanted)
            raise Unreachable(words.no_traffic(names, str(error))) from error
        known |= {name: _with_typed(planned[name], flow, given) for name, flow in past.items()}
    if planned and not any(isinstance(flow, Flow) for flow in known.values()):
        reason = next((flow.reason for flow in known.values() if isinstance(flow, NoFlow)), "")
        raise UsageError(words.no_traffic(sorted(planned), reason))
    return known


def _refuse_others(given: Given, planned: list[str]) -> None:
    others = {*given.rates_per_s, *given.base_rates} - {"", *planned}
    if others:
        raise UsageError(words.unknown_metrics(sorted(others), planned))


def name_of(metric: Metric) -> str:
    """The metric's name as declared."""
    return metric.measure or metric.name


def _from_past(
    experiment: Experiment, metrics: list[Metric], *, url: str | None, since_s: float, now_s: float
) -> dict[str, Flow | NoFlow]:
    choice = experiment.source
    if url is not None:
        options = dict(choice.options) if choice.name == SOURCE else {}
        choice = PluginChoice(name=SOURCE, options={**options, "url": url})
    source = wiring.make_source(choice)
    window_s = max(_WINDOW_S, experiment.interval_s)
    past = list(
        read_history(
            source,
            [as_read(metric) for metric in metrics],
            start_s=now_s - since_s,
            end_s=now_s - source.watermark_s,
            window_s=min(window_s, since_s / 2.0),
            chunk_s=_CHUNK_S,
        )
    )
    return {name_of(metric): flow_of(metric, past) for metric in metrics}


def _with_typed(metric: Metric, flow: Flow | NoFlow, given: Given) -> Flow | NoFlow:
    """The past's flow, with the one rate that was typed."""
    rate, base = (_for(metric, each) for each in (given.rates_per_s, given.base_rates))
    if isinstance(flow, NoFlow):
        return flow
    if rate is not None:
        return replace(flow, rate_per_s=rate, quietest_per_s=None)
    return flow if base is None else replace(flow, base_rate=base)


def _for(metric: Metric, by_name: Mapping[str, float]) -> float | None:
    return by_name.get(name_of(metric), by_name.get(""))
