"""Every sentence about a verdict, a decision or a blocker. The only place with such prose.

Sentences say direction, size, unit and limit. Nothing in here decides.
"""

from engine.core.decision import Blocker, DecisionKind, Rule
from engine.core.events import Command, Freeze, Verb
from engine.core.gate import GateState
from engine.core.measure import Missing, MissingReason
from engine.core.model import Bound, Experiment, Metric, MetricKind, Policy
from engine.core.numbers import clock_time, duration, percent, points, times
from engine.core.release_window import next_open_s
from engine.core.run import Act, Phase, Run
from engine.core.target import Health, TargetState
from engine.core.verdict import Effect, Finding, Verdict, VerdictKind

_MISSING = {
    MissingReason.NO_SERIES: "the query returned no series",
    MissingReason.NO_TRAFFIC: "there were no requests",
    MissingReason.STALE: "the newest sample is too old",
    MissingReason.NOT_A_NUMBER: "the value is not a number",
    MissingReason.RESET: "a counter was reset in a way that cannot be repaired",
    MissingReason.FOREIGN_SERIES: "a series belongs to neither variant",
    MissingReason.AMBIGUOUS_SERIES: "a series belongs to both variants",
    MissingReason.PARTIAL: "the source answered only in part",
    MissingReason.SOURCE_DOWN: "the source does not answer",
    MissingReason.SOURCE_SLOW: "the source did not answer in time",
    MissingReason.SOURCE_ERROR: "the source answered with an error",
    MissingReason.BAD_QUERY: "the metric cannot be read like this",
}


# -- blockers --------------------------------------------------------------------------------------------


def gate_unknown(gate: GateState) -> str:
    """Why the flag's answer does not count."""
    return f"flag `{gate.flag}` gave no clean answer ({gate.provider}): {gate.reason}"


def paused(run: Run) -> str:
    """The run was paused by a person."""
    return f"paused; `rampwise resume {run.id} --reason TEXT` goes on"


def awaiting_approval(experiment: Experiment, run: Run) -> str:
    """A person has to allow going on from this step."""
    weight_pct = experiment.plan.steps[run.step].weight_pct
    return f"step {run.step + 1} ({weight_pct} %) needs approval; `rampwise approve {run.id} --reason TEXT`"


def outside_release_window(experiment: Experiment, now_s: float) -> str:
    """When the next release window opens."""
    opens_s = next_open_s(experiment.windows, now_s)
    when = f"; it opens {clock_time(opens_s)}" if opens_s is not None else ""
    return f"outside the release window{when}"


def frozen(freeze: Freeze) -> str:
    """Who froze all releases, and why."""
    return f"frozen by {freeze.actor}: {freeze.reason}; `rampwise freeze off` ends it"


def foreign_writer(run: Run, target: TargetState) -> str:
    """Somebody else moved traffic."""
    return f"somebody else set traffic to {target.weights} (control/treatment), this run to {run.weights}"


def not_ready(variant: str, health: Health) -> str:
    """A variant cannot serve."""
    return f"{variant} is not ready" + (f": {health.detail}" if health.detail else "")


def invisible(variant: str, metric: str) -> str:
    """Traffic goes to a variant whose series are gone."""
    return f"{variant} receives traffic but has no series for {metric}"


def warming_up(variant: str, left_s: float) -> str:
    """The warm-up is still on."""
    return f"{variant} is warming up for another {duration(left_s)}"


def no_data(metric: str, missing: Missing) -> str:
    """Why a metric has no data."""
    return f"no data for {metric}: {_MISSING[missing.reason]} ({missing.detail})"


def no_window_yet() -> str:
    """The first window is not over."""
    return "no data yet: the first window is not over"


def catching_up(unread: int) -> str:
    """Newer windows exist than those that were read."""
    return f"catching up: {unread} windows are still to be read"


def distrust(verdict: Verdict) -> str:
    """Which metric's assumptions fail."""
    broken = [f"{finding.metric}: {finding.distrust}" for finding in verdict.findings if finding.distrust]
    return "; ".join(broken) or "the evidence cannot be trusted"


def clock_set_back(by_s: float) -> str:
    """The machine's clock went backwards."""
    return f"the clock was set back by {duration(by_s)}"


def bound(limit: Bound) -> str:
    """A tolerance or margin in words."""
    parts = [] if limit.relative is None else [times(1 + limit.relative)]
    parts += [] if limit.absolute is None else [points(limit.absolute)]
    return parts[0] if len(parts) == 1 else f"the larger of {' and '.join(parts)}"


# -- decisions -------------------------------------------------------------------------------------------


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


def promote(experiment: Experiment, verdict: Verdict) -> str:
    """No guardrail is worse by its margin."""
    deciding = [finding for finding in verdict.findings if finding.weight > 0]
    facts = ". ".join(_shown(experiment, finding) for finding in deciding)
    return f"Safe to promote {experiment.treatment}: no harm found. {facts}."


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


# -- headlines -------------------------------------------------------------------------------------------


def headline(experiment: Experiment, run: Run, verdict: Verdict) -> str:
    """One sentence on where the run stands."""
    if run.phase.ended:
        ended = _ENDINGS[run.phase].format(control=experiment.control, treatment=experiment.treatment)
        return would(ended) if experiment.mode.value == "observe" else ended
    return _STANDINGS[verdict.kind].format(treatment=experiment.treatment)


_STANDINGS = {
    VerdictKind.HARMFUL: "Roll back: {treatment} is worse.",
    VerdictKind.NOT_WORSE: "No harm found so far: safe to go on.",
    VerdictKind.BETTER: "{treatment} is better.",
    VerdictKind.UNDECIDED: "Keep waiting: not enough evidence yet.",
    VerdictKind.NO_DATA: "No usable data: traffic is held.",
    VerdictKind.UNTRUSTWORTHY: "Do not trust these results.",
}

_ENDINGS = {
    Phase.PROMOTED: "Promoted: {treatment} has all traffic.",
    Phase.ROLLED_BACK: "Rolled back: {control} has all traffic.",
    Phase.STOPPED: "Stopped: {control} has all traffic.",
    Phase.EXPIRED: "Not decided in time: {control} has all traffic.",
    Phase.FAILED: "Failed: look at the events.",
}

DECISION_WORDS = {
    DecisionKind.SHIFT: "Shift",
    DecisionKind.PROMOTE: "Promote",
    DecisionKind.ROLLBACK: "Roll back",
    DecisionKind.STOP: "Stop",
    DecisionKind.HOLD: "Hold",
}


# -- reports ---------------------------------------------------------------------------------------------


def missing(reason: MissingReason) -> str:
    """Why there was no measurement."""
    return _MISSING[reason]


def promised(experiment: Experiment) -> tuple[str, str]:
    """The error rates that rollback and promotion keep, one sentence each."""
    rollback = (
        f"If {experiment.treatment} is not worse than tolerated, it is rolled back for harm with a"
        f" probability of at most {percent(experiment.alpha_rollback)} over the whole run, however often the"
        " data are read."
    )
    promote = (
        f"If {experiment.treatment} is worse by a margin or more, evidence promotes it with a probability"
        f" of at most {percent(experiment.alpha_promote)}."
    )
    return rollback, promote


def bad_trials(metric: Metric) -> str:
    """What a metric counts as bad, in words."""
    if metric.kind is MetricKind.DISTRIBUTION:
        if metric.slo_s is None:
            return f"{metric.unit}s, without an objective"
        return f"{metric.unit}s slower than {metric.slo_s * 1000:g} ms"
    return f"bad {metric.unit}s"


def command(verb: Verb) -> str:
    """A person's command in the log."""
    return f"{verb.value.capitalize()} asked for"


def act_result(*, ok: bool, detail: str) -> str:
    """What came of an act."""
    if ok:
        return detail or "done"
    return f"not done: {detail}"
