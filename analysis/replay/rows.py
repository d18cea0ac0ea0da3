"""What a replay says of one run. Values only."""

from dataclasses import dataclass
from enum import StrEnum

from engine.core.decision import Rule


class Outcome(StrEnum):
    """What the recorded windows lead to."""

    PROMOTED = "promoted"
    ROLLED_BACK = "rolled_back"
    UNDECIDED = "undecided"
    UNTRUSTWORTHY = "untrustworthy"
    NO_DATA = "no_data"

    @property
    def rule(self) -> Rule:
        """The rule by which a run ends like this, or waits, or is given up after `patience`."""
        return _RULES[self]


_RULES = {
    Outcome.PROMOTED: Rule.EVIDENCE,
    Outcome.ROLLED_BACK: Rule.HARM,
    Outcome.UNDECIDED: Rule.NOT_YET,
    Outcome.UNTRUSTWORTHY: Rule.UNTRUSTWORTHY_TOO_LONG,
    Outcome.NO_DATA: Rule.BLIND_TOO_LONG,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One run.

    Attributes:
        decided_at: end of the window that decided, as the file writes it; of the first alarm that was not
            believed, where the outcome is untrustworthy; empty where no window decided.
        windows: of the run, up to that window; all where none decided.
        treatment_total: what the treatments had in those windows of the first deciding metric: trials or
            values; events (count), the denominator (ratio), or windows (gauge).
    """

    run: str
    outcome: Outcome
    decided_at: str
    windows: int
    treatment_total: float
    rule: Rule
