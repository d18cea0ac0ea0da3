"""Somebody is told while commands drive runs, and what has not arrived is shown."""

import json

from tests.cli.desk import EXPERIMENT, Desk

TOLD = EXPERIMENT + "  notify:\n    - {desk: {}, on: [launched, rollback, promoted, stopped]}\n"
REFUSED = EXPERIMENT + "  notify:\n    - {desk: {refuses: nobody is there}, name: pager}\n"


def told(desk: Desk) -> list[str]:
    """What arrived, the same notice counted once: it may come twice, because the desk's clock leaps."""
    return [kind for _, kind in dict.fromkeys((each.id, each.kind.value) for each in desk.sinks.delivered)]


def test_a_release_that_is_seen_through_tells_of_its_launch_and_its_end(desk: Desk) -> None:
    result = desk.call("launch", desk.file(TOLD), "--wait")
    assert result.exit_code == 0
    assert told(desk) == ["launched", "promoted"]
    shown = json.loads(desk.data("notices", "checkout-v2", "-o", "json"))
    assert shown["schema"] == "rampwise.dev/notices/v1"
    states = [(each["sink"], each["state"]) for each in shown["notices"]]
    assert states == [("desk", "delivered")] * 2
    assert shown["notices"][1]["notice"]["title"] == "checkout-v2: promoted, v2 has all traffic"


def test_a_rollback_is_told_with_its_numbers(desk: Desk) -> None:
    desk.source.bad["treatment"] = 300
    assert desk.call("launch", desk.file(TOLD), "--wait").exit_code == 3
    assert told(desk) == ["launched", "rollback"]
    assert "errors: 30 % bad against 1 %" in desk.sinks.delivered[-1].sentence


def test_a_run_that_a_command_stops_is_told_without_any_engine(desk: Desk) -> None:
    run_id = desk.launched(TOLD)
    assert told(desk) == []
    desk.data("stop", run_id, "--reason", "wrong build")
    assert told(desk) == ["launched", "stopped"]
    assert desk.sinks.delivered[1].sentence == "Stopped by ada@desk: wrong build"
    assert desk.sinks.delivered[1].actor == "ada@desk"


def test_one_tick_of_every_run_sends_what_is_due(desk: Desk) -> None:
    desk.launched(TOLD)
    assert desk.call("serve", "--once").exit_code == 0
    assert told(desk) == ["launched"]


def test_what_has_not_arrived_is_shown_by_notices_status_and_doctor(desk: Desk) -> None:
    run_id = desk.launched(REFUSED)
    desk.call("stop", run_id, "--reason", "wrong build")
    table = desk.data("notices", run_id, "--undelivered")
    assert "■ stopped  pager  ◌ waits: nobody is there" in table
    assert f"1 wait; pager: nobody is there; `rampwise notices {run_id} --undelivered`" in desk.data(
        "status", run_id
    )
    doctor = desk.call("doctor", "-o", "json")
    wrong = [each for each in json.loads(doctor.stdout)["checks"] if each["what"] == f"notices of {run_id}"]
    assert [each["state"] for each in wrong] == ["wrong"]


def test_a_run_without_sinks_has_told_nobody_and_says_how_to(desk: Desk) -> None:
    result = desk.call("notices", desk.launched())
    assert result.exit_code == 0
    assert "`notify:` in the experiment" in result.stderr


def test_an_order_to_promote_names_its_treatment(desk: Desk) -> None:
    run_id = desk.launched()
    desk.call("serve", "--once")
    refused = desk.call("promote", run_id, "--treatment", "v9", "--reason", "x", "--yes")
    assert refused.exit_code == 1
    assert "promote was refused" in refused.stderr
    assert "v2" in refused.stderr
    done = desk.call("promote", run_id, "--treatment", "v2", "--reason", "x", "--yes")
    assert done.exit_code == 0, done.output
