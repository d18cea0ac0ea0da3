"""`rampwise replay`: rows of window files, and a stored run made again."""

import csv
import json
import sqlite3
from pathlib import Path

import pytest
from pydantic import BaseModel

from engine import plugins
from engine.cli.replay_rows import COLUMNS
from engine.core.outcome import ExitCode
from tests.cli.desk import EXPERIMENT, Desk, DeskSource, Entry

HEADER = "run,window_end,variant,bad,total"
KNOWN = EXPERIMENT.replace("margin:", "dispersion: 1, margin:")


def windows(desk: Desk, *lines: str, header: str = HEADER, name: str = "windows.csv") -> str:
    return desk.file("\n".join([header, *lines]) + "\n", name)


def two_runs(desk: Desk) -> str:
    return windows(
        desk,
        *(
            f"broken,2026-03-02T10:00:{w}0Z,v{arm},{bad},1000"
            for w in (1, 2)
            for arm, bad in ((1, 10), (2, 600))
        ),
        "silent,1772445600,v1,10,1000",
    )


def test_a_row_per_run_says_when_and_why(desk: Desk) -> None:
    result = desk.call("replay", desk.file(KNOWN), "--windows", two_runs(desk), "-o", "csv")
    assert result.exit_code == ExitCode.OK, result.output
    assert result.stdout.splitlines() == [
        "run,outcome,decided_at,windows,treatment_total,rule",
        "broken,rolled_back,2026-03-02T10:00:10Z,1,1000,harm",
        "silent,no_data,,1,0,blind_too_long",
    ]
    assert result.stderr == "2 runs: 1 rolled_back, 1 no_data.\n"


def test_every_form_has_the_same_rows(desk: Desk) -> None:
    file, runs = desk.file(), two_runs(desk)
    shown = {
        form: desk.data("-q", "replay", file, "--windows", runs, "-o", form)
        for form in ("csv", "json", "table")
    }
    rows = list(csv.DictReader(shown["csv"].splitlines()))
    found = json.loads(shown["json"])
    assert found["schema"] == "rampwise.dev/replay/v1"
    assert [{name: str(cell) for name, cell in row.items()} for row in found["runs"]] == rows
    heading, *lines = shown["table"].splitlines()
    assert heading.split() == [name.upper() for name in COLUMNS]
    assert [line.split() for line in lines] == [[cell for cell in row.values() if cell] for row in rows]


def test_a_table_of_numbers_is_aligned_however_many_runs_there_are(desk: Desk) -> None:
    lines = [f"r{number},100,v{arm},1,{number + 10}" for number in range(600) for arm in (1, 2)]
    shown = desk.data("-q", "replay", desk.file(), "--windows", windows(desk, *lines)).splitlines()
    assert len(shown) == 601
    assert len({line.index("undecided") for line in shown[1:]}) == 1


def test_history_is_said_and_used(desk: Desk) -> None:
    history = [f"aa,{w},v{arm},{10 + (w * arm) % 7},1000" for w in range(200) for arm in (1, 2)]
    past = windows(desk, *history, name="history.csv")
    result = desk.call("replay", desk.file(), "--windows", two_runs(desk), "--history", past, "-o", "csv")
    assert result.exit_code == ExitCode.OK, result.output
    assert result.stderr.startswith("errors: dispersion 1.00, correlated over ")
    short = windows(desk, *history[:20], name="short.csv")
    little = desk.call("replay", desk.file(), "--windows", two_runs(desk), "--history", short, "-o", "csv")
    assert "too few windows in" in little.stderr
    declared = desk.call("replay", desk.file(KNOWN), "--windows", two_runs(desk), "--history", past)
    assert declared.stderr.startswith("errors: the experiment declares dispersion 1, so")


@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_a_wrong_file_says_where_writes_nothing_and_exits_2(desk: Desk, form: str) -> None:
    wrong = windows(desk, "a,100,v1,1,1000", "a,100,v9,1,1000")
    result = desk.call("replay", desk.file(), "--windows", wrong, "-o", form)
    assert result.exit_code == ExitCode.USAGE
    assert "row 2" in result.stderr
    assert result.stdout == ""


def test_a_file_without_runs_is_said(desk: Desk) -> None:
    result = desk.call("replay", desk.file(), "--windows", windows(desk), "-o", "csv")
    assert (result.exit_code, result.stdout) == (ExitCode.OK, ",".join(COLUMNS) + "\n")
    assert result.stderr.endswith("has no runs.\n")


def test_counts_that_only_ever_rise_may_be_running_totals(desk: Desk) -> None:
    def told(times: int) -> str:
        lines = [f"a,{w},v{arm},{w},{900 + (w * times) % 31}" for w in range(1, 20) for arm in (1, 2)]
        return desk.call("replay", desk.file(), "--windows", windows(desk, *lines)).stderr

    assert "Counts of errors only ever rise: if they are running totals, take differences first." in told(1)
    assert "running totals" not in told(7)


def test_a_metric_that_the_file_lacks_is_said(desk: Desk) -> None:
    second = "    - {name: refusals, kind: proportion, bad: refusals_total, total: requests_total}\n"
    lines = [f"a,{w},v{arm},1,1000,errors" for w in range(3) for arm in (1, 2)]
    file = windows(desk, *lines, header=f"{HEADER},metric")
    result = desk.call("replay", desk.file(EXPERIMENT + second), "--windows", file)
    assert "measures nothing of refusals" in result.stderr


@pytest.mark.parametrize("time", ["soon", "nan", "inf", "2026-13-01"])
def test_what_is_no_time_is_refused(desk: Desk, time: str) -> None:
    between = ("--prometheus", "http://127.0.0.1:9", "--start", time, "--end", "1772452800")
    result = desk.call("replay", desk.file(), *between)
    assert result.exit_code == ExitCode.USAGE
    assert f"'{time}' is no time such as" in result.stderr


class PastSource(DeskSource):
    class Options(BaseModel):
        url: str


def test_a_past_in_prometheus_is_one_run(desk: Desk) -> None:
    past = PastSource()
    past.bad["treatment"] = 600
    desk.more_entries[plugins.SOURCES] = [Entry("prometheus", past)]
    asked = ("replay", desk.file(KNOWN), "--prometheus", "http://prom:9090", "-o", "csv")
    shown = desk.data("-q", *asked, "--start", "2026-03-02T10:00", "--end", "1772445700")
    assert shown.splitlines()[1:] == ["checkout-v2,rolled_back,2026-03-02T10:00:10Z,1,1000,harm"]
    short = desk.call(*asked, "--start", "100", "--end", "105")
    assert short.exit_code == ExitCode.USAGE
    assert "no window of 10 s fits" in short.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--prometheus", "http://prom:9090"), "they go together"),
        (("--start", "yesterday"), "is no time such as"),
        (("--windows", "w.csv", "--prometheus", "http://prom:9090"), "either a file or a server"),
        (("--history", "aa.csv"), "a run has its own evidence"),
    ],
)
def test_options_that_do_not_fit_are_refused(desk: Desk, options: tuple[str, ...], said: str) -> None:
    result = desk.call("replay", desk.file(), *options)
    assert result.exit_code == ExitCode.USAGE
    assert said in " ".join(result.stderr.replace("│", " ").split())


def finished(desk: Desk, *, bad: int) -> str:
    desk.source.bad["treatment"] = bad
    run_id = desk.launched()
    for _ in range(40):
        desk.clock.at_s += 10
        desk.data("-q", "serve", "--once")
        if not desk.store.active():
            return run_id
    raise AssertionError(f"{run_id} has not ended")


@pytest.mark.parametrize("bad", [10, 200])
def test_a_finished_run_is_decided_byte_for_byte_alike(desk: Desk, bad: int) -> None:
    run_id = finished(desk, bad=bad)
    for name in (run_id, "checkout-v2", desk.file()):
        result = desk.call("replay", name)
        assert result.exit_code == ExitCode.OK, result.output
        assert result.stdout == ""
        assert "all are the same, byte for byte." in result.stderr
        assert " 0 readings" not in result.stderr
        assert " 0 decisions" not in result.stderr


def test_orders_of_people_are_inputs_too(desk: Desk) -> None:
    desk.launched()
    desk.clock.at_s += 20
    desk.data("-q", "pause", "checkout-v2", "--reason", "lunch")
    desk.data("-q", "resume", "checkout-v2", "--reason", "back")
    desk.data("-q", "promote", "checkout-v2", "--reason", "fixes the outage", "--yes")
    assert desk.call("replay", "checkout-v2").exit_code == ExitCode.OK


def test_a_closed_flag_is_an_input_too(desk: Desk) -> None:
    desk.launched()
    desk.clock.at_s += 20
    desk.data("-q", "gate", "close", "checkout-v2")
    desk.data("-q", "serve", "--once")
    assert desk.call("replay", "checkout-v2").exit_code == ExitCode.OK


def test_a_record_that_was_tampered_with_is_shown(desk: Desk) -> None:
    run_id = finished(desk, bad=200)
    altered = tampered(desk.database)
    result = desk.call("replay", run_id, "-o", "csv")
    assert result.exit_code == ExitCode.ERROR
    rows = list(csv.DictReader(result.stdout.splitlines()))
    assert rows[0]["what"] == "evidence"
    assert altered
    assert "differ." in result.stderr


def tampered(database: Path) -> int:
    """Makes the treatment look healthier than it was; how many events were changed."""
    with sqlite3.connect(database) as connection:
        return connection.execute(
            "UPDATE events SET data = replace(data, '\"bad\":200', '\"bad\":100') WHERE type = 'observed'"
        ).rowcount
