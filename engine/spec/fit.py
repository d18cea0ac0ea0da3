"""Whether plan, metrics and target fit together: what neither of them can know on its own."""

from collections.abc import Iterator

from engine.core.model import Metric, MetricKind, Role, Unit
from engine.core.plan import Plan, Stage
from engine.core.target import TargetFacts, Weights
from engine.errors import Problem
from engine.spec.expand import treatments_of
from engine.spec.problems import problem, shown
from engine.spec.yaml_text import Path, Source

_TARGET: Path = ("spec", "target")
_METRICS: Path = ("spec", "metrics")


def variants_differ(source: Source, facts: TargetFacts) -> Iterator[Problem]:
    """Control and all treatments are different things."""
    treatments = treatments_of(facts)
    expected = "two versions to compare" if len(treatments) == 1 else "versions that differ"
    for index, name in enumerate(treatments):
        if name == facts.control:
            found = f"{shown(name)} as control and as treatment"
            yield problem(source, _TARGET, found=found, expected=expected)
        elif name in treatments[:index]:
            found = f"{shown(name)} twice as treatment"
            yield problem(source, _TARGET, found=found, expected=expected)


def preview_is_in_reach(source: Source, plan: Plan, facts: TargetFacts) -> Iterator[Problem]:
    """Where a plan has a preview, the treatment can be asked without the router."""
    if plan.has(Stage.PREVIEW) and facts.preview_url is None:
        found = f"{plan.strategy}, which probes a preview, but this target knows no address of the treatment"
        expected = "a strategy without a preview, or a target that knows the address"
        yield problem(source, _strategy(plan), found=found, expected=expected)


def every_treatment_has_a_share(source: Source, plan: Plan, facts: TargetFacts) -> Iterator[Problem]:
    """A plan has as many shares as the target has treatments."""
    treatments = treatments_of(facts)
    counts = {len(step.shares) for step in plan.steps if step.shares} or {1}
    whole = all(step.shares for step in plan.steps) or len(treatments) == 1
    if counts == {len(treatments)} and whole:
        return
    names = ", ".join(treatments)
    if any(step.shares for step in plan.steps):
        shares = " or ".join(map(str, sorted(counts)))
        found = f"{shares} weight{'' if counts == {1} else 's'} for {_counted(len(treatments))} ({names})"
        expected = "one weight for each treatment, in the target's order"
    else:
        found = f"{plan.strategy}, which releases one treatment, but the target has {names}"
        expected = "one treatment, or a strategy with a weight for each"
    yield problem(source, _strategy(plan), found=found, expected=expected)


def sticky_weights_stay(source: Source, plan: Plan, facts: TargetFacts) -> Iterator[Problem]:
    """Where visitors stay on a variant, all splits of a plan are the same, or move nobody between arms."""
    splits = _splits(plan)
    if facts.sticky and len(splits) > 1 and not _keep_arms(splits, facts):
        found = (
            f"{plan.strategy} with {len(splits)} different splits, but visitors of this target are sticky: "
            "who came before a change of weights stays, so the arms would not be comparable"
        )
        expected = "one split, or a target without stickiness"
        yield problem(source, _strategy(plan), found=found, expected=expected)


def a_canary_moves_no_user(source: Source, plan: Plan, facts: TargetFacts) -> Iterator[Problem]:
    """Where users' events are compared, a canary before the test gives nobody two variants."""
    if plan.canary_steps and not _keep_arms(_splits(plan), facts):
        found = "a canary before a product experiment, on a target whose ramp moves users between variants"
        expected = "the target `flag` with `split_pct`, and no weight above a treatment's share of it"
        yield problem(source, _strategy(plan), found=found, expected=expected)


def _splits(plan: Plan) -> set[tuple[int, ...]]:
    """The treatments' shares in all steps that split traffic."""
    return {step.shares or (step.weight_pct,) for step in plan.steps if step.stage is Stage.SPLIT}


def _keep_arms(splits: set[tuple[int, ...]], facts: TargetFacts) -> bool:
    """Whether nobody moves between arms at any of these."""
    return facts.arms_pct != () and all(Weights.of(*shares).within(facts.arms_pct) for shares in splits)


def an_objective_may_promote(
    source: Source, plan: Plan, facts: TargetFacts, metrics: tuple[Metric, ...]
) -> Iterator[Problem]:
    """Where visitors stay on a variant, what promotes counts sessions or users: requests depend on others."""
    objectives = [
        metric
        for metric in metrics
        if metric.role is Role.OBJECTIVE and metric.kind is not MetricKind.THRESHOLD
    ]
    if not plan.needs_better or not facts.sticky or not objectives:
        return
    if all(metric.unit is Unit.REQUEST for metric in objectives):
        names = ", ".join(metric.name for metric in objectives)
        found = f"objectives of unit request only ({names}), but visitors of this target are sticky"
        expected = "an objective of unit session or user, such as preset: conversions"
        yield problem(source, _METRICS, found=found, expected=expected)


def _strategy(plan: Plan) -> Path:
    return ("spec", "strategy", plan.strategy)


def _counted(treatments: int) -> str:
    return "one treatment" if treatments == 1 else f"{treatments} treatments"
