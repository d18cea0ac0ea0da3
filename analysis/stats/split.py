"""Whether visitors are split as planned: a sequential test of sample ratios. Judges no metric.

Within a segment of constant weights, the treatment's visitors out of both arms' are held against the planned
share: a mixture of Beta priors around it (Lindon and Malek, arXiv 2011.03567; one for each of several
concentrations) over the likelihood at the share nearest to the observed one that is still within tolerance.
The larger likelihood in the denominator makes this an e-process for every constant share within tolerance.
Evidence of earlier segments is banked: their last e-values multiply the present one's.
"""

from dataclasses import dataclass, replace
from math import log

import numpy as np
from scipy.special import betaln, xlog1py, xlogy

from analysis.stats.mixture import Floats, log_mix
from engine.core.measure import Observation, TrialsReading
from engine.core.model import Bound, Experiment, Metric
from engine.core.plan import Stage
from engine.core.verdict import SplitFinding

CONCENTRATIONS: Floats = np.array([100.0, 1000.0, 10000.0])
"""How many visitors each prior is worth: for splits that are far off, somewhat off and slightly off."""
_LOG_WEIGHTS: Floats = np.log(np.full(3, 1 / 3))
LOG_ALARM = log(100.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitEvidence:
    """State of one treatment's split check.

    Attributes:
        banked: log e-value of the segments before the present one.
        share: the treatment's planned share of both in the present segment; None before the first window.
        segment_control, segment_treatment: visitors in it. control, treatment: in all segments.
        expected: visitors of the treatment if all were split as planned.
    """

    banked: float = 0.0
    share: float | None = None
    segment_control: int = 0
    segment_treatment: int = 0
    control: int = 0
    treatment: int = 0
    expected: float = 0.0
    log_e: float = 0.0
    alarm: bool = False
    windows: int = 0


def with_window(
    split: Metric, state: SplitEvidence, observation: Observation, tolerance: Bound
) -> SplitEvidence:
    """State after one window; without certain weights, visitors or readiness it stays as it is."""
    weights = observation.weights
    reading = observation.readings.get(split.name)
    if weights is None or observation.warm_up or observation.stage is not Stage.SPLIT:
        return state
    control_pct, treatment_pct = weights.control, weights.share(split.treatment_index)
    if not isinstance(reading, TrialsReading) or control_pct == 0 or treatment_pct == 0:
        return state
    share = treatment_pct / (control_pct + treatment_pct)
    if share != state.share:
        state = replace(state, banked=state.log_e, share=share, segment_control=0, segment_treatment=0)
    return _counted(state, share, reading.control.total, reading.treatment.total, tolerance)


def finding(experiment: Experiment, split: Metric, state: SplitEvidence) -> SplitFinding:
    """What the counts say about one treatment's share."""
    visitors = state.control + state.treatment
    return SplitFinding(
        treatment=experiment.treatments[split.treatment_index],
        planned=state.expected / visitors if visitors else state.share,
        control=state.control,
        treatment_count=state.treatment,
        log_e=state.log_e,
        alarm=state.alarm,
        windows=state.windows,
    )


def log_e(treatment: int, control: int, share: float, tolerance: float) -> float:
    """Log e-value of one segment against "the share is within `tolerance` of the planned", as fractions."""
    visitors = treatment + control
    if not visitors:
        return 0.0
    a, b = CONCENTRATIONS * share, CONCENTRATIONS * (1.0 - share)
    marginal = float(log_mix(betaln(a + treatment, b + control) - betaln(a, b), _LOG_WEIGHTS))
    nearest = min(max(treatment / visitors, share - tolerance, 0.0), share + tolerance, 1.0)
    return marginal - float(xlogy(treatment, nearest) + xlog1py(control, -nearest))


def tolerated(share: float, tolerance: Bound) -> float:
    """How far the share may be off: the larger of the absolute part and that of the smaller arm's share."""
    return max(tolerance.absolute or 0.0, (tolerance.relative or 0.0) * min(share, 1.0 - share))


def _counted(
    state: SplitEvidence, share: float, control: int, treatment: int, tolerance: Bound
) -> SplitEvidence:
    segment_control, segment_treatment = state.segment_control + control, state.segment_treatment + treatment
    segment = log_e(segment_treatment, segment_control, share, tolerated(share, tolerance))
    now = state.banked + segment
    return replace(
        state,
        segment_control=segment_control,
        segment_treatment=segment_treatment,
        control=state.control + control,
        treatment=state.treatment + treatment,
        expected=state.expected + share * (control + treatment),
        log_e=now,
        alarm=state.alarm or now >= LOG_ALARM,
        windows=state.windows + 1,
    )
