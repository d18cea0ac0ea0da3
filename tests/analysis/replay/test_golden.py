"""Five hand-made files and the rows that they lead to, by arithmetic or because nothing else is possible."""

import csv
from pathlib import Path

import pytest

from analysis.replay import Assumed, Row, learned, replay
from analysis.window_files import read_blocks
from engine import spec
from engine.core.model import Experiment
from engine.replaying import experiment_of
from tests.analysis.replay.by_hand import e_harm, e_promote, windows

CASES = Path(__file__).parents[2] / "data" / "windows"
ROLLBACK = 1 / 0.01
PROMOTE = 1 / 0.05


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAMPWISE_HOME", str(tmp_path))


def experiment(case: str) -> Experiment:
    return experiment_of(spec.read(CASES / case / "experiment.yaml"))


def decided(case: str) -> list[Row]:
    one, history = experiment(case), CASES / case / "history.csv"
    known = learned(one, read_blocks(history, one)) if history.exists() else Assumed()
    return list(replay(one, read_blocks(CASES / case / "windows.csv", one), known))


def expected(case: str) -> list[dict[str, str]]:
    return list(csv.DictReader((CASES / case / "rows.csv").read_text(encoding="utf-8").splitlines()))


@pytest.mark.parametrize("case", ["harm", "ramp", "no_data", "several", "untrustworthy"])
def test_a_hand_made_file_leads_to_its_rows(case: str) -> None:
    rows = [
        {
            "run": row.run,
            "outcome": row.outcome.value,
            "decided_at": row.decided_at,
            "windows": str(row.windows),
            "treatment_total": f"{row.treatment_total:g}",
            "rule": row.rule.value,
        }
        for row in decided(case)
    ]
    assert rows == expected(case)


def test_harm_falls_on_the_window_where_arithmetic_says_so() -> None:
    run = windows(CASES / "harm" / "windows.csv")
    crossed = [e >= ROLLBACK for e in e_harm(run["bad"])]
    assert expected("harm")[0]["decided_at"] == run["bad"][crossed.index(True)][0]
    assert not any(e >= ROLLBACK for e in e_harm(run["good"]))
    assert not any(e >= PROMOTE for e in e_promote(run["good"]))


def test_promotion_waits_for_the_highest_recorded_weight_and_its_floor() -> None:
    run = windows(CASES / "ramp" / "windows.csv")["ramp"]
    enough = [e >= PROMOTE for e in e_promote(run)]
    last_step = [weight for *_, weight in run].index("50")
    floor_met = next(last for last in range(last_step, len(run)) if 500 * (last - last_step + 1) >= 1200)
    assert all(enough[last_step:])
    assert enough.index(True) < last_step < floor_met
    assert expected("ramp")[0]["decided_at"] == run[floor_met][0]


def test_promotion_falls_on_the_first_window_with_evidence_where_the_weight_never_grows() -> None:
    run = windows(CASES / "ramp" / "windows.csv")["stays"]
    enough = [e >= PROMOTE for e in e_promote(run)]
    # The floor of the step at 50 % does not hold here, and the first window alone has its 100 trials.
    assert expected("ramp")[1]["decided_at"] == run[enough.index(True)][0]
