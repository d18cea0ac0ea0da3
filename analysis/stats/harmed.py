"""How many people a treatment has harmed so far, from its bad trials and their ratio. Judges nothing."""

from engine.core.model import Experiment
from engine.core.plan import Stage
from engine.core.verdict import Finding, Verdict


def harmed(finding: Finding) -> tuple[float, float | None, float | None] | None:
    """Trials that count, of the treatment, beyond what control's rate would have made: (estimate, low, high).

    Of `n` such trials or events `n (1 - 1/RR)` would not have been at control's rate, RR being the risk ratio
    or rate ratio; the ends belong to the ends of its confidence sequence, and an end of None is unbounded.
    Where bad trials count, these are the trials harmed (below 0: spared). Where higher is better, good trials
    count, and what was lost is the negative of this. None for values that are no counts.
    """
    effect, counted = finding.effect, finding.treatment.bad
    if effect.measure not in {"risk ratio", "rate ratio"} or not finding.treatment.total:
        return None
    if counted == 0:
        missed = finding.difference
        return None if missed is None else (missed * finding.treatment.total, None, 0.0)
    estimate = float(counted) if effect.estimate is None else counted * (1.0 - 1.0 / effect.estimate)
    low = None if effect.low is None else counted * (1.0 - 1.0 / effect.low)
    high = float(counted) if effect.high is None else counted * (1.0 - 1.0 / effect.high)
    return estimate, low, high


def excess(experiment: Experiment, verdict: Verdict) -> float:
    """Bad trials of a treatment beyond control's rate (good ones lost), by the metric with most, or 0.

    Metrics that decide while both arms serve count.
    """
    found = [0.0]
    for finding in verdict.findings:
        counted = harmed(finding) if finding.weight > 0 and finding.stage is Stage.SPLIT else None
        if counted is not None:
            found.append(-counted[0] if experiment.metric(finding.metric).higher_is_better else counted[0])
    return max(found)
