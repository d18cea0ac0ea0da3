"""Sentences about a plan: what a release would meet before anything is launched. Computes nothing."""

from collections.abc import Sequence
from math import exp

from engine.core.model import Metric
from engine.core.numbers import duration, percent, times

UNKNOWN = "not in time"
"""Stands where the horizon comes first."""


def quality(name: str, ratio: float) -> str:
    """A release of one quality, with how much worse (or better) than control it is."""
    words = {
        "same": "as good as control",
        "better": f"better by the effect, {times(1.0 / ratio)}",
        "tolerated": f"as bad as tolerated, {times(ratio)}",
        "effect": f"worse by the effect, {times(ratio)}",
        "twice_the_effect": f"worse by twice the effect, {times(ratio)}",
        "margin": f"worse by the margin, {times(ratio) if ratio < 1000 else 'from almost nothing'}",
    }
    return words[name]


def flow(metric: Metric, rate_per_s: float, base_rate: float, quietest_per_s: float | None) -> str:
    """What the plan assumes of a metric's traffic."""
    kind = "good" if metric.higher_is_better else "bad"
    quiet = "" if quietest_per_s is None else f" ({quietest_per_s:,.3g} in the quietest hour)"
    share = "hardly any" if base_rate < 1e-8 else percent(base_rate)
    return f"{rate_per_s:,.3g} {metric.unit}s per second{quiet}; {share} of control's are {kind}."


def harm_rule(log_threshold: float, weight: float, ratios: Sequence[float], weights: Sequence[float]) -> str:
    """When the metric rolls back on its own, and where its bets are."""
    bets = ", ".join(
        f"{times(each)} ({percent(exp(log))})" for each, log in zip(ratios, weights, strict=True)
    )
    part = "" if weight > 1.0 - 1e-9 else f" (its part of the evidence is {percent(weight)})"
    return f"Rolls back on its own at an e-value of {exp(log_threshold):,.0f}{part}; bets on {bets}."


def calibrated(log_threshold: float, calibrated_log: float, horizon_s: float) -> str:
    """What a threshold that is valid only up to the horizon would be. No run uses it."""
    return (
        f"A threshold calibrated for the horizon would be {exp(calibrated_log):,.3g} instead of"
        f" {exp(log_threshold):,.0f}. It is valid only up to {duration(horizon_s)} and if errors are as"
        " many as assumed or fewer; runs keep the one that always holds."
    )


def dispersion(value: float, *, declared: bool) -> str:
    """How much more than independent trials windows are taken to vary."""
    if declared:
        return f"Dispersion {value:g}, as declared: so many times the requests of independent trials."
    return (
        "Dispersion is not declared, so a run estimates it, carefully: at the last step that takes"
        f" {value:.3g} × the requests, and more the more of them are in a window. `rampwise calibrate` tells"
        " what to declare instead."
    )


def cut_short(planned_s: float, horizon_s: float) -> str:
    """The plan looks less far than the run would."""
    return (
        f"Computed for the first {duration(planned_s)} of {duration(horizon_s)}; by then bad trials are so"
        " many that all but the closest cases have ended."
    )


def too_short() -> str:
    """No run of this experiment can end in promotion."""
    return "The horizon ends before the last step is held and filled: nothing is promoted by evidence."


def absolute_margin(gap: float) -> str:
    """How promotion is computed where an absolute margin decides."""
    return (
        f"The absolute margin of {gap * 100:g} pp decides promotion; its times take control's share as known,"
        " so they are about a tenth short, and wrong promotions may be as many as promised."
    )


def latency_is_a_share() -> str:
    """How a distribution is planned."""
    return "Planned by the share over its objective; slowness that shows in other buckets is found sooner."


def common_trials() -> str:
    """The plan of a common event is on the safe side."""
    return "Such trials are common; the run's exact form takes somewhat fewer than planned here."


def not_planned(metric: Metric, reason: str) -> str:
    """Why there is no plan of a metric."""
    return f"{metric.name}: not planned, {reason}; a promotion takes it all the same."


def several_metrics() -> str:
    """What the metrics of a plan have to do with each other."""
    return (
        "Each metric is planned as if only it were harmed. Promotion takes all of them, so the slowest tells"
        " how long a good release takes."
    )


def product_decides() -> str:
    """Users' events tell which variant is better, whatever objectives the run has."""
    return (
        "The product experiment decides, so nothing promotes this run by itself, whatever is said of "
        "promotions: its own metrics guard, and `rampwise ab plan` tells how long an answer takes."
    )


def false_rollbacks(expected: float, promised: float, a_year: float) -> str:
    """How many good releases a year are taken back for harm."""
    few = "hardly any" if expected < 0.001 else f"about {expected:,.2g}"
    return (
        f"Of {a_year:,.0f} releases a year that are as good as control, {few} are rolled back"
        f" for harm; {promised:,.3g} is promised as the most."
    )


def unknown_metrics(names: Sequence[str], known: Sequence[str]) -> str:
    """Traffic was typed for metrics that are not planned."""
    which = ", ".join(repr(name) for name in names)
    return f"there is no metric {which} to plan; the experiment has {', '.join(known) or 'none'}"


def tolerated_effect(effect: float, tolerated: float) -> str:
    """An effect that no run looks for."""
    return (
        f"An effect of {times(effect)} is within the tolerance of {times(tolerated)}: it is not harm, and"
        " nothing rolls it back."
    )


def impossible_effect(effect: float, base_rate: float) -> str:
    """An effect that no release can have."""
    return (
        f"No release can be worse by {times(effect)}: {percent(base_rate)} of control's trials are counted,"
        " and so many times that is more than all. Bets on it are lost; declare a smaller effect."
    )


def no_traffic(names: Sequence[str], reason: str) -> str:
    """The past says nothing of these metrics, and what to type instead."""
    which = ", ".join(names)
    why = f" ({reason})" if reason else ""
    return (
        f"how much traffic {which} has is not known{why}; name it with --rate 50/s --base 1%, or a server"
        " that knows it with --prometheus URL --since 7d"
    )
