"""The documents say what the code does: examples run, links lead somewhere, commands exist."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from engine import spec
from engine.cli.main import app
from engine.core.target import TargetState, Weights
from tests import reference_pages

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
TO_FOLLOW = [ROOT / "README.md", ROOT / "docs/tutorial.md", *sorted(ROOT.glob("docs/how-to/*.md"))]
EXAMPLES = sorted(ROOT.glob("manifests/examples/*/experiment.yaml"))


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(), re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\((?!http)([^)#]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_to_sections_find_them(page):
    for target, section in re.findall(r"\]\((?!http)([^)#]*)#([^)]+)\)", page.read_text()):
        text = (page.parent / target).read_text() if target else page.read_text()
        titles = [re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in _titles(text)]
        assert section in titles, f"{target}#{section}"


def _titles(text: str) -> list[str]:
    return re.findall(r"^#+ (.+)$", text, re.MULTILINE)


def test_every_page_is_in_the_index():
    index = ROOT / "docs/README.md"
    linked = {(index.parent / link).resolve() for link in re.findall(r"\]\(([^)]+)\)", index.read_text())}
    assert set(ROOT.glob("docs/**/*.md")) - {index} == linked


@pytest.mark.parametrize("name", reference_pages.PAGES)
def test_pages_made_from_the_code_are_current(name):
    written = (reference_pages.REFERENCE / name).read_text()
    assert reference_pages.PAGES[name]() == written, "refresh it: python -m tests.reference_pages"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.parent.name)
def test_examples_are_valid(example):
    assert spec.read_any(example).name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_experiments_in_the_documents_are_valid(page):
    for text in blocks(page, "yaml"):
        if text.lstrip("# ").startswith("apiVersion") or "\napiVersion" in text:
            assert spec.parse_any(text, page.name).name


def test_the_readme_shows_the_smallest_useful_experiment_in_under_12_lines():
    (text,) = blocks(ROOT / "README.md", "yaml")
    assert len(text.strip().splitlines()) < 12


def commands(page: Path) -> list[str]:
    text = "\n".join([*blocks(page, "sh"), *re.findall(r"`(rampwise [^`]+)`", page.read_text())])
    return sorted({line.split("#")[0].strip() for line in text.splitlines() if line.startswith("rampwise ")})


@pytest.mark.parametrize("page", TO_FOLLOW, ids=lambda page: page.name)
def test_every_command_and_option_in_the_documents_exists(page):
    for line in commands(page):
        words = shlex.split(line)[1:]
        names = [word for word in words if re.fullmatch(r"[a-z]+", word)]
        path = names[:2] if names[0] in {"ab", "local", "gate", "freeze", "target", "rx"} else names[:1]
        result = CliRunner().invoke(app, [*path, "--help"])
        assert result.exit_code == 0, line
        for option in (word for word in words if word.startswith("-")):
            assert option in result.output, f"{line}: {option}"


def test_the_target_in_the_plugin_guide_works():
    namespace: dict[str, object] = {}
    exec(blocks(ROOT / "docs/how-to/write-a-plugin.md", "python")[0], namespace)
    target = namespace["MyRouter"](namespace["Options"](host="shop", control="v1", treatment="v2"))
    seen = target.apply(Weights.of(20))
    assert isinstance(seen, TargetState)
    assert target.observe() == seen
    assert target.facts().key == "my-router/shop"
