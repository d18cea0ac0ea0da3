"""The canary strategy: a ramp of steps, each held for a time and until both arms had enough trials.

Pure: it proposes from the plan and what the run has seen; the engine decides whether anything is in the way.
"""

from pydantic import Field

from engine.core.plan import Budget, Plan, Step
from engine.core.proposal import Climb, Finish, Progress, Proposal, Wait
from engine.core.target import Weights
from strategies import ramp, words


class CanaryOptions(ramp.RampOptions):
    """Options of the canary strategy."""

    steps: ramp.Steps = Field(
        default_factory=lambda: ramp.steps_of(1, 5, 20, 50), json_schema_extra={"minItems": 1}
    )
    """Weights in ascending order, as numbers or with options of their own."""
    budget: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """Bad trials beyond control's that finding the declared effect may cost on average. Each step gives its
    weight or less, as the budget allows; every step gives its weight, if absent."""


class Canary:
    """Gives the treatment a little traffic, then more, as long as nothing speaks against it."""

    Options = CanaryOptions

    def plan(self, options: CanaryOptions) -> Plan:
        """The rungs that these options mean."""
        budget = None if options.budget is None else Budget(excess=options.budget)
        return Plan(strategy="canary", steps=options.rungs(), budget=budget)

    def propose(self, plan: Plan, progress: Progress) -> Proposal:
        """The next rung once hold and floor are met, the end once the evidence is there, else waiting."""
        if plan.budget is not None:
            return _inside(plan, plan.budget, progress)
        if progress.step < 0:
            first = plan.steps[0]
            return Climb(
                step=0, weights=Weights.of(first.weight_pct), reason=f"start at {first.weight_pct} %"
            )
        step = plan.steps[progress.step]
        lacks = words.missing(step, progress, at=_at(step), arms=("control", "treatment"))
        if lacks:
            return Wait(reason=" and ".join(lacks))
        if progress.step + 1 < len(plan.steps):
            after = plan.steps[progress.step + 1]
            return ramp.next_rung(plan, progress, at=_at(step), following=f"{after.weight_pct} %")
        return _end(_at(step), progress)


def _inside(plan: Plan, budget: Budget, progress: Progress) -> Proposal:
    """The same ramp, with no more weight than the budget allows; where that is less than now, it stays."""
    most_pct, told = budget.most_pct(progress.excess), words.budget(budget, progress)
    if progress.step < 0:
        first_pct = min(plan.steps[0].weight_pct, most_pct)
        if first_pct == 0:
            return Wait(reason=f"not even 1 % is inside the budget; {told}")
        return Climb(step=0, weights=Weights.of(first_pct), reason=f"start at {first_pct} %; {told}")
    step, at = plan.steps[progress.step], f"at {progress.weight_pct} %"
    lacks = words.missing(step, progress, at=at, arms=("control", "treatment"))
    if lacks:
        return Wait(reason=" and ".join(lacks))
    if most_pct < progress.weight_pct:
        return Wait(reason=f"{words.held(progress, at=at)}, but the budget gives no more; {told}")
    if progress.step + 1 < len(plan.steps):
        after_pct = min(plan.steps[progress.step + 1].weight_pct, most_pct)
        if after_pct > progress.weight_pct:
            reason = f"{words.held(progress, at=at)}; next is {after_pct} %; {told}"
            return Climb(step=progress.step + 1, weights=Weights.of(after_pct), reason=reason)
    return _end(at, progress)


def _at(step: Step) -> str:
    return f"at {step.weight_pct} %"


def _end(at: str, progress: Progress) -> Proposal:
    """Promotion from the last step, or what the evidence lacks for it."""
    held = words.held(progress, at=at)
    if not progress.not_worse:
        return Wait(reason=f"{held}, but the evidence does not yet say not worse")
    if not progress.inside_margin_at_step:
        return Wait(reason=f"{held}, but the estimate of this step alone is not inside the margin")
    return Finish(reason=f"{held}; not worse, also at this step alone")
