"""`rampwise calibrate`: a past that keeps its promises, one that does not, and one that cannot be used."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cli.desk import EXPERIMENT, Desk

WINDOWS = 2400
TIGHT = EXPERIMENT.replace("margin: {absolute: 5pp}", "dispersion: 1")


def a_history(desk: Desk, *, swing: float = 0.0, windows: int = WINDOWS) -> str:
    """Both variants at 2 % of 200 requests a window; each window has a rate of its own, by `swing`."""
    rng = np.random.default_rng(4)
    rates = np.minimum(0.02 * np.exp(rng.normal(0.0, swing, (windows, 2)) - swing**2 / 2.0), 1.0)
    bad = rng.binomial(200, rates).tolist()
    rows = [
        f"{1_767_261_600 + 10 * window},{variant},{bad[window][arm]},200"
        for window in range(windows)
        for arm, variant in enumerate(("v1", "v2"))
    ]
    path = desk.home / "history.csv"
    path.write_text("\n".join(["window_end,variant,bad,total", *rows]) + "\n", encoding="utf-8")
    return str(path)


def measured(desk: Desk, *options: str, swing: float = 0.0, code: int = 0) -> dict[str, Any]:
    result = desk.call("calibrate", desk.file(TIGHT), "--history", a_history(desk, swing=swing), *options)
    assert result.exit_code == code, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_an_even_past_keeps_the_promises(desk: Desk) -> None:
    found = measured(desk, "-o", "json")
    assert found["schema"] == "rampwise.dev/calibration/v1"
    assert found["off"] is False
    assert found["run_windows"] == 200
    rates = found["as_written"]
    assert rates["false_rollback"]["independent"] == 12
    assert rates["false_rollback"]["low"] <= 0.01
    assert rates["wrong_promotion"]["errors"]["low"] <= 0.05
    assert found["metrics"][0]["dispersion"] == pytest.approx(1.05, abs=0.1)


def test_a_past_that_varies_more_says_what_to_write(desk: Desk) -> None:
    found = measured(desk, "-o", "json", swing=1.5, code=1)
    assert found["off"] is True
    dispersion = found["metrics"][0]["dispersion"]
    # Four bad trials are expected per arm and window; their log-normal rate adds its variance.
    assert dispersion > 0.5 * (1.0 + 4.0 * (np.exp(1.5**2) - 1.0))
    lines = [line for each in found["advice"] if each["needed"] for line in each["lines"]]
    assert lines[0].startswith("dispersion: ")
    assert float(lines[0].removeprefix("dispersion: ")) == pytest.approx(dispersion, abs=0.01)


def test_what_is_advised_can_be_typed_and_keeps_the_promises(desk: Desk) -> None:
    (line, *_) = [
        line
        for each in measured(desk, "-o", "json", swing=1.5, code=1)["advice"]
        if each["needed"]
        for line in each["lines"]
    ]
    mended = desk.file(TIGHT.replace("dispersion: 1", line))
    result = desk.call("calibrate", mended, "--history", str(desk.home / "history.csv"), "-o", "json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["off"] is False


def test_people_see_rates_metrics_and_the_line(desk: Desk) -> None:
    result = desk.call("calibrate", desk.file(TIGHT), "--history", a_history(desk, swing=1.5))
    assert result.exit_code == 1
    assert "checkout-v2: breaks its promise (12 A/A runs, 33 min each)" in result.stdout
    assert "false rollback" in result.stdout
    assert "✖" in result.stdout
    assert "# under the metric errors" in result.stdout
    assert "12 runs with the experiment as it is" in result.stderr


def test_the_same_seed_says_the_same(desk: Desk) -> None:
    assert measured(desk, "-o", "json") == measured(desk, "-o", "json")


def test_a_shorter_run_makes_more_of_them(desk: Desk) -> None:
    found = measured(desk, "-o", "json", "--run-length", "1000s")
    assert found["run_windows"] == 100
    assert found["as_written"]["promoted"]["runs"] == 24


def test_a_history_shorter_than_a_run_is_refused(desk: Desk) -> None:
    result = desk.call("calibrate", desk.file(TIGHT), "--history", a_history(desk, windows=50))
    assert result.exit_code == 2
    assert "longest run has 50 windows, but a run to be decided takes 200" in result.stderr


def test_a_history_of_nothing_that_decides_is_refused(desk: Desk) -> None:
    path = Path(desk.home / "nothing.csv")
    rows = [f"{1_767_261_600 + 10 * window},v1,1,200" for window in range(300)]
    path.write_text("\n".join(["window_end,variant,bad,total", *rows]) + "\n", encoding="utf-8")
    result = desk.call("calibrate", desk.file(TIGHT), "--history", str(path))
    assert result.exit_code == 2
    assert "the past measures nothing of errors" in result.stderr


def test_a_source_without_pods_says_what_else_to_give(desk: Desk) -> None:
    result = desk.call("calibrate", desk.file(TIGHT))
    assert result.exit_code == 2
    assert "the source 'desk' has no pods to ask for: name one with --prometheus URL" in result.stderr
    assert "--history FILE" in result.stderr


def test_a_past_shorter_than_a_run_is_refused(desk: Desk) -> None:
    result = desk.call(
        "calibrate", desk.file(TIGHT), "--prometheus", "http://127.0.0.1:9", "--since", "30min"
    )
    assert result.exit_code == 2
    assert "a past of 1800 s is shorter than a run, which takes 2000 s; look further back" in result.stderr


def test_a_mean_has_dispersion_and_no_trials_to_make_worse(desk: Desk) -> None:
    text = (
        TIGHT[: TIGHT.index("    - {name")] + "    - {name: cost, kind: mean, sum: a_total, count: b_total}\n"
    )
    rng = np.random.default_rng(8)
    path = desk.home / "means.csv"
    with path.open("w", encoding="utf-8") as stream:
        stream.write("window_end,variant,sum,count,sum_sq\n")
        for window in range(WINDOWS):
            for variant in ("v1", "v2"):
                values = rng.exponential(3.0, 50)
                total, squares = float(values.sum()), float((values**2).sum())
                stream.write(f"{1_767_261_600 + 10 * window},{variant},{total!r},50,{squares!r}\n")
    found = json.loads(desk.data("calibrate", desk.file(text), "--history", str(path), "-o", "json"))
    assert found["as_written"]["wrong_promotion"] == {"cost": None}
    assert found["metrics"][0]["dispersion"] == pytest.approx(1.05, abs=0.1)
    assert "not measured" in desk.data("calibrate", desk.file(text), "--history", str(path))


def test_a_file_needs_no_server(desk: Desk) -> None:
    result = desk.call(
        "calibrate", desk.file(TIGHT), "--history", a_history(desk), "--prometheus", "http://127.0.0.1:9"
    )
    assert result.exit_code == 2
    assert "a file of windows needs no --prometheus" in result.stderr
