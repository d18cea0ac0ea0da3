"""`ab`: plans, looks and reports of a product experiment on a sample shop, and what is said of mistakes."""

import csv
import json
import sys
from pathlib import Path

import pytest

from analysis.product.result import Answer, Outcome, ProductRule
from engine.cli.ab import exit_code
from engine.cli.progress import telling
from engine.cli.session import Session
from engine.core.outcome import ExitCode
from engine.product import analyze
from engine.wiring import intake_of
from tests.cli.desk import EXPERIMENT, NOW_S, Desk
from tests.contracts.intake_contract import DID, EXPOSED

TYPED = ("--units-per-day", "7000", "--baseline", "ordered=12%", "--baseline", "revenue=4.2±17")


def sampled(desk: Desk, *arguments: str, visitors: int = 20_000) -> str:
    """The experiment file of a sample whose target is the desk's; with so few visitors the margin is wide."""
    shop = desk.home / "shop"
    desk.data("-q", "ab", "sample", str(shop), "--visitors", str(visitors), "--force", *arguments)
    file = shop / "experiment.yaml"
    text = file.read_text(encoding="utf-8").replace("margin: {relative: 25%}", "margin: {relative: 100%}")
    _, _, product = text.partition("\n  product:\n")
    file.write_text(f"{EXPERIMENT}  product:\n{product}", encoding="utf-8")
    return str(file)


def declared(desk: Desk) -> str:
    """The same experiment without any tables."""
    file = Path(sampled(desk, visitors=100))
    for table in file.parent.glob("*.parquet"):
        table.unlink()
    return str(file)


@pytest.mark.parametrize(
    ("outcome", "rule", "code"),
    [
        (Outcome.SHIP, ProductRule.OBJECTIVE_BETTER, ExitCode.OK),
        (Outcome.KEEP_CONTROL, ProductRule.OBJECTIVE_WORSE, ExitCode.ROLLED_BACK),
        (Outcome.KEEP_CONTROL, ProductRule.GUARDRAIL_WORSE, ExitCode.ROLLED_BACK),
        (Outcome.KEEP_CONTROL, ProductRule.ENDED_UNDECIDED, ExitCode.UNDECIDED),
        (Outcome.KEEP_CONTROL, ProductRule.GUARDRAIL_UNCLEAR, ExitCode.UNDECIDED),
        (Outcome.KEEP_RUNNING, ProductRule.NOT_YET, ExitCode.UNDECIDED),
        (Outcome.KEEP_RUNNING, ProductRule.BEFORE_THE_END, ExitCode.UNDECIDED),
        (Outcome.KEEP_RUNNING, ProductRule.OBJECTIVE_WORSE, ExitCode.UNDECIDED),
        (Outcome.KEEP_RUNNING, ProductRule.NO_DATA, ExitCode.NOT_TRUSTED),
        (Outcome.KEEP_CONTROL, ProductRule.NO_DATA, ExitCode.NOT_TRUSTED),
        (Outcome.DO_NOT_TRUST, ProductRule.FAULT, ExitCode.NOT_TRUSTED),
    ],
)
def test_exit_codes_say_what_to_do(outcome: Outcome, rule: ProductRule, code: ExitCode) -> None:
    assert exit_code(Answer(outcome=outcome, rule=rule)) is code


def test_help_lists_the_exit_codes(desk: Desk) -> None:
    shown = " ".join(desk.data("ab", "analyze", "--help").split())
    assert "0 ship, 3 keep control because the variant is worse, 4 keep running" in shown
    assert "5 do not trust the data" in shown


def test_the_sample_says_what_to_type_next(desk: Desk) -> None:
    result = desk.call("ab", "sample", str(desk.home / "shop"), "--visitors", "100")
    assert result.stdout == f"rampwise ab analyze {desk.home}/shop/experiment.yaml\n"
    assert result.stderr.startswith("Wrote 100 exposures, ")
    again = desk.call("ab", "sample", str(desk.home / "shop"))
    assert again.exit_code == ExitCode.USAGE
    assert "exists already; choose another directory, or add --force" in again.stderr


def test_the_sample_ends_when_asked(desk: Desk) -> None:
    arguments = ("--visitors", "200", "--format", "csv", "--end", "2026-03-16T06:00:00Z")
    shop = Path(sampled(desk, *arguments)).parent
    times = [
        row["time"]
        for row in csv.DictReader((shop / "exposures.csv").read_text(encoding="utf-8").splitlines())
    ]
    assert len(times) == 200
    assert times == sorted(times)
    assert times[0] >= "2026-03-02T00:00:00" < "2026-03-16T00:00:00" < times[-1] <= "2026-03-16T06:00:00"


@pytest.mark.parametrize("lift", ["a lot", "-100%", "1001%"])
def test_a_lift_that_is_none_is_refused(desk: Desk, lift: str) -> None:
    result = desk.call("ab", "sample", str(desk.home / "shop"), "--lift", lift)
    assert result.exit_code == ExitCode.USAGE
    assert f"--lift: {lift!r} is not a" in result.stderr


def test_the_plan_compares_methods_and_marks_the_experiment_s(desk: Desk) -> None:
    result = desk.call("ab", "plan", declared(desk), *TYPED)
    assert result.exit_code == ExitCode.OK
    heading, *rows = result.stdout.splitlines()
    assert heading.split()[-8:] == ["VISITORS", "DAYS", "WEEK", "1", "WEEK", "2", "WEEK", "4"]
    assert rows[0].split()[:8] == ["ordered", "objective", "12", "%", "5", "%", "▸", "anytime"]
    assert rows[1].split()[0] == "fixed"
    assert rows[2].split()[:4] == ["group", "sequential,", "5", "looks"]
    assert rows[3].split()[:6] == ["revenue", "quality", "4.2", "EUR", "5", "%"]
    assert "▸ anytime" in rows[3]
    assert "orders_per_view, came_back, errors, load_seconds" in result.stderr


def test_the_plan_as_json_keeps_what_it_assumed(desk: Desk) -> None:
    plan = json.loads(desk.data("ab", "plan", declared(desk), *TYPED, "-o", "json"))
    assert plan["schema"] == "rampwise.dev/ab-plan/v1"
    assert (plan["experiment"], plan["units_per_day"], plan["method"]) == ("checkout-v2", 7000, "anytime")
    assert plan["baselines"]["revenue"] == {"mean": 4.2, "deviation": 17.0, "explained": 0.0}
    assert [(need["metric"], need["method"]) for need in plan["needs"]] == [
        (metric, method)
        for metric in ("ordered", "revenue")
        for method in ("anytime", "fixed", "group_sequential")
    ]
    anytime, fixed, _ = plan["needs"][:3]
    assert anytime["units"] > fixed["units"] > 0
    assert fixed["days"] == pytest.approx(fixed["units"] / 7000)


def test_the_plan_says_when_the_planned_end_comes_before_an_answer(desk: Desk) -> None:
    file, typed = declared(desk), ("--units-per-day", "700", "--baseline", "ordered=12%")
    [misfit] = json.loads(desk.data("ab", "plan", file, *typed, "-o", "json"))["misfits"]
    assert "days after `starts`: write `ends: 20" in misfit
    assert f"⚠ {misfit}" in " ".join(desk.data("ab", "plan", file, *typed).split())


@pytest.mark.parametrize(
    ("baseline", "said"),
    [
        ("orders=12%", "'orders=12%' names no metric; NAME=VALUE with one of: ordered, revenue, "),
        ("12%", "'12%' names no metric"),
        ("ordered=12", "'12' is not a share of ordered over 0% and below 100%, such as ordered=12%"),
        ("ordered=0%", "over 0% and below 100%"),
        ("revenue=4.2", "'4.2' is not a mean and a standard deviation over units, such as revenue=4.2±17"),
        ("revenue=4.2±0", "a mean and a standard deviation"),
        ("load_seconds=2±1", "is not for a quantile such as load_seconds"),
    ],
)
def test_a_wrong_baseline_is_refused_with_what_is_right(desk: Desk, baseline: str, said: str) -> None:
    result = desk.call("ab", "plan", declared(desk), "--units-per-day", "70", "--baseline", baseline)
    assert result.exit_code == ExitCode.USAGE
    assert said in result.stderr


def test_a_deviation_can_be_typed_on_any_keyboard(desk: Desk) -> None:
    typed = ("--units-per-day", "70", "-o", "json", "--baseline")
    file = declared(desk)
    assert desk.data("ab", "plan", file, *typed, "revenue=4.2+-17") == desk.data(
        "ab", "plan", file, *typed, "revenue=4.2±17"
    )


@pytest.mark.parametrize("command", [("plan", "--units-per-day", "70"), ("analyze",), ("report",)])
def test_a_release_is_no_product_experiment(desk: Desk, command: tuple[str, ...]) -> None:
    result = desk.call("ab", *command, desk.file())
    assert result.exit_code == ExitCode.USAGE
    assert "has no section spec.product" in result.stderr
    assert "rampwise ab sample DIR" in result.stderr


def test_a_wrong_document_is_told_by_line(desk: Desk) -> None:
    file = Path(declared(desk))
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("mde: 5%", "mde: 5"), encoding="utf-8")
    line = text.splitlines().index("    mde: 5%") + 1
    result = desk.call("ab", "analyze", str(file))
    assert result.exit_code == ExitCode.USAGE
    assert f"experiment.yaml:{line}: spec.product.mde: found" in result.stderr


def test_missing_tables_are_named(desk: Desk) -> None:
    result = desk.call("ab", "analyze", declared(desk))
    assert result.exit_code == ExitCode.USAGE
    assert "there is no table `exposures`" in result.stderr


def test_a_time_that_is_none_is_refused(desk: Desk) -> None:
    result = desk.call("ab", "report", declared(desk), "--at", "monday")
    assert result.exit_code == ExitCode.USAGE
    assert "'monday' is no time such as 2026-03-02T10:00:00Z" in result.stderr


def test_a_look_from_the_future_is_refused(desk: Desk) -> None:
    result = desk.call("ab", "report", declared(desk), "--at", str(NOW_S + 60))
    assert result.exit_code == ExitCode.USAGE
    assert "--at: is still to come" in result.stderr


def test_on_a_terminal_the_time_that_a_look_takes_is_shown_and_gone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    with telling(Session(quiet=False), "Reading [all] of it"):
        pass
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "Reading [all] of it" in shown.err
    with telling(Session(quiet=True), "Reading"):
        pass
    assert capsys.readouterr() == ("", "")


def test_what_was_recorded_is_written_as_tables(desk: Desk) -> None:
    intake_of(desk.store).take_in([EXPOSED, DID], NOW_S)
    result = desk.call("ab", "export", EXPOSED.experiment, str(desk.home / "data"))
    assert result.stderr == f"Wrote 1 exposures and 1 events to {desk.home}/data.\n"
    assert {path.name for path in (desk.home / "data").iterdir()} == {"exposures.parquet", "events.parquet"}


def test_an_experiment_that_nobody_was_exposed_to_is_not_exported(desk: Desk) -> None:
    result = desk.call("ab", "export", "nothing", str(desk.home / "data"))
    assert result.exit_code == ExitCode.USAGE
    assert "nobody was exposed to nothing yet, so nothing was written" in result.stderr
    assert not (desk.home / "data").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sample", "code", "outcome"),
    [
        (("--lift", "60%"), ExitCode.OK, "ship"),
        (("--lift", "-60%"), ExitCode.ROLLED_BACK, "keep_control"),
        (("--lift", "0%"), ExitCode.UNDECIDED, "keep_running"),
        (("--lift", "60%", "--fault", "crossed"), ExitCode.NOT_TRUSTED, "do_not_trust"),
    ],
)
def test_the_answer_is_the_exit_code(
    desk: Desk, sample: tuple[str, ...], code: ExitCode, outcome: str
) -> None:
    file = sampled(desk, *sample)
    result = desk.call("ab", "analyze", file, "-o", "json")
    assert result.exit_code == code, result.stderr
    assert json.loads(result.stdout)["analysis"]["answer"]["outcome"] == outcome
    assert "exposures, and " in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.slow
def test_all_forms_tell_of_the_same_metrics(desk: Desk) -> None:
    file = sampled(desk)
    shown = [
        desk.call("ab", "analyze", file, "-o", form).stdout for form in ("table", "wide", "json", "yaml")
    ]
    shown += [
        desk.data("ab", "report", file, "--format", form) for form in ("html", "markdown", "json", "csv")
    ]
    for text in shown:
        assert "ordered" in text
        assert "revenue" in text
        assert "\x1b" not in text
        assert str(desk.home) not in text.replace(file, "")
    assert shown[2] == shown[6]
    assert "BY country" in shown[1]
    assert "BY country" not in shown[0]


@pytest.mark.slow
def test_a_report_is_written_whole_or_not_at_all(desk: Desk) -> None:
    file, out = sampled(desk), desk.home / "report.html"
    assert desk.data("ab", "report", file, "--output", str(out)) == ""
    page = out.read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    result = desk.call("ab", "report", file, "--output", str(desk.home / "no" / "report.html"))
    assert result.exit_code == ExitCode.USAGE
    assert "cannot write" in result.stderr


@pytest.mark.slow
def test_a_look_as_of_then_leaves_out_what_came_later_and_blames_no_clock(desk: Desk) -> None:
    file = sampled(desk)
    then = json.loads(desk.data("ab", "report", file, "--format", "json", "--at", str(NOW_S - 7 * 86_400)))
    now = json.loads(desk.data("ab", "report", file, "--format", "json"))
    assert then["analysis"]["counted"]["future"] == 0
    assert 0 < then["analysis"]["counted"]["exposures"] < now["analysis"]["counted"]["exposures"]


@pytest.mark.slow
def test_the_same_look_is_the_same_byte_for_byte(desk: Desk) -> None:
    at = ("--at", str(NOW_S - 86_400))
    file = sampled(desk)
    assert desk.data("ab", "report", file, *at) == desk.data("ab", "report", file, *at)


@pytest.mark.slow
def test_the_plan_reads_how_control_is_when_nothing_is_typed(desk: Desk) -> None:
    file = sampled(desk)
    plan = json.loads(desk.data("ab", "plan", file, "--units-per-day", "7000", "-o", "json"))
    assert set(plan["baselines"]) == {"ordered", "revenue", "orders_per_view", "came_back", "errors"}
    ordered, errors = plan["baselines"]["ordered"], plan["baselines"]["errors"]
    assert ordered["deviation"] == pytest.approx((ordered["mean"] * (1 - ordered["mean"])) ** 0.5, rel=1e-3)
    assert 0.0 < ordered["explained"] < 0.5
    assert errors["explained"] == 0.0


@pytest.mark.slow
def test_a_notebook_shows_the_report(desk: Desk) -> None:
    shown = analyze(sampled(desk))
    assert "ordered" in shown._repr_html_()
    assert "ordered" in shown._repr_markdown_()
