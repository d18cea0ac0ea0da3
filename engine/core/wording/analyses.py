"""What an analysis of somebody else's release is told, where no decision of the run says it already."""

from engine.core.numbers import duration


def just_begun() -> str:
    """Before the first tick."""
    return "the run has just begun"


def shown() -> str:
    """Everything that promotion takes, but for the promotion."""
    return "not worse, and every floor is met"


def switched() -> str:
    """After the switch, before the run has noticed it."""
    return "the new colour was probed; now it is watched with all traffic"


def undriven(silent_s: float) -> str:
    """No engine ticks the run, so that what is stored is old."""
    return f"nobody has driven the run for {duration(silent_s)}; start `rampwise serve`"


def forgotten(idle_s: float) -> str:
    """Why a run ends that no analysis asks for any more."""
    return f"no analysis has asked for {duration(idle_s)}"


def gone_on() -> str:
    """Why the preview is approved."""
    return "the Rollout has switched: a post-promotion analysis asks"
