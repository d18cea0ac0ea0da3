"""Why the engine does what it does: one sentence per rule, with direction, size, unit and limit."""

from engine.core.decision import Blocker, Rule
from engine.core.events import Command, Verb
from engine.core.gate import GateState
from engine.core.model import Experiment, Metric, MetricKind, Unit
from engine.core.numbers import duration, percent, times
from engine.core.plan import Policy, Stage
from engine.core.proposal import Abandon, Finish
from engine.core.run import Act, Run
from engine.core.target import TargetState, Weights
from engine.core.verdict import Effect, Finding, Verdict, VerdictKind
from engine.core.wording.quantities import bound, gap, is_share, level


def by_person(order: Command) -> str:
    """A person's order with the person's reason."""
    done = {Verb.STOP: "Stopped", Verb.ROLLBACK: "Rolled back", Verb.PROMOTE: "Promoted"}[order.verb]
    return f"{done} by {order.actor}: {order.reason}"


def gate_closed(experiment: Experiment, gate: GateState) -> str:
    """The flag was turned off."""
    return f"Stopped by flag `{gate.flag}`. Traffic goes back to {experiment.control} (100 %)."


def treatment_unhealthy(experiment: Experiment, sick: tuple[Blocker, ...]) -> str:
    """The treatment cannot serve although control can."""
    return f"Roll back: {_unhealthy(experiment, sick)}."


def arm_unhealthy(experiment: Experiment, sick: tuple[Blocker, ...]) -> str:
    """Some treatments of several cannot serve although control can."""
    return f"Its share goes back to {experiment.control}: {_unhealthy(experiment, sick)}."


def _unhealthy(experiment: Experiment, sick: tuple[Blocker, ...]) -> str:
    detail = "; ".join(blocker.detail for blocker in sick)
    return f"{detail}, for longer than {duration(experiment.progress_deadline_s)}"


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
        worse, culprit = f"{experiment.treatments[arm]} is worse", verdict.arms[arm].culprit
        if culprit:
            metric = experiment.metric(culprit)
            worse += f". {_comparison(metric, verdict.finding(culprit))}; {_tolerated(metric)}"
        sentences.append(f"{worse}.")
    return f"Its share goes back to {experiment.control}: {' '.join(sentences)}"


def superseded(target: TargetState) -> str:
    """Somebody else ended the release; nothing of theirs is touched."""
    return f"{target.ended}; this run stands back and leaves traffic at {target.weights} (control/treatment)"


def tidied() -> str:
    """With the run's last act went what only a run needs."""
    return "what only the run needed was removed from the target"


def taken_back(seen: str) -> str:
    """Somebody else wrote to the target, and the policy is not to live with that."""
    return f"Roll back, as `on_foreign` says: {seen}"


def preview_failed(run: Run, proposal: Abandon) -> str:
    """The strategy gave up, as a rule because the preview did not show in time that it is good enough."""
    when = " before any traffic" if run.weights.given == 0 else ""
    return f"Roll back{when}: {proposal.reason}."


def not_shown(experiment: Experiment) -> str:
    """A strategy wanted to promote or to switch, and the evidence does not say so."""
    wanted = "the strategy would give away control's last traffic"
    if experiment.plan.product_decides:
        return f"{wanted}, but the product experiment says what is better"
    needed = "better" if experiment.plan.needs_better else "not worse"
    return f"{wanted}, but the evidence does not say {needed}"


def which_treatment(run: Run, order: Command, live: tuple[str, ...]) -> str:
    """A person's promotion does not say which treatment, or names one that takes no part."""
    wrong = (
        f"{order.treatment} takes no part in this run" if order.treatment else "several treatments take part"
    )
    command = f"rampwise promote {run.id} --treatment {live[0]} --reason TEXT"
    return f"{wrong}; say which of {', '.join(live)} is meant: `{command}`"


def no_such_step(step: int, steps: int) -> str:
    """A strategy asks for a step that its plan has not."""
    return f"the strategy asks for step {step + 1} of a plan with {steps}"


def no_such_treatment() -> str:
    """A strategy asks to promote a treatment that does not exist, or has lost its traffic."""
    return "the strategy would promote a treatment that takes no part"


def takes_everything_away() -> str:
    """A strategy asks for a rung without traffic after there was some."""
    return "the strategy asks for a step without traffic, which only a rollback has"


def is_there_already(run: Run) -> str:
    """A strategy asks for what is there."""
    return f"the strategy asks for {run.weights}, which is there already"


def sticky(run: Run, weights: Weights) -> str:
    """A strategy asks for other weights although visitors stay on their variant."""
    return (
        f"the strategy asks for {weights} after {run.weights}, "
        "but visitors stay on their variant, so weights must not change"
    )


def settled(experiment: Experiment, verdict: Verdict, proposal: Finish) -> str:
    """The treatment had all traffic for long enough and nothing spoke against it."""
    compared = [
        f"{_comparison(experiment.metric(finding.metric), finding)}; "
        f"{_tolerated(experiment.metric(finding.metric))}."
        for finding in _deciding(verdict, proposal.treatment_index)
    ]
    return " ".join([f"Promoted (settled): {proposal.reason}.", *compared])


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
    return " ".join(f"{_shown(experiment, finding)}." for finding in _deciding(verdict, arm))


def _deciding(verdict: Verdict, arm: int) -> list[Finding]:
    """What decides about a treatment in the stage that the verdict speaks of."""
    return [
        finding
        for finding in verdict.findings
        if finding.weight > 0 and finding.treatment_index == arm and finding.stage is verdict.stage
    ]


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
    return f"Holding at {run.weights.given} %: {blockers[0].detail}{more}"


def again(act: Act) -> str:
    """An act decided earlier that has no result yet."""
    return f"Act {act.number} ({act.kind}, {act.weights}) was decided earlier and has no result yet."


def would(sentence: str) -> str:
    """The same in observe mode."""
    return f"Would (observe mode): {sentence}"


def named(metric: Metric) -> str:
    """A metric in a sentence: as declared, and of which treatment and stage where there are several."""
    declared = metric.measure or metric.name
    variant = metric.name.removeprefix(declared).removesuffix(f"@{metric.stage}").removeprefix("@")
    whose = f" of {variant}" if variant else ""
    return f"{declared}{whose}{_STAGE_WORDS[metric.stage]}"


_STAGE_WORDS = {Stage.PREVIEW: " of probes", Stage.SPLIT: "", Stage.SETTLE: " after the switch"}


def _comparison(metric: Metric, finding: Finding) -> str:
    """Both arms and their difference; a latency without an objective has no share to tell."""
    if metric.kind is MetricKind.DISTRIBUTION and metric.slo_s is None:
        return f"{named(metric)}: {metric.unit}s are slower"
    if metric.kind is MetricKind.THRESHOLD:
        return f"{named(metric)}: {percent(finding.treatment.rate)} {_unit(metric)}{_likely(finding.effect)}"
    return (
        f"{named(metric)}: {_both(metric, finding)}"
        f" ({gap(metric, finding.difference)}{_likely(finding.effect)})"
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
    return f"tolerated is {bound(metric, metric.tolerance)}"


def _shown(experiment: Experiment, finding: Finding) -> str:
    """What promotion rests on, in the margin's own unit; the ratio's interval is another question."""
    metric = experiment.metric(finding.metric)
    confidence = f"({percent(1 - experiment.alpha_promote)} confidence)"
    if metric.kind is MetricKind.THRESHOLD:
        rate, limit = percent(finding.treatment.rate), percent(metric.limit)
        return f"{named(metric)}: {rate} bad, below the limit of {limit} {confidence}"
    compared = f"{named(metric)}: {_both(metric, finding)}"
    if finding.verdict is VerdictKind.BETTER:
        return f"{compared}, better {confidence}"
    worse = bound(metric, metric.margin).removeprefix("+")
    return f"{compared}, worse by less than {worse} {confidence}"


def _both(metric: Metric, finding: Finding) -> str:
    """The treatment's value against control's."""
    what = f" {_unit(metric)}" if is_share(metric) else ""
    return f"{level(metric, finding.treatment.rate)}{what} against {level(metric, finding.control.rate)}"


def counted_as(metric: Metric) -> str:
    """What the trials are that a share counts."""
    if not metric.higher_is_better:
        return "bad"
    return "good" if metric.unit is Unit.REQUEST else "converted"


def _unit(metric: Metric) -> str:
    """What a share is a share of, after its percentage."""
    if metric.slo_s is not None:
        return f"above {metric.slo_s * 1000:g} ms"
    return counted_as(metric)
