"""What an analysis is told of a run: pass, fail or undecided, and never a pass that is not shown now."""

import pytest

from engine.core.events import Actor, Freeze, Verb
from engine.core.measure import Missing, MissingReason
from engine.core.model import Arm
from engine.core.run import Phase
from engine.provider.answers import Said
from engine.provider.provider import IDLE_S
from tests.provider.asking import ERRORS, colours, spec
from tests.provider.conftest import Booth

ADA = Actor(user="ada", host="desk")


def phase(booth: Booth, run_id: str) -> Phase:
    return booth.store.load(run_id).snapshot.run.phase


def test_a_good_release_passes_once_its_floors_are_met(booth: Booth) -> None:
    first = booth.ask()
    assert (first.verdict, first.reason) == (Said.UNDECIDED, "the run has just begun")
    booth.tick(2)
    assert booth.ask().verdict is Said.UNDECIDED
    booth.tick(4)
    found = booth.ask()
    assert (found.verdict, found.kind) == (Said.PASS, "not_worse")
    assert found.run == first.run
    assert not found.settled


def test_a_bad_release_fails_and_keeps_failing(booth: Booth) -> None:
    booth.desk.source.bad = {"control": 10, "treatment": 300}
    found = booth.later()
    assert (found.verdict, found.kind) == (Said.FAIL, "harmful")
    assert "errors" in found.reason
    assert phase(booth, found.run) is Phase.ROLLED_BACK
    booth.desk.source.bad = {"control": 10, "treatment": 10}
    booth.desk.clock.at_s += 30 * 86400
    booth.restart()
    again = booth.later()
    assert (again.verdict, again.run) == (Said.FAIL, found.run)


def test_another_attempt_has_the_same_versions_judged_anew(booth: Booth) -> None:
    booth.desk.source.bad = {"control": 10, "treatment": 300}
    failed = booth.later()
    booth.desk.source.bad = {"control": 10, "treatment": 10}
    found = booth.later(attempt="2")
    assert found.verdict is Said.PASS
    assert found.run != failed.run


def test_harm_after_a_pass_fails(booth: Booth) -> None:
    assert booth.later("background").verdict is Said.PASS
    booth.desk.source.bad = {"control": 10, "treatment": 300}
    booth.tick(4)
    assert booth.ask("background").verdict is Said.FAIL


@pytest.mark.parametrize(
    ("reason", "arm"),
    [
        (MissingReason.NO_TRAFFIC, Arm.TREATMENT),
        (MissingReason.NO_SERIES, Arm.TREATMENT),
        (MissingReason.NO_SERIES, Arm.CONTROL),
        (MissingReason.STALE, None),
        (MissingReason.NOT_A_NUMBER, None),
    ],
)
def test_what_is_not_measured_is_undecided_however_long(
    booth: Booth, reason: MissingReason, arm: Arm | None
) -> None:
    booth.desk.source.missing = Missing(reason=reason, detail="nothing there", arm=arm)
    found = booth.later(ticks=200)
    assert (found.verdict, found.kind) == (Said.UNDECIDED, "no_data")
    assert not phase(booth, found.run).ended


def test_a_source_that_is_down_is_undecided_and_the_evidence_goes_on_afterwards(booth: Booth) -> None:
    booth.ask()
    booth.tick(6)
    booth.desk.source.silent = True
    booth.tick(90)
    assert booth.ask().verdict is Said.UNDECIDED
    booth.desk.source.silent = False
    booth.tick(2)
    assert booth.ask().verdict is Said.PASS


def test_what_was_shown_passes_nobody_once_nobody_drives_the_run(booth: Booth) -> None:
    assert booth.later().verdict is Said.PASS
    booth.desk.clock.at_s += 31.0
    found = booth.ask()
    assert found.verdict is Said.UNDECIDED
    assert "rampwise serve" in found.reason


def test_a_freeze_is_in_the_way_of_a_pass(booth: Booth) -> None:
    assert booth.later().verdict is Said.PASS
    booth.store.set_freeze(Freeze(reason="holidays", actor=ADA, since_s=booth.desk.clock.at_s))
    booth.tick()
    assert booth.ask().verdict is Said.UNDECIDED


@pytest.mark.parametrize("verb", [Verb.STOP, Verb.ROLLBACK])
def test_a_person_who_ends_the_run_fails_the_analysis(booth: Booth, verb: Verb) -> None:
    run_id = booth.later().run
    booth.store.request(run_id, verb, ADA, "wrong build", "cli", booth.desk.clock.at_s)
    booth.tick()
    found = booth.ask()
    assert (found.verdict, found.run) == (Said.FAIL, run_id)
    assert "wrong build" in found.reason


def test_a_person_who_promotes_has_the_analysis_pass_for_as_long_as_somebody_asks(booth: Booth) -> None:
    booth.desk.source.missing = Missing(reason=MissingReason.NO_TRAFFIC, detail="nothing there")
    run_id = booth.later().run
    booth.store.request(run_id, Verb.PROMOTE, ADA, "known to be fine", "cli", booth.desk.clock.at_s)
    booth.tick()
    assert booth.ask().verdict is Said.PASS
    booth.desk.clock.at_s += IDLE_S + 1
    later = booth.ask()
    assert (later.verdict, later.run != run_id) == (Said.UNDECIDED, True)


def test_a_horizon_that_is_over_passes_nobody(booth: Booth) -> None:
    over = spec(
        horizon="60s", on_undecided="rollback", metrics=[{**ERRORS, "margin": {"absolute": "0.001pp"}}]
    )
    found = booth.later(ticks=10, spec_=over)
    assert phase(booth, found.run) is Phase.EXPIRED
    assert found.verdict is Said.UNDECIDED


def test_a_preview_passes_by_probes_alone(booth: Booth) -> None:
    found = booth.later("pre-promotion", spec_=colours())
    assert found.verdict is Said.PASS
    assert sum(booth.prober.asked) >= 81


def test_a_preview_that_answers_with_errors_fails(booth: Booth) -> None:
    booth.probes_fail()
    found = booth.later("pre-promotion", spec_=colours())
    assert (found.verdict, phase(booth, found.run)) == (Said.FAIL, Phase.ROLLED_BACK)


def test_a_preview_without_an_address_and_without_traffic_is_undecided(booth: Booth) -> None:
    booth.desk.source.missing = Missing(reason=MissingReason.NO_TRAFFIC, detail="none", arm=Arm.TREATMENT)
    assert booth.later("pre-promotion", ticks=60).verdict is Said.UNDECIDED
    assert booth.prober.asked == []


def test_after_the_switch_the_same_run_is_watched_and_passes_as_settled(booth: Booth) -> None:
    before = booth.later("pre-promotion", spec_=colours())
    first = booth.ask("post-promotion", spec_=colours())
    assert (first.run, first.verdict) == (before.run, Said.UNDECIDED)
    booth.tick(2)
    assert booth.ask("post-promotion", spec_=colours()).verdict is Said.UNDECIDED
    booth.tick(5)
    found = booth.ask("post-promotion", spec_=colours())
    assert (found.run, found.verdict, found.settled) == (before.run, Said.PASS, True)


def test_harm_after_the_switch_fails(booth: Booth) -> None:
    booth.later("pre-promotion", spec_=colours())
    booth.ask("post-promotion", spec_=colours())
    booth.tick()
    booth.desk.source.bad = {"control": 0, "treatment": 300}
    booth.tick(3)
    assert booth.ask("post-promotion", spec_=colours()).verdict is Said.FAIL


def test_a_switch_is_told_once(booth: Booth) -> None:
    run_id = booth.later("pre-promotion", spec_=colours()).run
    for _ in range(3):
        booth.ask("post-promotion", spec_=colours())
    assert [command.verb for command in booth.store.requested(run_id)] == [Verb.APPROVE]


def test_an_answer_names_the_run_and_its_report(booth: Booth) -> None:
    plain = booth.ask().to_plain()
    assert plain == {
        "verdict": "undecided",
        "kind": "no_data",
        "reason": "the run has just begun",
        "settled": False,
        "run": plain["run"],
        "report": f"/r/{plain['run']}",
    }
