"""The tutorial and the how-tos do what they say: their commands run in order, on a real local platform.

A block after `<!-- not run: reason -->` is left out; `<!-- before: commands -->` are what a reader has done
by then. A YAML block after "Save this as `FILE`" is saved.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

DOCS = Path(__file__).parents[2] / "docs"
HOW_TOS = sorted(DOCS.glob("how-to/*.md"))
NOT_RUN = {
    "tutorial.md": ["the tests run in this environment already"],
    "be-told.md": ["needs Slack and a mail server"],
    "plan-a-release.md": ["needs a Prometheus with a week of the service"],
    "compare-equal-arms.md": ["needs a cluster"] * 2,
    "instrument-an-application.md": [
        "goes on until it is ended",
        "needs an engine that serves",
        "goes on until it is ended",
        "goes on until it is ended",
        "goes on until it is ended",
        "needs exposures",
        "needs exposures",
    ],
    "plug-into-argo-analysis.md": ["needs a cluster"],
    "release-by-a-flag.md": ["needs the application's Prometheus"],
    "release-by-an-http-route.md": ["needs a cluster"] * 2,
    "release-on-argo-rollouts.md": ["needs a cluster"] * 2,
    "release-on-knative.md": ["needs a cluster"] * 3,
    "run-in-a-cluster.md": ["needs a cluster"] * 6,
    "run-a-product-experiment.md": ["needs a run of the experiment"],
    "run-as-a-service.md": ["goes on until it is ended"],
}
_FOREIGN = ("RAMPWISE_", "XDG_", "RELEASES_WEBHOOK_URL", "SLACK_WEBHOOK_URL")
_PIECE = re.compile(
    r"[Ss]ave this as `(?P<file>[^`]+)`:\n\n```yaml\n(?P<yaml>.*?)```"
    r"|(?:<!-- (?P<mark>not run|before): (?P<text>[^>]*?) -->\n)?```sh\n(?P<sh>.*?)```",
    re.DOTALL,
)


@dataclass(frozen=True)
class Reader:
    """Somebody with an empty home who types what stands there, and stops at the first failure."""

    home: Path
    database: str = "tutorial"
    not_run: list[str] = field(default_factory=list)

    def follow(self, page: Path) -> None:
        for piece in _PIECE.finditer(page.read_text(encoding="utf-8")):
            if piece["file"]:
                (self.home / piece["file"]).write_text(piece["yaml"], encoding="utf-8")
            elif piece["mark"] == "not run":
                self.not_run.append(piece["text"])
            else:
                self.type(f"{piece['text'] or ''}\n{piece['sh']}")

    def type(self, commands: str) -> str:
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
        own = {"HOME": str(self.home), "RAMPWISE_DATABASE": f"sqlite:///{self.home}/{self.database}.sqlite3"}
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", commands], cwd=self.home, capture_output=True, text=True,
            env={**kept, **own, "PATH": path, "NO_COLOR": "1"}, check=False, timeout=400,
        )  # fmt: skip
        assert done.returncode == 0, f"{commands}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    def outcomes(self) -> list[tuple[str, str]]:
        """Experiment and phase of each run, in the order of their launches."""
        runs = json.loads(self.type("rampwise list --all -o json"))["runs"]
        return [(run["name"], run["phase"]) for run in sorted(runs, key=lambda run: run["launched_s"])]


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    made = Reader(tmp_path)
    yield made
    made.type("rampwise local down --force")


def test_the_tutorial_ends_as_it_says(reader: Reader) -> None:
    reader.follow(DOCS / "tutorial.md")
    assert reader.outcomes() == [
        ("checkout-canary", "promoted"),
        ("checkout-canary", "rolled_back"),
        ("checkout-green", "promoted"),
        ("checkout-test", "promoted"),
    ]
    assert (reader.home / "canary.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert reader.not_run == NOT_RUN["tutorial.md"]


@pytest.fixture(scope="module")
def after_the_tutorial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """A platform and `canary.yaml`, as the tutorial leaves them before its end."""
    made = Reader(tmp_path_factory.mktemp("home"))
    canary, *_ = (piece for piece in _PIECE.finditer((DOCS / "tutorial.md").read_text()) if piece["file"])
    (made.home / canary["file"]).write_text(canary["yaml"], encoding="utf-8")
    made.type("rampwise local up --service checkout=v1,v2,v3 --rate 20")
    yield made
    made.type("rampwise local down --force")


@pytest.mark.parametrize("page", HOW_TOS, ids=lambda page: page.stem)
def test_the_commands_of_how_tos_work(after_the_tutorial: Reader, page: Path) -> None:
    reader = Reader(after_the_tutorial.home, database=page.stem)
    reader.follow(page)
    assert reader.not_run == NOT_RUN.get(page.name, [])
