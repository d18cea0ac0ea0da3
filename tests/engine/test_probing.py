"""Probes are sent in the preview only, within rate, number and time, and their answers are counted once."""

from dataclasses import replace

import pytest

from analysis import evaluate
from engine.adapters.fakes import FakeProber
from engine.core.gate import GateStatus
from engine.core.measure import Observation, Trials, TrialsReading, Window
from engine.core.model import MetricKind
from engine.core.plan import Stage
from engine.core.run import Phase
from engine.core.target import ALL_TO_CONTROL, Health, TargetGone
from engine.ports import Probed
from engine.probing import may_probe, probed_readings
from tests.builders import NOW_S, PROBES, a_gate, a_metric, a_run, an_experiment, healthy, staged
from tests.core.test_decide_arms import DROP

RUN = a_run(step=0, weights=ALL_TO_CONTROL, step_since_s=NOW_S)
TARGET = healthy(ALL_TO_CONTROL)


def window(end_s: float = 30.0, **changes) -> Observation:
    length = Window(index=2, start_s=NOW_S + end_s - 15, end_s=NOW_S + end_s)
    return replace(Observation(window=length, readings={}, stage=Stage.PREVIEW), **changes)


def ask(observation=None, *, run=RUN, experiment=None, sent=0, prober=None):
    experiment = experiment or staged()
    prober = prober or FakeProber()
    state = evaluate.start(experiment)
    if sent:
        earlier = replace(
            window(),
            readings={
                metric.name: TrialsReading(
                    control=Trials(bad=0, total=0), treatment=Trials(bad=0, total=sent)
                )
                for metric in experiment.metrics
            },
        )
        state = evaluate.update(experiment, state, [earlier])
    (observed,) = probed_readings(experiment, run, state, [observation or window()], prober)
    return prober.asked, observed.readings["errors@preview"]


def test_a_tick_sends_what_the_rate_allows_in_its_time():
    asked, reading = ask()
    assert asked == [30]
    assert reading.treatment == Trials(bad=0, total=30)
    assert reading.control == Trials(bad=0, total=0)


@pytest.mark.parametrize(("sent", "asked"), [(0, [30]), (50, [10]), (60, [])])
def test_no_more_are_sent_than_their_number(sent, asked):
    assert ask(sent=sent)[0] == asked


@pytest.mark.parametrize(
    ("rate_per_s", "end_s", "asked"), [(0.1, 15.0, [1]), (0.02, 30.0, []), (0.5, 30.0, [1])]
)
def test_a_slow_rate_holds_over_ticks(rate_per_s, end_s, asked):
    plan = replace(staged().plan, probes=replace(PROBES, rate_per_s=rate_per_s))
    assert ask(window(end_s), experiment=staged(plan=plan))[0] == asked


@pytest.mark.parametrize("end_s", [14.9, 300.1])
def test_before_the_first_whole_window_and_after_the_time_limit_nothing_is_sent(end_s):
    assert ask(window(end_s))[0] == []


@pytest.mark.parametrize(
    ("observation", "run"),
    [
        (window(warm_up=True), RUN),
        (window(), replace(RUN, step=-1)),
        (window(), replace(RUN, step=1)),
    ],
    ids=["warm-up", "not yet in the preview", "no longer in the preview"],
)
def test_probes_belong_to_the_preview(observation, run):
    asked, reading = ask(observation, run=run)
    assert asked == []
    assert reading.treatment.total == 0


@pytest.mark.parametrize("changes", [{"preview_url": None}, {"plan": replace(staged().plan, probes=None)}])
def test_without_knowing_whom_and_what_to_ask_nothing_is_sent(changes):
    assert ask(experiment=staged(**changes))[0] == []


def test_without_a_prober_nothing_is_asked_and_nothing_is_missing():
    experiment = staged()
    (observed,) = probed_readings(experiment, RUN, evaluate.start(experiment), [window()], None)
    assert observed.readings["errors@preview"].treatment.total == 0


def test_only_the_latest_window_has_the_answers():
    experiment = staged()
    observations = [window(15.0), window(30.0)]
    seen = probed_readings(experiment, RUN, evaluate.start(experiment), observations, FakeProber())
    assert [each.readings["errors@preview"].treatment.total for each in seen] == [0, 30]


@pytest.mark.parametrize("observations", [[], [window()]])
def test_what_needs_no_probes_stays_as_it_is(observations):
    experiment = an_experiment() if observations else staged()
    prober = FakeProber()
    seen = probed_readings(experiment, RUN, evaluate.start(experiment), observations, prober)
    assert (list(seen), prober.asked) == (observations, [])


def test_failed_and_slow_probes_are_bad_each_for_its_metric():
    slow = a_metric(name="slow@preview", kind=MetricKind.THRESHOLD, stage=Stage.PREVIEW, slo_s=0.5, limit=0.1)
    experiment = staged(metrics=(*staged().metrics, slow))
    prober = FakeProber()
    prober.answer = Probed(ok=True, took_s=0.6)
    (observed,) = probed_readings(experiment, RUN, evaluate.start(experiment), [window()], prober)
    bad = [observed.readings[name].treatment.bad for name in ("errors@preview", "slow@preview")]
    prober.answer = Probed(ok=False, took_s=0.1)
    (failed,) = probed_readings(experiment, RUN, evaluate.start(experiment), [window()], prober)
    bad += [failed.readings[name].treatment.bad for name in ("errors@preview", "slow@preview")]
    assert bad == [0, 30, 30, 0]


@pytest.mark.parametrize(
    ("run", "status", "target", "may"),
    [
        (RUN, GateStatus.OPEN, TARGET, True),
        (replace(RUN, phase=Phase.PAUSED), GateStatus.OPEN, TARGET, False),
        (replace(RUN, pending=DROP), GateStatus.OPEN, TARGET, False),
        (RUN, GateStatus.UNKNOWN, TARGET, False),
        (RUN, GateStatus.CLOSED, TARGET, False),
        (RUN, GateStatus.OPEN, TargetGone(detail="x"), False),
        (
            RUN,
            GateStatus.OPEN,
            replace(TARGET, treatment=Health(ready=False, ready_since_s=None)),
            False,
        ),
    ],
)
def test_people_the_flag_and_the_treatments_health_must_allow_probes(run, status, target, may):
    assert may_probe(run, a_gate(status), target) is may
