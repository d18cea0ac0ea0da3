"""Sentences about the parts of a metric that a breakdown shows. None of them decides anything."""

from collections.abc import Sequence

from engine.core.labels import VERDICT_WORDS
from engine.core.numbers import percent
from engine.core.verdict import VerdictKind


def part_says(verdict: VerdictKind) -> tuple[str, str]:
    """Icon and words for one value: that it is worse, that this is not shown, or why nothing can be said."""
    icon, word = VERDICT_WORDS[verdict]
    match verdict:
        case VerdictKind.HARMFUL:
            return icon, "worse here"
        case VerdictKind.NO_DATA | VerdictKind.UNTRUSTWORTHY:
            return icon, word
        case _:
            return icon, "not shown to be worse"


def parts_told(label: str, worse: Sequence[str], *, of: int, alpha: float) -> str:
    """Which values of a label are worse, and how far that can be relied on.

    Args:
        label: by which the metric is broken down.
        worse: values that are discovered to be worse.
        of: how many values were looked at.
        alpha: the false discovery rate.
    """
    if not worse:
        return f"None of the {of} values of {label} is shown to be worse, which is no evidence that none is."
    return (
        f"Worse where {label} is {', '.join(worse)}: {len(worse)} of {of} values. Of values named like this"
        f" at most {percent(alpha)} are wrong on average, whenever one looks. This decides nothing."
    )


def parts_method(alpha: float) -> str:
    """How values are named, and what the intervals of parts are."""
    return (
        "Each value has its metric's own e-process against its tolerance; closed e-BH names those that are"
        f" worse at a false discovery rate of {percent(alpha)}, however the values depend on each other (Xu"
        " and others, arXiv 2504.11759). The intervals hold for each value on its own."
    )
