"""`ab forget`: one user goes, when a person says so."""

from dataclasses import replace

from engine.core.outcome import ExitCode
from engine.wiring import intake_of
from tests.cli.desk import NOW_S, Desk
from tests.contracts.intake_contract import DID, EXPOSED


def test_all_that_is_known_of_a_user_goes_and_is_counted(desk: Desk) -> None:
    intake = intake_of(desk.store)
    bob = replace(EXPOSED, id="x2", unit="bob")
    intake.take_in([EXPOSED, bob, replace(EXPOSED, id="x3", experiment="search"), DID], NOW_S)
    said = desk.call("ab", "forget", "ada", "--yes")
    assert said.exit_code == ExitCode.OK
    assert said.stderr.strip() == "Deleted what was known of ada: exposures: 2 (checkout, search), events: 1."
    assert list(intake.exposures("checkout")) == [bob]
    assert desk.call("ab", "forget", "ada", "--yes").stderr.strip() == "Nothing is known of ada."


def test_nothing_goes_before_somebody_agrees(desk: Desk) -> None:
    intake_of(desk.store).take_in([EXPOSED], NOW_S)
    said = desk.call("ab", "forget", "ada")
    assert said.exit_code == ExitCode.USAGE
    assert "add --yes" in said.stderr
    assert list(intake_of(desk.store).exposures("checkout")) == [EXPOSED]
