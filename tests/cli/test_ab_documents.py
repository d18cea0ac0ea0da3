"""Documents with `product` at the commands: alone they are valid and launch nothing; with a run they warn."""

import json
from pathlib import Path

import pytest
import yaml

from engine import plugins
from engine.core.outcome import ExitCode
from engine.wiring import intake_of
from strategies.ab import Ab
from tests.cli.desk import NOW_S, Desk, Entry
from tests.cli.test_ab_conclude import TEST
from tests.contracts.intake_contract import DID, EXPOSED

ALONE = """\
apiVersion: rampwise.dev/v1alpha1
kind: ReleaseExperiment
metadata: {name: checkout}
spec:
  product:
    question: Do more visitors buy?
    control: v1
    variants: {v1: 50, v2: 50}
    metrics: [{conversion: purchase}]
"""
ENDS = TEST.replace("    metrics: [{conv", "    ends: 2027-02-15T00:00:00Z\n    metrics: [{conv")
"""A month after the desk's now, and so beyond the horizon of two weeks."""


@pytest.fixture(autouse=True)
def ab(desk: Desk) -> None:
    desk.more_entries[plugins.STRATEGIES] = [Entry("ab", Ab)]


def test_a_product_experiment_alone_is_valid_and_is_looked_at_next(desk: Desk) -> None:
    file = desk.file(ALONE)
    result = desk.call("validate", file)
    assert result.exit_code == ExitCode.OK
    assert result.stdout == (
        f"✔ {file}: checkout, a product experiment alone: nothing to launch\n"
        "  product: v2 against v1, 1 metric of events, recorded as checkout, anytime\n"
    )
    assert result.stderr == f"Next: rampwise ab analyze {file}\n"
    whole = yaml.safe_load(desk.data("validate", file, "-o", "yaml"))
    assert whole["spec"]["product"]["data"]["warehouse"] == "recorded"
    (plain,) = json.loads(desk.data("validate", file, "-o", "json"))["experiments"]
    assert plain == whole


@pytest.mark.parametrize(
    "command", [("launch",), ("launch", "--dry-run"), ("target", "show"), ("target", "reset"), ("plan",)]
)
def test_what_needs_a_release_says_what_to_add(desk: Desk, command: tuple[str, ...]) -> None:
    result = desk.call(*command, desk.file(ALONE))
    assert result.exit_code == ExitCode.USAGE
    assert "spec: found a product experiment alone, which declares nothing to launch" in result.stderr
    assert "expected target, strategy and metrics beside product" in result.stderr


def test_a_run_without_an_objective_says_who_decides(desk: Desk) -> None:
    result = desk.call("validate", desk.file(TEST))
    assert result.exit_code == ExitCode.OK
    assert (
        "users' events decide: the run guards against harm, and `rampwise ab conclude` ends it"
        in result.stdout
    )
    assert "warning" not in result.stderr


def test_a_horizon_before_the_planned_end_is_warned_of(desk: Desk) -> None:
    result = desk.call("validate", desk.file(ENDS))
    assert result.exit_code == ExitCode.OK
    assert "rampwise: warning: " in result.stderr
    assert "launched now, the run ends by its horizon 17 d before" in result.stderr
    assert "the product experiment is decided: lengthen spec.horizon" in result.stderr
    longer = desk.call(
        "validate", desk.file(ENDS.replace("  warm_up: 1s\n", "  warm_up: 1s\n  horizon: 40d\n"))
    )
    assert "warning" not in longer.stderr


def test_a_canary_ends_long_before_and_nobody_minds(desk: Desk) -> None:
    canary = ENDS.replace("{ab: {weights: [50], hold: 30s, floor: 50}}", "{canary: {steps: [10], hold: 30s}}")
    assert "warning" not in desk.call("validate", desk.file(canary)).stderr


def test_before_anybody_was_exposed_a_look_says_what_to_check(desk: Desk) -> None:
    result = desk.call("ab", "analyze", desk.file(ALONE))
    assert result.exit_code == ExitCode.USAGE
    assert "nobody was exposed to checkout yet, as far as this database knows" in result.stderr
    assert not desk.database.exists()


def test_a_database_that_cannot_be_read_does_not_keep_tables_from_being_looked_at(desk: Desk) -> None:
    desk.database.write_bytes(b"this is no database" * 100)
    result = desk.call("ab", "analyze", desk.file(ALONE.replace("    metrics", "    data: .\n    metrics")))
    assert "How it was released is not shown: " in result.stderr
    assert "there is no table `exposures`" in result.stderr


@pytest.mark.slow
def test_what_was_recorded_is_looked_at_without_an_export(desk: Desk, tmp_path: Path) -> None:
    intake_of(desk.store).take_in([EXPOSED, DID], NOW_S)
    result = desk.call("ab", "analyze", desk.file(ALONE), "-o", "json")
    assert result.exit_code == ExitCode.NOT_TRUSTED, result.stderr
    counted = json.loads(result.stdout)["analysis"]["counted"]
    assert (counted["exposures"], counted["events"]) == (1, 1)
    assert "1 exposures, and 1 events" in result.stderr


def test_the_plan_of_a_run_without_an_objective_says_that_nothing_promotes_it(desk: Desk) -> None:
    shown = " ".join(desk.data("plan", desk.file(TEST), "--rate", "50/s", "--base", "1%").split())
    assert "nothing promotes this run by itself" in shown
    assert "nothing promotes" not in desk.data("plan", desk.file(), "--rate", "50/s", "--base", "1%")
