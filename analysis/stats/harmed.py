"""How many people a treatment has harmed so far, from its bad trials and the risk ratio. Judges nothing."""

from engine.core.verdict import Finding


def harmed(finding: Finding) -> tuple[float, float | None, float | None] | None:
    """Trials that count, of the treatment, beyond what control's rate would have made: (estimate, low, high).

    Of `n` such trials `n (1 - 1/RR)` would not have been at control's rate, RR being the risk ratio; the ends
    belong to the ends of its confidence sequence, and an end of None is unbounded. Where bad trials count,
    these are the trials harmed (below 0: spared). Where higher is better, good trials count, and what was
    lost is the negative of this. None where no risk ratio is known.
    """
    effect, counted = finding.effect, finding.treatment.bad
    if effect.measure != "risk ratio" or not finding.treatment.total:
        return None
    if counted == 0:
        missed = finding.difference
        return None if missed is None else (missed * finding.treatment.total, None, 0.0)
    estimate = float(counted) if effect.estimate is None else counted * (1.0 - 1.0 / effect.estimate)
    low = None if effect.low is None else counted * (1.0 - 1.0 / effect.low)
    high = float(counted) if effect.high is None else counted * (1.0 - 1.0 / effect.high)
    return estimate, low, high
