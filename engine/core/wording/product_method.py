"""Sentences about how a product experiment was read, and what an effect means per day."""

from engine.core.numbers import amount, change, duration, percent
from engine.core.product import Aggregate, Correction, Exclusion, Method, ProductMetric, ProductPlan, Spending
from engine.core.wording.glossary import Term

_METHODS = {
    Method.ANYTIME: (
        "Anytime-valid confidence sequences: each interval holds at every look, however many there are,"
        " except with a probability of {alpha}."
    ),
    Method.FIXED: (
        "Fixed horizon: each interval holds at the planned end, except with a probability of {alpha}. Read"
        " before, it is wrong more often."
    ),
    Method.GROUP_SEQUENTIAL: (
        "Group sequential ({spending}): the intervals of the {looks} planned looks hold together, except with"
        " a probability of {alpha}. Between them nothing is claimed."
    ),
}
_SPENDING = {
    Spending.OBRIEN_FLEMING: "Lan-DeMets, O'Brien-Fleming",
    Spending.POCOCK: "Lan-DeMets, Pocock",
    Spending.POWER: "Lan-DeMets, power family",
}
_CORRECTIONS = {
    Correction.HOLM: (
        "Holm's correction over objectives and variants: the probability of a single false claim, over all of"
        " them, is at most {alpha}."
    ),
    Correction.E_BH: (
        "e-BH over objectives and variants: of what is claimed, at most {alpha} is wrong on average."
    ),
}
_SURE = 0.999
ONE_QUESTION = "An interval answers for its own metric and variant; only claims answer for all at once."
NOT_BEFORE_THE_END = "Bayesian view: only to be read at the planned end; it gets more wrong with every look."
NO_WITHIN = "The metric counts until the data end, so the later a day, the less time it has had."
DAYS_ALONE = "Each interval holds for its day alone; among many, some are wrong. Nothing is decided by them."


def method_told(plan: ProductPlan) -> tuple[str, ...]:
    """Method, error rates and correction, one sentence each."""
    alpha = percent(plan.alpha)
    return (
        _METHODS[plan.method].format(alpha=alpha, looks=plan.looks, spending=_SPENDING[plan.spending]),
        _CORRECTIONS[plan.correction].format(alpha=alpha),
        ONE_QUESTION,
        f"Planned to find a change by {percent(plan.mde)} with a probability of {percent(plan.power)}.",
        f"A {plan.unit}'s first exposure decides the variant, and when its time begins.",
        f"A {plan.unit} with more than {plan.most_events:,} events is left out as a machine.",
    )


def cuped_told(metric: ProductMetric, reduction: float) -> str:
    """What earlier behaviour does to the intervals."""
    if metric.before_s is None:
        return "Not adjusted by earlier behaviour: the metric declares no time before the exposure."
    return (
        f"Adjusted by earlier behaviour (CUPED), which explains {percent(reduction)} of the variance; means"
        " are shown as measured, differences as adjusted."
    )


def young_told(metric: ProductMetric, unit: str, days: int, *, of: int) -> str:
    """That some days are not over, because their units have not had all their time; empty where none is."""
    if metric.within_s is None:
        return NO_WITHIN
    if not days:
        return ""
    which = "The last day is" if days == 1 else f"The last {days} days are"
    told = "No day is over" if days == of else f"{which} not over (dashed)"
    return f"{told}: not all {unit}s have had their {duration(metric.within_s)} yet."


def weekdays_told(metric: ProductMetric, unit: str) -> str:
    """Which days the days of the week are made of."""
    if metric.within_s is None:
        return NO_WITHIN
    return f"Days of which not all {unit}s have had their {duration(metric.within_s)} yet are left out."


def cap_told(metric: ProductMetric, cap: float | None, unit: str) -> str:
    """What large numbers count as; empty without a cap."""
    if cap is None:
        return ""
    why = "" if metric.winsorize is None else f", the {metric.winsorize:.5g} quantile over all {unit}s"
    return f"A {unit}'s number over {amount(cap, metric.value_unit)} counts as that{why}."


def bayes_told(metric: ProductMetric, *, variant: str, chance: float, loss: str) -> str:
    """Chance and expected loss, under their warning."""
    return (
        f"{NOT_BEFORE_THE_END} With a flat prior, the chance that {metric.name} is better with {variant} is"
        f" {_chance(chance)}; shipping it would cost {loss} per unit on average (expected loss)."
    )


def _chance(chance: float) -> str:
    """No chance is certain."""
    if chance > _SURE:
        return f"over {percent(_SURE)}"
    return f"under {percent(1 - _SURE)}" if chance < 1 - _SURE else percent(chance)


def impact_told(
    metric: ProductMetric,
    *,
    variant: str,
    per_day: float,
    low: float | None,
    high: float | None,
    units: float,
    unit: str,
) -> str:
    """An effect per day, with everybody on the variant."""
    size, thing = _a_day(metric, per_day), _thing(metric, unit)
    ends = (
        "too few data to say what is likely"
        if low is None or high is None
        else f"likely between {_a_day(metric, low)} and {_a_day(metric, high)}"
    )
    rate = f"at {units:,.0f} new {unit}s a day"
    return f"{metric.name}, everybody on {variant}: {size}{thing} a day; {ends}, {rate}."


def _a_day(metric: ProductMetric, per_day: float) -> str:
    return change(per_day, metric.value_unit)


def _thing(metric: ProductMetric, unit: str) -> str:
    match metric.aggregate:
        case Aggregate.CONVERSION:
            return f" {unit}s with {metric.measure.event}"
        case Aggregate.COUNT | Aggregate.RATIO if metric.measure.value is None:
            return f" {metric.measure.event} events"
        case _:
            return ""


def dimension_told(dimension: str, claims: tuple[str, ...], *, confirmatory: bool, values: int) -> str:
    """What a breakdown may be used for, and what it claims."""
    if not confirmatory:
        return (
            f"{dimension} was not declared before the start: of {values} values some differ by chance alone."
            " Take what stands out as a question for the next experiment; it decides nothing."
        )
    named = "; ".join(claims)
    found = (
        f"Claimed: {named}."
        if claims
        else "No value is claimed to differ, which is no evidence that none does."
    )
    return (
        f"{dimension} was declared before the start, so its claims count, corrected over all of them. {found}"
    )


def claim_told(metric: str, value: str, variant: str, word: str) -> str:
    """One claim of a breakdown."""
    return f"{metric} is {word} with {variant} where it is {value}"


def exclusion_told(exclusion: Exclusion, unit: str) -> str:
    """Whom a declared exclusion leaves out."""
    return f"Left out: {unit}s whose first exposure has {exclusion.column} {' or '.join(exclusion.values)}."


PRODUCT_GLOSSARY: tuple[Term, ...] = (
    Term(
        word="ship",
        meaning="an objective is shown to be better, and guardrails, if any, to stay within their margins",
    ),
    Term(
        word="keep control", meaning="a variant is shown to be worse, or nothing was shown by the planned end"
    ),
    Term(
        word="keep running", meaning="nothing is shown yet; that is no evidence that there is no difference"
    ),
    Term(
        word="do not trust",
        meaning="something is so wrong with the data that no result of them means anything",
    ),
    Term(word="control", meaning="what everybody had before; every variant is compared with it"),
    Term(word="unit", meaning="who or what is given a variant, and is counted once: a user, a session"),
    Term(word="objective", meaning="a metric that the variant should improve; it decides"),
    Term(word="guardrail", meaning="a metric that must not get worse by its margin or more; it decides"),
    Term(word="margin", meaning="how much worse a guardrail may be"),
    Term(
        word="likely between",
        meaning="the interval that holds the true difference, except with the stated probability; what is"
        " inside cannot be told apart",
    ),
    Term(word="claimed", meaning="still shown after all questions that were asked at once are counted in"),
    Term(
        word="unclear", meaning="the interval holds both better and worse: absence of evidence, nothing else"
    ),
    Term(word="not worse", meaning="a guardrail shown to be worse by less than its margin, if at all"),
    Term(word="pp", meaning="percentage points: from 1 % to 3 % is +2 pp, and +200 % of control"),
    Term(word="over", meaning="a day is, once all who came on it have had all of the metric's time"),
    Term(word="confirmatory", meaning="declared before the start, so that its claims count"),
    Term(word="exploratory", meaning="looked at afterwards: good for questions, not for answers"),
    Term(word="CUPED", meaning="what units did before the exposure is used to make intervals narrower"),
    Term(
        word="novelty", meaning="an effect that is large in the first days and fades as people get used to it"
    ),
    Term(
        word="e-value",
        meaning="evidence against a claim as a bet: if the claim is true, it reaches 100 with a probability"
        " of at most 1 %, however often one looks",
    ),
)
"""One entry per word, in reading order."""
