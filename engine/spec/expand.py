"""Makes of each declared metric one metric per treatment and stage of the plan. Pure; refuses nothing.

With one treatment and a plan of nothing but splits, every metric stays what it was declared as.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from engine.core.model import Arm, Bound, Metric, MetricKind, Role, Unit
from engine.core.plan import Plan, Probes, Stage
from engine.core.target import RouterSeries, TargetFacts
from engine.spec.breakdown import BreakdownField, parts

Labels = Mapping[Arm, Mapping[str, str]]
"""Per arm the label values that tell its series apart."""

SPLIT_CHECK = "split"
"""What the router's counts for the split check are called."""

_NO_BOUND = Bound()


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """A metric as declared, and per treatment the labels of control and that treatment.

    `breakdown` says of which parts it is shown too.
    """

    metric: Metric
    labels: tuple[Labels, ...]
    breakdown: BreakdownField | None = None


def labels_of(first: Labels, more: Sequence[Mapping[str, str]]) -> tuple[Labels, ...]:
    """Labels per treatment: those of the first, and of the others against the same control."""
    if not first:
        return ()
    return (first, *({Arm.CONTROL: first[Arm.CONTROL], Arm.TREATMENT: labels} for labels in more))


def treatments_of(facts: TargetFacts) -> tuple[str, ...]:
    """All treatments of a target, in order."""
    return (facts.treatment, *facts.more_treatments)


def expand(plan: Plan, declared: Sequence[Declared], treatments: Sequence[str]) -> tuple[Metric, ...]:
    """All metrics of the experiment; every stage has the same part of the rollback evidence.

    Parts of metrics come last, so that they are asked for last, and only of splits: what settling compares
    is no bet against a null hypothesis that a discovery could rest on.

    Args:
        plan: whose steps say which stages there are.
        declared: metrics of stage split, whose weights add up to 1.
        treatments: names, in order.
    """
    stages = stages_of(plan)
    share = 1 / len(stages)
    probed = _probed(plan.probes) if plan.probes and Stage.PREVIEW in stages else ()
    measured = (
        _of_treatment(each, index, treatments, stage)
        for stage in stages
        if stage is not Stage.PREVIEW
        for index in range(len(treatments))
        for each in (_settling(declared) if stage is Stage.SETTLE else declared)
    )
    return (
        *(replace(metric, weight=metric.weight * share) for metric in probed),
        *(replace(metric, weight=metric.weight * share / len(treatments)) for metric in measured),
        *(_broken_down(declared, treatments) if Stage.SPLIT in stages else ()),
    )


def _broken_down(declared: Sequence[Declared], treatments: Sequence[str]) -> Iterator[Metric]:
    for index in range(len(treatments)):
        for each in declared:
            if each.breakdown is not None:
                yield from parts(_of_treatment(each, index, treatments, Stage.SPLIT), each.breakdown)


def stages_of(plan: Plan) -> tuple[Stage, ...]:
    """The stages in which something is measured."""
    return tuple(
        stage
        for stage in Stage
        if plan.has(stage) and (stage is not Stage.PREVIEW or plan.probes is not None)
    )


def split_counts(plan: Plan, facts: TargetFacts) -> tuple[Metric, ...]:
    """What the split check counts, per treatment; nothing where the target is exempt or nothing is split."""
    router = facts.router
    if router is None or router.assignments is None or not plan.has(Stage.SPLIT):
        return ()
    return tuple(_split_counts(router, facts))


def _split_counts(router: RouterSeries, facts: TargetFacts) -> Iterator[Metric]:
    treatments = treatments_of(facts)
    for index, labels in enumerate(labels_of(router.arm_labels, router.more_labels)):
        yield Metric(
            name=_name(SPLIT_CHECK, index, treatments, Stage.SPLIT),
            measure=SPLIT_CHECK,
            kind=MetricKind.ASSIGNMENT,
            role=Role.QUALITY,
            unit=Unit.SESSION if facts.sticky else Unit.REQUEST,
            arm_labels=labels,
            tolerance=_NO_BOUND,
            margin=_NO_BOUND,
            weight=0.0,
            total=router.assignments,
            treatment_index=index,
        )


def _settling(declared: Sequence[Declared]) -> list[Declared]:
    """What can be told before and after the switch; the others' weights go to those that can."""
    kept = [each for each in declared if can_settle(each.metric.kind, has_slo=each.metric.slo_s is not None)]
    total = sum(each.metric.weight for each in kept)
    if abs(total - 1) < 1e-9 or not total:
        return kept
    return [replace(each, metric=replace(each.metric, weight=each.metric.weight / total)) for each in kept]


def can_settle(kind: MetricKind, *, has_slo: bool) -> bool:
    """Whether a metric is a share, to be told before and after a switch: of latency, over its objective."""
    match kind:
        case MetricKind.PROPORTION | MetricKind.THRESHOLD:
            return True
        case MetricKind.DISTRIBUTION:
            return has_slo
        case _:
            return False


def _of_treatment(declared: Declared, index: int, treatments: Sequence[str], stage: Stage) -> Metric:
    metric = declared.metric
    return replace(
        metric,
        name=_name(metric.name, index, treatments, stage),
        measure=metric.name,
        arm_labels=declared.labels[index],
        treatment_index=index,
        stage=stage,
    )


def _name(measure: str, index: int, treatments: Sequence[str], stage: Stage) -> str:
    variant = f"@{treatments[index]}" if len(treatments) > 1 else ""
    return f"{measure}{variant}" if stage is Stage.SPLIT else f"{measure}{variant}@{stage}"


def _probed(probes: Probes) -> tuple[Metric, ...]:
    """What probes are judged by, with equal weights."""
    errors = Metric(
        name=f"errors@{Stage.PREVIEW}",
        measure="errors",
        kind=MetricKind.THRESHOLD,
        role=Role.GUARDRAIL,
        unit=Unit.REQUEST,
        arm_labels={},
        tolerance=_NO_BOUND,
        margin=_NO_BOUND,
        weight=1.0,
        limit=probes.error_limit,
        stage=Stage.PREVIEW,
    )
    if probes.slow_s is None:
        return (errors,)
    slow = replace(
        errors,
        name=f"slow@{Stage.PREVIEW}",
        measure="slow",
        weight=0.5,
        limit=probes.slow_limit,
        slo_s=probes.slow_s,
    )
    return (replace(errors, weight=0.5), slow)
