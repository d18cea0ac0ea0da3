"""What a strategy gets to see of a run: age, trials and standing of the current step."""

from collections.abc import Sequence

from analysis.stats.harmed import excess
from engine.core.arms import live_arms, stage_of
from engine.core.model import Experiment
from engine.core.proposal import Progress
from engine.core.run import Run
from engine.core.verdict import Finding, Verdict, VerdictKind

_NO_FLOOR = 10**15
"""More trials than any floor asks for: where nothing counts trials, none are missing."""


def progress_of(experiment: Experiment, run: Run, verdict: Verdict, now_s: float) -> Progress:
    """The current step's progress; trials are the fewest of any deciding metric.

    Until a whole window at the present weights has been read, the counts are the step's before. What a
    treatment that lost its traffic did no longer matters.
    """
    latest_start_s = run.launched_s + (run.windows_done - 1) * experiment.interval_s
    seen = latest_start_s >= run.step_since_s
    live = live_arms(experiment, run)
    better = _best(verdict, live)
    stage = stage_of(experiment, run.step)
    deciding = [
        finding
        for finding in verdict.findings
        if finding.weight > 0 and seen and finding.stage is stage and finding.treatment_index in live
    ]
    return Progress(
        step=run.step,
        step_age_s=now_s - run.step_since_s,
        step_trials=_fewest_trials(deciding),
        better=better,
        not_worse=verdict.stage is stage and verdict.kind in {VerdictKind.NOT_WORSE, VerdictKind.BETTER},
        inside_margin_at_step=bool(deciding)
        and all(
            finding.inside_margin_at_step is True
            for finding in deciding
            if better is None or finding.treatment_index == better
        ),
        weight_pct=run.weights.given,
        excess=excess(experiment, verdict),
    )


def _fewest_trials(deciding: Sequence[Finding]) -> tuple[int, int]:
    """Control's and the treatment's fewest trials at this step, of the metrics that count any."""
    counting = [finding for finding in deciding if finding.kind.counts_trials]
    if deciding and not counting:
        return _NO_FLOOR, _NO_FLOOR
    return (
        int(min((finding.control.step_total for finding in counting), default=0)),
        int(min((finding.treatment.step_total for finding in counting), default=0)),
    )


def _best(verdict: Verdict, live: tuple[int, ...]) -> int | None:
    """The treatment that is better than control; of several the one with the most evidence for it."""
    found = [
        (finding.log_e_better, finding.treatment_index)
        for finding in verdict.findings
        if finding.log_e_better is not None and finding.treatment_index in live
    ]
    better = [
        (log_e, arm)
        for log_e, arm in found
        if arm < len(verdict.arms) and verdict.arms[arm].kind is VerdictKind.BETTER
    ]
    return max(better)[1] if better else None
