"""`ab analyze` of a method with planned looks: late lookers see what punctual ones saw."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.cli.desk import NOW_S, Desk
from tests.cli.test_ab import sampled

DAY_S = 86_400.0


def written(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat().replace("+00:00", "Z")


def looked(desk: Desk, file: str, at_s: float) -> dict[str, Any]:
    result = desk.call("ab", "analyze", file, "-o", "json", "--at", written(at_s))
    found: dict[str, Any] = json.loads(result.stdout)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("method", ["fixed", "group_sequential"])
def test_looking_on_after_the_last_planned_look_changes_nothing(desk: Desk, method: str) -> None:
    """Numbers of the metrics that decide take a day; the end is five days ago."""
    file = sampled(desk, "--lift", "60%")
    text = Path(file).read_text(encoding="utf-8")
    ends_s = NOW_S // DAY_S * DAY_S - 5 * DAY_S
    text = re.sub(r"ends: \S+", f"ends: {written(ends_s)}", text)
    text = re.sub(r"within: 7d( +#.*)?\n", "within: 1d\n", text)
    text = text.replace("retention: {event: view, from: 1d, within: 1d}", "count: view")
    text = text.replace("value_unit: s\n", "value_unit: s\n        within: 1d\n")
    Path(file).write_text(f"{text}    method: {method}\n", encoding="utf-8")
    before, *after = (looked(desk, file, ends_s + days * DAY_S) for days in (0.9, 1.0, 1.1, 3.0, 4.9))
    assert before["analysis"]["answer"]["rule"] == "before_the_end"
    assert after[0]["analysis"]["answer"] == {
        "outcome": "ship",
        "rule": "objective_better",
        "variant": "one-page",
        "metric": "ordered",
    }
    assert all(each == after[0] for each in after)
