"""What the evidence stood at after some windows: the numbers that a report draws. Judges nothing."""

from dataclasses import dataclass

from engine.core.verdict import Finding, SplitFinding, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricStanding:
    """One metric: natural logs of its e-values, and its cumulative effect; None as in `Finding`."""

    log_e_harm: float
    log_e_promote: float
    log_e_better: float | None
    effect: float | None
    low: float | None
    high: float | None
    difference: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The whole run; metrics are in the experiment's order, splits in that of the treatments."""

    log_e_harm: float
    metrics: tuple[MetricStanding, ...]
    splits: tuple[SplitFinding, ...]


def standing_of(verdict: Verdict) -> Standing:
    """The verdict's numbers without its words."""
    return Standing(
        log_e_harm=verdict.log_e_harm,
        metrics=tuple(_of_metric(finding) for finding in verdict.findings),
        splits=verdict.splits,
    )


def _of_metric(finding: Finding) -> MetricStanding:
    return MetricStanding(
        log_e_harm=finding.log_e_harm,
        log_e_promote=finding.log_e_promote,
        log_e_better=finding.log_e_better,
        effect=finding.effect.estimate,
        low=finding.effect.low,
        high=finding.effect.high,
        difference=finding.difference,
    )
