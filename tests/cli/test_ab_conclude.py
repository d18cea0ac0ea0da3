"""`ab conclude`: the answer of a product experiment ends its release, once, and only when it may."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from typer.testing import Result

from analysis.product.result import Analysis, Answer, Outcome, ProductRule
from analysis.report.product.view import Origin
from engine import plugins
from engine.adapters.flags import FlagTarget
from engine.cli import ab_concluding
from engine.cli.ab_looking import Look
from engine.core.concluded import ANSWER_LASTS_S
from engine.core.decision import Rule
from engine.core.outcome import ExitCode
from engine.core.run import Phase
from engine.core.target import ALL_TO_CONTROL, Weights
from engine.driver import LEASE_S
from strategies.ab import Ab
from tests.analysis.report.product.samples import do_not_trust, keep_control, keep_running, ship
from tests.cli.desk import EXPERIMENT, NOW_S, Desk, Entry

CANARY = "{canary: {steps: [10, 50], hold: 30s, floor: 50}}"
TEST = (
    EXPERIMENT.replace(CANARY, "{ab: {weights: [50], hold: 30s, floor: 50}}").replace(
        "margin: {absolute: 5pp}", "margin: {absolute: 20pp}, dispersion: 1"
    )
    + """\
  product:
    question: Do more visitors buy?
    variants: {control: 50, short: 50}
    metrics: [{conversion: order, within: 1h}]
"""
)
FLAGS = """{flag: {experiment: checkout-v2, file: FILE, control: control, treatments: [short],
      split_pct: [50, 50]}}"""
UNDECIDED = Answer(outcome=Outcome.KEEP_CONTROL, rule=ProductRule.ENDED_UNDECIDED)


class Answers:
    """In place of looking at tables: the answer that the test says."""

    def __init__(self) -> None:
        self.analysis: Analysis = ship()
        self.releases: list[str] = []

    def __call__(self, _session: Any, _plan: Any, _file: Any, _at_s: Any, release: Any, _keep: Any) -> Look:
        self.releases.append(release.run.id)
        return Look(analysis=replace(self.analysis, at_s=NOW_S), origin=Origin(version="", command=""))


@pytest.fixture
def answers(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Answers:
    desk.more_entries = {
        plugins.STRATEGIES: [Entry("ab", Ab)],
        plugins.TARGETS: [Entry("flag", FlagTarget)],
    }
    made = Answers()
    monkeypatch.setattr(ab_concluding, "look_at", made)
    return made


def begun(desk: Desk, text: str = TEST, ticks: int = 4) -> str:
    """The id of a run that was launched and ticked; nobody drives it."""
    run_id = desk.launched(text)
    for _ in range(ticks):
        desk.clock.at_s += 10
        desk.data("-q", "serve", "--once")
    return run_id


def conclude(desk: Desk, *arguments: str, text: str = TEST) -> Result:
    return desk.call("ab", "conclude", desk.file(text), *arguments)


def after_a_canary(desk: Desk) -> str:
    """The same with a canary before it, by flags in a file."""
    flags = desk.home / "flags.json"
    flags.write_text('{"flags": {}}', encoding="utf-8")
    text = TEST.replace("{desk: {}}", FLAGS.replace("FILE", str(flags)), 1)
    return text.replace("[50], hold: 30s, floor: 50", "[50], hold: 30s, canary: {steps: [10], hold: 30s}")


def weights(desk: Desk, run_id: str) -> Weights:
    return desk.store.load(run_id).snapshot.run.weights


def phase(desk: Desk, run_id: str) -> Phase:
    return desk.store.load(run_id).snapshot.run.phase


@pytest.mark.parametrize(
    ("answer", "code", "end", "weights"),
    [
        (ship, ExitCode.OK, Phase.PROMOTED, Weights.all_to(0)),
        (keep_control, ExitCode.ROLLED_BACK, Phase.ROLLED_BACK, ALL_TO_CONTROL),
        (lambda: replace(ship(), answer=UNDECIDED), ExitCode.UNDECIDED, Phase.STOPPED, ALL_TO_CONTROL),
        (keep_running, ExitCode.UNDECIDED, Phase.RUNNING, Weights.of(50)),
        (do_not_trust, ExitCode.NOT_TRUSTED, Phase.RUNNING, Weights.of(50)),
    ],
)
def test_the_release_ends_as_the_answer_says(
    desk: Desk,
    answers: Answers,
    answer: Callable[[], Analysis],
    code: ExitCode,
    end: Phase,
    weights: Weights,
) -> None:
    answers.analysis, run_id = answer(), begun(desk)
    result = conclude(desk)
    assert result.exit_code == code, result.output
    assert (phase(desk, run_id), desk.target.weights) == (end, weights)
    assert answers.releases == [run_id]


def test_the_answer_is_the_reason_in_the_log(desk: Desk, answers: Answers) -> None:
    run_id = begun(desk)
    result = conclude(desk)
    said = "the product experiment says, as of 2027-01-15 08:00:00 UTC: Ship short: purchase is better."
    assert desk.store.load(run_id).snapshot.run.reason == f"Promoted by ada@desk: {said}"
    assert result.stdout == ""
    assert "Ship short: purchase is better." in result.stderr
    assert f"{run_id}: promoted: all traffic goes to the treatment." in result.stderr


def test_said_again_it_does_nothing_and_says_so(desk: Desk, answers: Answers) -> None:
    run_id = begun(desk)
    conclude(desk)
    events = len(desk.store.events(run_id))
    result = conclude(desk)
    assert result.exit_code == ExitCode.OK
    assert f"{run_id}: already promoted, short has all traffic; there is nothing to do." in result.stderr
    assert len(desk.store.events(run_id)) == events


def test_an_end_that_contradicts_the_answer_is_exit_1(desk: Desk, answers: Answers) -> None:
    run_id = begun(desk)
    desk.data("stop", run_id, "--reason", "incident")
    result = conclude(desk)
    assert result.exit_code == ExitCode.ERROR
    assert f"{run_id} has ended, stopped, so short cannot be given all traffic" in result.stderr


def test_a_rehearsal_changes_nothing(desk: Desk, answers: Answers) -> None:
    run_id = begun(desk)
    result = conclude(desk, "--dry-run")
    assert result.exit_code == ExitCode.OK
    assert f"{run_id}: would promote it: short gets all traffic; the product experiment says" in result.stderr
    assert phase(desk, run_id) is Phase.RUNNING
    assert list(desk.store.requested(run_id)) == []


def test_in_the_canary_nothing_is_promoted_but_harm_is_taken_back(desk: Desk, answers: Answers) -> None:
    text = after_a_canary(desk)
    run_id = begun(desk, text, ticks=1)
    result = conclude(desk, text=text)
    assert result.exit_code == ExitCode.UNDECIDED
    assert f"{run_id}: short is not given all traffic yet: " in result.stderr
    assert weights(desk, run_id) == Weights.of(10)
    answers.analysis = keep_control()
    assert conclude(desk, text=text).exit_code == ExitCode.ROLLED_BACK
    assert (phase(desk, run_id), weights(desk, run_id)) == (Phase.ROLLED_BACK, ALL_TO_CONTROL)


def test_the_test_that_follows_a_canary_is_concluded(desk: Desk, answers: Answers) -> None:
    text = after_a_canary(desk)
    run_id = begun(desk, text, ticks=12)
    assert weights(desk, run_id) == Weights.of(50)
    assert conclude(desk, text=text).exit_code == ExitCode.OK
    assert (phase(desk, run_id), weights(desk, run_id)) == (Phase.PROMOTED, Weights.all_to(0))


def test_before_the_test_was_held_as_long_as_declared_nothing_is_promoted(
    desk: Desk, answers: Answers
) -> None:
    run_id = begun(desk, ticks=2)
    result = conclude(desk)
    assert result.exit_code == ExitCode.UNDECIDED
    assert "short is not given all traffic yet: held 10 s of 30 s at this split." in result.stderr
    assert phase(desk, run_id) is Phase.RUNNING


def frozen(desk: Desk, run_id: str) -> None:
    desk.data("freeze", "on", "--reason", "Black Friday")


def paused(desk: Desk, run_id: str) -> None:
    desk.data("pause", run_id, "--reason", "legal looks")


def blind(desk: Desk, run_id: str) -> None:
    desk.source.silent = True


@pytest.mark.parametrize(
    ("speaks_against", "told"),
    [
        (frozen, "frozen by ada@desk: Black Friday"),
        (paused, "paused; `rampwise resume"),
        (blind, "no data for all metrics"),
    ],
)
@pytest.mark.parametrize("rehearsed", [["--dry-run"], []])
def test_an_answer_overrides_nothing_and_its_rehearsal_says_so(
    desk: Desk,
    answers: Answers,
    speaks_against: Callable[[Desk, str], None],
    told: str,
    rehearsed: list[str],
) -> None:
    run_id = begun(desk)
    speaks_against(desk, run_id)
    desk.clock.at_s += 10
    result = conclude(desk, *rehearsed)
    assert result.exit_code == ExitCode.UNDECIDED, result.output
    assert f"{run_id}: short is not given all traffic yet: " in result.stderr
    assert told in result.stderr
    assert weights(desk, run_id) == Weights.of(50)
    assert not phase(desk, run_id).ended
    assert list(desk.store.requested(run_id)) == []


@pytest.mark.parametrize("rehearsed", [["--dry-run"], []])
def test_the_runs_own_metrics_must_show_that_it_does_no_harm(
    desk: Desk, answers: Answers, rehearsed: list[str]
) -> None:
    text = TEST.replace("absolute: 20pp}, dispersion: 1", "absolute: 5pp}")
    run_id = begun(desk, text)
    result = conclude(desk, *rehearsed, text=text)
    assert result.exit_code == ExitCode.UNDECIDED
    assert "the run's own metrics do not show yet that v2 is not worse" in result.stderr
    assert phase(desk, run_id) is Phase.RUNNING


@pytest.mark.parametrize("strategy", [CANARY, CANARY.replace("10, 50", "{weight: 10, approve: true}, 50")])
def test_a_strategy_with_rules_of_its_own_is_left_to_them(
    desk: Desk, answers: Answers, strategy: str
) -> None:
    text = TEST.replace("{ab: {weights: [50], hold: 30s, floor: 50}}", strategy)
    run_id = begun(desk, text, ticks=5)
    given = weights(desk, run_id)
    for _ in range(2):
        result = conclude(desk, text=text)
        assert result.exit_code == ExitCode.UNDECIDED
        assert "the strategy canary promotes by its own rules" in result.stderr
        assert weights(desk, run_id) == given
    answers.analysis = keep_control()
    assert conclude(desk, text=text).exit_code == ExitCode.ROLLED_BACK
    assert phase(desk, run_id) is Phase.ROLLED_BACK


def test_a_run_that_only_watches_is_told_what_would_be_and_goes_on(desk: Desk, answers: Answers) -> None:
    text = TEST.replace("  warm_up: 1s\n", "  warm_up: 1s\n  mode: observe\n")
    run_id = begun(desk, text)
    before = desk.target.weights
    for answer, would in ((ship, "would promote it"), (keep_control, "would roll it back")):
        answers.analysis = answer()
        result = conclude(desk, text=text)
        assert f"{run_id}: {would}" in result.stderr
        assert "Nothing was changed. This run only watches." in result.stderr
    assert (phase(desk, run_id), desk.target.weights) == (Phase.RUNNING, before)


def test_an_order_that_waited_does_not_outlive_its_answer(desk: Desk, answers: Answers) -> None:
    run_id = begun(desk)
    assert desk.store.acquire(run_id, "dead/9", desk.clock.at_s, LEASE_S)
    conclude(desk, "--timeout", "50ms")
    answers.analysis = do_not_trust()
    result = conclude(desk, "--timeout", "50ms")
    assert "A promotion that an earlier answer asked for still waits" in result.stderr
    assert f"`rampwise pause {run_id} --reason TEXT` holds it up" in result.stderr
    desk.clock.at_s += ANSWER_LASTS_S + 1
    assert "still waits" not in conclude(desk, "--timeout", "50ms").stderr
    for _ in range(3):
        desk.clock.at_s += 10
        desk.data("-q", "serve", "--once")
    assert (phase(desk, run_id), list(desk.store.requested(run_id))) == (Phase.RUNNING, [])


def test_the_log_says_that_the_product_experiment_asked(desk: Desk, answers: Answers) -> None:
    run_id = begun(desk)
    conclude(desk)
    run = desk.store.load(run_id).snapshot.run
    assert (run.ended_by, run.last_actor) == (Rule.CONCLUDED, "ada@desk")


@pytest.mark.parametrize(
    ("launched", "asked", "field"),
    [
        ("conversion: order, within: 1h", "conversion: cheer, within: 2h", "metrics"),
        ("question: Do", "method: fixed\n    ends: 2027-02-01T00:00:00Z\n    question: Do", "method, ends"),
        ("question: Do", "alpha: 0.2\n    exclude: {browser: [bot]}\n    question: Do", "exclude, alpha"),
        ("{control: 50, short: 50}", "{control: 60, short: 40}", "variants"),
    ],
)
def test_another_question_than_the_one_launched_ends_nothing(
    desk: Desk, answers: Answers, launched: str, asked: str, field: str
) -> None:
    run_id = begun(desk, ticks=1)
    result = conclude(desk, text=TEST.replace(launched, asked))
    assert result.exit_code == ExitCode.USAGE
    said = " ".join(result.stderr.split())
    assert f"{run_id} was launched to ask something else: its product section differs in {field}." in said
    assert answers.releases == []


def test_other_words_for_the_same_question_are_no_other_question(desk: Desk, answers: Answers) -> None:
    run_id = begun(desk)
    said = TEST.replace("Do more visitors buy?", "More orders?").replace(
        "{control: 50, short: 50}", "{short: 50, control: 50}\n    control: control"
    )
    assert conclude(desk, text=said).exit_code == ExitCode.OK
    assert phase(desk, run_id) is Phase.PROMOTED


def test_of_a_run_that_was_launched_without_the_question_nothing_is_promoted(
    desk: Desk, answers: Answers
) -> None:
    run_id = begun(desk, EXPERIMENT, ticks=2)
    result = conclude(desk)
    assert result.exit_code == ExitCode.UNDECIDED
    assert "the strategy canary promotes by its own rules" in result.stderr
    assert phase(desk, run_id) is Phase.RUNNING


def test_with_an_objective_of_the_run_one_judge_decides(desk: Desk, answers: Answers) -> None:
    metric = "{name: orders, kind: proportion, role: objective, unit: session, bad: b, total: t,"
    metric += " margin: {absolute: 20pp}, dispersion: 1}"
    text = TEST.replace("  metrics:\n    - ", f"  metrics:\n    - {metric}\n    - ", 1)
    answers.analysis = do_not_trust()
    desk.source.bad = {"control": 200, "treatment": 10}
    run_id = begun(desk, text, ticks=6)
    assert conclude(desk, text=text).exit_code == ExitCode.NOT_TRUSTED
    assert (phase(desk, run_id), weights(desk, run_id)) == (Phase.RUNNING, Weights.of(50))
    answers.analysis = ship()
    assert conclude(desk, text=text).exit_code == ExitCode.OK


def test_an_order_that_waits_is_not_given_twice(desk: Desk, answers: Answers) -> None:
    run_id = begun(desk)
    assert desk.store.acquire(run_id, "dead/9", desk.clock.at_s, LEASE_S)
    for _ in range(2):
        result = conclude(desk, "--timeout", "50ms")
        assert result.exit_code == ExitCode.ERROR
        assert "recorded and not done yet (dead/9 drives it)" in result.stderr
    assert len(desk.store.requested(run_id)) == 1


def test_without_a_run_there_is_nothing_to_conclude(desk: Desk, answers: Answers) -> None:
    result = conclude(desk)
    assert result.exit_code == ExitCode.USAGE
    assert "no run releases checkout-v2, so there is nothing to conclude" in result.stderr


def test_a_run_of_another_name_has_to_be_named(desk: Desk, answers: Answers) -> None:
    run_id = begun(desk, TEST.replace("checkout-v2", "shop--checkout-v2"))
    assert conclude(desk).exit_code == ExitCode.USAGE
    assert conclude(desk, "--run", run_id).exit_code == ExitCode.OK
    assert phase(desk, run_id) is Phase.PROMOTED


def test_a_run_of_other_variants_is_refused(desk: Desk, answers: Answers) -> None:
    begun(desk)
    swapped = TEST.replace("{control: 50, short: 50}", "{v1: 50, v2: 50}\n    control: v2")
    result = conclude(desk, text=swapped)
    assert result.exit_code == ExitCode.USAGE
    assert "call the variants of `product` as the target does" in result.stderr
    assert answers.releases == []


def test_help_says_what_each_answer_does(desk: Desk) -> None:
    shown = " ".join(desk.data("ab", "conclude", "--help").split())
    assert "Ship promotes the variant. Keep control gives control all traffic" in shown
    assert "Keep running and do not trust change nothing." in shown
