"""The method box: what was agreed before the run, and what it promises. Pure."""

import math
from dataclasses import dataclass

from analysis.report.rows import MetricRow
from analysis.stats.harmed import excess
from engine.core import wording
from engine.core.model import Experiment
from engine.core.verdict import Verdict

DAY_S = 86_400.0
YEAR_DAYS = 365.0
FEWEST_DAYS = 14.0
"""A shorter time says nothing about a year."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Releases:
    """How many runs a target has had, this one included, in so many seconds."""

    seen: int
    span_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """What was agreed before the run: error rates, what they promise, and the e-values that they ask for.

    Attributes:
        log10_rollback: of the run against harm. log10_promote: of each deciding metric against the margin.
        false_rollbacks: how many a year that makes, in a sentence.
        needs_better: promotion takes an objective that is better.
    """

    interval_s: float
    warm_up_s: float
    horizon_s: float
    alpha_rollback: float
    alpha_promote: float
    log10_rollback: float
    log10_promote: float
    promises: tuple[str, ...]
    calibrated: bool
    false_rollbacks: str = ""
    needs_better: bool = False


def design(experiment: Experiment, verdict: Verdict, releases: Releases | None) -> Design:
    """The method box of one run."""
    deciding = [finding for finding in verdict.findings if finding.weight > 0]
    return Design(
        interval_s=experiment.interval_s,
        warm_up_s=experiment.warm_up_s,
        horizon_s=experiment.horizon_s,
        alpha_rollback=experiment.alpha_rollback,
        alpha_promote=experiment.alpha_promote,
        log10_rollback=-math.log10(experiment.alpha_rollback),
        log10_promote=-math.log10(experiment.alpha_promote),
        promises=(*wording.promised(experiment), *_budget(experiment, verdict)),
        calibrated=all(finding.calibrated for finding in deciding),
        false_rollbacks=_false_rollbacks(experiment.alpha_rollback, releases),
        needs_better=experiment.plan.needs_better,
    )


def calibrated(row: MetricRow) -> str:
    """Whether it was known before the run how much the windows vary, and how much that is, as text."""
    return f"{'calibrated' if row.calibrated else 'not calibrated'}; {_dispersion(row)}"


def _dispersion(row: MetricRow) -> str:
    if row.dispersion is None:
        return "dispersion not known yet"
    known = "as declared" if row.calibrated else "as estimated in this run"
    alike = row.correlation_windows
    lasting = "" if alike is None else f", alike over about {alike:.0f} windows"
    return f"dispersion {row.dispersion:.2f}, {known}{lasting}"


def _budget(experiment: Experiment, verdict: Verdict) -> tuple[str, ...]:
    """What of a declared budget of bad trials is spent."""
    budget = experiment.plan.budget
    return () if budget is None else (wording.budget_spent(budget, excess(experiment, verdict)),)


def _false_rollbacks(alpha: float, releases: Releases | None) -> str:
    days = 0.0 if releases is None else releases.span_s / DAY_S
    if releases is None or days < FEWEST_DAYS:
        return wording.false_rollbacks_by_example(alpha)
    return wording.false_rollbacks(alpha, releases.seen * YEAR_DAYS / days, seen=releases.seen, days=days)
