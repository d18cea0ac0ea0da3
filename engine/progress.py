"""What a strategy gets to see of a run: age, trials and standing of the current step."""

from engine.core.arms import live_arms, stage_of
from engine.core.model import Experiment
from engine.core.proposal import Progress
from engine.core.run import Run
from engine.core.verdict import Verdict, VerdictKind


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
        step_trials=(
            min((finding.control.step_total for finding in deciding), default=0),
            min((finding.treatment.step_total for finding in deciding), default=0),
        ),
        better=better,
        not_worse=verdict.stage is stage and verdict.kind in {VerdictKind.NOT_WORSE, VerdictKind.BETTER},
        inside_margin_at_step=bool(deciding)
        and all(
            finding.inside_margin_at_step is True
            for finding in deciding
            if better is None or finding.treatment_index == better
        ),
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
