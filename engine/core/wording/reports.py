"""Sentences that only reports need."""

from engine.core.decision import DecisionKind, Rule
from engine.core.events import Verb
from engine.core.model import Experiment, Metric, MetricKind
from engine.core.numbers import clock_time, duration, percent
from engine.core.plan import Budget, Stage
from engine.core.target import Weights
from engine.core.wording.decisions import counted_as
from engine.core.wording.headlines import RULE_WORDS

STAGE_WORDS = {
    Stage.PREVIEW: "probes of the preview, no traffic",
    Stage.SPLIT: "both variants at the same time",
    Stage.SETTLE: "before and after the switch, not concurrent",
}
"""What each stage compares."""

SPLIT_EXEMPT = (
    "Not checked: the target does not count whom it gives to which variant, or does not split exactly by"
    " weight."
)

_VALUES = {
    MetricKind.COUNT: "events",
    MetricKind.MEAN: "mean",
    MetricKind.RATIO: "ratio of two sums",
    MetricKind.GAUGE: "level",
}
"""What is compared where nothing is counted among trials."""

_DONE = {
    DecisionKind.SHIFT: "Traffic shifted",
    DecisionKind.PROMOTE: "Promoted",
    DecisionKind.ROLLBACK: "Rolled back",
    DecisionKind.STOP: "Stopped",
    DecisionKind.HOLD: "Held",
}


def done(kind: DecisionKind, rule: Rule, *, actor: str, at_s: float, after_s: float, would: bool) -> str:
    """What was done last, by whom, when and by which rule."""
    mode = "Would be (observe mode): " if would else ""
    who = "the engine" if actor == "engine" else actor
    return (
        f"{mode}{_DONE[kind]} by {who} at {clock_time(at_s)}, {duration(after_s)} after the launch:"
        f" {RULE_WORDS[rule]} (rule {rule})."
    )


def moved(experiment: Experiment, before: Weights, after: Weights) -> str:
    """Who had how much traffic then, and who was given how much."""
    names = experiment.treatments
    had, given = (
        ", ".join(f"{name} {weights.share(index)} %" for index, name in enumerate(names))
        for weights in (before, after)
    )
    rest = f"; the rest with {experiment.control}" if after.control else ""
    return f"Traffic before: {had}; after: {given}{rest}."


def budget_spent(budget: Budget, excess: float) -> str:
    """How much of the declared blast radius is spent."""
    return (
        f"About {excess:.3g} of the budget of {budget.excess:g} excess bad trials are spent; each weight is"
        " chosen so that finding harm stays inside it."
    )


def promised(experiment: Experiment) -> tuple[str, ...]:
    """The error rates that rollback and promotion keep, one sentence each."""
    several = len(experiment.treatments) > 1
    harmless = "each treatment" if several else experiment.treatment
    together = ", all treatments together," if several else ""
    rollback = (
        f"If {harmless} is not worse than tolerated, {'one' if several else 'it'} is rolled back for harm"
        f" with a probability of at most {percent(experiment.alpha_rollback)}{together} over the whole run,"
        " however often the data are read."
    )
    promote = (
        f"If {'a treatment' if several else experiment.treatment} is worse by a margin or more, evidence"
        f" promotes it with a probability of at most {percent(experiment.alpha_promote)}."
    )
    better = (
        "Better: that a treatment which is not better is called better has a probability of at most"
        f" {percent(experiment.alpha_promote)}, over all treatments and objectives (Holm), at the moment of"
        " deciding."
    )
    settle = (
        "Before/after: control's trials are those before the switch, so a change of conditions at the switch"
        " counts as a difference. This can roll back and never promotes."
    )
    return (
        rollback,
        promote,
        *([better] if experiment.plan.needs_better else []),
        *([settle] if experiment.plan.has(Stage.SETTLE) else []),
    )


def false_rollbacks(alpha_rollback: float, releases_a_year: float, *, seen: int, days: float) -> str:
    """How many harmless releases a year are rolled back at the most, at the rate seen."""
    return (
        f"At {releases_a_year:,.0f} releases a year ({seen:,} seen on this target in {days:,.0f} days), at"
        f" most {alpha_rollback * releases_a_year:,.2g} harmless ones a year are rolled back for harm."
    )


def false_rollbacks_by_example(alpha_rollback: float) -> str:
    """The same before there is a rate: for 100 releases."""
    return (
        "Releases on this target are too few to tell how many there are in a year: of 100 harmless ones, at"
        f" most {100 * alpha_rollback:,.2g} are rolled back for harm on average."
    )


def bad_trials(metric: Metric) -> str:
    """What a metric counts, in words."""
    trial = "probe" if metric.stage is Stage.PREVIEW else metric.unit
    if metric.kind in _VALUES:
        return _VALUES[metric.kind] + (f" in {metric.value_unit}" if metric.value_unit else "")
    if metric.slo_s is not None:
        return f"{trial}s slower than {metric.slo_s * 1000:g} ms"
    if metric.kind is MetricKind.DISTRIBUTION:
        return f"{trial}s, without an objective"
    return f"{counted_as(metric)} {trial}s"


def command(verb: Verb) -> str:
    """A person's command in the log."""
    return f"{verb.value.capitalize()} asked for"


def act_result(*, ok: bool, detail: str) -> str:
    """What came of an act."""
    if ok:
        return detail or "done"
    return f"not done: {detail}"
