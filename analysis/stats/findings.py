"""From one metric's evidence to its finding: verdict, effect, assumptions. Decides nothing for the run."""

from math import log

from analysis.stats.evidence import MetricEvidence
from analysis.stats.interval import ratio_interval, share_interval
from analysis.stats.mixture import PROMOTE_LOG_WEIGHTS, Floats
from analysis.stats.one_sample import BELOW_LOG_WEIGHTS
from engine.core.model import Experiment, Metric, MetricKind
from engine.core.verdict import Effect, Finding, VerdictKind

_METHODS = {
    MetricKind.PROPORTION: (
        "window-conditional e-process against the tolerance, mixture over ratios and start points"
        " (Lindon and Malek, arXiv 2011.03567); promotion: the same, and projection onto the margin"
        " (Grünwald and others, arXiv 1906.07801)"
    ),
    MetricKind.DISTRIBUTION: (
        "average of window-conditional e-processes over bucket bounds (Lindon and Malek, arXiv 2011.03567)"
        " and of a ridit score with permutation variance (Howard and others, arXiv 1810.08240), mixture over"
        " start points; promotion: share above the objective as a proportion"
    ),
    MetricKind.THRESHOLD: (
        "one-sample binomial likelihood ratios against the limit (Wald 1945), mixture over rates and start"
        " points"
    ),
}
_INDEPENDENT = "trials of one window fail independently of each other (no retry storms)"
_SAME_CONDITIONS = "within one window both arms face the same conditions"
_ASSUMED = {
    MetricKind.PROPORTION: (_SAME_CONDITIONS,),
    MetricKind.DISTRIBUTION: (
        _SAME_CONDITIONS,
        "the ridit score is close to normal, which tens of trials per arm and window ensure",
    ),
    MetricKind.THRESHOLD: (
        "the interval of the share takes the treatment's rate as constant; the verdict does not",
    ),
}
_NOT_CALIBRATED = "not calibrated: no history was used to check the dispersion"


def log_e_promote(metric: Metric, state: MetricEvidence) -> float:
    """Log e-value against "worse by the margin or more" (threshold: "at or above the limit"), now."""
    weights: Floats = BELOW_LOG_WEIGHTS if metric.kind is MetricKind.THRESHOLD else PROMOTE_LOG_WEIGHTS
    return state.promotion.log_e(weights)


def finding(experiment: Experiment, metric: Metric, state: MetricEvidence, *, is_culprit: bool) -> Finding:
    """What the evidence says about one metric.

    `is_culprit`: this metric gave most of the evidence when the run's harm latched.
    """
    tally = state.tally
    return Finding(
        metric=metric.name,
        kind=metric.kind,
        role=metric.role,
        unit=metric.unit,
        verdict=_verdict(experiment, metric, state, is_culprit=is_culprit),
        weight=metric.weight,
        control=tally.control,
        treatment=tally.treatment,
        effect=_effect(metric, state, experiment.alpha_promote),
        difference=tally.difference if _counts_bad(metric) else None,
        log_e_harm=state.harm.log_e,
        log_e_harm_max=state.harm.log_e_max,
        log_e_promote=log_e_promote(metric, state),
        inside_margin_at_step=_inside_margin_at_step(metric, state),
        method=_METHODS[metric.kind],
        assumptions=_assumptions(metric, state),
        calibrated=False,
        dispersion=None,
        windows=state.windows,
        missing_windows=state.missing_windows,
        missing=state.missing,
        distrust=state.distrust,
    )


def _verdict(
    experiment: Experiment, metric: Metric, state: MetricEvidence, *, is_culprit: bool
) -> VerdictKind:
    share = metric.weight if metric.decides and metric.weight > 0.0 else 1.0
    seen = state.windows + state.warm_up_windows > 0
    if is_culprit or state.harm.log_e_max >= -log(experiment.alpha_rollback * share):
        return VerdictKind.HARMFUL
    if state.distrust:
        return VerdictKind.UNTRUSTWORTHY
    if state.missing is not None or not seen:
        return VerdictKind.NO_DATA
    if log_e_promote(metric, state) >= -log(experiment.alpha_promote):
        return VerdictKind.NOT_WORSE
    return VerdictKind.UNDECIDED


def _effect(metric: Metric, state: MetricEvidence, alpha: float) -> Effect:
    if metric.kind is MetricKind.THRESHOLD:
        arm = state.tally.treatment
        low, high = share_interval(arm.bad, arm.total, alpha) if arm.total else (None, None)
        return Effect(measure="share", estimate=arm.rate, low=low, high=high, alpha=alpha)
    low, high = ratio_interval(state.ratios, alpha)
    return Effect(measure="risk ratio", estimate=state.tally.risk_ratio, low=low, high=high, alpha=alpha)


def _inside_margin_at_step(metric: Metric, state: MetricEvidence) -> bool | None:
    treatment, control = state.tally.treatment.step_rate, state.tally.control.step_rate
    if treatment is None or not _counts_bad(metric):
        return None
    if metric.kind is MetricKind.THRESHOLD:
        return metric.limit is not None and treatment <= metric.limit
    return None if control is None else treatment <= metric.margin.limit_for(control)


def _counts_bad(metric: Metric) -> bool:
    """Whether bad trials are defined: not for a latency without an objective."""
    return metric.kind is not MetricKind.DISTRIBUTION or metric.slo_s is not None


def _assumptions(metric: Metric, state: MetricEvidence) -> tuple[str, ...]:
    texts = [_INDEPENDENT, *_ASSUMED[metric.kind]]
    if not _counts_bad(metric):
        texts.append("without a latency objective no trial counts as bad, and this cannot promote")
    if state.exact_windows:
        texts.append(
            f"bad trials are common: in {state.exact_windows} of {state.windows} windows tolerance and margin"
            " are read as odds ratios, which is stricter"
        )
    texts.append(_NOT_CALIBRATED)
    return tuple(texts)
