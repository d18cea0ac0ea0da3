"""What a step of a plan is called. Decides nothing."""

from engine.core.plan import Plan, Stage
from engine.core.target import Weights


def part(plan: Plan, number: int) -> str:
    """Which part of an A/B test with a canary a step is; empty where a plan has one part only."""
    if not plan.canary_steps:
        return ""
    return "canary" if number < plan.canary_steps else "test"


def place(plan: Plan, number: int) -> str:
    """Where a run is at this step: `20 %`, `preview`, `canary at 5 %`, `test at 50/50`."""
    step = plan.steps[number]
    if step.stage is Stage.PREVIEW:
        return "preview"
    match part(plan, number):
        case "canary":
            return f"canary at {step.weight_pct} %"
        case "test":
            return f"test at {Weights.of(*step.shares)}"
        case _:
            return f"{step.weight_pct} %"
