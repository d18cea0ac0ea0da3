"""What hold and floor of a step lack or have, in words all strategies share. Decides nothing."""

from engine.core.numbers import duration
from engine.core.plan import Budget, Step
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


def budget(given: Budget, progress: Progress) -> str:
    """How much of a budget of bad trials is spent, and what finding harm at this weight would cost."""
    told = f"{progress.excess:.3g} of the budget of {given.excess:g} excess bad trials are spent"
    if not given.expected or not 0 < progress.weight_pct < 100:
        return told
    expected = given.expected[progress.weight_pct - 1]
    return f"{told}, finding harm {_at(progress)} takes about {expected:.3g}"


def _at(progress: Progress) -> str:
    return f"at {progress.weight_pct} %"


def held(progress: Progress, *, at: str) -> str:
    """How long the step was held and how many trials both arms had."""
    control, treatment = progress.step_trials
    return (
        f"held {duration(progress.step_age_s)} {at} with {control} control and {treatment} treatment trials"
    )


def product_decides() -> str:
    """Nothing that the run counts could say what is better."""
    return "the product experiment decides what is better; `rampwise ab conclude` carries out its answer"
