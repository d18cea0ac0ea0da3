"""Sentences about how a product experiment was released. Stages and endings come by their plain names."""

from collections.abc import Mapping

STAGE_WORDS: Mapping[str, str] = {
    "canary": "canary: is it safe?",
    "test": "test: which is better?",
}
"""What a stretch of the release asked."""

TEST_BEGINS = "test begins"
"""Above a chart, where the split became the planned one."""

_ENDED: Mapping[str, str] = {
    "promoted": "promoted",
    "rolled_back": "rolled back",
    "stopped": "stopped",
    "expired": "not decided in time",
    "failed": "failed",
}


def ended_word(phase: str) -> str:
    """How a release ended, in a word or a few."""
    return _ENDED[phase]


def end_word(phase: str, at: str) -> str:
    """How and when a release ended, short enough for a status."""
    return f"release ended {at}: {ended_word(phase)}"


def began_told(*, canary: str | None, test: str | None, ended: bool) -> str:
    """When the canary and the test at the fixed split began; moments, None for what has not been."""
    if canary is None and test is None:
        return "No traffic was given." if ended else "No traffic is given yet."
    if test is None:
        not_yet = "never began" if ended else "has not begun yet"
        return f"The canary began {canary}; the test at the fixed split {not_yet}."
    if canary is None:
        return f"The test at the fixed split began {test}, without a canary before it."
    return f"The canary began {canary}, the test at the fixed split {test}."


def ended_told(phase: str, *, at: str, variant: str, reason: str, by: str) -> str:
    """How, when and why it ended, and what everybody has had since."""
    since = f" Everybody has had {variant} since." if variant else ""
    who = f", decided by {by}" if by else ""
    why = f" Why: {reason.rstrip('.')}." if reason else ""
    return f"The release ended {at}: {ended_word(phase)}{who}.{since}{why}"


def runs_on_told(strategy: str, run_id: str) -> str:
    """Which release it is, while nothing has ended it."""
    return f"The release ({strategy}, run {run_id}) goes on."


def run_told(strategy: str, run_id: str) -> str:
    """Which release it was."""
    return f"By the strategy {strategy}, run {run_id}."
