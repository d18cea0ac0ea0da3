"""The split check as the report tells it: planned and seen per treatment, and the tolerance. Pure."""

import math
from dataclasses import dataclass

from engine.core import wording
from engine.core.model import Experiment
from engine.core.verdict import SplitFinding, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareRow:
    """One treatment's share of its own and control's visitors.

    Attributes:
        planned, seen: None before the first window that counts. tolerance: how far off is fine, in shares.
        log10_e: evidence that it is further off. alarm: it reached 100, now or before.
        told: in a sentence.
    """

    treatment: str
    planned: float | None
    seen: float | None
    control: int
    visitors: int
    tolerance: float
    log10_e: float
    alarm: bool
    windows: int
    told: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitCheck:
    """The check of all treatments, or why there is none."""

    rows: tuple[ShareRow, ...]
    exempt: str


NO_CHECK = SplitCheck(rows=(), exempt="")


def split_check(experiment: Experiment, verdict: Verdict) -> SplitCheck:
    """What the split check says now."""
    rows = tuple(_row(experiment, split) for split in verdict.splits)
    return SplitCheck(rows=rows, exempt="" if experiment.splits else wording.SPLIT_EXEMPT)


def tolerance(experiment: Experiment, planned: float | None) -> float:
    """How far off a planned share may be; the relative part is of the smaller arm's."""
    bound = experiment.split_tolerance
    smaller = 0.5 if planned is None else min(planned, 1 - planned)
    return max(bound.absolute or 0.0, (bound.relative or 0.0) * smaller)


def _row(experiment: Experiment, split: SplitFinding) -> ShareRow:
    return ShareRow(
        treatment=split.treatment,
        planned=split.planned,
        seen=split.seen,
        control=split.control,
        visitors=split.control + split.treatment_count,
        tolerance=tolerance(experiment, split.planned),
        log10_e=split.log_e / math.log(10),
        alarm=split.alarm,
        windows=split.windows,
        told=wording.split_off(split),
    )
