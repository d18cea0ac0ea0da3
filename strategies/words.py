"""What hold and floor of a step lack or have, in words all strategies share. Decides nothing."""

from engine.core.numbers import duration
from engine.core.plan import Step
from engine.core.proposal import Progress


def missing(step: Step, progress: Progress, *, at: str, arms: tuple[str, ...]) -> list[str]:
    """What this step still lacks, nothing when it was held and filled.

    Args:
        step: the rung.
        progress: where the run stands on it.
        at: where that is, in words, such as `at 20 %`.
        arms: of `control` and `treatment` those that need trials.
    """
    found = []
    if progress.step_age_s < step.hold_s:
        found.append(f"held {duration(progress.step_age_s)} of {duration(step.hold_s)} {at}")
    for arm, trials in zip(("control", "treatment"), progress.step_trials, strict=True):
        if arm in arms and trials < step.floor:
            found.append(f"{arm} had {trials} of {step.floor} trials {at}")
    return found


def held(progress: Progress, *, at: str) -> str:
    """How long the step was held and how many trials both arms had."""
    control, treatment = progress.step_trials
    return (
        f"held {duration(progress.step_age_s)} {at} with {control} control and {treatment} treatment trials"
    )
