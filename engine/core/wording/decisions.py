"""Why the engine does what it does: one sentence per rule, with direction, size, unit and limit."""

from engine.core.decision import Blocker, Rule
from engine.core.events import Command, Verb
from engine.core.gate import GateState
from engine.core.model import Bound, Experiment, Metric, MetricKind, Policy
from engine.core.numbers import duration, percent, points, times
from engine.core.proposal import Abandon, Finish
from engine.core.run import Act, Run
from engine.core.verdict import Effect, Finding, Verdict


def bound(limit: Bound) -> str:
    """A tolerance or margin in words."""
    parts = [] if limit.relative is None else [times(1 + limit.relative)]
    parts += [] if limit.absolute is None else [points(limit.absolute)]
    return parts[0] if len(parts) == 1 else f"the larger of {' and '.join(parts)}"


def by_person(order: Command) -> str:
    """A person's order with the person's reason."""
    done = {Verb.STOP: "Stopped", Verb.ROLLBACK: "Rolled back", Verb.PROMOTE: "Promoted"}[order.verb]
    return f"{done} by {order.actor}: {order.reason}"


def gate_closed(experiment: Experiment, gate: GateState) -> str:
    """The flag was turned off."""
    return f"Stopped by flag `{gate.flag}`. Traffic goes back to {experiment.control} (100 %)."


def treatment_unhealthy(experiment: Experiment, blockers: tuple[Blocker, ...]) -> str:
    """The treatment cannot serve although control can."""
    detail = "; ".join(blocker.detail for blocker in blockers if blocker.kind.value == "treatment_not_ready")
    return f"Roll back: {detail}, for longer than {duration(experiment.progress_deadline_s)}."


def harm(experiment: Experiment, verdict: Verdict) -> str:
    """The treatment is worse than tolerated, with the metric that shows it most."""
    if not verdict.culprit:
        return f"Roll back: {experiment.treatment} is worse than {experiment.control}."
    finding = verdict.finding(verdict.culprit)
    metric = experiment.metric(finding.metric)
    facts = f"{_comparison(metric, finding)}; {_tolerated(metric)}"
    return f"Roll back: {experiment.treatment} is worse. {facts}."


def arm_harmful(experiment: Experiment, verdict: Verdict, arms: tuple[int, ...]) -> str:
    """Some treatments of several are worse than tolerated, each with the metric that shows it most."""
    sentences = []
    for arm in arms:
        culprit = verdict.arms[arm].culprit
        finding = verdict.finding(culprit)
        metric = experiment.metric(culprit)
        sentences.append(
            f"{experiment.treatments[arm]} is worse. {_comparison(metric, finding)}; {_tolerated(metric)}."
        )
    return f"Its share goes back to {experiment.control}: {' '.join(sentences)}"


def preview_failed(proposal: Abandon) -> str:
    """The preview did not show in time that it is good enough."""
    return f"Roll back before any traffic: {proposal.reason}."


def not_shown() -> str:
    """A strategy wanted to promote, and the evidence does not say so."""
    return "the strategy would promote, but the evidence does not say not worse"


def settled(experiment: Experiment, verdict: Verdict, proposal: Finish) -> str:
    """The treatment had all traffic for long enough and nothing spoke against it."""
    facts = _facts(experiment, verdict, proposal.treatment_index)
    return f"Promoted (settled): {proposal.reason}. {facts}".rstrip()


def promote(experiment: Experiment, verdict: Verdict, arm: int = 0) -> str:
    """No guardrail is worse by its margin; in an A/B test an objective is better as well."""
    facts = _facts(experiment, verdict, arm)
    variant = experiment.treatments[arm]
    better = verdict.arms[arm].better_by if experiment.plan.needs_better and verdict.arms else ""
    if better:
        return f"Promote {variant}: it is better. {facts}"
    return f"Safe to promote {variant}: no harm found. {facts}"


def _facts(experiment: Experiment, verdict: Verdict, arm: int) -> str:
    """What every deciding metric of this stage and treatment says."""
    return " ".join(
        f"{_shown(experiment, finding)}."
        for finding in verdict.findings
        if finding.weight > 0 and finding.treatment_index == arm and finding.stage is verdict.stage
    )


def overdue(experiment: Experiment, rule: Rule, policy: Policy, blockers: tuple[Blocker, ...]) -> str:
    """Evidence did not come in time; the declared policy decides."""
    then = (
        f"Traffic goes back to {experiment.control}"
        if policy is Policy.ROLLBACK
        else "A person must promote or roll back"
    )
    if rule is Rule.HORIZON:
        return f"Not decided within {duration(experiment.horizon_s)}. {then}."
    causes = "; ".join(blocker.detail for blocker in blockers)
    return f"No usable evidence for {duration(experiment.patience_s)} ({causes}). {then}."


def blocked(run: Run, blockers: tuple[Blocker, ...]) -> str:
    """Why traffic stays where it is: the first blocker, and how many more there are."""
    more = f" (and {len(blockers) - 1} more)" if len(blockers) > 1 else ""
    return f"Holding at {run.weights.treatment} %: {blockers[0].detail}{more}"


def again(act: Act) -> str:
    """An act decided earlier that has no result yet."""
    return f"Act {act.number} ({act.kind}, {act.weights}) was decided earlier and has no result yet."


def would(sentence: str) -> str:
    """The same in observe mode."""
    return f"Would (observe mode): {sentence}"


def _comparison(metric: Metric, finding: Finding) -> str:
    """Both arms and their difference; a latency without an objective has no share to tell."""
    if metric.kind is MetricKind.DISTRIBUTION and metric.slo_s is None:
        return f"{metric.name}: {metric.unit}s are slower"
    return (
        f"{metric.name}: {percent(finding.treatment.rate)} {_unit(metric)}"
        f" against {percent(finding.control.rate)}"
        f" ({points(finding.difference)}{_likely(finding.effect)})"
    )


def _likely(effect: Effect) -> str:
    form = percent if effect.measure == "share" else times
    if effect.low is None and effect.high is None:
        return ""
    if effect.low is None:
        return f", likely at most {form(effect.high)}"
    if effect.high is None:
        return f", likely at least {form(effect.low)}"
    return f", likely {form(effect.low)} to {form(effect.high)}"


def _tolerated(metric: Metric) -> str:
    if metric.kind is MetricKind.THRESHOLD:
        return f"the limit is {percent(metric.limit)}"
    return f"tolerated is {bound(metric.tolerance)}"


def _shown(experiment: Experiment, finding: Finding) -> str:
    """What promotion rests on, in the margin's own unit; the ratio's interval is another question."""
    metric = experiment.metric(finding.metric)
    rate, confidence = percent(finding.treatment.rate), percent(1 - experiment.alpha_promote)
    if metric.kind is MetricKind.THRESHOLD:
        return (
            f"{metric.name}: {rate} bad, below the limit of {percent(metric.limit)} ({confidence} confidence)"
        )
    worse = bound(metric.margin).removeprefix("+")
    return (
        f"{metric.name}: {rate} {_unit(metric)} against {percent(finding.control.rate)}, "
        f"worse by less than {worse} ({confidence} confidence)"
    )


def _unit(metric: Metric) -> str:
    """What a share is a share of, after its percentage."""
    if metric.slo_s is not None:
        return f"above {metric.slo_s * 1000:g} ms"
    return "bad"
