"""Sentences about a product experiment's answer and effects: direction, size, unit, limit.

Outcomes, rules and standings come by their plain names, so that the core needs to know no analysis.
"""

from collections.abc import Mapping

from engine.core.model import Bound, Role
from engine.core.numbers import amount, change, duration, percent, points
from engine.core.product import Aggregate, Measure, ProductMetric

OUTCOME_WORDS: Mapping[str, tuple[str, str]] = {
    "ship": ("✔", "ship"),
    "keep_control": ("✖", "keep control"),
    "keep_running": ("◐", "keep running"),
    "do_not_trust": ("⚠", "do not trust"),
}
"""Icon and word; never the colour alone."""

STANDING_WORDS: Mapping[str, tuple[str, str]] = {
    "better": ("▲", "better"),
    "worse": ("✖", "worse"),
    "not_worse": ("✔", "not worse"),
    "unclear": ("?", "unclear"),
    "too_few": ("∅", "too few"),
}
NOT_TRUSTED = ("⚠", "not to be trusted")
"""In place of every standing while something grave is wrong."""
ON_ITS_OWN = "by its own interval only: among all questions at once it is not claimed"
EXPLORATORY = "exploratory: a hint for the next experiment, not a result"

ROLE_TITLES: Mapping[Role, tuple[str, str]] = {
    Role.OBJECTIVE: (
        "Objectives: what should get better",
        "No objective is declared: nothing can ship by evidence.",
    ),
    Role.GUARDRAIL: (
        "Guardrails: what must not get worse",
        "No guardrail is declared: harm elsewhere is not looked for.",
    ),
    Role.QUALITY: ("Shown only: decides nothing", ""),
}
"""Heading of each role, and what it means that it has no metric; nothing where that is no loss."""

_HEADLINES: Mapping[tuple[str, str], str] = {
    ("ship", "objective_better"): "Ship {variant}: {metric} is better.",
    ("keep_control", "guardrail_worse"): "Keep {control}: {variant} makes {metric} worse.",
    ("keep_control", "objective_worse"): "Keep {control}: {variant} makes {metric} worse.",
    ("keep_control", "guardrail_unclear"): (
        "Keep {control}: {variant} is better, but {metric} was not shown to stay within its margin."
    ),
    ("keep_control", "ended_undecided"): "Keep {control}: no improvement was shown by the planned end.",
    ("keep_control", "no_data"): "Keep {control}: no data came in by the planned end.",
    ("keep_running", "not_yet"): "Keep running: not enough evidence yet.",
    ("keep_running", "before_the_end"): "Keep running: this method may be read at its planned looks only.",
    ("keep_running", "no_data"): "Keep running: no data have come in yet.",
    ("keep_running", "guardrail_unclear"): (
        "Keep running: {variant} is better, but {metric} is not yet shown to stay within its margin."
    ),
    ("keep_running", "guardrail_worse"): "Keep running without {variant}: it makes {metric} worse.",
    ("keep_running", "objective_worse"): "Keep running without {variant}: it makes {metric} worse.",
    ("do_not_trust", "fault"): "Do not trust these results: {fault}.",
}

_NEXT: Mapping[tuple[str, str], str] = {
    ("ship", "objective_better"): "Give {variant} to everybody, then take the flag out of the code.",
    (
        "keep_control",
        "guardrail_worse",
    ): "Turn the experiment off: everybody gets {control}. Look into {metric} first.",
    ("keep_control", "objective_worse"): "Turn the experiment off: everybody gets {control}.",
    ("keep_control", "guardrail_unclear"): (
        "Turn the experiment off, or plan a longer one with enough {unit}s to tell {metric} from its margin."
    ),
    ("keep_control", "ended_undecided"): (
        "Turn the experiment off. This is no evidence that there is no difference: the intervals say how"
        " large one could still be. To tell smaller ones apart, plan a new experiment with more {unit}s."
    ),
    (
        "keep_control",
        "no_data",
    ): "Check that exposures are logged and read from the right table, then start anew.",
    ("keep_running", "not_yet"): "Leave it running. {pace}",
    ("keep_running", "before_the_end"): (
        "Leave it running and decide {look}: an earlier decision would be wrong more often than stated."
        " {pace}"
    ),
    ("keep_running", "no_data"): "Check that exposures are logged and read from the right table.",
    ("keep_running", "guardrail_unclear"): "Leave it running until {metric} is clear. {pace}",
    ("keep_running", "guardrail_worse"): "Take {variant} out; the other variants run on. {pace}",
    ("keep_running", "objective_worse"): "Take {variant} out; the other variants run on. {pace}",
}

_RULES: Mapping[str, str] = {
    "fault": "something grave is wrong with the data, which no amount of them mends",
    "guardrail_worse": "a guardrail is shown to be worse, with all guardrails and variants counted in",
    "objective_worse": "an objective is shown to be worse, with all objectives and variants counted in",
    "objective_better": (
        "an objective is shown to be better, with all objectives and variants counted in, and every guardrail"
        " stays within its margin"
    ),
    "guardrail_unclear": "an objective is better, but a guardrail is not shown to stay within its margin",
    "not_yet": "no objective is shown to be better or worse, and the planned end is not over",
    "ended_undecided": "the planned end is over, and no objective is shown to be better",
    "before_the_end": "the method keeps its error rate only if results are read at the planned looks",
    "no_data": "control or every other variant has nobody to compare",
}
_UNGUARDED: Mapping[str, str] = {
    "objective_better": "an objective is shown to be better, with all objectives and variants counted in",
}
"""The same where no guardrail is declared, of which nothing can then be said."""


def hint(word: str) -> str:
    """A standing of what is exploratory."""
    return f"{word}, a hint"


def shown_only(word: str) -> str:
    """A standing of a metric that decides nothing."""
    return f"{word}, shown only"


def not_claimed(word: str) -> str:
    """A standing that does not survive all the questions that were asked at once."""
    return f"{word}, not claimed"


def headline(outcome: str, rule: str, *, variant: str, metric: str, control: str, fault: str) -> str:
    """The answer in one sentence; `fault` is what is wrong, where something grave is."""
    return _HEADLINES[outcome, rule].format(variant=variant, metric=metric, control=control, fault=fault)


def next_step(
    outcome: str, rule: str, *, variant: str, metric: str, control: str, unit: str, pace: str, look: str
) -> str:
    """What to do now.

    Args:
        outcome: of the answer.
        rule: of the answer.
        variant: which is meant, empty for none.
        metric: which decided, empty for none.
        control: its name.
        unit: what is counted.
        pace: how long it will take, a sentence; empty if that is not known.
        look: when a method with planned looks may be read next, from `look_told`.
    """
    text = _NEXT[outcome, rule]
    return text.format(
        variant=variant, metric=metric, control=control, unit=unit, pace=pace, look=look
    ).strip()


def rule_told(rule: str, *, guarded: bool = True) -> str:
    """The rule that gave the answer; `guarded`: whether any guardrail is declared."""
    meaning = _RULES[rule] if guarded else _UNGUARDED.get(rule, _RULES[rule])
    return f"Decided by the rule {rule}: {meaning}."


def value(metric: ProductMetric, each: float | None) -> str:
    """One variant's number: a share in percent, else in the metric's unit."""
    return percent(each) if metric.aggregate is Aggregate.CONVERSION else amount(each, metric.value_unit)


def gap(metric: ProductMetric, difference: float | None) -> str:
    """A signed difference: shares in percentage points, else in the metric's unit."""
    if metric.aggregate is Aggregate.CONVERSION:
        return points(difference)
    return change(difference, metric.value_unit)


def relative(fraction: float | None) -> str:
    """A signed fraction of control.

    >>> relative(0.031), relative(-0.2), relative(None)
    ('+3.1 %', '−20 %', 'not told: control is too close to 0')
    """
    if fraction is None:
        return "not told: control is too close to 0"
    text = percent(abs(fraction))
    sign = "" if fraction == 0 else "−" if fraction < 0 else "+"
    return f"{sign}{text}"


def between(low: str, high: str) -> str:
    """An interval's ends, as everywhere."""
    return f"likely between {low} and {high}"


def bound(metric: ProductMetric, limit: Bound) -> str:
    """How much worse a guardrail may be."""
    parts = [] if limit.relative is None else [percent(limit.relative)]
    parts += [] if limit.absolute is None else [gap(metric, limit.absolute).removeprefix("+")]
    if not parts:
        return "not worse at all"
    way = "lower" if metric.higher_is_better else "higher"
    text = parts[0] if len(parts) == 1 else f"the larger of {' and '.join(parts)}"
    return f"at most {text} {way}"


def held_against(metric: ProductMetric) -> str:
    """What an interval has to clear."""
    if metric.role is Role.GUARDRAIL:
        return f"margin: {bound(metric, metric.margin)}"
    return "no difference"


def effect_told(
    metric: ProductMetric,
    *,
    variant: str,
    control: str,
    difference: float,
    relatively: float | None,
    within: str,
) -> str:
    """Direction and size, what is likely, and a guardrail's limit."""
    size = gap(metric, abs(difference)).removeprefix("+")
    way = "higher" if difference > 0 else "lower"
    share = "" if relatively is None else f" ({relative(relatively)})"
    limit = f"; {held_against(metric)}" if metric.role is Role.GUARDRAIL else ""
    told = (
        f"is the same with {variant} as with {control}"
        if difference == 0
        else f"is {size} {way} with {variant} than with {control}{share}"
    )
    return f"{metric.name} {told}; {within or 'too few data to say what is likely'}{limit}."


def could_be(metric: ProductMetric, *, variant: str, low: str, high: str) -> str:
    """An interval that says nothing yet."""
    return f"The change of {metric.name} with {variant} could be anywhere from {low} to {high}."


def too_few_told(metric: ProductMetric, *, variant: str, reason: str | None) -> str:
    """There is no interval, and why."""
    return f"Nothing can be said of {metric.name} with {variant}: {lack(reason)}."


def lack(reason: str | None) -> str:
    """Why there is no interval, or no relative one."""
    return _LACKS.get(reason or "", "too few data")


_LACKS: Mapping[str, str] = {
    "units": "too few units in one of the variants",
    "spread": "all units have the same number, so that nothing tells how much they vary",
    "denominator": "too few units have anything in its denominator",
    "look": "the method allows no interval at this moment, only at planned looks",
    "events": "its event never occurs",
    "near_zero": "control is too close to 0 for a relative difference",
}


def guardrails_told(held: int, of: int) -> str:
    """How many guardrail comparisons are within their margins."""
    if of == 0:
        return "No guardrail is declared, so harm elsewhere was not looked for."
    if held == of:
        many = {1: "The guardrail stays within its margin.", 2: "Both guardrails stay within their margins."}
        return many.get(of, f"All {of} guardrails stay within their margins.")
    return f"{held} of {of} guardrails are shown to stay within their margins."


def measured(metric: ProductMetric, unit: str) -> str:
    """What is compared."""
    top = _taken(metric.measure)
    match metric.aggregate:
        case Aggregate.CONVERSION:
            what = f"share of {unit}s with {metric.measure.event}"
        case Aggregate.RATIO if metric.per is not None:
            what = f"{top} over {_taken(metric.per)}"
        case Aggregate.QUANTILE if metric.quantile is not None:
            what = f"{metric.quantile:.4g} quantile over {unit}s of {top}"
        case _:
            what = f"{top}, per {unit}"
    return f"{what}{_when(metric)}"


def sense(metric: ProductMetric) -> str:
    """Which way is good."""
    return "higher is better" if metric.higher_is_better else "lower is better"


def _taken(measure: Measure) -> str:
    return (
        f"number of {measure.event} events"
        if measure.value is None
        else f"{measure.value} of {measure.event}"
    )


def _when(metric: ProductMetric) -> str:
    """In which time after the first exposure."""
    if metric.within_s is None:
        return f", from {duration(metric.from_s)} after the first exposure on" if metric.from_s else ""
    start = f"from {duration(metric.from_s)} to" if metric.from_s else "within"
    return f", {start} {duration(metric.within_s)} of the first exposure"
