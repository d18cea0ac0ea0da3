"""The guide for authors shows what is true of the distribution that it points to, and of the suites."""

import importlib
import inspect
import re
import tomllib
from pathlib import Path

import pytest

from engine import plugins
from engine.testing import SUITES

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs/how-to/write-a-plugin.md").read_text()
ACME = Path(__file__).parent / "acme-rampwise"


def test_the_suite_that_the_guide_shows_is_one_that_runs() -> None:
    *_, shown = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    assert shown in (ACME / "tests/test_target.py").read_text()


def test_the_guide_lists_every_group() -> None:
    assert re.findall(r"^\| `(rampwise\.\w+)`", GUIDE, re.MULTILINE) == list(plugins.GROUPS)


@pytest.mark.parametrize("module", SUITES)
def test_the_guide_names_the_fixtures_of_every_suite(module: str) -> None:
    rows = re.findall(rf"^\| `engine\.testing\.{module}\.(\w+)` \| (.*) \|$", GUIDE, re.MULTILINE)
    assert {suite: set(re.findall(r"`(\w+)`", fixtures)) for suite, fixtures in rows} == {
        name: fixtures_of(suite) for name, suite in suites_in(module).items()
    }


def suites_in(module: str) -> dict[str, type]:
    return {
        name: member
        for name, member in vars(importlib.import_module(f"engine.testing.{module}")).items()
        if name.endswith("Contract")
    }


def fixtures_of(suite: type) -> set[str]:
    """What its tests ask the author for, those that it has from a suite that it extends included."""
    asked_for = {
        parameter
        for name, test in inspect.getmembers(suite, inspect.isfunction)
        if name.startswith("test_")
        for parameter in inspect.signature(test).parameters
    }
    by_parametrize = {"kind", "is_open", "status", "treatment_pct", "shares"}
    return asked_for - {"plan", "self"} - by_parametrize


def test_a_suite_never_skips_what_it_promises() -> None:
    for file in (ROOT / "engine/testing").glob("*.py"):
        assert not re.search(r"\bskip(if)?\b|\bxfail\b|\bimportorskip\b", file.read_text()), file


def test_the_distribution_has_a_plugin_and_a_suite_of_every_kind() -> None:
    project = tomllib.loads((ACME / "pyproject.toml").read_text())["project"]
    assert sorted(project["entry-points"]) == sorted(plugins.GROUPS)
    tests = "".join(test.read_text() for test in (ACME / "tests").glob("test_*.py"))
    assert all(f"from engine.testing.{suite} import" in tests for suite in SUITES)


def test_suites_have_their_tests_shipped_with_them() -> None:
    for file in (ROOT / "engine/testing").glob("*.py"):
        assert not re.search(r"^(from|import) tests\b", file.read_text(), re.MULTILINE), file


def test_only_the_suites_import_pytest() -> None:
    shipped = (
        file for folder in ("engine", "strategies", "analysis") for file in (ROOT / folder).rglob("*.py")
    )
    importing = re.compile(r"^\s*(from|import) pytest\b", re.MULTILINE)
    found = {file.parent for file in shipped if importing.search(file.read_text())}
    assert found == {ROOT / "engine/testing"}
