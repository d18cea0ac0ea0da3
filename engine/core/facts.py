"""Everything one tick has read, as values: what `blockers` and `decide` look at."""

from dataclasses import dataclass

from engine.core.events import Command, Freeze
from engine.core.gate import GateState
from engine.core.measure import Missing
from engine.core.proposal import Proposal
from engine.core.target import TargetGone, TargetState
from engine.core.verdict import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What one tick has read.

    Attributes:
        order: the person's stop, rollback or promote to carry out now, the gravest first; None without.
        trouble: why the metric source itself gave nothing, or None. unread: windows that are due and were
            not read yet, after a long absence of the engine.
        proposal: what the strategy would do, were nothing in the way.
    """

    now_s: float
    gate: GateState
    target: TargetState | TargetGone
    verdict: Verdict
    trouble: Missing | None
    proposal: Proposal
    unread: int = 0
    order: Command | None = None
    freeze: Freeze | None = None

    @property
    def missing(self) -> dict[str, Missing]:
        """Deciding metrics without a usable reading in the latest window."""
        return {
            finding.metric: finding.missing
            for finding in self.verdict.findings
            if finding.missing is not None and finding.weight > 0
        }
