"""From one metric's evidence to its finding: verdict, effect, assumptions. Decides nothing for the run."""

from math import log

from analysis.stats import better, settle
from analysis.stats.evidence import MetricEvidence, log_e_better, log_e_promote
from analysis.stats.interval import ratio_interval, share_interval, value_ratio_interval
from analysis.stats.methods import asks_better
from engine.core.model import Experiment, Metric, MetricKind
from engine.core.plan import Stage
from engine.core.verdict import Effect, Finding, VerdictKind
from engine.core.wording.pods import pods_as_clusters

_VALUES = (
    "bets on the treatment's score against control's in the same window, with {}, mixture over effects and"
    " start points (Howard and others, arXiv 1810.08240)"
)
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
    MetricKind.COUNT: (
        "conditional e-process given planned traffic shares, mixture over ratios and start points (Lindon and"
        " Malek, arXiv 2011.03567)"
    ),
    MetricKind.MEAN: _VALUES.format(
        "permutation variance of each window's values, or their observed variance"
    ),
    MetricKind.RATIO: _VALUES.format("observed variance (de la Peña, Ann. Probab. 27, 1999)"),
    MetricKind.GAUGE: _VALUES.format("observed variance (de la Peña, Ann. Probab. 27, 1999)"),
    MetricKind.THRESHOLD: (
        "one-sample binomial likelihood ratios against the limit (Wald 1945), mixture over rates and start"
        " points"
    ),
}
_BEFORE_AFTER = (
    "one-sample binomial likelihood ratios of the treatment's share against the tolerance above the upper"
    " confidence bound of control's share before the switch (Wald 1945; Howard and others, arXiv 1810.08240);"
    " before/after, not concurrent: a change of conditions at the switch counts as harm"
)
_BETTER = "; better: the same with the arms swapped, against equal rates, Holm over treatments and objectives"
_CLOSE_TO_NORMAL = "scores are close to normal or symmetric, which tens of values or windows ensure"
_SAME_CONDITIONS = "within one window both arms face the same conditions"
_ASSUMED = {
    MetricKind.PROPORTION: (_SAME_CONDITIONS,),
    MetricKind.COUNT: (_SAME_CONDITIONS, "traffic is split as planned"),
    MetricKind.MEAN: (_SAME_CONDITIONS, _CLOSE_TO_NORMAL),
    MetricKind.RATIO: (_SAME_CONDITIONS, _CLOSE_TO_NORMAL),
    MetricKind.GAUGE: (_SAME_CONDITIONS, _CLOSE_TO_NORMAL),
    MetricKind.DISTRIBUTION: (
        _SAME_CONDITIONS,
        "the ridit score is close to normal, which tens of trials per arm and window ensure",
    ),
    MetricKind.THRESHOLD: (
        "the interval of the share takes the treatment's rate as constant; the verdict does not",
    ),
}
_UNCHANGED = "conditions did not change at the switch: traffic, time of day and neighbours are as before"
_STICKY = (
    "requests of a visitor who stays on a variant are not independent of each other: being better is shown"
    " and does not promote"
)
_KNOWN = "windows vary as declared: {:.2f} times as much as independent trials would"
_ESTIMATED = (
    "not calibrated: without history the run itself estimates how much its windows vary, with caution while"
    " it is young; `rampwise calibrate` finds it from the past"
)
_ENOUGH_PODS = 3
_FEW_PODS = "{}: a bad node or a cold cache cannot be told from a bad release; three or more per arm can"


def finding(
    experiment: Experiment, metric: Metric, state: MetricEvidence, *, is_culprit: bool, is_better: bool
) -> Finding:
    """What the evidence says about one metric.

    `is_culprit`: this metric gave most of the evidence when its treatment's harm latched. `is_better`: Holm
    rejects that it is not better.
    """
    for_promotion = log_e_promote(metric, state)
    said = _verdict(experiment, metric, state, for_promotion, is_culprit=is_culprit, is_better=is_better)
    return Finding(
        metric=metric.name,
        kind=metric.kind,
        role=metric.role,
        unit=metric.unit,
        verdict=said,
        weight=metric.weight,
        control=state.control,
        treatment=state.treatment,
        effect=_effect(metric, state, experiment.alpha_promote),
        difference=_difference(metric, state),
        log_e_harm=state.log_e_harm,
        log_e_harm_max=state.log_e_harm_max,
        log_e_promote=for_promotion,
        inside_margin_at_step=_inside_margin_at_step(metric, state),
        method=_method(metric),
        assumptions=_assumptions(experiment, metric, state),
        calibrated=metric.dispersion is not None,
        dispersion=float(state.sums.dispersion[0]) if state.windows else None,
        windows=state.windows,
        missing_windows=state.missing_windows,
        missing=state.missing,
        distrust=state.distrust,
        log_e_better=log_e_better(metric, state),
        may_promote=better.may_promote(experiment, metric),
        measure=metric.measure or metric.name,
        treatment_index=metric.treatment_index,
        stage=metric.stage,
        correlation_windows=_correlation_windows(metric, state),
        pods=state.pods,
        family=metric.family,
    )


def _correlation_windows(metric: Metric, state: MetricEvidence) -> float | None:
    """Integrated autocorrelation time: dispersion of long blocks over that of single windows."""
    growth = float(state.sums.growth[0])
    return None if metric.dispersion is not None or growth <= 1.0 else growth


def _method(metric: Metric) -> str:
    if settle.compares_with_before(metric):
        return _BEFORE_AFTER
    return _METHODS[metric.kind] + (_BETTER if asks_better(metric) else "")


def _verdict(
    experiment: Experiment,
    metric: Metric,
    state: MetricEvidence,
    for_promotion: float,
    *,
    is_culprit: bool,
    is_better: bool,
) -> VerdictKind:
    share = metric.weight if metric.decides and metric.weight > 0.0 else 1.0
    seen = state.windows + state.warm_up_windows > 0
    if is_culprit or (not metric.family and state.log_e_harm_max >= -log(experiment.alpha_rollback * share)):
        return VerdictKind.HARMFUL
    if state.distrust:
        return VerdictKind.UNTRUSTWORTHY
    if state.missing is not None or not seen:
        return VerdictKind.NO_DATA
    if is_better:
        return VerdictKind.BETTER
    # Of a part nothing good is said: that would take a correction of its own for many at once.
    if not metric.family and for_promotion >= -log(experiment.alpha_promote):
        return VerdictKind.NOT_WORSE
    return VerdictKind.UNDECIDED


def _effect(metric: Metric, state: MetricEvidence, alpha: float) -> Effect:
    dispersion = float(state.sums.dispersion[0])
    if settle.compares_with_before(metric):
        return settle.effect(state, alpha)
    match metric.kind:
        case MetricKind.THRESHOLD:
            arm = state.treatment
            low, high = (None, None)
            if arm.total:
                low, high = share_interval(arm.bad / dispersion, arm.total / dispersion, alpha)
            return Effect(measure="share", estimate=arm.rate, low=low, high=high, alpha=alpha)
        case MetricKind.MEAN | MetricKind.RATIO | MetricKind.GAUGE:
            measure = "ratio of means"
            low, high = value_ratio_interval(state.sums.effect[0], dispersion, alpha)
        case _:
            measure = "rate ratio" if metric.kind is MetricKind.COUNT else "risk ratio"
            sums = state.sums.effect[0]
            low, high = ratio_interval(sums / dispersion, alpha) if len(sums) else (None, None)
    return Effect(measure=measure, estimate=state.ratio, low=low, high=high, alpha=alpha)


def _difference(metric: Metric, state: MetricEvidence) -> float | None:
    if not _counts_bad(metric):
        return None
    before_after = settle.compares_with_before(metric)
    return settle.difference(state) if before_after else state.difference


def _inside_margin_at_step(metric: Metric, state: MetricEvidence) -> bool | None:
    """Whether this step's own rates are inside the margin; before and after, control's step was before."""
    if not _counts_bad(metric):
        return None
    arm = state.control
    treatment = state.treatment.step_rate
    control = arm.rate if settle.compares_with_before(metric) else arm.step_rate
    if metric.kind is MetricKind.THRESHOLD:
        return None if treatment is None or metric.limit is None else treatment <= metric.limit
    if treatment is None or control is None:
        return None
    worse, than = (control, treatment) if metric.higher_is_better else (treatment, control)
    return worse <= metric.margin.limit_for(than)


def _counts_bad(metric: Metric) -> bool:
    """Whether bad trials are defined: not for a latency without an objective."""
    return metric.kind is not MetricKind.DISTRIBUTION or metric.slo_s is not None


def _assumptions(experiment: Experiment, metric: Metric, state: MetricEvidence) -> tuple[str, ...]:
    before_after = settle.compares_with_before(metric)
    texts = [_UNCHANGED] if before_after else list(_ASSUMED[metric.kind])
    if not _counts_bad(metric):
        texts.append("without a latency objective no trial counts as bad, and this cannot promote")
    if asks_better(metric) and not better.may_promote(experiment, metric):
        texts.append(_STICKY)
    if exact := int(state.sums.exact_windows[0]):
        texts.append(
            f"bad trials are common: in {exact} of {state.windows} windows tolerance and margin are read as"
            " odds ratios, which is stricter"
        )
    if state.pods is not None and state.pods < _ENOUGH_PODS:
        texts.append(
            _FEW_PODS.format("one pod in an arm" if state.pods == 1 else f"{state.pods} pods in an arm")
        )
    if by_pod := state.sums.pods:
        control, treatment = map(len, state.pod_names)
        within, together = float(by_pod.within[0]), float(state.sums.dispersion[0])
        texts.append(pods_as_clusters(control, treatment, within, together))
    if metric.stage is not Stage.PREVIEW:
        texts.append(_ESTIMATED if metric.dispersion is None else _KNOWN.format(metric.dispersion))
    return tuple(texts)
