"""All evidence of one run, and its form as plain JSON. Judges nothing; `analysis.evaluate` is the door."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from pydantic import ConfigDict, ValidationError

from analysis.stats import legacy, stages
from analysis.stats.arms import ArmEvidence
from analysis.stats.evidence import MetricEvidence
from analysis.stats.split import SplitEvidence
from engine import codec
from engine.codec import Deferred
from engine.core.arms import stage_of
from engine.core.model import Experiment, Metric
from engine.core.plan import Stage
from engine.core.target import Weights
from engine.errors import CorruptRecord


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evidence:
    """Everything about a run that its verdict depends on; a few kilobytes per metric.

    Attributes:
        metrics: one state per metric, in the experiment's order.
        windows: how many gave evidence on some metric. windows_read: all, warm-up and gaps too.
        origin_s: start of the first window. period: which part of the horizon's time grid the latest is in.
        log_e_harm: the run's e-process now. culprit: who gave most of it when it latched, empty before.
        data_until_s: end of the latest window in which every deciding metric was measured.
        stage: of the latest window. weights: the latest that were certain, None before.
        arms: one per treatment. splits: one per split check.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(ser_json_inf_nan="constants")

    metrics: tuple[MetricEvidence, ...]
    windows: int = 0
    windows_read: int = 0
    origin_s: float | None = None
    period: int = 0
    log_e_harm: float = 0.0
    harm_latched: bool = False
    culprit: str = ""
    data_until_s: float | None = None
    stage: Stage = Stage.SPLIT
    weights: Weights | None = None
    arms: tuple[ArmEvidence, ...] = ()
    splits: tuple[SplitEvidence, ...] = ()

    def to_plain(self) -> dict[str, Any]:
        """As plain JSON values, without loss."""
        plain: dict[str, Any] = codec.to_plain(Evidence, self)
        return plain

    def deferred(self) -> Deferred:
        """The same, but made only when somebody looks: the next tick takes the evidence as it is."""
        return Deferred(Evidence, self)

    @classmethod
    def from_plain(cls, experiment: Experiment, plain: Mapping[str, Any]) -> "Evidence":
        """The evidence again. CorruptRecord when `plain` is none, or not of this experiment's metrics."""
        if isinstance(plain, Deferred) and isinstance(plain.value, Evidence):
            _check_names(experiment, plain.value)
            return plain.value
        evidence = _parsed(experiment, plain)
        _check_names(experiment, evidence)
        for metric, state in pairs(experiment, evidence.metrics):
            if not stages.fits(metric, state):
                msg = f"stored evidence of {metric.name} has other sums than the metric keeps"
                raise CorruptRecord(msg)
        return _completed(experiment, evidence)


def _parsed(experiment: Experiment, plain: Mapping[str, Any]) -> Evidence:
    try:
        if legacy.is_legacy(plain):
            return _taken_over(experiment, plain)
        return codec.from_plain(Evidence, dict(plain))
    except (ValidationError, KeyError, TypeError, ValueError) as error:
        msg = f"stored evidence cannot be read: {error}"
        raise CorruptRecord(msg) from error


def _check_names(experiment: Experiment, evidence: Evidence) -> None:
    found = [state.name for state in evidence.metrics]
    wanted = [metric.name for metric in experiment.metrics]
    if found != wanted:
        msg = f"stored evidence is of the metrics {found}, the experiment has {wanted}"
        raise CorruptRecord(msg)


def _taken_over(experiment: Experiment, plain: Mapping[str, Any]) -> Evidence:
    rest = codec.from_plain(Evidence, {**plain, "metrics": ()})
    stored = {metric["name"]: metric for metric in plain["metrics"]}
    known = [metric for metric in experiment.metrics if metric.name in stored]
    return replace(rest, metrics=tuple(legacy.taken_over(metric, stored[metric.name]) for metric in known))


def _completed(experiment: Experiment, evidence: Evidence) -> Evidence:
    """With what runs stored by earlier versions did not have: they had one treatment and no split check."""
    arm = ArmEvidence(
        log_e_harm=evidence.log_e_harm, harm_latched=evidence.harm_latched, culprit=evidence.culprit
    )
    arms_known = (evidence.arms or (arm,)) + (ArmEvidence(),) * len(experiment.treatments)
    splits_known = evidence.splits + (SplitEvidence(),) * len(experiment.splits)
    return replace(
        evidence,
        arms=arms_known[: len(experiment.treatments)],
        splits=splits_known[: len(experiment.splits)],
    )


def start(experiment: Experiment) -> Evidence:
    """No evidence yet."""
    return Evidence(
        metrics=tuple(stages.nothing_yet(metric) for metric in experiment.metrics),
        stage=stage_of(experiment, -1),
        arms=(ArmEvidence(),) * len(experiment.treatments),
        splits=(SplitEvidence(),) * len(experiment.splits),
    )


def pairs(experiment: Experiment, states: Sequence[MetricEvidence]) -> list[tuple[Metric, MetricEvidence]]:
    """Metrics with their states."""
    return list(zip(experiment.metrics, states, strict=True))
