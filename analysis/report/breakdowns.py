"""Metrics broken down by the values of a label: one row per value, and which are worse. Pure."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from analysis.report.rows import MetricRow, row
from analysis.stats import discoveries
from engine.core import wording
from engine.core.model import Experiment, Matcher, Metric
from engine.core.verdict import Finding, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The metric where the label has one value.

    Attributes:
        row: as of any metric; its verdict is harmful exactly where it is discovered to be worse.
        discovered: it is named as worse, with few false ones among all that are named. icon, word: say so.
        log10_e_harm: decimal log of its e-value against harm, now.
    """

    value: str
    row: MetricRow
    discovered: bool
    icon: str
    word: str
    log10_e_harm: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakdown:
    """A metric of one treatment, broken down.

    Attributes:
        metric: the whole metric's name. declared: the same as in the spec. variant: the treatment.
        told: which values are worse, in a sentence. method: how that was found.
        alpha: the false discovery rate.
    """

    metric: str
    declared: str
    variant: str
    label: str
    told: str
    method: str
    alpha: float
    parts: tuple[Part, ...]


def breakdowns(experiment: Experiment, verdict: Verdict) -> tuple[Breakdown, ...]:
    """All of them, in the order of their metrics."""
    families: dict[str, list[tuple[Metric, Matcher]]] = {}
    for metric in experiment.metrics:
        if metric.segment is not None:
            families.setdefault(metric.family, []).append((metric, metric.segment))
    findings = {finding.metric: finding for finding in verdict.findings}
    return tuple(
        _breakdown(experiment, experiment.metric(name), family, findings) for name, family in families.items()
    )


def _breakdown(
    experiment: Experiment,
    whole: Metric,
    family: list[tuple[Metric, Matcher]],
    findings: Mapping[str, Finding],
) -> Breakdown:
    parts = tuple(
        _part(experiment, metric, segment.value, findings[metric.name]) for metric, segment in family
    )
    label = family[0][1].label
    worse = [part.value for part in parts if part.discovered]
    return Breakdown(
        metric=whole.name,
        declared=whole.measure or whole.name,
        variant=experiment.treatments[whole.treatment_index],
        label=label,
        told=wording.parts_told(label, worse, of=len(parts), alpha=discoveries.ALPHA),
        method=wording.parts_method(discoveries.ALPHA),
        alpha=discoveries.ALPHA,
        parts=parts,
    )


def _part(experiment: Experiment, metric: Metric, value: str, finding: Finding) -> Part:
    icon, word = wording.part_says(finding.verdict)
    return Part(
        value=value,
        row=row(experiment, metric, finding),
        discovered=finding.discovered,
        icon=icon,
        word=word,
        log10_e_harm=max(finding.log_e_harm / math.log(10), -1000.0),
    )
