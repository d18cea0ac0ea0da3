"""Probes of a treatment that has no traffic yet, as readings of the latest window. Bounded in every way.

The answers belong to the tick that sent the probes; they are counted once, with the tick's last window. What
a tick that dies has sent is not counted, and at most that much is sent again. Probes move no traffic, so
observe mode sends them too.
"""

from collections.abc import Sequence
from dataclasses import replace

from analysis import evaluate
from engine.core.gate import GateState, GateStatus
from engine.core.measure import Observation, Reading, Trials, TrialsReading
from engine.core.model import Experiment, Metric
from engine.core.plan import Probes, Stage
from engine.core.run import Phase, Run
from engine.core.target import TargetGone, TargetState
from engine.ports import Probed, Prober

LONGEST_S = 3.0
"""How long one tick may spend on probes; well below the lease."""


def may_probe(run: Run, gate: GateState, target: TargetState | TargetGone) -> bool:
    """Whether people, the flag and the treatment's health allow requests of ours."""
    ready = isinstance(target, TargetState) and target.treatment.ready
    return ready and run.phase is Phase.RUNNING and run.pending is None and gate.status is GateStatus.OPEN


def probed_readings(
    experiment: Experiment,
    run: Run,
    evidence: evaluate.Evidence,
    observations: Sequence[Observation],
    prober: Prober | None,
) -> tuple[Observation, ...]:
    """The observations with readings of the probed metrics; without a prober nothing is asked."""
    if not experiment.probed_metrics or not observations:
        return tuple(observations)
    latest = observations[-1]
    answers = () if prober is None else _ask(experiment, run, evidence, latest, prober)
    return (
        *(_with(experiment, observation, ()) for observation in observations[:-1]),
        _with(experiment, latest, answers),
    )


def _ask(
    experiment: Experiment, run: Run, evidence: evaluate.Evidence, latest: Observation, prober: Prober
) -> Sequence[Probed]:
    probes, url = experiment.plan.probes, experiment.preview_url
    if probes is None or url is None or latest.warm_up or not _is_in_preview(experiment, run, latest):
        return ()
    age_s = latest.window.end_s - run.step_since_s
    sent = evaluate.probed(experiment, evidence)
    count = _due(probes, experiment.interval_s, age_s, sent)
    if count == 0:
        return ()
    return prober.probe(
        url.rstrip("/") + probes.path,
        count=count,
        rate_per_s=probes.rate_per_s,
        timeout_s=probes.timeout_s,
        within_s=LONGEST_S,
    )


def _is_in_preview(experiment: Experiment, run: Run, latest: Observation) -> bool:
    """Whether the run is at a preview, and was all through the window that the answers are counted with."""
    at = experiment.plan.steps[run.step].stage if run.step >= 0 else None
    return at is Stage.PREVIEW and latest.window.start_s >= run.step_since_s


def _due(probes: Probes, interval_s: float, age_s: float, sent: int) -> int:
    """How many to send now: within the number, the rate since the preview began, and this tick's time."""
    if age_s > probes.time_limit_s:
        return 0
    by_rate = int(probes.rate_per_s * age_s) - sent
    in_tick = max(1, int(probes.rate_per_s * min(LONGEST_S, interval_s)))
    return max(0, min(probes.count - sent, by_rate, in_tick))


def _with(experiment: Experiment, observation: Observation, answers: Sequence[Probed]) -> Observation:
    probed: dict[str, Reading] = {
        metric.name: _reading(metric, answers) for metric in experiment.probed_metrics
    }
    return replace(observation, readings={**observation.readings, **probed})


def _reading(metric: Metric, answers: Sequence[Probed]) -> Reading:
    """No answers are no gap in the data: nothing was asked, because the probes are used up or not due."""
    bad = sum(_is_bad(metric, answer) for answer in answers)
    return TrialsReading(control=Trials(bad=0, total=0), treatment=Trials(bad=bad, total=len(answers)))


def _is_bad(metric: Metric, answer: Probed) -> bool:
    return not answer.ok if metric.slo_s is None else answer.took_s > metric.slo_s
