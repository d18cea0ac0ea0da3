"""`plan`: the same facts in every form, from typed traffic or from the past, and what to type without any."""

import json

import pytest

from engine.core.measure import Missing, MissingReason
from engine.core.outcome import ExitCode
from tests.cli.desk import EXPERIMENT, Desk

SHORT = EXPERIMENT.replace("interval: 10s", "interval: 10s\n  horizon: 1h")
TYPED = ("--rate", "50/s", "--base", "1%")


def planned(desk: Desk, *arguments: str):
    return json.loads(desk.data("plan", desk.file(SHORT), *arguments, "-o", "json"))


def test_json_has_steps_releases_and_the_prior(desk: Desk) -> None:
    plan = planned(desk, *TYPED)
    metric = plan["metrics"][0]

    assert plan["schema"] == "rampwise.dev/plan/v1"
    assert [step["weight_pct"] for step in metric["steps"]] == [10, 50]
    assert metric["releases"][0]["release"] == "same"
    assert sum(each["weight"] for each in metric["harm"]["prior"]) == pytest.approx(1.0)
    assert plan["false_rollbacks_per_year"] <= plan["false_rollbacks_per_year_at_most"] == 2.5


def test_the_table_tells_what_the_json_tells(desk: Desk) -> None:
    table = desk.data("plan", desk.file(SHORT), *TYPED)
    assert "50 requests per second; 1 % of control's are bad." in table
    assert "as good as control" in table
    assert "Of 250 releases a year" in table


def test_the_page_needs_nothing_from_outside(desk: Desk) -> None:
    out = desk.home / "plan.html"
    assert desk.data("plan", desk.file(SHORT), *TYPED, "-o", "html", "--out", str(out)) == ""
    page = out.read_text(encoding="utf-8")
    assert "<code>rampwise calibrate</code>" in page
    assert "`" not in page
    assert page.count("<svg") >= 2
    assert "http://" not in page
    assert "https://" not in page


def test_traffic_comes_from_the_past_without_options(desk: Desk) -> None:
    """The desk's source counts a thousand requests per arm and window of five minutes, 1 % of them bad."""
    metric = planned(desk, "--since", "1h")["metrics"][0]
    assert metric["base_rate"] == pytest.approx(0.01)
    assert metric["rate_per_s"] == pytest.approx(2000 / 300)
    assert metric["quietest_rate_per_s"] is not None


def test_one_typed_rate_is_put_in_the_place_of_the_past_s(desk: Desk) -> None:
    metric = planned(desk, "--since", "1h", "--rate", "600/min")["metrics"][0]
    assert (metric["rate_per_s"], metric["base_rate"]) == (10.0, pytest.approx(0.01))


def test_a_metric_s_own_share_comes_before_the_general_one(desk: Desk) -> None:
    assert planned(desk, *TYPED, "--base", "errors=2%")["metrics"][0]["base_rate"] == 0.02


def test_a_past_without_traffic_says_what_to_type(desk: Desk) -> None:
    desk.source.missing = Missing(reason=MissingReason.NO_SERIES, detail="no series: errors_total")
    result = desk.call("plan", desk.file(SHORT))
    assert result.exit_code == ExitCode.USAGE
    assert "errors has is not known (no series: errors_total); name it with --rate 50/s --base 1%" in (
        result.stderr
    )


def test_a_silent_source_says_what_to_type(desk: Desk) -> None:
    desk.source.silent = True
    result = desk.call("plan", desk.file(SHORT))
    assert result.exit_code == ExitCode.ERROR
    assert "connection refused" in result.stderr
    assert "--rate 50/s --base 1%" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--rate", "50"), "'50' is not a rate such as 50/s"),
        (("--rate", "0/s"), "a rate above 0"),
        (("--base", "1"), "'1' is not a percentage such as 4%"),
        (("--since", "7"), "a duration with its unit"),
        ((*TYPED, "--effect", "0%"), "an effect above 0%"),
        (("--rate", "50/s", "--base", "97%"), "nothing can be planned; expected a share of bad trials"),
        ((*TYPED, "--effect", "0.5"), "--effect: '0.5' is not a percentage such as 4%"),
        ((*TYPED, "--base", "eror=1%"), "there is no metric 'eror' to plan; the experiment has errors"),
        (("--rate", "eror=9/s", "--base", "1%"), "there is no metric 'eror' to plan"),
    ],
)
def test_wrong_values_are_refused_with_what_is_right(
    desk: Desk, arguments: tuple[str, ...], said: str
) -> None:
    result = desk.call("plan", desk.file(SHORT), *arguments)
    assert result.exit_code == ExitCode.USAGE
    assert said in result.stderr


def test_an_effect_can_be_asked_about(desk: Desk) -> None:
    releases = planned(desk, *TYPED, "--effect", "100%")["metrics"][0]["releases"]
    assert {each["release"]: each["ratio"] for each in releases}["effect"] == 2.0


def test_an_effect_that_is_tolerated_is_said_to_be_no_harm(desk: Desk) -> None:
    said = desk.data("plan", desk.file(SHORT), *TYPED, "--effect", "1%")
    assert "An effect of 1.01× is within the tolerance of 1.05×: it is not harm" in said


def test_an_effect_that_no_release_can_have_is_said_to_be_none(desk: Desk) -> None:
    said = desk.data("plan", desk.file(SHORT), *TYPED, "--effect", "10000%")
    assert "No release can be worse by 101×" in said
    assert "no release" not in desk.data("plan", desk.file(SHORT), *TYPED).lower()


def test_chances_too_small_to_tell_are_not_told(desk: Desk) -> None:
    said = desk.data("plan", desk.file(SHORT), "--rate", "50/s", "--base", "0.0001%")
    assert "that are as good as control, hardly any are rolled back" in said
