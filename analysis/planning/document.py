"""The plan as plain JSON values with stable keys. Times are seconds, shares and probabilities fractions."""

from math import exp
from typing import Any

from analysis.planning.fates import Ending
from analysis.planning.report import POWER, MetricPlan, PlanReport, ReleasePlan, StepPlan
from analysis.planning.tables import assumptions, summary

SCHEMA = "rampwise.dev/plan/v1"


def to_plain(report: PlanReport) -> dict[str, Any]:
    """The whole plan."""
    experiment = report.experiment
    return {
        "schema": SCHEMA,
        "experiment": experiment.name,
        "strategy": experiment.plan.strategy,
        "horizon_s": experiment.horizon_s,
        "alpha_rollback": experiment.alpha_rollback,
        "alpha_promote": experiment.alpha_promote,
        "power": POWER,
        "releases_per_year": report.releases_per_year,
        "false_rollbacks_per_year": report.false_rollbacks,
        "false_rollbacks_per_year_at_most": report.promised,
        "metrics": [_metric(plan) for plan in report.metrics],
        "not_planned": [{"metric": each.metric.name, "reason": each.reason} for each in report.unplanned],
        "notes": list(summary(report)),
    }


def _metric(plan: MetricPlan) -> dict[str, Any]:
    question, flow, harm = plan.question, plan.question.flow, plan.question.harm
    calibrated = plan.calibrated_log_threshold
    return {
        "metric": plan.metric.name,
        "kind": plan.metric.kind.value,
        "higher_is_better": plan.metric.higher_is_better,
        "rate_per_s": flow.rate_per_s,
        "quietest_rate_per_s": flow.quietest_per_s,
        "base_rate": flow.base_rate,
        "weight": plan.metric.weight,
        "tolerated_ratio": question.tolerated,
        "effect_ratio": question.effect,
        "margin_ratio": None if question.better else question.worst,
        "dispersion": question.dispersion,
        "dispersion_declared": plan.metric.dispersion is not None,
        "planned_s": plan.schedule.seconds,
        "harm": {
            "threshold": exp(harm.log_threshold),
            "calibrated_threshold": None if calibrated is None else exp(calibrated),
            "prior": [
                {"ratio": ratio, "weight": exp(log)}
                for ratio, log in zip(harm.ratios, harm.log_weights, strict=True)
            ],
        },
        "steps": [_step(step) for step in plan.steps],
        "releases": [_release(release) for release in plan.releases],
        "characteristic": {
            "ratio": list(plan.characteristic.ratios),
            "rollback": list(plan.characteristic.rollback),
            "promotion": list(plan.characteristic.promotion),
        },
        "assumptions": list(assumptions(plan)),
    }


def _step(step: StepPlan) -> dict[str, Any]:
    return {
        "weight_pct": step.phase.weight_pct,
        "starts_s": step.starts_s,
        "hold_s": step.phase.hold_s,
        "floor": step.phase.floor,
        "rollback": _needed(step.rollback, step.quiet_rollback_s),
        "promotion": _needed(step.promotion, step.quiet_promotion_s),
        "harm_found_by_end": step.found_by_end,
    }


def _needed(needed: tuple[float, float] | None, quietest_s: float | None) -> dict[str, Any] | None:
    if needed is None:
        return None
    return {"treatment_requests": needed[0], "seconds": needed[1], "quietest_s": quietest_s}


def _release(release: ReleasePlan) -> dict[str, Any]:
    return {
        "release": release.quality.value,
        "ratio": release.ratio,
        "rate": release.rate,
        "rollback": _ending(release.fate.rollback),
        "promotion": _ending(release.fate.promotion),
        "excess_bad": release.fate.excess,
    }


def _ending(ending: Ending) -> dict[str, Any]:
    moment = ending.moment
    if moment is None:
        return {"probability": ending.probability, "when": None}
    return {
        "probability": ending.probability,
        "when": {
            "mean_treatment_requests": moment.mean_requests,
            "median_treatment_requests": moment.median_requests,
            "mean_s": moment.mean_s,
            "median_s": moment.median_s,
        },
    }
