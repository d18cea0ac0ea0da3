"""What the report's words mean, for readers who were not there. One entry per word, in reading order."""

from dataclasses import dataclass

from engine.core.labels import VERDICT_WORDS
from engine.core.verdict import VerdictKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A word and what it means."""

    word: str
    meaning: str


_VERDICTS = {
    VerdictKind.HARMFUL: "worse than control by more than the tolerance, with the stated error over the run",
    VerdictKind.NOT_WORSE: "shown to be worse by less than the margin, now; not that there is no difference",
    VerdictKind.BETTER: "an objective is better than control, and no deciding metric is worse by its margin",
    VerdictKind.UNDECIDED: "none of these is shown yet; that is no evidence of harmlessness",
    VerdictKind.NO_DATA: "nothing usable was measured; no data are never counted as zero",
    VerdictKind.UNTRUSTWORTHY: "an assumption of the method is broken, so its numbers are no verdict",
}

GLOSSARY: tuple[Term, ...] = (
    *(Term(word=VERDICT_WORDS[kind][1], meaning=meaning) for kind, meaning in _VERDICTS.items()),
    Term(word="control, treatment", meaning="the variant in use, and the one that is being released"),
    Term(word="objective", meaning="a metric that the release wants to improve; it decides"),
    Term(word="guardrail", meaning="a metric that must not get worse; it decides"),
    Term(word="shown only", meaning="a metric that is measured and decides nothing"),
    Term(word="tolerance", meaning="worse than this is harm, and takes the traffic away"),
    Term(
        word="margin", meaning="a release must be shown to be worse by less than this, or it is not promoted"
    ),
    Term(word="pp", meaning="percentage points: from 1 % to 3 % is +2 pp"),
    Term(word="risk ratio", meaning="the treatment's rate over control's; 2× is twice as many"),
    Term(
        word="rate ratio",
        meaning="the treatment's events over control's, each as if it had all traffic: events are counted a"
        " window, and a variant's planned share of traffic says how many to expect",
    ),
    Term(word="ratio of means", meaning="the treatment's value over control's: a mean, a ratio or a level"),
    Term(
        word="confidence sequence",
        meaning="an interval that holds the true value at all times at once, however often one looks, except"
        " with the stated probability; written as “likely”",
    ),
    Term(
        word="e-value",
        meaning="evidence against a claim as a bet: if the claim is true, it reaches 100 with a probability"
        " of at most 1 %, however often one looks",
    ),
    Term(
        word="alpha", meaning="the probability of the error that is accepted; 1/alpha is the e-value needed"
    ),
    Term(word="window", meaning="a stretch of time in which both variants are counted; each counts once"),
    Term(word="warm-up", meaning="windows just after a variant became ready; they are no evidence"),
    Term(word="floor", meaning="trials that each variant needs at a step before the next one"),
    Term(word="split check", meaning="whether visitors reach the variants in the planned proportion"),
    Term(
        word="calibrated",
        meaning="how much windows vary was known before the run; else the run estimates it, with caution",
    ),
    Term(
        word="dispersion",
        meaning="how much more windows vary than independent trials would, as a ratio of variances; more"
        " dispersion, less evidence",
    ),
    Term(
        word="before/after",
        meaning="a comparison with control's past instead of its present; other changes in between count too",
    ),
)
