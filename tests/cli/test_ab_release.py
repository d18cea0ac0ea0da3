"""One traffic, two questions: a canary, a test and its conclusion, on real flags, records and looks."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from typer.testing import Result

from engine import plugins
from engine.adapters.flags import FlagTarget
from engine.adapters.flags.evaluator import Evaluator
from engine.core.outcome import ExitCode
from engine.core.run import Phase
from engine.intake import Exposure, Occurrence, Record, exposure_id, is_exposure
from engine.wiring import intake_of
from strategies.ab import Ab
from tests.cli.desk import EXPERIMENT, Desk, Entry

pytestmark = pytest.mark.slow

UNITS = [f"visitor-{number}" for number in range(4_000)]
BUYS = {"long": 4, "short": 2}
"""Every so many visitors with a variant buy something."""


def experiment(flags: Path) -> str:
    head, _, _ = EXPERIMENT.partition("  target:")
    _, _, tail = EXPERIMENT.partition("  source:")
    return f"""{head}\
  target:
    flag:
      experiment: checkout
      file: {flags}
      control: long
      treatments: [short]
      split_pct: [50, 50]
  strategy: {{ab: {{weights: [50], hold: 30s, canary: {{steps: [10], hold: 30s}}}}}}
  source:{tail}\
  product:
    question: Do more visitors buy with the short checkout?
    unit: visitor
    control: long
    variants: {{long: 50, short: 50}}
    metrics: [{{conversion: purchase}}]
"""


def evaluator(flags: Path) -> Evaluator:
    return Evaluator(json.loads(flags.read_text(encoding="utf-8"))["flags"])


def visit(desk: Desk, flags: Path, buys: Mapping[str, int] = BUYS) -> dict[str, str]:
    """Every visitor comes by; who is exposed, and with what. Some of them buy a second later."""
    told_by, exposed, run = evaluator(flags), {}, ""
    for unit in UNITS:
        told = told_by.string("exp.checkout.variant", unit)
        if is_exposure(told.reason, told.variant):
            exposed[unit], run = told.value, str(told.flag_metadata["run"])
    found = records(exposed, run, buys, desk.clock.at_s - 5)
    intake_of(desk.store).take_in(list(found), desk.clock.at_s)
    return exposed


def records(exposed: dict[str, str], run: str, buys: Mapping[str, int], at_s: float) -> Iterator[Record]:
    for unit, variant in exposed.items():
        yield Exposure(
            source="/shop",
            id=exposure_id("checkout", run, variant, unit),
            experiment="checkout",
            unit=unit,
            variant=variant,
            at_s=at_s,
            dimensions={},
        )
        if int(unit.rpartition("-")[2]) % buys[variant] == 0:
            yield Occurrence(
                source="/shop",
                id=f"order-{run}-{unit}",
                unit=unit,
                name="purchase",
                value=None,
                at_s=at_s + 1,
                event_id=f"order-{run}-{unit}",
            )


@pytest.fixture
def flags(desk: Desk) -> Path:
    desk.more_entries = {
        plugins.STRATEGIES: [Entry("ab", Ab)],
        plugins.TARGETS: [Entry("flag", FlagTarget)],
    }
    file = desk.home / "flags.json"
    file.write_text('{"flags": {}}', encoding="utf-8")
    return file


def ticked(desk: Desk, count: int) -> None:
    for _ in range(count):
        desk.clock.at_s += 10
        desk.data("-q", "serve", "--once")


def concluded_at_last(desk: Desk, file: str) -> Result:
    """Said again and again, as by cron: at first the run's own metrics are not shown yet."""
    result = desk.call("ab", "conclude", file)
    for _ in range(60):
        if result.exit_code is not ExitCode.UNDECIDED:
            break
        assert "the run's own metrics do not show yet" in result.stderr
        ticked(desk, 5)
        result = desk.call("ab", "conclude", file)
    return result


def test_from_the_canary_to_the_conclusion(desk: Desk, flags: Path) -> None:
    file = desk.file(experiment(flags))
    run_id = desk.data("-q", "launch", file, "-o", "name").strip()
    ticked(desk, 2)
    few = visit(desk, flags)
    assert 700 < len(few) < 900
    assert desk.call("ab", "conclude", file).exit_code == ExitCode.UNDECIDED
    assert desk.store.load(run_id).snapshot.run.phase is Phase.RUNNING

    ticked(desk, 10)
    everybody = visit(desk, flags)
    assert len(everybody) == len(UNITS)
    assert {unit: everybody[unit] for unit in few} == few
    assert "product experiment decides" in desk.store.load(run_id).snapshot.reason

    result = concluded_at_last(desk, file)
    assert result.exit_code == ExitCode.OK, result.stderr
    assert {evaluator(flags).string("exp.checkout.variant", unit).value for unit in UNITS} == {"short"}
    run = desk.store.load(run_id).snapshot.run
    assert run.phase is Phase.PROMOTED
    assert "Ship short: purchase is better." in run.reason

    desk.clock.at_s += 3600
    again = desk.call("ab", "conclude", file)
    assert again.exit_code == ExitCode.OK
    assert "already promoted, short has all traffic" in again.stderr
    assert f"Its release {run_id} has ended, and this is as of then" in again.stderr
    shown = desk.call("ab", "analyze", file, "-o", "wide")
    assert shown.exit_code == ExitCode.OK
    assert run_id in shown.stdout
    course = json.loads(desk.data("ab", "report", file, "--format", "json"))["course"]
    assert [step["stage"] for step in course["steps"]] == ["canary", "test"]
    assert [step["weights_pct"]["short"] for step in course["steps"]] == [10, 50]
    assert (course["ended"]["phase"], course["ended"]["variant"]) == ("promoted", "short")


def test_a_mended_build_is_not_judged_by_the_one_before(desk: Desk, flags: Path) -> None:
    file = desk.file(experiment(flags))
    first = desk.data("-q", "launch", file, "-o", "name").strip()
    ticked(desk, 2)
    seen = visit(desk, flags, {"long": 2, "short": 5})
    assert desk.call("ab", "conclude", file).exit_code == ExitCode.ROLLED_BACK
    assert desk.store.load(first).snapshot.run.phase is Phase.ROLLED_BACK

    desk.clock.at_s += 3600
    second = desk.data("-q", "launch", file, "-o", "name").strip()
    ticked(desk, 2)
    before = desk.call("ab", "conclude", file)
    assert before.exit_code == ExitCode.NOT_TRUSTED, before.stderr
    assert "0 exposures, and 0 events" in before.stderr
    assert desk.store.load(second).snapshot.run.phase is Phase.RUNNING

    assert visit(desk, flags, {"long": 8, "short": 2}) == seen
    shown = desk.call("ab", "analyze", file, "-o", "json")
    analysis = json.loads(shown.stdout)["analysis"]
    assert (analysis["counted"]["exposures"], analysis["counted"]["before_start"]) == (len(seen), 0)
    assert analysis["effects"][0]["difference"] > 0
    assert shown.exit_code == ExitCode.UNDECIDED
