"""Probes of a treatment that has no traffic yet, as readings of the latest window. Bounded in every way.

The answers belong to the tick that sent the probes; they are counted once, with the tick's last window.
"""

from collections.abc import Sequence
from dataclasses import replace

from analysis import evaluate
from engine.core.measure import Observation, Reading, Trials, TrialsReading
from engine.core.model import Experiment, Metric, Stage
from engine.core.run import Run
from engine.ports import Probed, Prober

LONGEST_S = 3.0
"""How long one tick may spend on probes; well below the lease."""


def probed_readings(
    experiment: Experiment,
    run: Run,
    evidence: evaluate.Evidence,
    observations: Sequence[Observation],
    prober: Prober,
) -> tuple[Observation, ...]:
    """The observations with readings of the probed metrics filled in; probes are sent in a preview only."""
    if not experiment.probed_metrics or not observations:
        return tuple(observations)
    latest = observations[-1]
    answers = _ask(experiment, run, evidence, latest, prober)
    return (
        *(_with(experiment, observation, ()) for observation in observations[:-1]),
        _with(experiment, latest, answers),
    )


def _ask(
    experiment: Experiment, run: Run, evidence: evaluate.Evidence, latest: Observation, prober: Prober
) -> Sequence[Probed]:
    probes, url = experiment.plan.probes, experiment.preview_url
    if probes is None or url is None or run.step < 0 or latest.stage is not Stage.PREVIEW or latest.warm_up:
        return ()
    if experiment.plan.steps[run.step].stage is not Stage.PREVIEW or run.pending is not None:
        return ()
    left = probes.count - evaluate.probed(experiment, evidence)
    now = int(probes.rate_per_s * min(LONGEST_S, experiment.interval_s))
    return prober.probe(
        url.rstrip("/") + probes.path,
        count=max(0, min(left, max(1, now))),
        rate_per_s=probes.rate_per_s,
        timeout_s=probes.timeout_s,
        within_s=LONGEST_S,
    )


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
