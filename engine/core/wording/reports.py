"""Sentences that only reports need."""

from engine.core.events import Verb
from engine.core.model import Experiment, Metric, MetricKind
from engine.core.numbers import percent


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
