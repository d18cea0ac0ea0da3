"""`init` and `validate`: experiment files, all problems at once, and what to type next."""

import json
from types import SimpleNamespace

import pytest
from pydantic import BaseModel

from engine import plugins
from engine.core.outcome import ExitCode
from tests.cli.desk import EXPERIMENT, Desk, Entry


def test_init_writes_a_file_that_validates_and_never_overwrites(desk: Desk) -> None:
    path = desk.home / "new.yaml"
    result = desk.call("init", "desk", "--name", "search-v3", "-o", str(path))
    assert result.exit_code == ExitCode.OK, result.output
    assert desk.data("validate", str(path), "-o", "name") == "search-v3\n"
    before = path.read_text(encoding="utf-8")
    again = desk.call("init", "desk", "-o", str(path))
    assert again.exit_code == ExitCode.USAGE
    assert path.read_text(encoding="utf-8") == before


def test_init_fills_in_the_options_that_are_given(desk: Desk) -> None:
    class Place(BaseModel):
        service: str
        platform: str = "default"

    desk.more_entries[plugins.TARGETS] = [Entry("place", SimpleNamespace(Options=Place))]
    written = desk.data("init", "place", "--service", "basket", "--platform", "mine")
    assert "metadata: {name: basket-v2}" in written
    assert "target: {place: {service: basket, platform: mine}}" in written


def test_init_refuses_an_option_that_the_target_does_not_have(desk: Desk) -> None:
    result = desk.call("init", "desk", "--platform", "mine")
    assert result.exit_code == ExitCode.USAGE
    assert "target desk has no option platform; it has" in result.stderr


def test_init_names_the_near_target(desk: Desk) -> None:
    result = desk.call("init", "dsk")
    assert result.exit_code == ExitCode.USAGE
    assert "did you mean desk?" in result.stderr


def test_init_with_an_impossible_name_writes_nothing(desk: Desk) -> None:
    result = desk.call("init", "desk", "--name", "Not a name!", "-o", str(desk.home / "x.yaml"))
    assert result.exit_code == ExitCode.USAGE
    assert not (desk.home / "x.yaml").exists()


def test_validate_shows_all_problems_of_all_files(desk: Desk) -> None:
    first = desk.file(EXPERIMENT.replace("interval: 10s", "interval: 10"), "a.yaml")
    second = desk.file(EXPERIMENT.replace("canary:", "canery:"), "b.yaml")
    result = desk.call("validate", first, second, desk.file())
    assert result.exit_code == ExitCode.USAGE
    assert f"{first}:8: spec.interval: found 10" in result.stderr
    assert f"{second}:6: spec.strategy.canery: found no plugin" in result.stderr
    assert result.stdout == ""


def test_every_problem_begins_its_line_with_its_place(desk: Desk) -> None:
    file = desk.file(EXPERIMENT.replace("interval: 10s", "interval: 10").replace("canary:", "canery:"))
    *problems, last = desk.call("validate", file).stderr.splitlines()
    assert [line.startswith(f"{file}:") for line in problems] == [True, True]
    assert last == "rampwise: 2 problems, nothing was done"


def test_validate_says_what_a_good_file_is_and_what_to_type_next(desk: Desk) -> None:
    file = desk.file()
    result = desk.call("validate", file)
    assert result.stdout == f"✔ {file}: checkout-v2, canary on desk, 1 metric\n"
    assert result.stderr == f"Next: rampwise launch {file} --dry-run\n"


def test_validate_says_what_several_metrics_cost(desk: Desk) -> None:
    more = "".join(
        f"    - {{kind: mean, name: {name}, histogram: {name}, "
        "arm_labels: {control: {v: a}, treatment: {v: b}}}\n"
        for name in ("basket", "delay")
    )
    text = EXPERIMENT.replace("  metrics:\n", f"  metrics:\n{more}")
    assert desk.call("validate", desk.file(text)).stdout.splitlines()[1:] == [
        "  3 metrics decide; harm in only one takes about, against that metric on its own:",
        "    1.15 × the requests: errors (weight 0.5)",
        "    1.30 × the requests: basket, delay (weight 0.25)",
    ]


def test_validate_says_what_a_breakdown_costs(desk: Desk) -> None:
    labels = "arm_labels: {control: {v: a}, treatment: {v: b}}"
    more = "breakdown: {label: route, values: [/pay, /cart, /search]}"
    text = EXPERIMENT.replace("margin: {", f"{labels}, {more}, margin: {{")
    assert desk.call("validate", desk.file(text)).stdout.splitlines()[1:] == [
        "  breakdowns are only shown: no more requests for a decision, 6 more queries a reading"
    ]


@pytest.mark.parametrize("form", ["table", "json", "yaml", "name"])
def test_validate_prints_the_experiment_in_every_form(desk: Desk, form: str) -> None:
    assert "checkout-v2" in desk.data("validate", desk.file(), "-o", form)


def test_validated_yaml_means_the_same_experiment(desk: Desk) -> None:
    complete = desk.data("validate", desk.file(), "-o", "yaml")
    assert desk.data("validate", desk.file(complete, "again.yaml"), "-o", "yaml") == complete


def test_the_schema_is_printed_without_a_file(desk: Desk) -> None:
    assert json.loads(desk.data("validate", "--schema"))["$schema"].startswith("https://json-schema.org/")
    assert desk.call("validate").exit_code == ExitCode.USAGE
