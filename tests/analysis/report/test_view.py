"""What the view says of a run, from its log alone."""

from dataclasses import replace

import pytest

from analysis import evaluate
from analysis.report.rows import MetricRow
from analysis.report.trace import MAX_POINTS, observations_of, trace
from analysis.report.view import ReportView
from engine.core.decision import Blocker, BlockerKind, DecisionKind, Rule
from engine.core.events import ENGINE, Applied, Event, Intended, Observed, Verb
from engine.core.measure import Missing, MissingReason, Observation, Trials, TrialsReading, Window
from engine.core.model import Arm
from engine.core.run import Act, Phase
from engine.core.target import Weights
from engine.core.verdict import VerdictKind
from tests.analysis.report.scenario import (
    Story,
    blind,
    measured,
    observing,
    promoted,
    rolled_back,
    three_metrics,
)
from tests.builders import NOW_S, an_experiment


def test_the_run_is_told_as_the_engine_folded_it() -> None:
    view = rolled_back().view()

    assert view.phase is Phase.ROLLED_BACK
    assert view.ended_by is Rule.HARM
    assert view.decided_after_s == 14 * 15
    assert view.headline == "Rolled back: v1 has all traffic."
    assert view.reason == "Roll back: v2 is worse."


def test_evidence_over_time_is_what_the_engine_had_after_every_window() -> None:
    story = rolled_back()
    state = evaluate.start(story.experiment)
    expected = []
    for observation in observations_of(story.events):
        state = evaluate.update(story.experiment, state, [observation])
        expected.append(evaluate.verdict(story.experiment, state).log_e_harm)

    shown = [point.log10_e_harm for point in story.view().points]

    assert shown == pytest.approx([log_e / 2.302585092994046 for log_e in expected])


def test_a_long_run_is_thinned_without_losing_a_window_or_its_last_evidence() -> None:
    readings = {"errors": measured(treatment=5)["errors"]}
    short = Story(an_experiment())
    short.step(0)
    short.observe([readings] * (MAX_POINTS + 20))

    view = short.view()

    assert len(view.points) <= MAX_POINTS
    assert sum(point.windows for point in view.points) == MAX_POINTS + 20
    counted = [point.metrics[0].treatment for point in view.points]
    assert sum(each.total for each in counted if each is not None) == 100 * (MAX_POINTS + 20)
    state = evaluate.update(short.experiment, evaluate.start(short.experiment), observations_of(short.events))
    last = evaluate.verdict(short.experiment, state).log_e_harm
    assert view.points[-1].log10_e_harm == pytest.approx(last / 2.302585092994046)


def test_exposure_counts_warm_up_because_people_were_served() -> None:
    story = rolled_back()
    readings = [observation.readings["errors"] for observation in observations_of(story.events)]
    served = [reading.treatment for reading in readings if isinstance(reading, TrialsReading)]

    exposure = story.view().exposure

    assert exposure.treatment is not None
    assert exposure.treatment.total == sum(trials.total for trials in served)
    assert exposure.treatment.bad == sum(trials.bad for trials in served)
    assert exposure.unknown_windows == 2
    assert exposure.treatment.total > row(story.view(), "errors").treatment.total


def test_exposure_comes_from_the_first_metric_that_counts_errors() -> None:
    errors, latency, refunds = three_metrics()
    story = Story(an_experiment(metrics=(latency, errors, refunds)))
    story.observe([measured(treatment=5)])

    assert story.view().exposure.metric == "errors"


def test_a_latency_without_an_objective_has_no_bad_trials_rather_than_none_of_them_bad() -> None:
    _, latency, _ = three_metrics()
    story = Story(an_experiment(metrics=(replace(latency, slo_s=None, weight=1.0),)))
    story.observe([{"latency": measured(treatment=5)["latency"]}])

    exposure = story.view().exposure

    assert exposure.treatment is not None
    assert exposure.treatment.bad is None
    assert exposure.treatment.total == 100


def test_without_observations_nothing_is_claimed() -> None:
    view = Story().view()

    assert view.points == ()
    assert view.exposure.treatment is None
    assert view.health.data_until_s is None
    assert view.health.data_age_s is None
    assert view.verdict is VerdictKind.NO_DATA
    assert all(each.control.rate is None and each.difference is None for each in view.metrics)


def test_windows_that_were_all_missing_are_counted_by_metric_and_reason() -> None:
    story = Story()
    story.observe([blind(), blind(), blind(MissingReason.STALE)])

    view = story.view()

    assert {(gap.metric, gap.reason): gap.windows for gap in view.health.gaps} == {
        (metric, reason): windows
        for metric in ("errors", "latency", "refunds")
        for reason, windows in ((MissingReason.SOURCE_DOWN, 2), (MissingReason.STALE, 1))
    }
    assert view.exposure.treatment is None
    assert view.exposure.unknown_windows == 3
    assert all(point.metrics[0].treatment is None for point in view.points)
    assert all(each.verdict is VerdictKind.NO_DATA and "stale" not in each.note for each in view.metrics)
    assert all("too old" in each.note for each in view.metrics)


def test_data_age_ends_with_the_run() -> None:
    story = promoted()
    story.now_s += 3_600

    assert story.view().health.data_age_s == 0


def test_data_age_of_a_running_run_grows() -> None:
    story = Story()
    story.observe([measured(treatment=5)])
    story.now_s += 40

    assert story.view().health.data_age_s == 40


def test_the_lag_is_the_usual_time_from_a_window_to_its_reading() -> None:
    story = Story()
    for late_s in (5, 0, 300):
        story.now_s += late_s
        story.observe([measured(treatment=5)])

    assert Story().view().health.lag_s is None
    assert story.view().health.lag_s == 5


def test_steps_show_when_they_were_reached() -> None:
    ramp = rolled_back().view().ramp

    assert [rung.reached_s for rung in ramp] == [NOW_S, NOW_S + 150, None]
    assert [rung.earliest_s - NOW_S for rung in ramp] == [0, 60, 120]


def test_the_split_is_what_the_target_reported() -> None:
    splits = rolled_back().view().splits

    assert [each.weight_pct for each in splits] == [0, 5, 20, 0]
    assert not any(each.would for each in splits)


def test_observe_mode_is_told_as_would() -> None:
    view = observing().view()

    assert [(each.weight_pct, each.would) for each in view.splits] == [(0, False), (5, True)]
    assert view.log[1].result == "would (observe mode)"


def test_the_log_joins_decision_act_and_result() -> None:
    log = rolled_back().view().log

    shift = log[1]
    assert (shift.what, shift.rule, shift.actor) == ("Shift", Rule.FLOORS_MET, "engine")
    assert (str(shift.before), str(shift.after), shift.result) == ("100/0", "95/5", "done")
    assert [entry.act for entry in log if entry.act is not None] == [1, 2, 3]


def test_people_are_named_and_refusals_have_their_reason() -> None:
    asked = [entry for entry in rolled_back().view().log if entry.actor == "ada@laptop"][1:]

    assert [entry.result for entry in asked] == ["accepted", "accepted", "refused: not paused"]
    assert [entry.reason for entry in asked] == ["lunch", "back", "again"]


def test_an_act_that_failed_first_shows_how_it_ended() -> None:
    story = Story()
    act = Act(
        number=1,
        kind=DecisionKind.SHIFT,
        rule=Rule.FLOORS_MET,
        weights=Weights.of(5),
        step=0,
        found=Weights.of(0),
        version="1",
    )
    story.add(Intended(act=act), rule=act.rule, reason="Step 1: 5 %.")
    story.add(Applied(act_number=1, ok=False, weights=None, detail="proxy gone"), rule=act.rule)
    assert story.view().log[-1].result == "not done: proxy gone"
    assert [each.weight_pct for each in story.view().splits] == [0]

    story.now_s += 15
    story.add(Applied(act_number=1, ok=True, weights=Weights.of(5), detail="found in place"), rule=act.rule)

    assert story.view().log[-1].result == "found in place"
    assert [each.weight_pct for each in story.view().splits] == [0, 5]


def test_blockers_are_shown_while_the_run_lasts() -> None:
    blocker = Blocker(kind=BlockerKind.FREEZE, detail="frozen by ada", since_s=NOW_S)
    story = Story()
    story.hold(blocker, reason="Holding at 0 %: frozen by ada")
    assert story.view().blockers == (blocker,)

    story.command(Verb.STOP, "enough")
    story.act(DecisionKind.STOP, Rule.STOPPED, Weights.of(0), "Stopped by ada: enough")

    assert story.view().blockers == ()


def test_the_hash_names_the_spec_and_nothing_else() -> None:
    first, later = Story(), Story()
    later.now_s += 100

    assert first.view().provenance.spec_sha256 == later.view().provenance.spec_sha256
    assert len(first.view().provenance.spec_sha256) == 64


def row(view: ReportView, metric: str) -> MetricRow:
    return next(each for each in view.metrics if each.metric == metric)


def test_windows_before_there_was_anything_to_compare_are_a_start_and_no_gap() -> None:
    early = Missing(reason=MissingReason.NO_SERIES, detail="no series", arm=Arm.TREATMENT)
    late = Missing(reason=MissingReason.STALE, detail="too old")
    readings = [
        early,
        early,
        TrialsReading(control=Trials(bad=0, total=9), treatment=Trials(bad=0, total=1)),
        late,
    ]
    observations = tuple(
        Observation(
            window=Window(index=i, start_s=i * 15.0, end_s=i * 15.0 + 15.0), readings={"errors": reading}
        )
        for i, reading in enumerate(readings)
    )
    event = Event(
        run_id="r",
        seq=1,
        at_s=NOW_S,
        actor=ENGINE,
        source="test",
        reason="",
        rule=None,
        payload=Observed(observations=observations),
    )
    seen = trace(an_experiment(), [event])
    assert (seen.start_windows, [(gap.reason, gap.windows) for gap in seen.gaps]) == (
        2,
        [(MissingReason.STALE, 1)],
    )
