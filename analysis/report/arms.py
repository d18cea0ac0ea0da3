"""What the evidence says of each treatment, for runs with several. Pure."""

import math
from dataclasses import dataclass

from engine.core.labels import VERDICT_WORDS
from engine.core.verdict import Verdict, VerdictKind


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmRow:
    """One treatment's verdict.

    Attributes:
        icon, word: of the verdict. culprit: the metric with the most evidence of harm, empty without any.
        better_by: the objective that is better, empty without.
    """

    treatment: str
    verdict: VerdictKind
    icon: str
    word: str
    log10_e_harm: float
    culprit: str
    better_by: str


def arm_rows(verdict: Verdict) -> tuple[ArmRow, ...]:
    """All treatments in order."""
    return tuple(
        ArmRow(
            treatment=arm.treatment,
            verdict=arm.kind,
            icon=VERDICT_WORDS[arm.kind][0],
            word=VERDICT_WORDS[arm.kind][1],
            log10_e_harm=arm.log_e_harm / math.log(10),
            culprit=arm.culprit,
            better_by=arm.better_by,
        )
        for arm in verdict.arms
    )
