"""Files that cannot be read at all, and documents with more than one problem."""

import time
from pathlib import Path

import pytest

from engine.errors import SpecError
from engine.spec import from_plain, parse, read, to_plain
from engine.spec.yaml_text import MOST_BYTES
from tests.spec.documents import GOOD, edited, problems_of, with_line


def test_the_document_that_the_others_are_made_from_is_good() -> None:
    assert parse(GOOD, "x.yaml").name == "checkout-v2"


def test_all_problems_show_at_once_in_the_order_of_lines() -> None:
    text = (
        edited("control: v1", "control: 1")
        .replace("strategy: canary", "strategy: {canary: {steps: [5, 1]}}")
        .replace("http_errors\n", "http_errors\n      margin: 5%\n")
        .replace("slo: 500ms", "slo: 500")
        + "  horizon: 3\n"
    )
    assert [line.split(": found")[0] for line in problems_of(text)] == [
        "x.yaml:5: spec.target.local.control",
        "x.yaml:6: spec.strategy.canary.steps",
        "x.yaml:9: spec.metrics[0].margin",
        "x.yaml:11: spec.metrics[1].slo",
        "x.yaml:12: spec.horizon",
    ]


def test_a_stored_document_that_is_wrong_has_no_lines() -> None:
    stored = to_plain(parse(GOOD, "x.yaml")) | {"kind": "Release"}
    with pytest.raises(SpecError) as caught:
        from_plain(stored)
    assert str(caught.value) == ("stored experiment: kind: found 'Release'; expected 'ReleaseExperiment'")


def test_long_findings_are_cut() -> None:
    (line,) = problems_of(with_line(f"mode: {'x' * 100}"))
    assert line == f"x.yaml:11: spec.mode: found '{'x' * 56}...; expected 'act' or 'observe'"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as caught:
        read(tmp_path / "none.yaml")
    assert str(caught.value) == (
        f"{tmp_path / 'none.yaml'}: document: found No such file or directory; expected a file to read"
    )


@pytest.mark.parametrize("path", ["/dev/zero", None])
def test_a_file_without_end_is_refused_at_once(tmp_path: Path, path: str | None) -> None:
    long = tmp_path / "long.yaml"
    long.write_text(GOOD + "#" * MOST_BYTES)
    began_s = time.monotonic()
    with pytest.raises(SpecError, match="document: found more than 1 MiB; expected one ReleaseExperiment"):
        read(Path(path or long))
    assert time.monotonic() - began_s < 1


def test_a_document_of_too_many_values_is_refused_before_it_costs_minutes() -> None:
    began_s = time.monotonic()
    (line,) = problems_of(GOOD + "x: [" + "1," * 400_000)
    assert line.startswith("x.yaml:11: document: found more than 20,000 values")
    assert time.monotonic() - began_s < 5


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(SpecError, match="found not UTF-8 text; expected a file to read"):
        read(path)
