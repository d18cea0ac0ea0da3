"""Launching: rehearsed, left to an engine, seen through, interrupted, replacing another run."""

import json
import os
import re
import signal
from collections.abc import Callable
from dataclasses import replace

import pytest

from engine import launching, plugins
from engine.adapters.gates import write_flag
from engine.cli import seeing_through
from engine.core.measure import Missing, MissingReason
from engine.core.model import Arm
from engine.core.outcome import ExitCode
from engine.core.target import ALL_TO_CONTROL, ALL_TO_TREATMENT, Weights
from strategies.ab import Ab
from strategies.blue_green import BlueGreen
from tests.cli.desk import EXPERIMENT, NOW_S, Desk, DeskSource, Entry


def test_a_launch_without_wait_says_that_nobody_drives_and_what_to_type(desk: Desk) -> None:
    result = desk.call("launch", desk.file(), "-o", "name")
    assert result.exit_code == ExitCode.OK
    assert result.stdout == "checkout-v2-0001\n"
    assert "Launched checkout-v2-0001." in result.stderr
    assert "Nobody drives it yet; start `rampwise serve`, which drives all runs." in result.stderr


def test_a_launch_without_wait_names_the_engine_that_took_the_run(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seeing_through, "await_driver", lambda _store, _run_id: "elsewhere/7")
    result = desk.call("launch", desk.file(), "-o", "name")
    assert "elsewhere/7 drives it. `rampwise status checkout-v2-0001 -w` follows it." in result.stderr


def test_a_healthy_release_is_seen_through_to_its_promotion(desk: Desk) -> None:
    result = desk.call("launch", desk.file(), "--wait", "-o", "json")
    assert result.exit_code == ExitCode.OK
    run = json.loads(result.stdout)
    assert (run["phase"], run["weight_pct"], run["exit_code"]) == ("promoted", 100, 0)
    assert desk.target.weights == ALL_TO_TREATMENT
    steps = [line.split("  ")[2] for line in result.stderr.splitlines() if "floors_met" in line]
    assert steps == ["◐ running at 10 %", "◐ running at 50 %"]


def test_a_harmful_release_ends_with_exit_3(desk: Desk) -> None:
    desk.source.bad["treatment"] = 200
    result = desk.call("launch", desk.file(), "--wait")
    assert result.exit_code == ExitCode.ROLLED_BACK
    assert "✖ rolled back at 0 %" in result.stdout
    assert desk.target.weights == ALL_TO_CONTROL


def test_an_undecided_release_ends_with_exit_4_at_the_timeout_and_goes_on(desk: Desk) -> None:
    text = EXPERIMENT.replace("absolute: 5pp", "absolute: 0.001pp")
    result = desk.call("launch", desk.file(text), "--wait", "--timeout", "3min")
    assert result.exit_code == ExitCode.UNDECIDED
    assert "goes on only while somebody drives it: start `rampwise serve`" in result.stderr
    assert list(desk.store.active()) == ["checkout-v2-0001"]
    assert desk.store.holder("checkout-v2-0001", desk.clock.at_s) is None


def test_a_blind_release_ends_with_exit_5_by_its_policy(desk: Desk) -> None:
    desk.source.silent = True
    result = desk.call("launch", desk.file(), "--wait")
    assert result.exit_code == ExitCode.NOT_TRUSTED
    assert "connection refused" in result.stderr


def test_a_blind_release_ends_with_exit_5_at_the_timeout(desk: Desk) -> None:
    desk.source.silent = True
    assert desk.call("launch", desk.file(), "--wait", "--timeout", "1min").exit_code == ExitCode.NOT_TRUSTED


def test_a_closed_flag_ends_the_release_with_exit_6(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    on_read(monkeypatch, lambda: write_flag("checkout-v2", is_open=False))
    assert desk.call("launch", desk.file(), "--wait").exit_code == ExitCode.STOPPED
    assert desk.target.weights == ALL_TO_CONTROL


def test_ctrl_c_ends_the_watching_with_exit_130_and_leaves_the_run(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_read(monkeypatch, lambda: os.kill(os.getpid(), signal.SIGINT))
    result = desk.call("launch", desk.file(), "--wait")
    assert result.exit_code == ExitCode.INTERRUPTED
    assert "goes on only while somebody drives it: start `rampwise serve`" in result.stderr
    assert list(desk.store.active()) == ["checkout-v2-0001"]
    assert desk.store.holder("checkout-v2-0001", desk.clock.at_s) is None


def test_a_launch_with_wait_never_drives_beside_another_engine(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = launching.launch

    def taken_at_once(*arguments, **options) -> str:
        run_id = begin(*arguments, **options)
        assert desk.store.acquire(run_id, "elsewhere/7", NOW_S, 10_000)
        return run_id

    monkeypatch.setattr(launching, "launch", taken_at_once)
    result = desk.call("launch", desk.file(), "--wait", "--timeout", "1min")
    assert result.exit_code == ExitCode.UNDECIDED
    assert "elsewhere/7 drives it." in result.stderr
    assert [event.seq for event in desk.store.events("checkout-v2-0001")] == [1]
    assert desk.target.applied == []


def test_a_rehearsal_shows_plan_target_flag_and_queries_and_changes_nothing(desk: Desk) -> None:
    shown = desk.data("launch", desk.file(), "--dry-run")
    assert "target: 100/0 (control/treatment), v1 ready, v2 ready" in shown
    assert 'errors  errors_total{version=~"v1|v2"}  2 series  2 ms' in shown
    assert "flag checkout-v2: would be created, open" in shown
    assert "✔ nothing is in the way; nothing was changed" in shown
    assert list(desk.store.runs()) == []
    assert not (desk.home / "flags.json").exists()


def test_a_rehearsal_and_the_status_say_which_steps_are_the_canary(desk: Desk) -> None:
    desk.more_entries[plugins.STRATEGIES] = [Entry("ab", Ab)]
    text = EXPERIMENT.replace(
        "{canary: {steps: [10, 50], hold: 30s, floor: 50}}", "{ab: {hold: 1h, canary: {steps: [5]}}}"
    ).replace("kind: proportion,", "kind: proportion, role: objective,")
    shown = desk.data("launch", desk.file(text), "--dry-run")
    assert re.search(r"1 +canary at 5 % +5 min", shown)
    assert re.search(r"2 +test at 50/50 +60 min", shown)
    run_id = desk.launched(text)
    assert "step 0/2 (canary)" in desk.data("status", run_id)


def test_a_rehearsal_names_everything_in_the_way_and_fails(desk: Desk) -> None:
    desk.launched()
    desk.target.weights = Weights.of(20)
    result = desk.call("launch", desk.file(), "--dry-run", "-o", "json")
    assert result.exit_code == ExitCode.ERROR
    found = json.loads(result.stdout)
    assert found["schema"] == "rampwise.dev/rehearsal/v1"
    assert [problem.split(";")[0] for problem in found["in_the_way"]] == [
        "checkout-v2 is already being released by run checkout-v2-0001",
        "fake/checkout already gives 20 % to v2",
    ]


@pytest.mark.parametrize(
    "reason", [MissingReason.BAD_QUERY, MissingReason.FOREIGN_SERIES, MissingReason.AMBIGUOUS_SERIES]
)
def test_what_waiting_does_not_mend_is_in_the_way_of_a_rehearsal(desk: Desk, reason: MissingReason) -> None:
    desk.source.missing = Missing(reason=reason, detail="no bucket ends at slo 300ms; use one of 100ms")
    result = desk.call("launch", desk.file(), "--dry-run")
    assert result.exit_code == ExitCode.ERROR
    assert "✖ in the way: errors: no bucket ends at slo 300ms; use one of 100ms" in result.stdout
    assert "nothing is in the way" not in result.stdout


def test_a_source_that_does_not_answer_is_in_the_way_of_a_rehearsal(desk: Desk) -> None:
    desk.source.silent = True
    result = desk.call("launch", desk.file(), "--dry-run")
    assert result.exit_code == ExitCode.ERROR
    assert "✖ in the way: the source does not answer: connection refused" in result.stdout


def test_a_launch_warns_of_what_waiting_does_not_mend(desk: Desk) -> None:
    desk.source.missing = Missing(reason=MissingReason.BAD_QUERY, detail="no bucket ends at slo 300ms")
    result = desk.call("launch", desk.file(), "-o", "name")
    assert result.exit_code == ExitCode.OK
    assert "rampwise: warning: errors: no bucket ends at slo 300ms\n" in result.stderr


def test_a_rehearsal_before_the_first_sample_says_to_try_again(desk: Desk) -> None:
    gone = Missing(reason=MissingReason.NO_SERIES, detail="no series", arm=Arm.CONTROL)
    desk.source.missing = gone
    shown = desk.data("launch", desk.file(), "--dry-run")
    assert "? no samples of errors yet: try again in 10 s" in shown
    assert "✔" not in shown
    desk.source.missing = replace(gone, arm=Arm.TREATMENT)
    assert "✔ nothing is in the way" in desk.data("launch", desk.file(), "--dry-run")


def test_explain_shows_each_query_and_its_answer_on_stderr(desk: Desk) -> None:
    result = desk.call("launch", desk.file(), "--explain", "-o", "name")
    assert 'errors  errors_total{version=~"v1|v2"}  2 series' in result.stderr
    assert result.stdout == "checkout-v2-0001\n"


def test_a_second_launch_of_the_same_experiment_is_refused(desk: Desk) -> None:
    desk.launched()
    result = desk.call("launch", desk.file())
    assert result.exit_code == ExitCode.USAGE
    assert "checkout-v2 is already being released by run checkout-v2-0001" in result.stderr


def test_a_launch_onto_a_target_that_another_run_owns_is_refused(desk: Desk) -> None:
    desk.launched()
    result = desk.call("launch", desk.file(EXPERIMENT.replace("checkout-v2", "other")))
    assert result.exit_code == ExitCode.USAGE
    assert "run checkout-v2-0001 owns the target fake/checkout" in result.stderr


def test_replace_stops_the_run_that_goes_on_and_then_launches(desk: Desk) -> None:
    before = desk.launched()
    desk.target.weights = Weights.of(10)
    result = desk.call("launch", desk.file(), "--replace", "-o", "name")
    assert result.exit_code == ExitCode.OK
    assert f"Stopped {before}, which this run replaces." in result.stderr
    assert result.stdout == "checkout-v2-0002\n"
    assert list(desk.store.active()) == ["checkout-v2-0002"]
    assert desk.store.load(before).snapshot.run.reason.endswith("replaced by a new launch")
    assert desk.target.weights == ALL_TO_CONTROL


def test_replace_without_a_run_to_replace_just_launches(desk: Desk) -> None:
    assert desk.data("launch", desk.file(), "--replace", "-o", "name") == "checkout-v2-0001\n"


def test_a_timeout_without_wait_is_wrong_usage(desk: Desk) -> None:
    result = desk.call("launch", desk.file(), "--timeout", "5min")
    assert result.exit_code == ExitCode.USAGE
    assert "add --wait" in result.stderr


def test_a_timeout_without_unit_is_wrong_usage(desk: Desk) -> None:
    result = desk.call("launch", desk.file(), "--wait", "--timeout", "5")
    assert result.exit_code == ExitCode.USAGE
    assert "'5' is not a duration with its unit" in result.stderr


def test_a_target_that_does_not_answer_is_an_error(desk: Desk) -> None:
    desk.target.gone = "connection refused"
    result = desk.call("launch", desk.file())
    assert result.exit_code == ExitCode.ERROR
    assert result.stderr == "rampwise: connection refused\n"


def test_a_closed_flag_is_named_with_what_opens_it(desk: Desk) -> None:
    write_flag("checkout-v2", is_open=False)
    result = desk.call("launch", desk.file())
    assert result.exit_code == ExitCode.USAGE
    assert "`rampwise gate open checkout-v2` opens it" in result.stderr


def on_read(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    """Let something happen when the run's third batch of data is read."""
    read, times = DeskSource.read, []

    def reading(self, metrics, windows, cursor):
        times.append(1)
        if len(times) == 3:
            happens()
        return read(self, metrics, windows, cursor)

    monkeypatch.setattr(DeskSource, "read", reading)


@pytest.mark.parametrize(
    ("rungs_pct", "said"),
    [((1, 20), "fake/checkout can be put at 1 %, 20 %, and not at 10 %, 50 %"), ((), "no share")],
)
def test_steps_that_the_target_cannot_be_put_at_are_refused(
    desk: Desk, rungs_pct: tuple[int, ...], said: str
) -> None:
    desk.target.rungs_pct = rungs_pct
    result = desk.call("launch", desk.file())
    assert result.exit_code == ExitCode.USAGE
    assert said in result.stderr
    assert "rampwise prepare FILE" in result.stderr


def test_a_target_that_only_switches_gets_no_ramp(desk: Desk) -> None:
    desk.target.rungs_pct = (100,)
    result = desk.call("launch", desk.file())
    assert result.exit_code == ExitCode.USAGE
    assert "switches all traffic at once, and cannot be put at 10 %, 50 %" in result.stderr
    assert "use `strategy: blue_green` without a bridge" in result.stderr


def test_a_target_that_promotes_for_good_has_nothing_to_settle(desk: Desk) -> None:
    desk.target.rungs_pct, desk.target.preview_url = (0, 10, 50), "http://127.0.0.1:9"
    desk.more_entries[plugins.STRATEGIES] = [Entry("blue_green", BlueGreen)]
    settles = EXPERIMENT.replace("canary: {steps: [10, 50], hold: 30s, floor: 50}", "blue_green: {}")
    result = desk.call("launch", desk.file(settles))
    assert result.exit_code == ExitCode.USAGE
    assert "only by promoting it, so it cannot be watched at 100 % before" in result.stderr
    assert "use `strategy: canary`" in result.stderr


def test_a_target_with_nothing_to_release_is_no_place_for_a_launch(desk: Desk) -> None:
    desk.target.ended = "the Rollout already runs this version everywhere"
    result = desk.call("launch", desk.file())
    assert result.exit_code == ExitCode.USAGE
    assert "has nothing to release: the Rollout already runs" in result.stderr
