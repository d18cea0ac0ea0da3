"""Icon and word of each state, so that nothing is told by colour alone. Sentences are in `wording`."""

from engine.core.run import Phase
from engine.core.verdict import VerdictKind

VERDICT_WORDS = {
    VerdictKind.HARMFUL: ("✖", "worse"),
    VerdictKind.NOT_WORSE: ("✔", "not worse"),
    VerdictKind.BETTER: ("▲", "better"),
    VerdictKind.UNDECIDED: ("?", "undecided"),
    VerdictKind.NO_DATA: ("∅", "no data"),
    VerdictKind.UNTRUSTWORTHY: ("⚠", "not to be trusted"),
}
"""Icon and word of each verdict; never the colour alone."""

PHASE_WORDS = {
    Phase.PENDING: ("◌", "pending"),
    Phase.RUNNING: ("◐", "running"),
    Phase.PAUSED: ("‖", "paused"),
    Phase.PROMOTED: ("✔", "promoted"),
    Phase.ROLLED_BACK: ("✖", "rolled back"),
    Phase.STOPPED: ("■", "stopped"),
    Phase.EXPIRED: ("◷", "expired"),
    Phase.FAILED: ("⚠", "failed"),
}
"""Icon and word of each phase."""
