"""What a strategy gets to see of a run: age, trials and standing of the current step."""

from engine.core.model import Experiment
from engine.core.proposal import Progress
from engine.core.run import Run
from engine.core.verdict import Verdict, VerdictKind


def progress_of(experiment: Experiment, run: Run, verdict: Verdict, now_s: float) -> Progress:
    """The current step's progress; trials are the fewest of any deciding metric.

    Until a whole window at the present weights has been read, the counts are the step's before.
    """
    latest_start_s = run.launched_s + (run.windows_done - 1) * experiment.interval_s
    seen = latest_start_s >= run.step_since_s
    deciding = [finding for finding in verdict.findings if finding.weight > 0 and seen]
    return Progress(
        step=run.step,
        step_age_s=now_s - run.step_since_s,
        step_trials=(
            min((finding.control.step_total for finding in deciding), default=0),
            min((finding.treatment.step_total for finding in deciding), default=0),
        ),
        not_worse=verdict.kind in {VerdictKind.NOT_WORSE, VerdictKind.BETTER},
        inside_margin_at_step=bool(deciding)
        and all(finding.inside_margin_at_step is True for finding in deciding),
    )
