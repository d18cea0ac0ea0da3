"""A file that a document names is seen from the document's folder, wherever a command is typed."""

from pathlib import Path

import pytest

from engine import spec
from engine.errors import SpecError

FLAGGED = """\
apiVersion: rampwise.dev/v1alpha1
kind: ReleaseExperiment
metadata: {name: checkout}
spec:
  target:
    flag: {experiment: checkout, file: FILE, control: old, treatments: [new], prometheus: "http://127.0.0.1:9"}
  gate: GATE
  strategy: canary
  metrics:
    - {kind: proportion, name: errors, bad: bad_total, total: all_total}
"""
BESIDE = "{provider: flag, options: {file: flags.json}}"


def written(folder: Path, file: str = "flags.json", gate: str = BESIDE) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "experiment.yaml"
    path.write_text(FLAGGED.replace("FILE", file).replace("GATE", gate), encoding="utf-8")
    return path


def files(path: Path) -> tuple[object, object]:
    """Of the target and of the gate."""
    document = spec.read(path)
    options = document.content.spec.gate.options
    return document.target_options.file, options.get("file", options.get("path"))


def test_flags_are_beside_the_document_from_every_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "shop")
    expected = str(tmp_path / "shop" / "flags.json")
    monkeypatch.chdir(tmp_path)
    assert files(path) == (expected, expected)
    assert files(Path("shop/experiment.yaml")) == (expected, expected)
    monkeypatch.chdir(tmp_path / "shop")
    assert files(Path("experiment.yaml")) == (expected, expected)


def test_what_is_stored_does_not_depend_on_where_the_engine_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = spec.to_plain(spec.read(written(tmp_path / "shop")))
    monkeypatch.chdir("/")
    again = spec.from_plain(stored)
    expected = str(tmp_path / "shop" / "flags.json")
    assert (again.target_options.file, again.content.spec.gate.options["file"]) == (expected, expected)


def test_the_built_in_gate_s_path_is_beside_the_document_too(tmp_path: Path) -> None:
    path = written(tmp_path / "shop", gate="{provider: file, options: {path: ../gates.json}}")
    assert files(path)[1] == str(tmp_path / "shop" / ".." / "gates.json")


def test_an_absolute_path_stays_and_a_home_is_somebody_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    gate = "{provider: flag, options: {file: /etc/flags.json}}"
    assert files(written(tmp_path, "~/flags.json", gate)) == ("/home/ada/flags.json", "/etc/flags.json")


def test_options_of_other_providers_are_theirs(tmp_path: Path) -> None:
    gate = '{provider: "shop.gates:provider", options: {file: flags.json}}'
    assert files(written(tmp_path, gate=gate))[1] == "flags.json"


@pytest.mark.parametrize(
    ("file", "gate", "at"),
    [
        ("7", BESIDE, "spec.target.flag.file"),
        ('""', BESIDE, "spec.target.flag.file"),
        ("flags.json", "{provider: flag, options: flags.json}", "spec.gate.options"),
        ("flags.json", "{provider: [flag]}", "spec.gate.provider"),
    ],
)
def test_what_is_no_path_is_a_problem_of_the_document(tmp_path: Path, file: str, gate: str, at: str) -> None:
    with pytest.raises(SpecError) as refused:
        spec.read(written(tmp_path, file, gate))
    assert at in [each.field for each in refused.value.problems]
